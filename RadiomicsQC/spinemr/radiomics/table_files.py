"""Tables of features in files: CSV and Parquet with one row a structure, JSON with everything; values come back bit for bit.

In CSV and Parquet an empty cell is a feature the row does not have; NaN and infinity are values and written as such.
"""

from __future__ import annotations

import csv
import io
import math
import os
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from spinemr.imaging.atomic import atomic_path, write_json_atomic, write_text_atomic
from spinemr.imaging.errors import InputError, OutputError, SpineMRError
from spinemr.imaging.plain_files import json_of, regular, text_of
from spinemr.radiomics.table import KEYS, FeatureRow, FeatureTable

SUFFIXES = (".csv", ".parquet", ".json")
_FORMAT = "spinemr feature table"
_VERSION = 1
_TEXTS = tuple(key for key in KEYS if key != "label")


def write_table(table: FeatureTable, path: str | os.PathLike[str], *, provenance: Mapping[str, object] | None = None) -> None:
    """Write a table in the format of the name's ending, whole or not at all; only JSON holds its provenance itself."""
    target = Path(path)
    check_target(target)
    suffix = target.suffix.lower()
    if suffix == ".csv":
        write_text_atomic(as_csv(table), target)
    elif suffix == ".parquet":
        _write_parquet(table, target)
    else:
        said = {} if provenance is None else {"provenance": dict(provenance)}
        write_json_atomic({"format": _FORMAT, "version": _VERSION, "rows": [_as_dict(row) for row in table], **said}, target)


def read_table(path: str | os.PathLike[str]) -> FeatureTable:
    """Read a table by the ending of its name; an :class:`InputError` says what is wrong with it."""
    source = Path(path)
    if source.suffix.lower() not in SUFFIXES:
        raise InputError(f"{source} is no table of features.", f"It should end in {', '.join(SUFFIXES)}.")
    readers: dict[str, Callable[[Path], FeatureTable]] = {".csv": _read_csv, ".parquet": _read_parquet, ".json": _read_json}
    try:
        return readers[source.suffix.lower()](source)
    except OSError as error:
        raise InputError(f"Cannot read {source}: {error.strerror or 'the system refused'}.", "Check the path.") from error
    except (ValueError, csv.Error):
        raise InputError(f"{source} is damaged, or no {source.suffix} file.", "Write the table again.") from None


def check_target(target: Path) -> None:
    """Refuse endings no table is written with, and Parquet where that cannot be written."""
    if target.suffix.lower() not in SUFFIXES:
        raise OutputError(f"Cannot write {target}: tables are {', '.join(SUFFIXES)}.", "Give a name that ends in one of them.")
    if target.suffix.lower() == ".parquet":
        _need_pyarrow()


def as_csv(table: FeatureTable) -> str:
    """The table as CSV: the keys first, then every feature some row has, numbers in the fewest digits that bring them back."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = table.names
    writer.writerow([*KEYS, *names])
    for row in table:
        writer.writerow([*(getattr(row, key) for key in KEYS), *(_cell(row.features.get(name)) for name in names)])
    return text.getvalue()


def _cell(value: float | None) -> str:
    return "" if value is None else repr(float(value))


def _as_dict(row: FeatureRow) -> dict[str, object]:
    features = {name: _json_number(float(value)) for name, value in row.features.items()}
    return {**{key: getattr(row, key) for key in KEYS}, "features": features}


def _json_number(value: float) -> float | str:
    """JSON has no NaN and no infinity: they are written as texts."""
    return value if math.isfinite(value) else repr(value)


def _read_csv(source: Path) -> FeatureTable:
    with regular(source).open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file)
        header = next(reader, [])
        _check_columns(header, source)
        rows = []
        for cells in reader:
            if not cells:
                continue
            if len(cells) != len(header):
                raise InputError(f"{source}, line {reader.line_num}: {len(cells)} cells instead of {len(header)}.")
            values: dict[str, Any] = {name: cell for name, cell in zip(header, cells, strict=True) if name in KEYS or cell != ""}
            rows.append(_row(values, f"{source}, line {reader.line_num}"))
    return FeatureTable(tuple(rows))


def _check_columns(header: list[str], source: Path) -> None:
    missing = [key for key in KEYS if key not in header]
    if missing:
        raise InputError(
            f"{source} is no table of features: it has no column {', '.join(missing)}.",
            "Give a table that spinemr radiomics wrote; commas part its columns.",
        )
    if len(set(header)) != len(header):
        raise InputError(f"{source} has a column twice.")


def _row(values: Mapping[str, Any], where: str) -> FeatureRow:
    try:
        features = {name: float(value) for name, value in values.items() if name not in KEYS}
        return FeatureRow(label=int(values["label"]), features=features, **{key: str(values[key]) for key in _TEXTS})
    except (ValueError, TypeError, KeyError, OverflowError):
        raise InputError(f"{where} holds something that is no number.", "Write the table again.") from None


def _read_json(source: Path) -> FeatureTable:
    content = json_of(text_of(source, "utf-8-sig"))
    if not isinstance(content, dict) or content.get("format") != _FORMAT or not isinstance(content.get("rows"), list):
        raise InputError(f"{source} is no table of features.", "Give a file that spinemr radiomics wrote.")
    if content.get("version") != _VERSION:
        raise InputError(f"{source} was written by a newer version of this software.", "Update spinemr.")
    rows = []
    for number, row in enumerate(content["rows"], start=1):
        if not isinstance(row, dict) or not isinstance(row.get("features"), dict):
            raise InputError(f"{source}, row {number} is damaged.", "Write the table again.")
        rows.append(_row({key: row.get(key) for key in KEYS} | row["features"], f"{source}, row {number}"))
    return FeatureTable(tuple(rows))


def _need_pyarrow() -> None:
    if find_spec("pyarrow") is None:
        raise SpineMRError("Parquet files need pyarrow, which is not installed.", "pip install pyarrow, or use .csv or .json.")


def _write_parquet(table: FeatureTable, target: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    columns: dict[str, Any] = {key: pa.array([getattr(row, key) for row in table], pa.string()) for key in _TEXTS}
    columns["label"] = pa.array([row.label for row in table], pa.int64())
    ordered = {key: columns[key] for key in KEYS}
    for name in table.names:
        ordered[name] = pa.array([row.features.get(name) for row in table], pa.float64())
    with atomic_path(target) as temporary:
        parquet.write_table(pa.table(ordered), temporary)


def _read_parquet(source: Path) -> FeatureTable:
    if not source.is_file():
        raise InputError(f"There is no file {source}.", "Check the path.")
    _need_pyarrow()
    import pyarrow as pa
    from pyarrow import parquet

    try:
        content = parquet.read_table(source)
    except pa.ArrowInvalid:
        raise InputError(f"{source} is damaged, or no Parquet file.", "Write the table again.") from None
    _check_columns(content.column_names, source)
    return FeatureTable(
        tuple(
            _row({name: value for name, value in row.items() if name in KEYS or value is not None}, f"{source}, row {number}")
            for number, row in enumerate(content.to_pylist(), start=1)
        )
    )
