"""Studies from a CSV: one line a study, with as many of the columns id, path, scanner, group, subject and series as are known."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

from spinemr.cohort.pseudonyms import Pseudonyms
from spinemr.cohort.study import URL, Study, is_id
from spinemr.imaging.errors import InputError

ID_COLUMNS = ("id", "case", "study")
PATH_COLUMNS = ("path", "image", "file")
_HINT = "The first line names the columns: id,path,scanner,group"


def studies_of_manifest(path: Path, names: Pseudonyms) -> list[Study]:
    """One study for each line. Paths are relative to the manifest's folder; without ids they become digests."""
    lines = _lines(path)
    columns = set(lines[0][1]) if lines else set()
    place = next((name for name in PATH_COLUMNS if name in columns), "")
    named = next((name for name in ID_COLUMNS if name in columns), "")
    if not place:
        raise InputError(f"{path} has no column path.", _HINT)
    return [_study(cells, place, named, path.parent, number, names) for number, cells in lines]


def _lines(path: Path) -> list[tuple[int, dict[str, str]]]:
    """Number and cells of every line that is not empty, columns in lower case."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            found = [(reader.line_num, _cells(row)) for row in reader]
    except OSError as error:
        raise InputError(f"Cannot read {path}: {error.strerror or 'the system refused'}.", "Check the path.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} is not a CSV file in UTF-8.", "Save it as CSV, with commas, in UTF-8.") from error
    return [(number, cells) for number, cells in found if any(cells.values())]


def _cells(row: Mapping[str | None, str | list[str] | None]) -> dict[str, str]:
    return {name.strip().lower(): value.strip() if isinstance(value, str) else "" for name, value in row.items() if name}


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
