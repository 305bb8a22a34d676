"""``spinemr cohort fit``: a Nyul scale, a reference profile or ComBat from the tables of a cohort."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spinemr.imaging.errors import OutputError

app = typer.Typer(help="Fit a Nyul scale, a reference profile or ComBat on the tables of a cohort.", no_args_is_help=True)

FolderArgument = Annotated[Path, typer.Argument(metavar="DIR", help="What spinemr cohort wrote to.", show_default=False)]
OutputOption = Annotated[Path, typer.Option("-o", "--output", metavar="OUT.json", help="The file to write.", show_default=False)]
ScannerOption = Annotated[
    str, typer.Option("--scanner", metavar="NAME", help="Only studies of this scanner.", show_default=False)
]
GroupOption = Annotated[str, typer.Option("--group", metavar="NAME", help="Only studies of this group.", show_default=False)]
ImageOption = Annotated[str, typer.Option("--image", metavar="NAME", help="Features of which image: source or harmonized.")]


@app.command("nyul")
def nyul(folder: FolderArgument, output: OutputOption, scanner: ScannerOption = "", group: GroupOption = "") -> None:
    """Fit the scale of Nyul's standardisation; no image is opened again.

    Example: [bold]spinemr cohort fit nyul results -o clinic.json[/bold]

    Then: [bold]spinemr run study.nii.gz -o out --harmonize nyul --target clinic.json[/bold]
    """
    from spinemr.cohort.fitting import nyul_of_cohort
    from spinemr.harmonization.registry import write_method

    _check(output)
    method = nyul_of_cohort(folder, scanner=scanner, group=group)
    write_method(method, output)
    typer.echo(f"{output}: the scale of {method.images} studies")


@app.command("profile")
def profile(
    folder: FolderArgument,
    output: OutputOption,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="What the profile is called (else OUT's name).", show_default=False)
    ] = None,
    image: ImageOption = "source",
    scanner: ScannerOption = "",
    group: GroupOption = "",
) -> None:
    """Make a reference profile: features by structure, and how images look by scanner.

    The file is that of [bold]spinemr radiomics profile[/bold].

    Example: [bold]spinemr cohort fit profile results -o reference.json --group healthy[/bold]
    """
    from spinemr.cohort.fitting import profile_of_cohort
    from spinemr.radiomics.verdict.profile import write_profile

    _check(output)
    made = profile_of_cohort(folder, name or output.stem, image=image, scanner=scanner, group=group)
    write_profile(made, output)
    looks = "no appearances" if made.appearances is None else f"appearances of {len(made.appearances.means)} scanners"
    typer.echo(f"{output}: {made.studies} studies, {len(made.features)} structures and kinds, {looks}")


@app.command("combat")
def combat(
    folder: FolderArgument,
    output: OutputOption,
    image: ImageOption = "source",
    reference: Annotated[
        str, typer.Option(metavar="SCANNER", help="Bring the others to this scanner (else to their mean).", show_default=False)
    ] = "",
    keep_group: Annotated[
        bool, typer.Option("--keep-group", help="Keep what differs between groups (column group of the manifest).")
    ] = False,
) -> None:
    """Fit ComBat on the features of a cohort; structures keep their differences.

    Example: [bold]spinemr cohort fit combat results -o combat.json --keep-group[/bold]

    Then: [bold]spinemr radiomics correct features.csv combat.json -o corrected.csv[/bold]
    """
    from spinemr.cohort.fitting import combat_of_cohort

    _check(output)
    model = combat_of_cohort(folder, image=image, reference=reference, keep_group=keep_group)
    model.save(output)
    typer.echo(f"{output}: {len(model.features)} features of {len(model.batches)} scanners")


def _check(output: Path) -> None:
    if output.suffix.lower() != ".json":
        raise OutputError(f"Cannot write {output}: what is fitted is JSON.", "Give a name that ends in .json.")
