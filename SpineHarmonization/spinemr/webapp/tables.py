"""Measurements and features as tables for the page: rows that can be sorted, searched and jumped to."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from spinemr.scene.tables import title_of

Row = dict[str, Any]

_NOT_SHOWN = ("label", "cut_by_view", "from_own_outline")
_FIRST = ("structure", "volume_mm3")
_DIGITS = {"_mm3": 0, "_mm": 1, "_deg": 1}
"""Digits of what is measured in a unit; two for shares."""
_WHOLE_SPINE = "lordosis_l1_s1_deg"


def measurement_table(rows: Sequence[Mapping[str, Any]]) -> tuple[list[Row], list[Row]]:
    """Headers and lines of the measurements, without the one of the whole spine."""
    listed = [row for row in rows if row.get("label") is not None]
    names = [name for name in dict.fromkeys(name for row in listed for name in row) if name not in (*_NOT_SHOWN, _WHOLE_SPINE)]
    names = [name for name in names if any(row.get(name) is not None for row in listed)]
    names.sort(key=lambda name: _FIRST.index(name) if name in _FIRST else len(_FIRST))
    headers = [_header(name) for name in names]
    return headers, [{**{name: _rounded(row.get(name)) for name in names}, "label": int(row["label"])} for row in listed]


def lordosis_deg(rows: Iterable[Mapping[str, Any]]) -> float | None:
    """The lordosis of the whole spine."""
    found = [row[_WHOLE_SPINE] for row in rows if row.get(_WHOLE_SPINE) is not None]
    return round(float(found[0]), 1) if found else None


def feature_table(rows: Sequence[Mapping[str, Any]], label: int) -> list[Row]:
    """The features of a structure, one a line: before, after, and the change in percent of before."""
    by_image = {str(row.get("image")): row for row in rows if row.get("label") == label}
    before, after = by_image.get("source", {}), by_image.get("harmonized", {})
    names = [name for name, value in before.items() if _is_number(value) and name not in ("label", "image", "structure")]
    return [
        {
            "feature": name,
            "before": _significant(before[name]),
            "after": _significant(after.get(name)),
            "change": change_percent(before[name], after.get(name)),
        }
        for name in names
    ]


def change_percent(before: Any, after: Any) -> float | None:  # noqa: ANN401 - a cell of a table
    """How much a value changed, in percent of what it was, to two digits; ``None`` where one is missing or it was zero."""
    found = relative_percent(before, after)
    return None if found is None else round(found, 2)


def relative_percent(before: Any, after: Any) -> float | None:  # noqa: ANN401
    """How much a value changed, in percent of what it was; ``None`` where one is missing or it was zero."""
    if not (_is_number(before) and _is_number(after)) or before == 0:
        return None
    return 100 * (float(after) - float(before)) / abs(float(before))


def _header(name: str) -> Row:
    """A column of the measurements: its heading, and how many digits its numbers are shown with."""
    title = title_of(name).replace("_", " ")
    digits = next((count for unit, count in _DIGITS.items() if name.endswith(unit)), 2)
    return {
        "key": name, "title": title[:1].upper() + title[1:], "align": "start" if name == "structure" else "end",
        "digits": digits, "fixed": name == "structure",
    }  # fmt: skip


def _rounded(cell: Any) -> Any:  # noqa: ANN401
    return round(cell, 2) if isinstance(cell, float) else cell


def _significant(cell: Any) -> float | None:  # noqa: ANN401
    return float(f"{float(cell):.5g}") if _is_number(cell) else None


def _is_number(cell: Any) -> bool:  # noqa: ANN401
    return isinstance(cell, (int, float)) and not isinstance(cell, bool) and math.isfinite(cell)
