"""The same structure of the same case in several tables, brought into one order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from spinemr.imaging.errors import InputError
from spinemr.radiomics.table import FeatureRow, FeatureTable

Key = tuple[str, int]
"""Case and label."""


def matched(tables: Sequence[FeatureTable]) -> tuple[FeatureTable, ...]:
    """Of each table the rows whose case and label all tables have, in the order of the first."""
    if len(tables) < 2:
        raise InputError("Matching needs two tables or more.")
    indexed = [_by_key(table) for table in tables]
    keys = [key for key in indexed[0] if all(key in rows for rows in indexed[1:])]
    if not keys:
        raise InputError(
            "The tables have no case with the same label in common.",
            "Cases are matched by the columns case and label, which have to be written the same way in every table.",
        )
    return tuple(FeatureTable(tuple(rows[key] for key in keys)) for rows in indexed)


def _by_key(table: FeatureTable) -> dict[Key, FeatureRow]:
    rows: dict[Key, FeatureRow] = {}
    for row in table:
        key = (row.case, row.label)
        if key in rows:
            raise InputError(
                f"A table has two rows for label {row.label} of one case.",
                "Keep the rows of one image, such as only the source or only the harmonized one.",
            )
        rows[key] = row
    return rows


def common_names(tables: Sequence[FeatureTable], names: Sequence[str] | None = None) -> tuple[str, ...]:
    """The features every table has, in the order of the first; or the given ones, each of which every table must have."""
    for name in names or ():
        if any(name not in table.names for table in tables):
            raise InputError(f"Not every table has the feature {name}.", "Names are written as in the header.")
    shared = set(tables[0].names).intersection(*(table.names for table in tables[1:]))
    chosen = tuple(names) if names is not None else tuple(name for name in tables[0].names if name in shared)
    if not chosen:
        raise InputError("The tables have no feature in common.")
    return chosen


def structures(table: FeatureTable) -> tuple[str, ...]:
    """Every structure of a table in the order of first appearance."""
    return tuple(dict.fromkeys(row.structure for row in table))


def finite(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The values that are there."""
    return values[np.isfinite(values)]


def finite_pairs(first: NDArray[np.float64], second: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The pairs of which both values are there."""
    both = np.isfinite(first) & np.isfinite(second)
    return first[both], second[both]
