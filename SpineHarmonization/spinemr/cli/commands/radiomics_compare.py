"""``spinemr radiomics compare``: two tables of features side by side."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.table import Table

from spinemr.cli.consoles import results
from spinemr.cli.progress_bar import ProgressMode, ProgressOption, shown
from spinemr.cli.session import command_line
from spinemr.imaging.errors import InputError, OutputError

if TYPE_CHECKING:
    from spinemr.imaging.provenance import Provenance
    from spinemr.radiomics.report.compare_page import CompareContent
    from spinemr.radiomics.statistics.comparison import ComparisonRow
    from spinemr.radiomics.table import FeatureTable

SUFFIXES = (".csv", ".json", ".html")
_MOST_PRINTED = 30


class CorrectionName(str, Enum):
    """How p values are adjusted for the number of tests."""

    HOLM = "holm"
    BENJAMINI_HOCHBERG = "benjamini-hochberg"
    NONE = "none"


def command(
    table_a: Annotated[
        Path,
        typer.Argument(metavar="A.csv", help="Features before, or of the reference: .csv .parquet .json", show_default=False),
    ],
    table_b: Annotated[
        Path, typer.Argument(metavar="B.csv", help="Features after, or of the other readers.", show_default=False)
    ],
    output: Annotated[
        list[Path] | None,
        typer.Option("-o", "--output", metavar="OUT", help="Write .csv, .json or .html (several: -o twice).", show_default=False),
    ] = None,
    feature: Annotated[
        list[str] | None,
        typer.Option("--feature", metavar="NAME", help="Compare this feature only (several: twice).", show_default=False),
    ] = None,
    image_a: Annotated[
        str | None, typer.Option("--image-a", metavar="NAME", help="Of A, rows of this image only.", show_default=False)
    ] = None,
    image_b: Annotated[
        str | None, typer.Option("--image-b", metavar="NAME", help="Of B, rows of this image only.", show_default=False)
    ] = None,
    names: Annotated[str | None, typer.Option("--names", metavar="A,B", help="What to call the two.", show_default=False)] = None,
    paired: Annotated[
        bool, typer.Option("--paired/--unpaired", help="Match rows by case and label, or compare distributions of other cases.")
    ] = True,
    by_structure: Annotated[
        bool, typer.Option("--by-structure/--together", help="Each structure by itself, or all of them together.")
    ] = False,
    correction: Annotated[
        CorrectionName, typer.Option(metavar="HOW", help="Adjust p values: holm, benjamini-hochberg or none.")
    ] = CorrectionName.HOLM,
    progress: ProgressOption = ProgressMode.AUTO,
) -> None:
    """Compare two tables of features: relative error, bias, limits, ICC, CCC, KS.

    Rows are matched by case and label. A table of source and harmonized images
    is compared with itself by --image-a and --image-b. The .html has heat map,
    Bland-Altman plots and box plots by scanner; it names no case.

    Example: [bold]spinemr radiomics compare before.csv after.csv -o compared.html[/bold]

    Example: [bold]spinemr radiomics compare f.csv f.csv --image-a source --image-b harmonized -o c.csv[/bold]
    """
    targets = [_checked(target) for target in output or []]
    content = _compared(
        (table_a, table_b), (image_a, image_b), names, feature, (paired, by_structure), correction.value, progress
    )
    made = _provenance([table_a, table_b], content, correction.value)
    for target in targets:
        _write(content, made, target)
    if progress is not ProgressMode.JSON:
        _print(content)


def _checked(target: Path) -> Path:
    if target.suffix.lower() not in SUFFIXES:
        raise OutputError(
            f"Cannot write {target}: comparisons are {', '.join(SUFFIXES)}.", "Give a name that ends in one of them."
        )
    return target


def _compared(
    paths: tuple[Path, Path],
    images: tuple[str | None, str | None],
    names: str | None,
    features: list[str] | None,
    how: tuple[bool, bool],
    correction: str,
    progress: ProgressMode,
) -> CompareContent:
    from spinemr.radiomics.report.compare_page import CompareContent
    from spinemr.radiomics.statistics.comparison import compare

    paired, by_structure = how
    one, other = (_read(path, image) for path, image in zip(paths, images, strict=True))
    called = _names(names, images)
    with shown(progress) as report:
        rows = compare(
            one,
            other,
            features,
            paired=paired,
            by_structure=by_structure,
            correction=correction,  # type: ignore[arg-type]
            progress=report,
        )
    return CompareContent(one, other, rows, called, paired)


def _read(path: Path, image: str | None) -> FeatureTable:
    from spinemr.radiomics.statistics.comparison import check_magnitudes
    from spinemr.radiomics.table_files import read_table

    table = read_table(path)
    check_magnitudes(table, str(path))
    if image is None:
        return table
    kept = table.where(image=image)
    if not len(kept):
        known = ", ".join(dict.fromkeys(row.image for row in table)) or "none"
        raise InputError(f"{path} has no rows of the image '{image}'.", f"It has: {known}.")
    return kept


def _names(given: str | None, images: tuple[str | None, str | None]) -> tuple[str, str]:
    if given is not None:
        parts = [part.strip() for part in given.split(",")]
        if len(parts) != 2 or not all(parts) or parts[0] == parts[1]:
            raise InputError(f"'{given}' does not name two tables.", "Give two names, as in --names before,after")
        return parts[0], parts[1]
    if images[0] and images[1] and images[0] != images[1]:
        return images[0], images[1]
    return "A", "B"


def _provenance(inputs: Sequence[Path], content: CompareContent, correction: str) -> Provenance:
    from spinemr.imaging.provenance import Provenance

    parameters = {"names": content.names, "paired": content.paired, "correction": correction}
    return Provenance.of("spinemr radiomics compare", command=command_line(), parameters=parameters, inputs=inputs)


def _write(content: CompareContent, made: Provenance, target: Path) -> None:
    from dataclasses import replace

    from spinemr.imaging.atomic import write_json_atomic, write_text_atomic
    from spinemr.radiomics.report.compare_page import write_compare_report

    if target.suffix.lower() == ".html":
        said = {"Versions": ", ".join(f"{name} {version}" for name, version in made.versions.items())}
        said["Tables (sha256)"] = ", ".join(one.sha256[:16] for one in made.inputs)
        said["Correction of p values"] = str(made.parameters["correction"])
        write_compare_report(replace(content, provenance=said), target)
    elif target.suffix.lower() == ".json":
        rows = [{name: _plain(value) for name, value in row.cells().items()} for row in content.rows]
        write_json_atomic({"names": list(content.names), "rows": rows, "provenance": made.as_dict()}, target)
    else:
        write_text_atomic(_csv(content.rows), target)


def _csv(rows: Sequence[ComparisonRow]) -> str:
    from spinemr.radiomics.statistics.comparison import ComparisonRow

    text = io.StringIO()
    columns = list((rows[0] if rows else ComparisonRow("", "", 0, math.nan, math.nan)).cells())
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: "" if _plain(value) is None else value for name, value in row.cells().items()})
    return text.getvalue()


def _plain(value: str | float) -> str | float | None:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _print(content: CompareContent) -> None:
    from spinemr.radiomics.report.charts.scales import fixed, number
    from spinemr.radiomics.report.compare_page import summary

    several = len({row.structure for row in content.rows}) > 1
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("feature", overflow="fold")
    if several:
        table.add_column("structure")
    for heading in ("n", *[f"mean {name}" for name in content.names], "rel. error %", "bias", "ICC", "CCC", "KS p adj."):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in content.rows[:_MOST_PRINTED]:
        cells = [row.feature, *([row.structure] if several else []), str(row.count), number(row.mean_a, 4), number(row.mean_b, 4)]
        cells += [fixed(100 * row.relative_error.value, 1), number(row.bias.value)]
        table.add_row(*cells, fixed(row.icc.value, 2), fixed(row.ccc.value, 2), number(row.ks_p_adjusted, 2))
    console = results()
    console.print(table)
    beyond = len(content.rows) - _MOST_PRINTED
    if beyond > 0:
        console.print(f"{beyond} more rows: write them all with -o OUT.csv\n")
    for name, value in summary(content).items():
        console.print(f"{name}: {value}")
