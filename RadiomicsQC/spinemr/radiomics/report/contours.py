"""Outlines of labels as closed lines, by marching squares (Lorensen & Cline 1987, in two dimensions)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Line = list[tuple[float, float]]
_Edge = tuple[int, int, int]

_TOP, _RIGHT, _BOTTOM, _LEFT = range(4)
_SEGMENTS: dict[int, tuple[tuple[int, int], ...]] = {
    1: ((_TOP, _LEFT),),
    2: ((_RIGHT, _TOP),),
    3: ((_RIGHT, _LEFT),),
    4: ((_BOTTOM, _RIGHT),),
    5: ((_TOP, _LEFT), (_BOTTOM, _RIGHT)),
    6: ((_BOTTOM, _TOP),),
    7: ((_BOTTOM, _LEFT),),
    8: ((_LEFT, _BOTTOM),),
    9: ((_TOP, _BOTTOM),),
    10: ((_RIGHT, _TOP), (_LEFT, _BOTTOM)),
    11: ((_RIGHT, _BOTTOM),),
    12: ((_LEFT, _RIGHT),),
    13: ((_TOP, _RIGHT),),
    14: ((_LEFT, _TOP),),
}
"""From which side of a cell to which the line runs, the inside at its right; the four bits are the cell's corners."""

_SMOOTHING = 0.5
"""Pixels: takes the staircase out of an outline; a lone pixel stays (its share remains 0.62)."""


def label_outlines(labels: NDArray[Any], label: int) -> list[Line]:
    """The outlines of one label of a slice as closed lines of ``(x, y)`` in pixels, 0 at the outer edge of the first pixel."""
    inside = labels == label
    found = ndimage.find_objects(inside.astype(np.uint8))
    if not found:
        return []
    rows, columns = found[0]
    share = np.pad(inside[rows, columns].astype(np.float64), 3)
    lines = level_lines(ndimage.gaussian_filter(share, _SMOOTHING, truncate=2.0), 0.5)
    dx, dy = columns.start - 3 + 0.5, rows.start - 3 + 0.5
    return [[(x + dx, y + dy) for x, y in line] for line in lines]


def level_lines(values: NDArray[np.float64], level: float) -> list[Line]:
    """Closed lines along which a field has a level, in pixel centres' coordinates; the field lies below it at its rim."""
    inside = values >= level
    bits = inside[:-1, :-1] + 2 * inside[:-1, 1:] + 4 * inside[1:, 1:] + 8 * inside[1:, :-1]
    following: dict[_Edge, _Edge] = {}
    for row, column in np.argwhere((bits > 0) & (bits < 15)).tolist():
        for start, stop in _SEGMENTS[int(bits[row, column])]:
            following[_edge(row, column, start)] = _edge(row, column, stop)
    lines = []
    while following:
        first, edge = following.popitem()
        line = [_crossing(values, first, level)]
        while edge != first:
            line.append(_crossing(values, edge, level))
            edge = following.pop(edge)
        lines.append(line)
    return lines


def _edge(row: int, column: int, side: int) -> _Edge:
    """A side of a cell as (row, column, direction): 0 to the right, 1 downwards; neighbours name it alike."""
    if side == _TOP:
        return row, column, 0
    if side == _BOTTOM:
        return row + 1, column, 0
    return (row, column, 1) if side == _LEFT else (row, column + 1, 1)


def _crossing(values: NDArray[np.float64], edge: _Edge, level: float) -> tuple[float, float]:
    row, column, direction = edge
    here = float(values[row, column])
    there = float(values[row + 1, column] if direction else values[row, column + 1])
    share = (level - here) / (there - here) if there != here else 0.5
    return (float(column), row + share) if direction else (column + share, float(row))
