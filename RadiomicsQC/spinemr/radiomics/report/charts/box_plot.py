"""Distributions by group: boxes of quartiles with whiskers to the last value within 1.5 box lengths (Tukey 1977)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spinemr.radiomics.report.charts.palette import Style, style_of
from spinemr.radiomics.report.charts.panel import (
    HALF,
    SMALL,
    TITLE_HEIGHT,
    Panel,
    heading,
    left_margin,
    legend,
    mark,
    nothing_to_show,
    y_axis,
)
from spinemr.radiomics.report.charts.scales import Scale, number, spanning
from spinemr.radiomics.report.charts.svg import PALE_INK, document, element, fitted, line, plain, text, text_width, wrapped

_PANEL_HEIGHT = 175.0
_SHOW_ALL_UP_TO = 30
"""Groups of no more values show each of them."""
_MOST_OUTLIERS = 60
"""Of more outliers so many are drawn, evenly from the lowest to the highest: more would hide each other."""
_GOLDEN = 0.6180339887


@dataclass(frozen=True)
class Box:
    """Five numbers and what lies beyond the whiskers."""

    low: float
    first: float
    median: float
    third: float
    high: float
    outliers: tuple[float, ...]
    count: int


def box_of(values: ArrayLike) -> Box | None:
    """Quartiles (linear interpolation), whiskers and outliers of the finite values; ``None`` of none."""
    found = np.asarray(values, dtype=np.float64).ravel()
    found = np.sort(found[np.isfinite(found)])
    if not found.size:
        return None
    first, median, third = (float(v) for v in np.percentile(found, (25, 50, 75)))
    reach = 1.5 * (third - first)
    near = found[(found >= first - reach) & (found <= third + reach)]
    beyond = tuple(float(v) for v in found[(found < near[0]) | (found > near[-1])])
    return Box(float(near[0]), first, median, third, float(near[-1]), beyond, int(found.size))


def box_plot(
    groups: Mapping[str, Mapping[str, ArrayLike]],
    *,
    title: str,
    label: str,
    width: float = HALF,
    reference: float | None = None,
) -> str:
    """Boxes of ``groups[group][series]``: a place on the axis for each group (scanner), a look for each series (before, after).

    ``reference`` draws a horizontal line, such as the mean of the reference scanner.
    """
    series = tuple(dict.fromkeys(name for group in groups.values() for name in group))
    everything = [np.asarray(values, dtype=np.float64).ravel() for group in groups.values() for values in group.values()]
    found = np.concatenate(everything) if everything else np.empty(0)
    if not np.isfinite(found).any():
        return document(width, 90.0, nothing_to_show(width, title, "There are no values to show."), title=title)
    styles = {name: style_of(name, place) for place, name in enumerate(series)}
    keys = [(name, style, "mark") for name, style in styles.items()] if len(series) > 1 else []
    key_parts, keys_height = legend(keys, 0.0, TITLE_HEIGHT, width)
    y = spanning(found, include=() if reference is None else (reference,))
    left = left_margin(y)
    panel = Panel.of(
        Scale(0, len(groups), 0, 1),
        y,
        left=left,
        top=TITLE_HEIGHT + keys_height + 4,
        width=width - left - 8,
        height=_PANEL_HEIGHT,
    )
    names, names_height = _group_names(panel, groups)
    parts = [
        heading(title, width),
        *key_parts,
        *y_axis(panel, label),
        line(panel.left, panel.bottom, panel.right, panel.bottom),
        *names,
    ]
    if reference is not None:
        at = panel.y(reference)
        parts.append(line(panel.left, at, panel.right, at, colour=PALE_INK, dash="2 3", kind="reference"))
    slot = panel.width / len(groups)
    room = min(slot * 0.8 / len(series), 34.0)
    for place, values_of in enumerate(groups.values()):
        present = [name for name in series if name in values_of]
        for order, name in enumerate(present):
            middle = panel.left + (place + 0.5) * slot + (order - (len(present) - 1) / 2) * room
            parts += _drawn(panel, np.asarray(values_of[name], dtype=np.float64).ravel(), middle, room * 0.72, styles[name])
    return document(width, panel.bottom + names_height, parts, title=title)


def _drawn(panel: Panel, values: NDArray[np.float64], middle: float, wide: float, style: Style) -> list[str]:
    box = box_of(values)
    if box is None:
        return []
    low, first, median, third, high = (panel.y(v) for v in (box.low, box.first, box.median, box.third, box.high))
    tip = f"median {number(box.median, 4)}, quartiles {number(box.first, 4)} to {number(box.third, 4)}, n = {box.count}"
    half = wide / 2
    parts = [
        line(middle, high, middle, third, colour=style.colour, width=1.3),
        line(middle, first, middle, low, colour=style.colour, width=1.3),
        line(middle - half / 2, high, middle + half / 2, high, colour=style.colour, width=1.3, kind="whisker"),
        line(middle - half / 2, low, middle + half / 2, low, colour=style.colour, width=1.3, kind="whisker"),
        element(
            "rect",
            element("title", plain(tip)),
            x=middle - half,
            y=third,
            width=wide,
            height=max(first - third, 0.8),
            fill=style.colour,
            fill_opacity=0.16,
            stroke=style.colour,
            stroke_width=1.3,
            class_="box",
        ),
        line(middle - half, median, middle + half, median, colour=style.colour, width=2.6, kind="median"),
    ]
    finite = values[np.isfinite(values)]
    shown = finite if finite.size <= _SHOW_ALL_UP_TO else _some(np.asarray(box.outliers))
    for index, value in enumerate(shown):
        aside = (math.modf((index + 1) * _GOLDEN)[0] - 0.5) * wide * 0.7
        parts.append(mark(middle + aside, panel.y(float(value)), style, radius=2.2, kind="value"))
    return parts


def _some(outliers: NDArray[np.float64]) -> NDArray[np.float64]:
    """As many of the (sorted) outliers as can be told apart, both ends among them."""
    if outliers.size <= _MOST_OUTLIERS:
        return outliers
    return np.asarray(outliers[np.linspace(0, outliers.size - 1, _MOST_OUTLIERS).round().astype(int)], dtype=np.float64)


def _group_names(panel: Panel, groups: Mapping[str, Mapping[str, ArrayLike]]) -> tuple[list[str], float]:
    slot = panel.width / len(groups)
    counts = [_count(values) for values in groups.values()]
    rows = [wrapped(name, slot - 4, SMALL) for name in groups]
    steep = any(text_width(word, SMALL) > slot - 4 for name in groups for word in name.split())
    parts: list[str] = []
    if steep:
        height = min(max(text_width(f"{name}, {count}", SMALL) for name, count in zip(groups, counts, strict=True)), 170.0)
        for place, (name, count) in enumerate(zip(groups, counts, strict=True)):
            x = panel.left + (place + 0.5) * slot + 4
            shown = f"{fitted(name, height - text_width(f', {count}', SMALL), SMALL)}, {count}"
            parts.append(text(x, panel.bottom + 8, shown, anchor="end", size=SMALL, turn=-90.0, tip=name, kind="group"))
        return parts, height + 16
    for place, (lines, count) in enumerate(zip(rows, counts, strict=True)):
        x = panel.left + (place + 0.5) * slot
        for number_, row in enumerate(lines):
            parts.append(text(x, panel.bottom + 16 + 13 * number_, row, anchor="middle", size=SMALL, kind="group"))
        parts.append(
            text(x, panel.bottom + 16 + 13 * len(lines), count, anchor="middle", size=SMALL - 1, colour=PALE_INK, kind="count")
        )
    return parts, 16 + 13 * max(len(lines) for lines in rows) + 10


def _count(values: Mapping[str, ArrayLike]) -> str:
    sizes = [int(np.isfinite(np.asarray(v, dtype=np.float64)).sum()) for v in values.values()]
    few, many = min(sizes, default=0), max(sizes, default=0)
    return f"n = {many}" if few == many else f"n = {few} to {many}"
