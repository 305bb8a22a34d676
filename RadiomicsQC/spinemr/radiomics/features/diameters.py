"""Largest distances between the vertices of a surface or outline, exactly and without comparing each vertex with every other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull, QhullError

from spinemr.radiomics.region import Mask

Points = NDArray[np.float64]
Vertices = NDArray[np.intp]
FEW = 600
"""Of so many points each is simply compared with every other."""
ROWS = 256
"""How many points are compared with all others at once."""
DIRECTIONS = 16
"""Along which the width of a plane's points is measured; they then know its diameter to 0.5 %."""


def vertices_of(mask: Mask) -> Vertices:
    """The middles of edges between the mask and its surroundings, ``[vertex][axis]``, in half voxels.

    Left out are those between two others along every axis but one, such as inside a flat face: in every plane through them, and
    in space, one of their neighbours is further from any given point than they are.
    """
    padded = np.pad(mask, 1)
    found = []
    for axis in range(mask.ndim):
        crossed = np.diff(padded, axis=axis)
        between = np.zeros(crossed.shape, dtype=np.uint8)
        for along in range(mask.ndim):
            line = crossed.swapaxes(0, along)
            between.swapaxes(0, along)[1:-1] += line[:-2] & line[2:]
        places = np.argwhere(crossed & (between < mask.ndim - 1)) * 2
        places[:, axis] += 1
        found.append(places)
    return np.concatenate(found)


def diameter(points: Points) -> float:
    """The largest distance between two of the points ``[point][axis]``.

    Any pair of the points gives a lower bound. About its middle lies a ball around all points; a point nearer to the middle than
    the bound less the ball's radius has no other point at the bound's distance.
    """
    if len(points) <= FEW:
        return _compare_all(points)
    first, second = _distant_pair(points)
    bound = np.linalg.norm(first - second) * (1 - 1e-12)
    from_middle = np.linalg.norm(points - (first + second) / 2, axis=1)
    kept = points[from_middle >= bound - from_middle.max()]
    return _compare_all(_on_hull(kept) if len(kept) > FEW else kept)


def planar_diameter(vertices: Vertices, spacing_mm: tuple[float, float, float], axis: int) -> float:
    """The largest distance between two vertices of one plane across the axis; planes through voxels and between them.

    How wide a plane's points are along 16 directions bounds its diameter from above, so does the diagonal of the box around them:
    most planes need no closer look. Right to a billionth.
    """
    across = vertices[:, axis]
    order = np.argsort(across, kind="stable")
    in_plane = [other for other in range(3) if other != axis]
    points = vertices[order][:, in_plane] * (np.array(spacing_mm)[in_plane] / 2)
    starts = np.flatnonzero(np.diff(across[order], prepend=-1))
    angles = np.arange(DIRECTIONS) * np.pi / DIRECTIONS
    along = points @ np.array([np.cos(angles), np.sin(angles)])
    widths = np.maximum.reduceat(along, starts) - np.minimum.reduceat(along, starts)
    diagonals = np.hypot(widths[:, 0], widths[:, DIRECTIONS // 2])
    bounds = np.minimum(widths.max(axis=1) / np.cos(np.pi / (2 * DIRECTIONS)), diagonals)
    planes = np.split(points, starts[1:])
    largest = 0.0
    for plane in np.argsort(-bounds):
        if bounds[plane] <= largest * (1 + 1e-9):
            break
        largest = max(largest, diameter(planes[plane]))
    return largest


def _distant_pair(points: Points) -> tuple[Points, Points]:
    """Two points far apart: from one to the one furthest from it, and on, until that leads no further."""
    first, reached = points[np.argmax(np.linalg.norm(points - points.mean(axis=0), axis=1))], -1.0
    while True:
        distances = np.linalg.norm(points - first, axis=1)
        furthest = int(np.argmax(distances))
        if distances[furthest] <= reached:
            return first, points[furthest]
        first, reached = points[furthest], distances[furthest]


def _on_hull(points: Points) -> Points:
    """The corners of the convex hull; all points where they lie in a plane or on a line."""
    try:
        return points[ConvexHull(points).vertices]
    except QhullError:
        return points


def _compare_all(points: Points) -> float:
    """The largest distance between any two."""
    largest = 0.0
    for start in range(0, len(points), ROWS):
        rest = points[start:]
        squares = sum(np.subtract.outer(rest[:ROWS, axis], rest[:, axis]) ** 2 for axis in range(points.shape[1]))
        largest = max(largest, float(np.max(squares)))
    return float(np.sqrt(largest))
