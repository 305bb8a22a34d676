"""Relative errors as a heat map: a table of numbers, and a chart of coloured squares over a table of its cells.

Slicer's charts know points, lines and bars but no heat map; squares in six classes of error, one series each, are one. A chart's
axes carry numbers only, so each square tells row, column and error under the mouse, and the table names its rows and columns.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spinemr.imaging.errors import InputError
from spinemr.scene.charts import Axis, Look, add_chart, add_series
from spinemr.scene.tables import add_table

if TYPE_CHECKING:
    import slicer

CLASSES_PERCENT = (2.0, 5.0, 10.0, 20.0, 50.0)
"""Upper bounds of the classes of error; what is above the last is the sixth."""

_COLOURS = (
    (0.993, 0.906, 0.144), (0.478, 0.821, 0.319), (0.135, 0.659, 0.518), (0.165, 0.472, 0.558), (0.254, 0.265, 0.530),
    (0.267, 0.005, 0.329),
)  # fmt: skip
"""Six steps of viridis: darker is worse, for every reader and in print."""

_MARKERS = (6.0, 24.0)
_CHART_WIDTH = 560.0
"""Points across a chart, of which each column gets its share."""


@dataclass(frozen=True)
class HeatMap:
    """The nodes of one heat map."""

    table: slicer.vtkMRMLTableNode
    """One row a method or structure, one column a feature, errors in percent."""
    cells: slicer.vtkMRMLTableNode
    """One row a cell: place, error and class; what the chart shows."""
    chart: slicer.vtkMRMLPlotChartNode


def add_heat_map(
    scene: slicer.vtkMRMLScene, title: str, rows: Sequence[str], columns: Sequence[str], errors: ArrayLike, *,
    row_title: str = "method", beside: slicer.vtkMRMLNode | None = None,
) -> HeatMap:  # fmt: skip
    """Relative errors (fractions; 0.1 is 10 %) with one row a method or structure and one column a feature; NaN stays empty."""
    percent = 100 * np.abs(np.asarray(errors, dtype=float))
    if percent.shape != (len(rows), len(columns)) or percent.size == 0:
        raise InputError("The relative errors do not fit the names of their rows and columns.")
    if not np.isfinite(percent).any():
        raise InputError("No relative error could be computed, so there is nothing to show.")
    listed = [
        {row_title: name, **{f"{column}_percent": _cell(value) for column, value in zip(columns, line, strict=True)}}
        for name, line in zip(rows, percent, strict=True)
    ]
    table = add_table(scene, title, listed, beside=beside)
    cells = add_table(scene, f"{title}: cells", _cells(rows, columns, percent), beside=beside)
    return HeatMap(table, cells, _chart(scene, title, cells, row_title, percent))


def _cells(rows: Sequence[str], columns: Sequence[str], percent: NDArray[np.float64]) -> list[dict[str, Any]]:
    """One line a cell; its row in the column of its class, the others empty, so that each class is a series."""
    found = []
    for row, column in np.argwhere(np.isfinite(percent)):
        value = float(percent[row, column])
        own = int(np.searchsorted(CLASSES_PERCENT, value, side="left"))
        heights = {name: float(len(rows) - row) if index == own else math.nan for index, name in enumerate(_names())}
        label = f"{rows[row]}, {columns[column]}: {value:.3g} %"
        found.append({"cell": label, "column": int(column) + 1, "error_percent": value, **heights})
    return found


def _chart(
    scene: slicer.vtkMRMLScene, title: str, cells: slicer.vtkMRMLTableNode, row_title: str, percent: NDArray[np.float64]
) -> slicer.vtkMRMLPlotChartNode:
    height, width = percent.shape
    size = float(np.clip(_CHART_WIDTH / width, *_MARKERS))
    series = [
        add_series(scene, name, cells, ("column", name), Look(colour, marker="square", marker_size=size), labels="cell")
        for name, colour in zip(_names(), _COLOURS, strict=True)
    ]
    x = Axis("Feature (column of the table)", (0.5, width + 0.5))
    y = Axis(f"{row_title.capitalize()} (first row of the table on top)", (0.5, height + 0.5))
    return add_chart(scene, title, series, x, y)


def _names() -> list[str]:
    """The names of the classes, from small to large errors."""
    lower = [0.0, *CLASSES_PERCENT]
    between = [f"{low:g} to {high:g} %" for low, high in zip(lower, CLASSES_PERCENT, strict=False)]
    return [*between, f"above {CLASSES_PERCENT[-1]:g} %"]


def _cell(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
