"""Values in a grid of coloured cells with their numbers: relative errors by method (Kim 2024, Fig. 11), correlations."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spinemr.radiomics.report.charts.palette import MISSING, as_hex, diverging, ink_on, sequential
from spinemr.radiomics.report.charts.panel import SMALL, TITLE_HEIGHT, WIDE, heading, nothing_to_show
from spinemr.radiomics.report.charts.scales import Scale, fixed, number, power_of_ten, tick_labels
from spinemr.radiomics.report.charts.svg import INK, PALE_INK, document, element, fitted, line, plain, text, text_width, wrapped

_BAR_ROOM = 74.0
"""Right of the cells: colour bar, its ticks and its title."""
_LARGEST_CELL = (110.0, 30.0)
_SMALLEST_CELL = 9.0
_STEEP_ABOVE = 64.0
"""Columns narrower than this have their names written upwards."""


@dataclass(frozen=True)
class Colours:
    """From values to colours: ``sequential`` from 0 to the limit, ``diverging`` from minus the limit to the limit."""

    kind: str
    limit: float

    def of(self, value: float) -> str:
        """The colour of a cell."""
        return as_hex(self.rgb(value)) if math.isfinite(value) else MISSING

    def rgb(self, value: float) -> tuple[int, int, int]:
        """The colour as red, green and blue."""
        if self.kind == "diverging":
            return diverging(min(max(0.5 + 0.5 * value / self.limit, 0.0), 1.0))
        return sequential(min(max(value / self.limit, 0.0), 1.0))


def heat_map(
    values: NDArray[np.floating],
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    title: str,
    unit: str,
    kind: str = "sequential",
    limit: float | None = None,
    digits: int | None = None,
    mark_smallest: bool = False,
    width: float = WIDE,
) -> str:
    """A grid of ``values[row][column]``; ``mark_smallest`` frames the value nearest to zero of each row.

    Without a ``limit`` the colours end at the 95th percentile of the magnitudes, and the colour bar says that some lie beyond.
    """
    grid = np.asarray(values, dtype=np.float64).reshape(len(rows), len(columns)) if rows and columns else np.empty((0, 0))
    if not grid.size:
        return document(width, 90.0, nothing_to_show(width, title, "There are no values to compare."), title=title)
    colours = Colours(kind, limit or _limit_of(grid))
    names_width = min(max(text_width(name, SMALL) for name in rows) + 10.0, 0.4 * width)
    cell_width = min(max((width - names_width - _BAR_ROOM) / len(columns), _SMALLEST_CELL), _LARGEST_CELL[0])
    cell_height = _LARGEST_CELL[1] if len(rows) <= 8 else 22.0 if len(rows) <= 40 else 17.0
    if len(columns) > 8:
        cell_height = min(cell_height, max(cell_width, _SMALLEST_CELL))
    names, names_height = _column_names(columns, names_width, cell_width)
    top = TITLE_HEIGHT + names_height
    cells = _cells(grid, colours, (names_width, top), (cell_width, cell_height), digits, (rows, columns), unit)
    frames = _frames(grid, (names_width, top), (cell_width, cell_height)) if mark_smallest and len(columns) > 1 else []
    size = min(SMALL, cell_height * 0.9)
    labels = [
        text(
            names_width - 6,
            top + (index + 0.5) * cell_height + size * 0.36,
            fitted(name, names_width - 8, size),
            anchor="end",
            size=size,
            tip=name,
            kind="row-name",
        )
        for index, name in enumerate(rows)
    ]
    grid_bottom = top + len(rows) * cell_height
    bar = _colour_bar(colours, grid, unit, names_width + len(columns) * cell_width + 14, top, max(grid_bottom - top, 110.0))
    total = max(names_width + len(columns) * cell_width + _BAR_ROOM, width)
    height = max(grid_bottom, top + 118.0) + 6
    shifted = element("g", *names, transform=f"translate(0 {TITLE_HEIGHT:g})")
    return document(total, height, [heading(title, total), shifted, *labels, *cells, *frames, *bar], title=title)


def _limit_of(grid: NDArray[np.float64]) -> float:
    magnitudes = np.abs(grid[np.isfinite(grid)])
    if not magnitudes.size or magnitudes.max() == 0:
        return 1.0
    largest, usual = float(magnitudes.max()), float(np.percentile(magnitudes, 95))
    chosen = largest if usual <= 0 or largest <= 2.0 * usual else usual
    step = 10.0 ** math.floor(math.log10(chosen))
    return next(
        factor * step for factor in (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0) if factor * step >= chosen * 0.999
    )


def _column_names(columns: Sequence[str], left: float, cell: float) -> tuple[list[str], float]:
    if cell >= _STEEP_ABOVE:
        rows = [wrapped(name, cell - 6, SMALL) for name in columns]
        tallest = max(len(lines) for lines in rows)
        parts = [
            text(
                left + (index + 0.5) * cell,
                13.0 * (tallest - len(lines) + number_ + 1),
                piece,
                anchor="middle",
                size=SMALL,
                tip=name,
                kind="column-name",
            )
            for index, (name, lines) in enumerate(zip(columns, rows, strict=True))
            for number_, piece in enumerate(lines)
        ]
        return parts, 13.0 * tallest + 6
    size = min(SMALL, cell * 0.9)
    height = min(max(text_width(name, size) for name in columns), 170.0)
    return [
        text(
            left + (index + 0.5) * cell + size * 0.36,
            height,
            fitted(name, height, size),
            size=size,
            turn=-90.0,
            tip=name,
            kind="column-name",
        )
        for index, name in enumerate(columns)
    ], height + 6


def _cells(
    grid: NDArray[np.float64],
    colours: Colours,
    corner: tuple[float, float],
    cell: tuple[float, float],
    digits: int | None,
    names: tuple[Sequence[str], Sequence[str]],
    unit: str,
) -> list[str]:
    parts = []
    for (row, column), value in np.ndenumerate(grid):
        x, y = corner[0] + column * cell[0], corner[1] + row * cell[1]
        shown = number(float(value)) if digits is None else fixed(float(value), digits)
        tip = element("title", f"{plain(names[0][row])}, {plain(names[1][column])}: {shown} {plain(unit)}")
        parts.append(
            element(
                "rect",
                tip,
                x=x,
                y=y,
                width=cell[0],
                height=cell[1],
                fill=colours.of(float(value)),
                stroke="#ffffff",
                class_="cell",
            )
        )
        size = min(SMALL, cell[1] * 0.62)
        if text_width(shown, size) <= cell[0] - 2 and size >= 7.0:
            ink = ink_on(colours.rgb(float(value))) if math.isfinite(value) else PALE_INK
            parts.append(
                text(x + cell[0] / 2, y + cell[1] / 2 + size * 0.36, shown, anchor="middle", size=size, colour=ink, kind="value")
            )
    return parts


def _frames(grid: NDArray[np.float64], corner: tuple[float, float], cell: tuple[float, float]) -> list[str]:
    parts = []
    for row, values in enumerate(np.abs(grid)):
        if not np.isfinite(values).any():
            continue
        column = int(np.nanargmin(values))
        x, y = corner[0] + column * cell[0], corner[1] + row * cell[1]
        parts.append(
            element(
                "rect", x=x + 2, y=y + 2, width=cell[0] - 4, height=cell[1] - 4, fill="none", stroke="#ffffff", stroke_width=3.5
            )
        )
        parts.append(
            element(
                "rect",
                x=x + 2,
                y=y + 2,
                width=cell[0] - 4,
                height=cell[1] - 4,
                fill="none",
                stroke=INK,
                stroke_width=1.8,
                class_="smallest",
            )
        )
    return parts


def _colour_bar(colours: Colours, grid: NDArray[np.float64], unit: str, x: float, top: float, length: float) -> list[str]:
    length = min(length, 260.0)
    low = -colours.limit if colours.kind == "diverging" else 0.0
    scale = Scale(low, colours.limit, top + length, top)
    steps = 64
    values = np.linspace(colours.limit, low, steps)
    parts = [
        element(
            "rect", x=x, y=top + index * length / steps, width=12.0, height=length / steps + 0.6, fill=colours.of(float(value))
        )
        for index, value in enumerate(values)
    ]
    parts.append(element("rect", x=x, y=top, width=12.0, height=length, fill="none", stroke=PALE_INK, stroke_width=0.8))
    beyond = bool(np.isfinite(grid).any()) and float(np.nanmax(np.abs(grid))) > colours.limit * 1.0001
    near = 0.12 * (colours.limit - low)
    ticks = [tick for tick in scale.ticks(4) if colours.limit - abs(tick) > near or tick == 0]
    ticks = [*([low] if low else []), *ticks, colours.limit]
    labels, power = tick_labels(ticks)
    for tick, label in zip(ticks, labels, strict=True):
        sign = ("≥" if tick > 0 else "≤") if beyond and math.isclose(abs(tick), colours.limit) else ""
        y = scale(tick)
        parts += [
            line(x + 12, y, x + 15, y, colour=PALE_INK),
            text(x + 17, y + 4, sign + label, size=SMALL - 1, colour=PALE_INK, kind="bar-tick"),
        ]
    titled = f"{unit} ({power_of_ten(power)})" if power else unit
    return [
        *parts,
        text(
            x + 56,
            top + length / 2,
            fitted(titled, length + 30, SMALL),
            anchor="middle",
            size=SMALL,
            turn=-90.0,
            kind="bar-title",
        ),
    ]
