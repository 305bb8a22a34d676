"""Studies from a CSV: one line a study, with as many of the columns id, path, scanner, group, subject and series as are known.

Spreadsheets of countries that write 1,5 for a half put semicolons between cells; those are read as well, and tabs.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Mapping
from io import StringIO
from pathlib import Path

from spinemr.cohort.pseudonyms import Pseudonyms
from spinemr.cohort.study import URL, Study, is_id
from spinemr.imaging.errors import InputError
from spinemr.imaging.plain_files import text_of

ID_COLUMNS = ("id", "case", "study")
PATH_COLUMNS = ("path", "image", "file")
_HINT = "The first line names the columns: id,path,scanner,group"
_SEPARATORS = ",;\t"


def studies_of_manifest(path: Path, names: Pseudonyms) -> list[Study]:
    """One study for each line. Paths are relative to the manifest's folder; without ids they become digests."""
    columns, lines = _read(path)
    place = next((name for name in PATH_COLUMNS if name in columns), "")
    named = next((name for name in ID_COLUMNS if name in columns), "")
    if not place:
        raise InputError(f"{path} has no column path.", _HINT)
    twice = [name for name, count in Counter(filter(None, columns)).items() if count > 1]
    if twice:
        raise InputError(f"{path} has two columns {twice[0]}.", "Leave one of them out.")
    if not lines:
        raise InputError(f"{path} names no studies.", "A line for each follows the first.")
    studies = [_study(cells, place, named, path.parent, number, names) for number, cells in lines]
    _refuse_repeated([number for number, _ in lines], studies, named or place)
    return studies


def _refuse_repeated(lines: Iterable[int], studies: Iterable[Study], told: str) -> None:
    seen: dict[str, int] = {}
    for line, study in zip(lines, studies, strict=True):
        before = seen.setdefault(study.id.casefold(), line)
        if before != line:
            raise InputError(
                f"Lines {before} and {line} of the manifest have the same {told}.",
                "Give every study a line and an id of its own.",
            )


def _read(path: Path) -> tuple[list[str], list[tuple[int, dict[str, str]]]]:
    """The columns in lower case; number and cells of every further line that is not empty."""
    try:
        text = text_of(path, "utf-8-sig")
        reader = csv.reader(StringIO(text), delimiter=_separator(text))
        columns = [name.strip().lower() for name in next(reader, [])]
        found = [(reader.line_num, [cell.strip() for cell in row]) for row in reader]
    except OSError as error:
        raise InputError(f"Cannot read {path}: {error.strerror or 'the system refused'}.", "Check the path.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} is not a CSV file in UTF-8.", "Save it as CSV, with commas, in UTF-8.") from error
    return columns, [(number, _cells(columns, row, number)) for number, row in found if any(row)]


def _separator(text: str) -> str:
    """What the first line has most of, outside of names."""
    first = text.partition("\n")[0]
    return max(_SEPARATORS, key=first.count)


def _cells(columns: list[str], row: list[str], line: int) -> dict[str, str]:
    if any(row[len(columns) :]):
        raise InputError(
            f"Line {line} of the manifest has more cells than there are columns.", 'Put "quotes" around a path with commas.'
        )
    cells = [*row, *[""] * len(columns)][: len(columns)]
    return {name: cell for name, cell in zip(columns, cells, strict=True) if name}


def _study(cells: Mapping[str, str], place: str, named: str, folder: Path, line: int, names: Pseudonyms) -> Study:
    written = cells[place]
    if not written:
        raise InputError(f"Line {line} of the manifest has no {place}.", _HINT)
    told = cells.get(named, "")
    if named and not is_id(told):
        raise InputError(
            f"The {named} in line {line} of the manifest cannot name a folder.",
            "Use letters, digits, dots, dashes and underscores, at most 80; leave the column out to have ids made.",
        )
    series = cells.get("series", "")
    return Study(
        id=told or names.study(f"{written}\0{series}"),
        path=written if URL in written else str((folder / written).absolute()),
        scanner=cells.get("scanner", ""),
        group=cells.get("group", ""),
        subject=cells.get("subject", ""),
        series=series or None,
    )
