"""One number a name as horizontal bars, and the change of each from before to after as arrows."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence

from spinemr.radiomics.report.charts.palette import BLUE, SKY, STYLES, Style
from spinemr.radiomics.report.charts.panel import (
    AXIS_HEIGHT,
    SMALL,
    TITLE_HEIGHT,
    WIDE,
    Panel,
    heading,
    legend,
    mark,
    nothing_to_show,
    x_axis,
)
from spinemr.radiomics.report.charts.scales import Scale, number, spanning, starting_at_zero
from spinemr.radiomics.report.charts.svg import FAINT, PALE_INK, document, element, fitted, line, plain, text, text_width

_ROW, _DENSE_ROW = 18.0, 13.0
_GUTTER, _RIGHT = 10.0, 24.0
_MOST_NAMES, _MOST_NAMES_IN_COLUMNS = 0.45, 0.7
"""The share of the width names may take."""
_DOT = Style(BLUE, None, "circle")
_LOG_FROM = 50.0
"""A ratio of largest to smallest from which bars become dots on a logarithmic axis."""


def bars(
    values: Mapping[str, float],
    *,
    title: str,
    label: str,
    chosen: Collection[str] = (),
    chosen_name: str = "selected",
    limit: float | None = None,
    columns: int = 1,
    width: float = WIDE,
) -> str:
    """One row a name, in the given order; ``chosen`` names are filled, the others hollow; ``limit`` is a vertical line.

    Long lists go into several ``columns`` with the same scale. Positive values that span more than a factor of 50 become
    dots on a logarithmic axis: bars need a zero, logarithms have none.
    """
    if not any(math.isfinite(value) for value in values.values()):
        return document(width, 90.0, nothing_to_show(width, title, "There are no values to show."), title=title)
    finite = [value for value in values.values() if math.isfinite(value)]
    logarithmic = min(finite) > 0 and max(finite) / min(finite) > _LOG_FROM
    extra = () if limit is None else (limit,)
    x = spanning(finite, include=extra, logarithmic=True) if logarithmic else _around_zero([*finite, *extra])
    keys = [(chosen_name, _DOT, "mark"), ("others", _DOT, "hollow")] if chosen else []
    key_parts, keys_height = legend(keys, 0.0, TITLE_HEIGHT, width)
    parts, bottom = [heading(title, width), *key_parts], 0.0
    count = -(-len(values) // columns)
    room = _MOST_NAMES if columns == 1 else _MOST_NAMES_IN_COLUMNS
    rows, share = list(values.items()), (width - _GUTTER * (columns - 1)) / columns
    for column in range(columns):
        part = rows[column * count : (column + 1) * count]
        names = [name for name, _ in part]
        panel, row = _rows(names, x, column * (share + _GUTTER), share, TITLE_HEIGHT + keys_height, count, room)
        parts += [*_names(names, panel, row, chosen, room), *x_axis(panel, label, grid=True)]
        parts += [*_marks(part, panel, row, chosen, logarithmic), *_limit_line(panel, limit)]
        bottom = max(bottom, panel.bottom)
    return document(width, bottom + AXIS_HEIGHT, parts, title=title)


def _marks(rows: Sequence[tuple[str, float]], panel: Panel, row: float, chosen: Collection[str], dots: bool) -> list[str]:
    parts = []
    for index, (name, value) in enumerate(rows):
        y = panel.top + (index + 0.5) * row
        hollow = bool(chosen) and name not in chosen
        if not math.isfinite(value):
            parts.append(text(panel.left + 6, y + 4, "not defined", size=SMALL - 1, colour=PALE_INK))
        elif dots:
            parts.append(mark(panel.x(value), y, _DOT, radius=3.6, tip=number(value, 4), kind="dot", hollow=hollow))
        else:
            parts.append(_bar(panel, y, row, value, not hollow))
    return parts


def _limit_line(panel: Panel, limit: float | None) -> list[str]:
    if limit is None:
        return []
    x = panel.x(limit)
    return [line(x, panel.top, x, panel.bottom, colour=PALE_INK, dash="5 3", width=1.3, kind="limit")]


def arrows(
    before: Mapping[str, float],
    after: Mapping[str, float],
    *,
    title: str,
    label: str,
    names: tuple[str, str] = ("source", "harmonized"),
    width: float = WIDE,
) -> str:
    """Where each name stood before (hollow) and stands after (filled), joined: which way did it move, and how far?"""
    rows = [name for name in before if math.isfinite(before[name]) or math.isfinite(after.get(name, math.nan))]
    if not rows:
        return document(width, 90.0, nothing_to_show(width, title, "There are no values to compare."), title=title)
    found = [v for name in rows for v in (before[name], after.get(name, math.nan)) if math.isfinite(v)]
    positive = [v for v in found if v > 0]
    logarithmic = len(positive) == len(found) and max(found) / min(found) > _LOG_FROM
    x = spanning(found, logarithmic=True) if logarithmic else _around_zero(found)
    keys, keys_height = legend([(names[0], STYLES[0], "hollow"), (names[1], STYLES[1], "mark")], 0.0, TITLE_HEIGHT, width)
    panel, row = _rows(rows, x, 0.0, width, TITLE_HEIGHT + keys_height)
    parts = [heading(title, width), *keys, *_names(rows, panel, row, ()), *x_axis(panel, label, grid=True)]
    for index, name in enumerate(rows):
        y = panel.top + (index + 0.5) * row
        start, end = before[name], after.get(name, math.nan)
        if math.isfinite(start) and math.isfinite(end):
            parts.append(line(panel.x(start), y, panel.x(end), y, colour="#777777", width=1.6, kind="move"))
        if math.isfinite(start):
            parts.append(
                mark(panel.x(start), y, STYLES[0], radius=3.8, hollow=True, kind="before", tip=f"{names[0]}: {number(start)}")
            )
        if math.isfinite(end):
            parts.append(mark(panel.x(end), y, STYLES[1], radius=3.8, kind="after", tip=f"{names[1]}: {number(end)}"))
    return document(width, panel.bottom + AXIS_HEIGHT, parts, title=title)


def _around_zero(values: Sequence[float]) -> Scale:
    if min(values) >= 0:
        return starting_at_zero(values)
    return spanning(values, include=(0.0,))


def _rows(
    names: Sequence[str], x: Scale, left: float, width: float, top: float, count: int = 0, most: float = _MOST_NAMES
) -> tuple[Panel, float]:
    """The panel of these names, high enough for ``count`` of them, and the height of a row."""
    many = max(count, len(names))
    row = _ROW if many <= 30 else _DENSE_ROW
    room = min(max((text_width(name, min(SMALL, row - 2)) for name in names), default=0.0) + 12.0, most * width)
    scale = Scale(0, 1, 0, 1)
    return Panel.of(x, scale, left=left + room, top=top, width=width - room - _RIGHT, height=row * many + 4), row


def _names(names: Sequence[str], panel: Panel, row: float, bold: Collection[str], most: float = _MOST_NAMES) -> list[str]:
    size = min(SMALL, row - 2)
    widest = most / (1 - most) * (panel.width + _RIGHT) - 12.0  # as much as _rows leaves for names, at most
    parts = []
    for index, name in enumerate(names):
        y = panel.top + (index + 0.5) * row
        parts.append(line(panel.left, y, panel.right, y, colour=FAINT, width=0.6))
        shown = fitted(name, widest, size)
        parts.append(
            text(panel.left - 7, y + size * 0.36, shown, anchor="end", size=size, bold=name in bold, tip=name, kind="row-name")
        )
    return parts


def _bar(panel: Panel, y: float, row: float, value: float, filled: bool) -> str:
    start, end = sorted((panel.x(0.0), panel.x(value)))
    high = row * 0.62
    return element(
        "rect",
        element("title", plain(number(value, 4))),
        x=start,
        y=y - high / 2,
        width=max(end - start, 0.6),
        height=high,
        fill=BLUE if filled else "#ffffff",
        stroke=BLUE if filled else SKY,
        stroke_width=1.0,
        class_="bar",
    )
