"""``spinemr radiomics``: features of the structures of one image, and what is made of tables of them."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer

from spinemr.cli.commands import radiomics_compare, radiomics_correct, radiomics_profile, radiomics_report
from spinemr.cli.default_command import DefaultCommandGroup
from spinemr.cli.label_scheme import LabelScheme
from spinemr.cli.progress_bar import ProgressMode, ProgressOption, shown
from spinemr.cli.session import command_line
from spinemr.imaging.errors import InputError

app = typer.Typer(cls=DefaultCommandGroup, help="Take radiomic features of structures, compare tables of them and report.")

ALL = "all"


class EngineName(str, Enum):
    """Who computes the features."""

    SPINEMR = "spinemr"
    PYRADIOMICS = "pyradiomics"


@app.command("extract", epilog="Other words after [bold]spinemr radiomics[/bold] lead to: profile, compare, correct, report.")
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
        str | None, typer.Option(metavar="ID", help="The case in the table (else OUT's name).", show_default=False)
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
    from spinemr.pipeline.features_file import FeatureWishes, chosen_settings, features_file
    from spinemr.radiomics.table_files import check_target

    check_target(output)
    chosen, labels = chosen_settings(settings, _changes(change or []))
    labels = _labels(label) if label else labels
    name = case or split_suffix(output)[0]
    wishes = FeatureWishes(chosen, labels, engine.value, labels_scheme.value, name, image_name, scanner)
    with shown(progress) as report:
        table = features_file(image, mask, output, wishes, settings_file=settings, command=command_line(), progress=report)
    if progress is not ProgressMode.JSON:
        typer.echo(f"{len(table)} structures with {len(table.names)} features in {output}")


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


# After extract: the first command is the one that runs where none is named.
app.command("profile")(radiomics_profile.command)
app.command("compare")(radiomics_compare.command)
app.command("correct")(radiomics_correct.command)
app.command("report")(radiomics_report.command)
