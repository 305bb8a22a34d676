"""``spinemr phantom``: drawn studies of a lumbar spine with everything known about them."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich import box
from rich.table import Table

from spinemr.cli.consoles import results
from spinemr.cli.progress_bar import ProgressMode, ProgressOption, shown
from spinemr.cli.session import command_line

if TYPE_CHECKING:
    from spinemr.imaging.progress import ProgressCallback
    from spinemr.synthesis.study import DrawnStudy

STUDY_FILES = ("image.nii.gz", "image.json", "labels.nii.gz", "labels.seg.nrrd", "labels.json", "truth.json", "overview.png")
MANIFEST = "manifest.csv"
_STUDY_FOLDER = re.compile(r"study_\d{4,}")


class Contrast(str, Enum):
    """Weightings that can be asked for; "random" is a random mixture no scanner makes."""

    T1 = "t1"
    T2 = "t2"
    PD = "pd"
    STIR = "stir"
    RANDOM = "random"


class Grade(str, Enum):
    """Pfirrmann grades."""

    I = "I"  # noqa: E741
    II = "II"
    III = "III"
    IV = "IV"
    V = "V"


def _list_scanners(wanted: bool) -> None:
    if not wanted:
        return
    from spinemr.synthesis.scanners import SCANNERS

    table = Table("scanner", "tesla", "weighting", "pixel mm", "slice distance mm", box=box.SIMPLE_HEAD, pad_edge=False)
    for name, scanner in SCANNERS.items():
        protocol = scanner.protocol
        lengths = (f"{protocol.in_plane_spacing_mm:.2f}", f"{protocol.spacing_mm[0]:.1f}")
        table.add_row(name, f"{scanner.tesla:g}", protocol.weighting, *lengths)
    results().print(table)
    raise typer.Exit


def _list_pathologies(wanted: bool) -> None:
    if not wanted:
        return
    from spinemr.synthesis.anatomy.request import PATHOLOGIES

    table = Table("pathology", "what it is", box=box.SIMPLE_HEAD, pad_edge=False)
    for name, meaning in PATHOLOGIES.items():
        table.add_row(name, meaning)
    results().print(table)
    raise typer.Exit


_OutputOption = Annotated[
    Path,
    typer.Option("-o", "--output", metavar="DIR", help="The folder to make; it appears when complete.", show_default=False),
]
_SeedOption = Annotated[
    int, typer.Option(min=0, metavar="N", help="The same seed draws the same study; of several, the next takes the next.")
]
_ContrastOption = Annotated[
    Contrast | None,
    typer.Option(
        case_sensitive=False, metavar="NAME", help="t1, t2, pd, stir or random; drawn if not given.", show_default=False
    ),
]
_GradeOption = Annotated[
    Grade | None,
    typer.Option(metavar="I..V", help="Pfirrmann grade of all discs; drawn if not given.", show_default=False),
]
_ScannerOption = Annotated[
    str | None, typer.Option(metavar="NAME", help="A simulated scanner (--list-scanners).", show_default=False)
]
_PathologyOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME",
        help="Draw this one (--list-pathologies) and no other, or none; repeatable. At natural prevalence if not given.",
        show_default=False,
    ),
]
_CountOption = Annotated[int, typer.Option(min=1, max=9999, metavar="N", help="How many studies.")]
_PartsOption = Annotated[
    bool, typer.Option("--parts/--no-parts", help="Tell vertebral bodies and posterior elements apart in the labels.")
]
_ForceOption = Annotated[bool, typer.Option("--force", help="Replace what an earlier run left in the folder.")]
_ScannersOption = Annotated[
    bool, typer.Option("--list-scanners", callback=_list_scanners, is_eager=True, help="List the simulated scanners.")
]
_PathologiesOption = Annotated[
    bool, typer.Option("--list-pathologies", callback=_list_pathologies, is_eager=True, help="List the pathologies.")
]


def command(
    output: _OutputOption,
    seed: _SeedOption = 0,
    contrast: _ContrastOption = None,
    grade: _GradeOption = None,
    scanner: _ScannerOption = None,
    pathology: _PathologyOption = None,
    count: _CountOption = 1,
    parts: _PartsOption = True,
    force: _ForceOption = False,
    progress: ProgressOption = ProgressMode.AUTO,
    _scanners: _ScannersOption = False,
    _pathologies: _PathologiesOption = False,
) -> None:
    """Draw lumbar spine studies from code alone, with their truth.

    One study lies in the folder itself, several in study_0001 and so on with
    a manifest.csv. Each has image.nii.gz, labels.nii.gz, labels.seg.nrrd (for
    3D Slicer), truth.json (levels, grades, disc heights, angles), overview.png.

    Example: [bold]spinemr phantom -o study --seed 7 --contrast t2 --pathology schmorl[/bold]

    Example: [bold]spinemr phantom -o cohort --count 100 --contrast random[/bold]
    """
    from spinemr.imaging.staged_folder import staged_folder

    options: dict[str, Any] = {
        "contrast": contrast.value if contrast else None,
        "grade": grade.value if grade else None,
        "scanner": scanner,
        "pathology": _asked_for(pathology),
    }
    with shown(progress) as report, staged_folder(output, replaceable=_is_ours if force else None) as folder:
        if count == 1:
            _write_study(folder, seed, options, parts, report)
        else:
            rows = list(_write_studies(folder, seed, count, options, parts, report))
            _write_manifest(rows, folder / MANIFEST)
    if progress is not ProgressMode.JSON:
        typer.echo(f"{'One study' if count == 1 else f'{count} studies'} in {output}")


def _asked_for(names: list[str] | None) -> tuple[str, ...] | None:
    """The pathologies to draw: those named, with "none" no others and none at all; ``None`` for natural prevalence."""
    return tuple(name for name in names if name != "none") if names else None


def _is_ours(entry: Path) -> bool:
    """Whether an entry of a folder is what this command writes: only such may be replaced."""
    if entry.is_dir():
        return bool(_STUDY_FOLDER.fullmatch(entry.name)) and all(inner.name in STUDY_FILES for inner in entry.iterdir())
    return entry.name in (*STUDY_FILES, MANIFEST)


def _write_studies(
    folder: Path, seed: int, count: int, options: dict[str, Any], parts: bool, progress: ProgressCallback
) -> Iterator[dict[str, Any]]:
    from spinemr.imaging.progress import Progress, within

    for index in range(count):
        name = f"study_{index + 1:04d}"
        part = within(progress, index / count, (index + 1) / count)

        def numbered(state: Progress, part: ProgressCallback = part, index: int = index) -> None:
            part(Progress(state.phase, state.fraction, f"Study {index + 1} of {count}: {state.message or state.phase}"))

        (folder / name).mkdir()
        study = _write_study(folder / name, seed + index, options, parts, numbered)
        yield {
            "study": name,
            "seed": seed + index,
            "scanner": study.scanner,
            "weighting": study.truth.get("weighting", ""),
            "image": f"{name}/image.nii.gz",
            "labels": f"{name}/labels.nii.gz",
            "truth": f"{name}/truth.json",
        }


def _write_study(folder: Path, seed: int, options: dict[str, Any], parts: bool, progress: ProgressCallback) -> DrawnStudy:
    from spinemr.imaging.progress import Progress, within
    from spinemr.imaging.provenance import Provenance, Stopwatch
    from spinemr.synthesis.study import draw_study

    watch = Stopwatch()
    with watch.phase("draw"):
        study = draw_study(seed, **options, progress=within(progress, 0.0, 0.85))
    progress(Progress("write", 0.85, "Writing"))
    with watch.phase("write"):
        _write_files(study, folder, parts)
    parameters = {"seed": seed, "parts": parts, **options}
    provenance = Provenance.of("spinemr phantom", command=command_line(), parameters=parameters, seconds=watch.seconds)
    for name in ("image.nii.gz", "labels.nii.gz"):
        provenance.write_beside(folder / name)
    progress(Progress("write", 1.0, "Done"))
    return study


def _write_files(study: DrawnStudy, folder: Path, parts: bool) -> None:
    from spinemr.imaging.atomic import write_json_atomic
    from spinemr.imaging.files import write_image, write_labels
    from spinemr.imaging.overview import contact_sheet, write_picture
    from spinemr.imaging.parts import united

    labels = study.labels if parts else united(study.labels)
    write_image(study.image, folder / "image.nii.gz")
    write_labels(labels, folder / "labels.nii.gz")
    write_labels(labels, folder / "labels.seg.nrrd")
    write_json_atomic({"name": study.name, **study.truth}, folder / "truth.json")
    write_picture(contact_sheet(study.image, study.labels), folder / "overview.png")


def _write_manifest(rows: list[dict[str, Any]], path: Path) -> None:
    from spinemr.imaging.atomic import write_text_atomic

    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text_atomic(text.getvalue(), path)
