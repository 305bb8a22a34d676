"""The tables of a cohort as Parquet: written in one pass over the folders of its studies, a few hundred at a time.

So that memory does not grow with the cohort, rows go to the files as they come; so that two tables of one cohort always belong
together, all of them are renamed into place at the end.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from spinemr.cohort.cohort_folder import STUDIES, failed_in, finished_in
from spinemr.cohort.needed import READING, need
from spinemr.cohort.rows import LOOKS_COLUMNS, PERCENTILE_COLUMNS, TABLES, Row, rows_of_failure, rows_of_study
from spinemr.cohort.study import Study
from spinemr.imaging.atomic import atomic_path
from spinemr.imaging.errors import InputError
from spinemr.imaging.progress import Progress, ProgressCallback, silent
from spinemr.pipeline.results_folder import FEATURES, MEASUREMENTS
from spinemr.radiomics.table import KEYS

BATCH = 250
"""Studies that are held in memory at once: about 60 MB."""
_BATCH_ROWS = 8192
"""Rows of a table that are read at once: about 8 MB of features."""
_TEXT, _WHOLE, _NUMBER = "string", "int64", "float64"
_COLUMNS: dict[str, dict[str, str]] = {
    "studies": {
        **dict.fromkeys(("case", "scanner", "group", "subject", "state", "verdict", "folder", "image_sha256"), _TEXT),
        **dict.fromkeys(("columns", "rows", "slices"), _WHOLE),
        **dict.fromkeys(("column_mm", "row_mm", "slice_mm"), _NUMBER),
        "harmonized_by": _TEXT,
        **dict.fromkeys(("level_confidence", "seconds", "segment_seconds", "peak_mb"), _NUMBER),
        **dict.fromkeys((*PERCENTILE_COLUMNS, *LOOKS_COLUMNS), _NUMBER),
    },
    "features": {key: _WHOLE if key == "label" else _TEXT for key in KEYS},
    "measurements": {"case": _TEXT, "scanner": _TEXT, "group": _TEXT, "label": _WHOLE, "structure": _TEXT},
    "verdicts": {
        **dict.fromkeys(("case", "scanner", "group", "verdict", "rule", "title", "outcome", "sentence"), _TEXT),
        "figure": _NUMBER, "unit": _TEXT, "limit": _NUMBER, "label": _WHOLE, "structure": _TEXT, "slice": _WHOLE,
    },
    "failures": dict.fromkeys(("case", "scanner", "group", "stage", "cause", "sentence"), _TEXT),
}  # fmt: skip
_OPEN = {"features": FEATURES, "measurements": MEASUREMENTS}
"""Tables whose further columns are numbers, by the file of a study that names them."""


def table_path(root: Path, name: str) -> Path:
    """Where a table of a cohort lies."""
    return root / f"{name}.parquet"


def write_tables(root: Path, known: Mapping[str, Study] | None = None, *, progress: ProgressCallback = silent) -> None:
    """Write all tables of a cohort anew; ``known`` studies say what scanner and group each is of by now."""
    need(READING)
    names = sorted(finished_in(root))
    columns = {table: {**fixed, **_further(root, names, table)} for table, fixed in _COLUMNS.items()}
    with ExitStack() as stack:
        paths = {table: stack.enter_context(atomic_path(table_path(root, table))) for table in TABLES}
        writers = {table: stack.enter_context(_Writer(paths[table], columns[table])) for table in TABLES}
        for done, rows in enumerate(_rows(root, names, known or {})):
            progress(Progress("tables", done / (len(names) + 1), f"Tables: {done} of {len(names)} studies"))
            for table, found in rows.items():
                writers[table].add(found)
            if done % BATCH == BATCH - 1:
                for writer in writers.values():
                    writer.flush()
    progress(Progress("tables", 1.0, "Tables"))


def _rows(root: Path, names: Sequence[str], known: Mapping[str, Study]) -> Iterator[dict[str, list[Row]]]:
    for name in names:
        with _damaged(name):
            rows = rows_of_study(root / STUDIES / name, known)
        yield rows
    for noted in failed_in(root):
        if noted["id"] not in names:
            yield rows_of_failure(noted, known)


@contextmanager
def _damaged(study: str) -> Iterator[None]:
    """Files of a study that hold what this software did not write there are one sentence."""
    try:
        yield
    except (OSError, ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError, csv.Error) as error:
        hint = "Remove its folder and go on with --resume."
        raise InputError(f"A file of the study {study} is missing or damaged.", hint) from error


def _further(root: Path, names: Sequence[str], table: str) -> dict[str, str]:
    """Columns beyond the fixed ones, in the order of first appearance in the headers of the studies' files."""
    if table not in _OPEN:
        return {}
    found: dict[str, str] = {}
    for name in names:
        path = root / STUDIES / name / _OPEN[table]
        if path.exists():
            with _damaged(name), path.open(encoding="utf-8") as file:
                found |= dict.fromkeys(file.readline().rstrip("\r\n").split(","), _NUMBER)
    return {name: kind for name, kind in found.items() if name and name not in _COLUMNS[table]}


class _Writer:
    """One Parquet file that takes rows; a row group for each batch."""

    def __init__(self, path: Path, columns: Mapping[str, str]) -> None:
        import pyarrow as pa

        self._pa = pa
        self._schema = pa.schema([(name, getattr(pa, kind)()) for name, kind in columns.items()])
        self._path = path
        self._taken: list[Any] = []

    def __enter__(self) -> _Writer:
        from pyarrow import parquet

        self._file: Any = parquet.ParquetWriter(self._path, self._schema, compression="zstd")
        return self

    def __exit__(self, *error: object) -> None:
        if error[0] is None:
            self.flush()
        self._file.close()

    def add(self, rows: list[Row]) -> None:
        """Take rows; columns they lack are empty. Refuses what is no value of its column."""
        if not rows:
            return
        try:
            columns = [self._pa.array([row.get(one.name) for row in rows], one.type) for one in self._schema]
        except (self._pa.ArrowException, ValueError, TypeError, OverflowError) as error:
            hint = "Remove its folder and go on with --resume."
            raise InputError(f"A file of the study {rows[0]['case']} is damaged.", hint) from error
        self._taken.append(self._pa.Table.from_arrays(columns, schema=self._schema))

    def flush(self) -> None:
        """Write what was taken."""
        if self._taken:
            self._file.write_table(self._pa.concat_tables(self._taken).combine_chunks())
            self._taken = []


def read_columns(root: Path, table: str, columns: Sequence[str] | None = None) -> dict[str, list[Any]]:
    """A table of a cohort (or some of its columns) as lists by name."""
    wanted = None if columns is None else list(columns)
    with _readable(root, table):
        found: dict[str, list[Any]] = _parquet(root, table).read(columns=wanted).to_pydict()
        if missing := set(columns or ()) - found.keys():
            raise KeyError(*missing)
    return found


def batches(root: Path, table: str, columns: Sequence[str] | None = None) -> Iterator[Any]:
    """Record batches of a table, one after the other."""
    wanted = None if columns is None else list(columns)
    with _readable(root, table):
        yield from _parquet(root, table).iter_batches(_BATCH_ROWS, columns=wanted)


def column_names(root: Path, table: str) -> tuple[str, ...]:
    """The columns of a table in their order."""
    with _readable(root, table):
        return tuple(_parquet(root, table).schema_arrow.names)


def _parquet(root: Path, table: str) -> Any:  # noqa: ANN401 - pyarrow is not typed
    from pyarrow import parquet

    return parquet.ParquetFile(table_path(root, table))


@contextmanager
def _readable(root: Path, table: str) -> Iterator[None]:
    """A table that is missing or cannot be read is one sentence; the columns of a sound one are those it was written with."""
    need(READING)
    from pyarrow import ArrowException

    path = table_path(root, table)
    if not path.is_file():
        raise InputError(f"{root} has no {path.name}.", "Write the tables of a cohort with: spinemr cohort report")
    try:
        yield
    except (ArrowException, OSError, ValueError, KeyError, OverflowError) as error:
        raise InputError(f"{path.name} is damaged.", "Write the tables anew with: spinemr cohort report") from error
