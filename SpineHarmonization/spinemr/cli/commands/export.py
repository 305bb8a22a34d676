"""``spinemr export``: from a checkpoint to a model that can ship."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spinemr.cli.progress_bar import ProgressMode, ProgressOption, shown


def command(
    checkpoint: Annotated[
        Path, typer.Argument(metavar="CHECKPOINT", help="best.pt of a training run", show_default=False)
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

    The figures of the card are measured here, on the validation subjects of the
    run; OpenVINO has to give what PyTorch gives, or nothing is written.

    Example: [bold]spinemr export out/run/best.pt -o models --card docs/recipes/balanced.card.yaml[/bold]
    """
    from spinemr.segmentation.training.export import CardTexts, export

    with shown(progress) as report:
        written = export(checkpoint, output, CardTexts.read(card) if card else None, name=name, int8=int8, progress=report)
    if progress is not ProgressMode.JSON:
        for metric in written.metrics:
            typer.echo(metric.sentence())
        for remark in written.remarks:
            typer.echo(remark)
        typer.echo(f"{written.name} in {output}")
