"""``spinemr run``: one study harmonized, segmented, measured and judged, with everything in one folder."""

from __future__ import annotations

import os
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spinemr.cli.commands.segment import Device, spacing_of
from spinemr.cli.label_scheme import LabelScheme
from spinemr.cli.progress_bar import ProgressMode, ProgressOption, shown
from spinemr.cli.session import command_line
from spinemr.imaging.errors import SpineMRError

if TYPE_CHECKING:
    from spinemr.pipeline.result import CaseResult
    from spinemr.radiomics.settings import Settings

DO_NOT_TRUST = 3
"""Exit code of ``--strict`` where the verdict is "do not trust"."""


class SegmentOn(str, Enum):
    """Which image is segmented."""

    SOURCE = "source"
    HARMONIZED = "harmonized"


def command(
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="An image, or a DICOM folder.", show_default=False)],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="DIR", help="The folder that gets the results.", show_default=False)
    ],
    harmonize: Annotated[
        str, typer.Option(metavar="METHOD|none", help="As spinemr harmonize --method has them: auto, cyclegan, nyul ...")
    ] = "auto",
    target: Annotated[
        str | None,
        typer.Option(metavar="TARGET", help="Whose appearance, as spinemr harmonize --target takes it.", show_default=False),
    ] = None,
    strength: Annotated[
        float, typer.Option(min=0.0, max=1.0, metavar="S", help="From 0 (the original) to 1 (all of the method).")
    ] = 1.0,
    segment_on: Annotated[
        SegmentOn, typer.Option("--segment-on", metavar="WHICH", help="Segment the source or the harmonized image.")
    ] = SegmentOn.SOURCE,
    model: Annotated[
        str, typer.Option(metavar="NAME", help="A segmentation model (spinemr models), or the path of a .card.json.")
    ] = "balanced",
    device: Annotated[Device, typer.Option(metavar="WHERE", help="auto, cpu, cuda or mps.")] = Device.AUTO,
    parts: Annotated[
        bool, typer.Option("--parts/--no-parts", help="Tell vertebral bodies and posterior elements apart.")
    ] = False,
    labels: Annotated[
        LabelScheme, typer.Option(metavar="SCHEME", help="Numbers in segmentation.nii.gz: verse, spider or totalspineseg.")
    ] = LabelScheme.VERSE,
    shift: Annotated[int, typer.Option(min=-3, max=3, metavar="N", help="Move all levels down by N (up: -N).")] = 0,
    settings: Annotated[
        Path | None, typer.Option(metavar="FILE.yaml", help="pyradiomics' parameter file; else 64 bins.", show_default=False)
    ] = None,
    spacing: Annotated[
        str | None,
        typer.Option(metavar="X,Y[,Z]", help="Voxel spacing in mm where the file has none (pictures).", show_default=False),
    ] = None,
    series: Annotated[str | None, typer.Option(metavar="N", help="Which series of a DICOM folder.", show_default=False)] = None,
    case: Annotated[
        str | None, typer.Option(metavar="ID", help="The case in the tables (else DIR's name).", show_default=False)
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="End with exit code 3 where the verdict is 'do not trust'.")] = False,
    progress: ProgressOption = ProgressMode.AUTO,
) -> None:
    """Harmonize, segment, measure and judge a lumbar MRI.

    DIR gets source.nii.gz, harmonized.nii.gz, segmentation.nii.gz and .seg.nrrd,
    measurements.csv, features.csv, qc.json, report.html and provenance.json.
    Where a step fails the others go on, and the exit code is 2. Levels are
    counted from the sacrum and could be shifted by one: look at report.html.

    Not a medical device.

    Example: [bold]spinemr run study.nii.gz -o results[/bold]

    Example: [bold]spinemr run dicom_folder -o results --harmonize nyul --target clinic_a.json --strict[/bold]
    """
    from spinemr.pipeline.request import CaseRequest
    from spinemr.pipeline.run import run_case_into

    request = CaseRequest(
        image,
        case=case or Path(os.path.realpath(output)).name,
        harmonize=harmonize,
        target=target,
        strength=strength,
        segment_on=segment_on.value,
        model=model,
        device=device.value,
        shift=shift,
        parts=parts,
        scheme=labels.value,
        spacing_mm=spacing_of(spacing),
        series=series,
        settings=_settings(settings),
    )
    with shown(progress) as report:
        result = run_case_into(request, output, command=command_line(), progress=report)
    _fail(result, output)
    if progress is not ProgressMode.JSON:
        for line in told(result, output):
            typer.echo(line)
    if strict and result.verdict is not None and result.verdict.decision == "do not trust":
        raise typer.Exit(DO_NOT_TRUST)


def _settings(file: Path | None) -> Settings:
    from spinemr.pipeline.request import FEATURE_SETTINGS
    from spinemr.radiomics.parameter_file import read_parameters

    return FEATURE_SETTINGS if file is None else read_parameters(file).settings


def told(result: CaseResult, folder: Path) -> list[str]:
    """The verdict with its reasons, and what a person has to know of the levels, of a case in which no stage failed."""
    from spinemr.radiomics.preparation import labels_of

    verdict, found, labels = result.verdict, result.segmentation, result.labels
    assert verdict is not None and found is not None and labels is not None
    report = found.report
    counted = f"levels counted from the {report.counted_from}, confidence {report.level_confidence:.2f}"
    return [
        f"Verdict: {verdict.decision}",
        *(f"  {reason.sentence}" for reason in verdict.reasons),
        f"{len(labels_of(labels))} structures, {counted}; they could be shifted by one (--shift)",
        f"Everything lies in {folder}; read {folder / 'report.html'}",
    ]


def _fail(result: CaseResult, folder: Path) -> None:
    """Say in one line which stages failed and what was kept."""
    from spinemr.pipeline.results_folder import RESULTS

    failure = result.failure
    if isinstance(failure, SpineMRError):
        kept = ", ".join(name for name in RESULTS if (folder / name).exists())
        raise SpineMRError(failure.message, f"Kept in {folder}: {kept}.")
    if failure is not None:
        raise failure
