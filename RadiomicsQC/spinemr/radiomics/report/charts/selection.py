"""The two figures of feature selection in Kim 2024: coefficients of variation (Fig. 7), then correlations (Fig. 8)."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from spinemr.radiomics.report.charts.bars import bars
from spinemr.radiomics.report.charts.heat_map import Colours
from spinemr.radiomics.report.charts.names import short_name, short_names
from spinemr.radiomics.report.charts.palette import YELLOW, as_hex, diverging
from spinemr.radiomics.report.charts.panel import SMALL, TITLE_HEIGHT, WIDE, heading, nothing_to_show
from spinemr.radiomics.report.charts.scales import Scale, fixed
from spinemr.radiomics.report.charts.svg import FAINT, INK, PALE_INK, document, element, fitted, line, plain, text, text_width

if TYPE_CHECKING:
    from spinemr.radiomics.statistics.selection import Selection

_CELL = 22.0
_RIGHT = 70.0
_ONE_COLUMN = 55


def variation_chart(variation: Mapping[str, float], lowest: Collection[str], *, title: str = "", width: float = WIDE) -> str:
    """Step 1: the coefficient of variation of every feature, smallest first; those that go on to step 2 are filled."""
    order = sorted(variation, key=lambda name: (not math.isfinite(variation[name]), variation[name]))
    heading_ = title or f"Step 1: coefficient of variation, {len(lowest)} lowest of {len(variation)} features go on"
    return bars(
        {short_name(name): variation[name] for name in order},
        title=heading_,
        label="CV = SD / |mean|",
        chosen={short_name(name) for name in lowest},
        chosen_name="goes on to step 2",
        columns=1 if len(order) <= _ONE_COLUMN else 2,
        width=width,
    )


def correlation_chart(
    names: Sequence[str],
    correlation: NDArray[np.floating],
    selected: Collection[str],
    *,
    threshold: float,
    title: str = "",
    width: float = WIDE,
) -> str:
    """Step 2: a dot for each pair of features, in the order of step 1, larger and darker the stronger they correlate.

    Selected features stand on yellow and are bold; names of those left out are struck through; pairs beyond the threshold
    are ringed.
    """
    matrix = np.asarray(correlation, dtype=np.float64)
    said = title or f"Step 2: correlation of pairs, {len(selected)} of {len(names)} features selected"
    if not len(names):
        return document(width, 90.0, nothing_to_show(width, said, "There are no features to compare."), title=said)
    shown = short_names(names)
    left = min(max(text_width(name, SMALL) for name in shown) + 14.0, 0.38 * width)
    cell = min((width - left - _RIGHT) / len(names), _CELL)
    size = min(SMALL, cell * 0.85)
    height = min(max(text_width(name, size) for name in shown) + 8.0, 225.0)
    top = TITLE_HEIGHT + height
    parts = [heading(said, width), *_stripes(names, selected, left, top, cell)]
    parts += _row_names(names, shown, selected, left, top, cell, size)
    parts += _column_names(names, shown, selected, left, top, cell, size, height)
    parts += _dots(shown, matrix, threshold, left, top, cell)
    bottom = top + cell * len(names)
    parts += _key(left + cell * len(names) + 16, top, threshold)
    note = f"Ring: |r| > {threshold:g}. Yellow and bold: selected. Struck through: left out."
    parts.append(text(left, bottom + 20, note, size=SMALL, colour=PALE_INK, kind="note"))
    return document(width, max(bottom, top + 130) + 30, parts, title=said)


def _stripes(names: Sequence[str], selected: Collection[str], left: float, top: float, cell: float) -> list[str]:
    extent = cell * len(names)
    parts = []
    for index, name in enumerate(names):
        if name in selected:
            parts.append(
                element(
                    "rect",
                    x=4.0,
                    y=top + index * cell,
                    width=left - 4 + extent,
                    height=cell,
                    fill=YELLOW,
                    fill_opacity=0.45,
                    class_="chosen",
                )
            )
    for index in range(len(names) + 1):
        at = index * cell
        parts += [
            line(left, top + at, left + extent, top + at, colour=FAINT),
            line(left + at, top, left + at, top + extent, colour=FAINT),
        ]
    return parts


def _row_names(
    names: Sequence[str], shown: Sequence[str], selected: Collection[str], left: float, top: float, cell: float, size: float
) -> list[str]:
    parts = []
    for index, (name, short) in enumerate(zip(names, shown, strict=True)):
        y = top + (index + 0.5) * cell
        written = fitted(short, left - 14, size)
        parts.append(
            text(
                left - 7,
                y + size * 0.36,
                written,
                anchor="end",
                size=size,
                bold=name in selected,
                struck=name not in selected,
                tip=short,
                kind="row-name",
            )
        )
    return parts


def _column_names(
    names: Sequence[str],
    shown: Sequence[str],
    selected: Collection[str],
    left: float,
    top: float,
    cell: float,
    size: float,
    height: float,
) -> list[str]:
    return [
        text(
            left + (index + 0.5) * cell + size * 0.36,
            top - 5,
            fitted(short, height - 6, size),
            size=size,
            turn=-90.0,
            bold=name in selected,
            tip=short,
            kind="column-name",
        )
        for index, (name, short) in enumerate(zip(names, shown, strict=True))
    ]


def _dots(shown: Sequence[str], matrix: NDArray[np.float64], threshold: float, left: float, top: float, cell: float) -> list[str]:
    parts = []
    for (row, column), value in np.ndenumerate(matrix):
        if column >= row or not math.isfinite(value):
            continue
        radius = max(0.44 * cell * math.sqrt(abs(float(value))), 0.8)
        ring = abs(value) > threshold
        parts.append(
            element(
                "circle",
                element("title", plain(f"{shown[row]}, {shown[column]}: r = {fixed(float(value), 2)}")),
                cx=left + (column + 0.5) * cell,
                cy=top + (row + 0.5) * cell,
                r=radius,
                fill=as_hex(diverging(0.5 + 0.5 * float(value))),
                stroke=INK if ring else "#9a9a9a",
                stroke_width=1.7 if ring else 0.4,
                class_="pair",
            )
        )
    return parts


def _key(x: float, top: float, threshold: float) -> list[str]:
    colours = Colours("diverging", 1.0)
    scale = Scale(-1.0, 1.0, top + 116, top + 8)
    parts = []
    for value in (1.0, 0.5, 0.0, -0.5, -1.0):
        radius = max(0.44 * _CELL * math.sqrt(abs(value)), 0.8)
        ring = abs(value) > threshold
        parts.append(
            element(
                "circle",
                cx=x + 10,
                cy=scale(value),
                r=radius,
                fill=colours.of(value),
                stroke=INK if ring else "#9a9a9a",
                stroke_width=1.7 if ring else 0.4,
            )
        )
        parts.append(text(x + 26, scale(value) + 4, fixed(value, 1), size=SMALL - 1, colour=PALE_INK))
    return [*parts, text(x, top - 6, "Pearson r", size=SMALL, colour=PALE_INK)]


def selection_charts(selection: Selection, *, width: float = WIDE) -> tuple[str, str]:
    """Both figures of a selection by coefficient of variation."""
    scores = {candidate.name: candidate.score for candidate in selection.candidates}
    first = variation_chart(scores, selection.shortlist, width=width)
    second = correlation_chart(
        selection.shortlist, selection.correlation, selection.selected, threshold=selection.correlation_limit, width=width
    )
    return first, second
