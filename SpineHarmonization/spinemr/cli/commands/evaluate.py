"""``spinemr evaluate``: how good a segmentation is, per label and per class."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich import box
from rich.table import Table

from spinemr.cli.consoles import results
from spinemr.cli.label_scheme import LabelScheme
from spinemr.cli.progress_bar import ProgressMode, ProgressOption, shown
from spinemr.cli.session import command_line
from spinemr.imaging.errors import OutputError

if TYPE_CHECKING:
    import SimpleITK as sitk

    from spinemr.segmentation.metrics import Evaluation, Scores


def command(
    prediction: Annotated[
        Path,
        typer.Argument(
            metavar="PREDICTION", help="The segmentation to judge: .nii .nii.gz .nrrd .mha .seg.nrrd", show_default=False
        ),
    ],
    truth: Annotated[
        Path,
        typer.Argument(metavar="TRUTH", help="The segmentation to hold it against, in any of these formats", show_default=False),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="OUT.json", help="Write all numbers to this .json; only the table without it or with -."
        ),
    ] = None,
    labels_scheme: Annotated[
        LabelScheme, typer.Option(metavar="SCHEME", help="Whose label numbers both maps hold: verse, spider or totalspineseg.")
    ] = LabelScheme.VERSE,
    truth_scheme: Annotated[
        LabelScheme | None, typer.Option(metavar="SCHEME", help="Whose numbers the truth holds, if others.", show_default=False)
    ] = None,
    resample: Annotated[
        bool, typer.Option("--resample", help="Bring a prediction on another grid to the truth's by nearest neighbour.")
    ] = False,
    progress: ProgressOption = ProgressMode.AUTO,
) -> None:
    """Compare two label maps, per label and per class.

    DSC, IoU, precision, recall, HD95, ASSD and volume ratio. Both maps have to
    lie on the same voxels; the order in which these are stored may differ.
    HD95 is the larger of the two directed 95th percentiles. What cannot be
    measured (a structure that only one map has) is a dash, in JSON null.

    Example: [bold]spinemr evaluate predicted.nii.gz truth.seg.nrrd -o scores.json[/bold]
    """
    target = _checked_target(output)
    evaluation, spacing_mm = _compared(prediction, truth, labels_scheme, truth_scheme or labels_scheme, resample, progress)
    if target is not None:
        _write(evaluation, spacing_mm, target, {"prediction": prediction, "truth": truth}, resample)
    if progress is not ProgressMode.JSON:
        _print(evaluation)


def _checked_target(output: Path | None) -> Path | None:
    if output is None or str(output) == "-":
        return None
    if output.suffix.lower() != ".json":
        raise OutputError(f"Cannot write {output}: the result is JSON.", "Give a name that ends in .json.")
    return output


def _compared(
    prediction: Path, truth: Path, scheme: LabelScheme, truth_scheme: LabelScheme, resample: bool, progress: ProgressMode
) -> tuple[Evaluation, tuple[float, ...]]:
    from spinemr.segmentation.metrics import evaluate

    with shown(progress) as report:
        predicted, true = _read(prediction, scheme), _read(truth, truth_scheme)
        return evaluate(predicted, true, resample=resample, progress=report), true.GetSpacing()


def _read(path: Path, scheme: LabelScheme) -> sitk.Image:
    from spinemr.imaging.files import read_labels
    from spinemr.imaging.formats import Format, format_of
    from spinemr.imaging.schemes import from_scheme

    labels = read_labels(path)
    known = scheme is LabelScheme.VERSE or format_of(path) is Format.SEGMENTATION
    return labels if known else from_scheme(labels, scheme.value)


def _write(evaluation: Evaluation, spacing_mm: tuple[float, ...], target: Path, inputs: dict[str, Path], resample: bool) -> None:
    from spinemr.imaging.atomic import write_json_atomic
    from spinemr.imaging.provenance import Provenance

    parameters, files = {"resample": resample}, list(inputs.values())
    provenance = Provenance.of("spinemr evaluate", command=command_line(), parameters=parameters, inputs=files)
    content: dict[str, Any] = {role: path.name for role, path in inputs.items()}
    content |= {"spacing_mm": list(spacing_mm), **evaluation.as_dict(), "provenance": provenance.as_dict()}
    write_json_atomic(content, target)


def _print(evaluation: Evaluation) -> None:
    from spinemr.segmentation.metrics import label_name

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("structure", no_wrap=True)
    for heading in ("DSC", "IoU", "precision", "recall", "HD95 mm", "ASSD mm", "volume ratio"):
        table.add_column(heading, justify="right", no_wrap=True)
    for label, scores in evaluation.labels.items():
        table.add_row(f"{label_name(label)} ({label})", *_cells(scores))
    table.add_section()
    for name, scores in evaluation.classes.items():
        table.add_row(f"{name} (class)", *_cells(scores))
    table.add_section()
    table.add_row("mean of the truth's labels", *_cells(evaluation.mean_of_labels), style="bold")
    results().print(table)


def _cells(scores: Scores) -> tuple[str, ...]:
    shares = (scores.dsc, scores.iou, scores.precision, scores.recall)
    lengths = (scores.hd95_mm, scores.assd_mm)
    return (*[_number(value, 3) for value in shares], *[_number(value, 2) for value in lengths], _number(scores.volume_ratio, 2))


def _number(value: float, digits: int) -> str:
    return f"{value:.{digits}f}" if math.isfinite(value) else "-"
