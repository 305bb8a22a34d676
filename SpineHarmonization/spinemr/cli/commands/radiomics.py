"""``spinemr radiomics``: features of the structures of one image, and what is made of tables of them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spinemr.cli.commands import radiomics_compare, radiomics_profile, radiomics_report
from spinemr.cli.default_command import DefaultCommandGroup
from spinemr.cli.label_scheme import LabelScheme
from spinemr.cli.progress_bar import ProgressMode, ProgressOption, shown
from spinemr.cli.session import command_line
from spinemr.imaging.errors import InputError

if TYPE_CHECKING:
    import SimpleITK as sitk

    from spinemr.imaging.progress import ProgressCallback
    from spinemr.imaging.provenance import Provenance
    from spinemr.radiomics.engine import Engine
    from spinemr.radiomics.settings import Settings
    from spinemr.radiomics.table import FeatureTable

app = typer.Typer(cls=DefaultCommandGroup, help="Take radiomic features of structures, compare tables of them and report.")

ALL = "all"
LUMBAR_FROM = 20
"""A mask without any number from L1 up is not in anatomy numbers: 1 is then somebody's first label, not C1."""


class EngineName(str, Enum):
    """Who computes the features."""

    SPINEMR = "spinemr"
    PYRADIOMICS = "pyradiomics"


@dataclass(frozen=True)
class Wishes:
    """What is measured and how, and what the rows of the table say besides the features."""

    settings: Settings
    labels: tuple[int, ...]
    """Empty: all of the mask."""
    engine: Engine
    scheme: str
    case: str
    image_name: str
    scanner: str


@app.command("extract", epilog="Other words after [bold]spinemr radiomics[/bold] lead to: profile, compare, report.")
def extract(
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="An image or a DICOM folder.", show_default=False)],
    mask: Annotated[Path, typer.Argument(metavar="MASK", help="Its label map: .nii.gz .nrrd .mha .seg.nrrd", show_default=False)],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="OUT", help="The table: .csv, .parquet or .json", show_default=False)
    ],
    label: Annotated[
        list[str] | None,
        typer.Option(
            "--label", metavar="N|all", help="A label of the mask, several with commas, or all (what --settings says, else all)."
        ),
    ] = None,
    engine: Annotated[
        EngineName, typer.Option(metavar="NAME", help="Who computes: spinemr, or pyradiomics where it is installed.")
    ] = EngineName.SPINEMR,
    settings: Annotated[
        Path | None, typer.Option(metavar="FILE.yaml", help="pyradiomics' parameter file.", show_default=False)
    ] = None,
    change: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="One setting by pyradiomics' name, e.g. binWidth=10.", show_default=False
        ),
    ] = None,
    case: Annotated[
        str | None, typer.Option(metavar="ID", help="The case in the table (else IMAGE's name).", show_default=False)
    ] = None,
    image_name: Annotated[
        str, typer.Option("--image-name", metavar="NAME", help="The kind of image in the table, e.g. harmonized.")
    ] = "source",
    scanner: Annotated[str, typer.Option(metavar="NAME", help="The scanner in the table.", show_default=False)] = "",
    labels_scheme: Annotated[
        LabelScheme, typer.Option(metavar="SCHEME", help="Whose numbers MASK holds: verse, spider or totalspineseg.")
    ] = LabelScheme.VERSE,
    progress: ProgressOption = ProgressMode.AUTO,
) -> None:
    """Take radiomic features of every structure in an image: one row each.

    The 107 default features of pyradiomics under its names, with its settings
    and its parameter files, and SpineTK's four on request. The word "extract"
    may be left out. How it was made is in OUT.json (.json tables hold it).

    Example: [bold]spinemr radiomics study.nii.gz labels.nii.gz -o features.csv[/bold]

    Example: [bold]spinemr radiomics study.nii.gz labels.nii.gz -o discs.csv --label 123,124 --set binCount=64[/bold]

    Example: [bold]spinemr radiomics study.nii.gz mask.nrrd -o features.parquet --settings params.yaml[/bold]
    """
    from spinemr.imaging.formats import split_suffix
    from spinemr.radiomics.table_files import check_target

    check_target(output)
    chosen, labels = _chosen(settings, change or [], label or [])
    wishes = Wishes(chosen, labels, engine.value, labels_scheme.value, case or split_suffix(image)[0], image_name, scanner)
    with shown(progress) as report:
        table = _made(image, mask, output, wishes, [] if settings is None else [settings], report)
    if progress is not ProgressMode.JSON:
        typer.echo(f"{len(table)} structures with {len(table.names)} features in {output}")


def _chosen(file: Path | None, changes: list[str], words: list[str]) -> tuple[Settings, tuple[int, ...]]:
    """Settings and labels: what the command line says goes before what the file says, and that before the defaults."""
    from spinemr.radiomics.parameter_file import Parameters, read_parameters
    from spinemr.radiomics.parameters import overridden
    from spinemr.radiomics.settings import Settings

    parameters = Parameters(Settings(), frozenset()) if file is None else read_parameters(file)
    changed = _changes(changes)
    settings = overridden(parameters.settings, changed)
    by_setting = "label" in parameters.named or "label" in changed
    return settings, _labels(words) if words else ((settings.label,) if by_setting else ())


def _changes(changes: list[str]) -> dict[str, Any]:
    from spinemr.radiomics.parameters import PARAMETERS, unknown
    from spinemr.radiomics.yaml_subset import parse

    values: dict[str, Any] = {}
    for change in changes:
        name, equals, value = change.partition("=")
        if not equals:
            raise InputError(f"'{change}' changes no setting.", "Write NAME=VALUE, as in --set binWidth=10")
        if name not in PARAMETERS:
            raise unknown("setting", [name], PARAMETERS)
        values[name] = parse(value)
    return values


def _labels(words: list[str]) -> tuple[int, ...]:
    """The labels named; none for all of them."""
    parts = [part.strip() for word in words for part in word.split(",")]
    if ALL in parts:
        return ()
    if not all(part.isascii() and part.isdigit() and int(part) > 0 for part in parts):
        raise InputError(f"'{','.join(words)}' is no label.", "Give numbers of the mask, as in --label 123,124, or all.")
    return tuple(int(part) for part in parts)


def _made(
    image: Path, mask: Path, output: Path, wishes: Wishes, more_inputs: list[Path], report: ProgressCallback
) -> FeatureTable:
    """Read, measure, and write the table and what is known of its making."""
    from spinemr.imaging.files import read_image
    from spinemr.imaging.progress import Progress, within
    from spinemr.imaging.provenance import Stopwatch, sidecar_of
    from spinemr.radiomics.engine import features_of
    from spinemr.radiomics.preparation import labels_of
    from spinemr.radiomics.table_files import write_table

    watch = Stopwatch()
    with watch.phase("read"):
        volume = read_image(image, min_pixels=1, progress=within(report, 0.0, 0.1))
        numbers = _read_mask(mask, wishes.scheme)
    held = labels_of(numbers)
    with watch.phase("features"):
        inner = within(report, 0.1, 0.95)
        found = features_of(volume, numbers, wishes.settings, labels=wishes.labels or held, engine=wishes.engine, progress=inner)
    table = _table(found, structure_names(held), wishes)
    made = _provenance(wishes, [image, mask, *more_inputs], watch.seconds)
    write_table(table, output, provenance=made.as_dict())
    if sidecar_of(output) != output:
        made.write_beside(output)
    report(Progress("write", 1.0, "Done"))
    return table


def _read_mask(path: Path, scheme: str) -> sitk.Image:
    from spinemr.imaging.files import read_labels
    from spinemr.imaging.formats import Format, format_of
    from spinemr.imaging.schemes import from_scheme

    labels = read_labels(path)
    known = scheme == LabelScheme.VERSE.value or format_of(path) is Format.SEGMENTATION
    return labels if known else from_scheme(labels, scheme)


def structure_names(labels: tuple[int, ...]) -> dict[int, str]:
    """The name of each label of a mask; plain numbers where the mask is not in anatomy numbers."""
    from spinemr.imaging.anatomy import name_of

    try:
        names = {label: name_of(label) for label in labels}
    except ValueError:
        names = {}
    anatomical = bool(names) and max(labels) >= LUMBAR_FROM
    return names if anatomical else {label: f"label {label}" for label in labels}


def _table(found: dict[int, dict[str, float]], names: dict[int, str], wishes: Wishes) -> FeatureTable:
    from spinemr.radiomics.table import FeatureRow, FeatureTable

    return FeatureTable(
        tuple(
            FeatureRow(wishes.case, wishes.image_name, label, names[label], features, wishes.scanner)
            for label, features in found.items()
        )
    )


def _provenance(wishes: Wishes, inputs: list[Path], seconds: dict[str, float]) -> Provenance:
    from spinemr.imaging.provenance import Provenance
    from spinemr.radiomics.engine import engine_version

    parameters: dict[str, object] = {**asdict(wishes), "engine_version": engine_version(wishes.engine)}
    return Provenance.of("spinemr radiomics", command=command_line(), parameters=parameters, inputs=inputs, seconds=seconds)


# After extract: the first command is the one that runs where none is named.
app.command("profile")(radiomics_profile.command)
app.command("compare")(radiomics_compare.command)
app.command("report")(radiomics_report.command)
