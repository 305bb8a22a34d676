"""``spinemr cohort``: ``spinemr run`` on every study of a folder or manifest, with tables and one report on all of them."""

from __future__ import annotations

import warnings
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spinemr.cli.commands import cohort_fit, cohort_which
from spinemr.cli.commands.run import SegmentOn
from spinemr.cli.commands.segment import Device
from spinemr.cli.default_command import DefaultCommandGroup
from spinemr.cli.label_scheme import LabelScheme
from spinemr.cli.progress_bar import ProgressMode, ProgressOption, shown
from spinemr.cli.session import command_line
from spinemr.imaging.errors import ImagingWarning

if TYPE_CHECKING:
    from spinemr.cohort.run import CohortResult

app = typer.Typer(cls=DefaultCommandGroup, help="Work through a whole cohort, and fit references on one.")


class Keep(str, Enum):
    """Which files of each study stay."""

    ALL = "all"
    LABELS = "labels"
    TABLES = "tables"


@app.command("run", epilog="Other words after [bold]spinemr cohort[/bold] lead to: report, fit, which.")
def run(
    studies: Annotated[Path, typer.Argument(metavar="MANIFEST.csv|FOLDER", help="The studies (see below).", show_default=False)],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="DIR", help="The folder that gets the results.", show_default=False)
    ],
    workers: Annotated[
        int, typer.Option(min=0, metavar="N", help="Processes on this computer (0: as many as cores and memory allow).")
    ] = 0,
    memory: Annotated[int, typer.Option(min=0, metavar="MB", help="Memory of each of them (0: its share).")] = 0,
    scheduler: Annotated[
        str, typer.Option(metavar="tcp://HOST:PORT", help="A Dask cluster to work on instead.", show_default=False)
    ] = "",
    resume: Annotated[bool, typer.Option("--resume", help="Go on where an earlier run in DIR was stopped.")] = False,
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
    settings: Annotated[
        Path | None, typer.Option(metavar="FILE.yaml", help="pyradiomics' parameter file; else 64 bins.", show_default=False)
    ] = None,
    keep: Annotated[
        Keep, typer.Option(metavar="WHAT", help="all; labels: no images; tables: neither images nor label maps.")
    ] = Keep.ALL,
    progress: ProgressOption = ProgressMode.AUTO,
    json_lines: Annotated[bool, typer.Option("--json", help="The same as --progress json.")] = False,
) -> None:
    """Harmonize, segment, measure and judge every study of a cohort.

    MANIFEST.csv has a column path (relative to it, or an address as s3://...)
    and may have id, scanner, group, subject and series. A FOLDER is a BIDS tree,
    or holds images and DICOM series of any number of patients, in any order.

    DIR gets a folder for each study in studies/, the tables studies, features,
    measurements, verdicts and failures (.parquet), and report.html. Studies
    without an id in a manifest get ids that tell nothing. A study that fails is
    a line in failures and does not stop the others; what is finished is never
    done twice (--resume).

    Not a medical device.

    Example: [bold]spinemr cohort studies -o results[/bold]

    Example: [bold]spinemr cohort manifest.csv -o results --workers 4 --resume[/bold]

    Example: [bold]spinemr cohort manifest.csv -o /shared/results --scheduler tcp://head:8786[/bold]
    """
    from spinemr.cohort.crew import Crew
    from spinemr.cohort.options import CohortOptions
    from spinemr.cohort.run import run_cohort
    from spinemr.pipeline.request import FEATURE_SETTINGS
    from spinemr.radiomics.parameter_file import read_parameters

    options = CohortOptions(
        harmonize=harmonize,
        target=_absolute(target),
        strength=strength,
        segment_on=segment_on.value,
        model=_absolute(model) or model,
        device=device.value,
        parts=parts,
        scheme=labels.value,
        settings=FEATURE_SETTINGS if settings is None else read_parameters(settings).settings,
        keep=keep.value,
    )
    mode = ProgressMode.JSON if json_lines else progress
    with shown(mode) as report:
        result = run_cohort(
            studies, output, options, Crew(workers, memory, scheduler), resume=resume, command=command_line(), progress=report
        )
    if mode is not ProgressMode.JSON:
        for line in told(result, output):
            typer.echo(line)
    elif result.failed:
        warnings.warn(f"{result.failed} of {result.studies} studies failed.", ImagingWarning, stacklevel=1)


@app.command("report")
def report(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="What spinemr cohort wrote to.", show_default=False)],
    progress: ProgressOption = ProgressMode.AUTO,
) -> None:
    """Write the tables and the report of a cohort anew, from the studies that are finished.

    For a cohort whose run was stopped, or whose studies were corrected.

    Example: [bold]spinemr cohort report results[/bold]
    """
    from spinemr.cohort.collecting import collect

    with shown(progress) as show:
        count = collect(folder, progress=show)
    if progress is not ProgressMode.JSON:
        typer.echo(f"{count} studies; read {folder / 'report.html'}")


app.add_typer(cohort_fit.app, name="fit")
app.command("which")(cohort_which.command)


def told(result: CohortResult, folder: Path) -> list[str]:
    """What became of the cohort, in a few lines."""
    earlier = f", {result.resumed} of them by an earlier run" if result.resumed else ""
    lines = [f"{result.finished} of {result.studies} studies finished{earlier}"]
    why = f"{folder / 'failures.parquet'} says why"
    if result.incomplete:
        lines.append(f"{result.incomplete} of them without a stage that failed: {why}")
    if result.failed:
        lines.append(f"{result.failed} failed: {why}")
    if result.left_out:
        lines.append(f"{result.left_out} DICOM series were left out: they show no sagittal spine")
    return [*lines, f"Everything lies in {folder}; read {folder / 'report.html'}"]


def _absolute(name: str | None) -> str | None:
    """A path from the root, as workers may stand elsewhere; a name stays a name."""
    return str(Path(name).absolute()) if name is not None and Path(name).exists() else name
