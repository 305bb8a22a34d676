"""``spinemr export``: from a checkpoint to a model that can ship."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spinemr.cli.progress_bar import ProgressMode, ProgressOption, shown
from spinemr.imaging.errors import InputError

if TYPE_CHECKING:
    from spinemr.imaging.model_card import ModelCard
    from spinemr.imaging.progress import ProgressCallback


def command(
    checkpoint: Annotated[
        Path,
        typer.Argument(metavar="CHECKPOINT", help="best.pt of a segmentation run, last.pt of a harmonizer", show_default=False),
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="DIR", help="The folder of models to write into.", show_default=False)
    ],
    card: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Name, licence, use, limits and training data: .yaml or .json", show_default=False),
    ] = None,
    name: Annotated[str, typer.Option(metavar="NAME", help="The model's name where no card file says it.")] = "own",
    int8: Annotated[
        bool, typer.Option("--int8", help="Try an eight-bit variant; it is kept where it loses less than 0.003 of Dice.")
    ] = False,
    progress: ProgressOption = ProgressMode.AUTO,
) -> None:
    """Write a trained network as ONNX and safetensors, with its card.

    What was trained, a segmentation network or a harmonizer, is seen from the
    checkpoint. The figures of the card are measured here: Dice on the validation
    subjects of the run, or how a harmonizer treats drawn anatomies. OpenVINO has
    to give what PyTorch gives, or nothing is written.

    Example: [bold]spinemr export out/run/best.pt -o models --card docs/recipes/balanced.card.yaml[/bold]

    Example: [bold]spinemr export out/clinic_a/last.pt -o models --name clinic-a[/bold]
    """
    from spinemr.harmonization.training.checkpoint import is_harmonizer

    with shown(progress) as report:
        if is_harmonizer(checkpoint):
            written = _harmonizer(checkpoint, output, card, name, int8, report)
        else:
            written = _segmentation(checkpoint, output, card, name, int8, report)
    if progress is not ProgressMode.JSON:
        for metric in written.metrics:
            typer.echo(metric.sentence())
        for remark in written.remarks:
            typer.echo(remark)
        typer.echo(f"{written.name} in {output}")


def _segmentation(
    checkpoint: Path, output: Path, card: Path | None, name: str, int8: bool, report: ProgressCallback
) -> ModelCard:
    from spinemr.segmentation.training.card_texts import CardTexts
    from spinemr.segmentation.training.export import export

    return export(checkpoint, output, CardTexts.read(card) if card else None, name=name, int8=int8, progress=report)


def _harmonizer(
    checkpoint: Path, output: Path, card: Path | None, name: str, int8: bool, report: ProgressCallback
) -> ModelCard:
    from spinemr.harmonization.training.export import HarmonizerTexts, export_harmonizer

    if int8:
        raise InputError("A harmonizer has no eight-bit variant.", "Leave out --int8.")
    return export_harmonizer(checkpoint, output, HarmonizerTexts.read(card) if card else None, name=name, progress=report)
