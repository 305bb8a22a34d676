"""``spinemr radiomics correct``: a table of features without what a fitted ComBat knows of its scanners."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spinemr.imaging.errors import InputError

if TYPE_CHECKING:
    from spinemr.radiomics.statistics.combat import ComBat
    from spinemr.radiomics.table import FeatureTable


def command(
    table: Annotated[
        Path, typer.Argument(metavar="TABLE", help="Features with scanners: .csv .parquet .json", show_default=False)
    ],
    combat: Annotated[
        Path, typer.Argument(metavar="COMBAT.json", help="What spinemr cohort fit combat wrote.", show_default=False)
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="OUT", help="The table: .csv, .parquet or .json", show_default=False)
    ],
    image: Annotated[
        str, typer.Option("--image", metavar="NAME", help="Correct the rows of this image; others stay as they are.")
    ] = "source",
    scanner: Annotated[
        str, typer.Option("--scanner", metavar="NAME", help="Of rows that name no scanner.", show_default=False)
    ] = "",
) -> None:
    """Take the scanner out of a table of features with a fitted ComBat.

    Scanners, structures and features have to be among those it was fitted on.

    Example: [bold]spinemr radiomics correct features.parquet combat.json -o corrected.parquet[/bold]

    Example: [bold]spinemr radiomics correct features.csv combat.json -o corrected.csv --scanner avanto[/bold]
    """
    from spinemr.radiomics.statistics.combat import ComBat
    from spinemr.radiomics.table_files import check_target, read_table, write_table

    check_target(output)
    model, given = ComBat.load(combat), read_table(table)
    corrected = _corrected(given, model, image, scanner)
    write_table(corrected, output)
    count = sum(row.image == image for row in given)
    typer.echo(f"{count} rows of {len(given)} corrected, {len(model.features)} features each, in {output}")


def _corrected(table: FeatureTable, model: ComBat, image: str, scanner: str) -> FeatureTable:
    from spinemr.radiomics.table import FeatureTable

    names = [covariate.name for covariate in model.covariates]
    if names != ["structure"]:
        raise InputError("This ComBat kept groups, and a table of features does not tell them.", "Apply it from Python.")
    table = FeatureTable(tuple(replace(row, scanner=row.scanner or scanner) for row in table))
    wanted = table.where(image=image)
    if not all(row.scanner for row in wanted):
        raise InputError("Some rows of the table name no scanner.", "Name it with --scanner.")
    if not len(wanted):
        known = ", ".join(sorted({row.image for row in table}))
        raise InputError(f"The table has no rows of the image {image}.", f"There are {known or 'none'}.")
    rows = iter(model.apply_to_table(wanted, {"structure": [row.structure for row in wanted]}))
    return FeatureTable(tuple(next(rows) if row.image == image else row for row in table))
