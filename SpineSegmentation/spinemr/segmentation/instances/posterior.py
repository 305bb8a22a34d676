"""Posterior elements given to their vertebrae: along the bone from the pedicles, else by where they lie."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

from spinemr.segmentation.instances.geometry import BoolArray, ByteArray, IntArray, Points, Spacing, SpineCurve, points_of

LAMINA_BELOW = 0.3
"""Spinous process and laminae join the canal this share of a level below the middle of their body."""
PEDICLE_BELOW = 0.3
"""Pedicles leave the body in its upper part: contact farther below its middle (in levels) is a facet of the vertebra above."""
FARTHEST_MM = 85.0
_COARSE_MM = 1.3


def assign_posterior(
    mask: BoolArray, owners: ByteArray, centres: Points, curve: SpineCurve, level_mm: float, spacing_mm: Spacing
) -> ByteArray:
    """For each posterior voxel the place (1-based) of its vertebra in the chain.

    ``owners`` holds the place of the vertebra at each voxel of a body. Bone that a pedicle reaches goes to the vertebra nearest along
    the bone, so that touching facets are parted between their owners; bone no pedicle reaches (spinous processes in a
    midline slice) goes to the vertebra whose lamina should lie where its front edge does.
    """
    result = np.zeros(mask.shape, dtype=np.uint8)
    index = np.nonzero(mask)
    if not index[0].size:
        return result
    cells, inverse = _cells(index, spacing_mm, mask.shape)
    seeds = _seeds(index, owners, centres, level_mm, spacing_mm)
    place = _along_bone(cells, inverse, seeds, spacing_mm, mask.shape)
    along = curve.along(centres)
    pieces, _ = ndimage.label(mask & _scatter(place == 0, index, mask.shape), np.ones((3, 3, 3)))
    numbers = pieces[index]
    points = points_of(index, spacing_mm)
    for number in np.unique(numbers[numbers > 0]):
        chosen = numbers == number
        own = points[chosen]
        front = own[own[:, 1] <= np.percentile(own[:, 1], 25)].mean(axis=0, keepdims=True)
        expected = along + LAMINA_BELOW * level_mm
        place[chosen] = 1 + int(np.abs(expected - curve.along(front)[0]).argmin())
    result[index] = place
    return result


def _scatter(values: BoolArray, index: tuple[IntArray, ...], shape: tuple[int, ...]) -> BoolArray:
    volume = np.zeros(shape, dtype=bool)
    volume[index] = values
    return volume


def _steps(spacing_mm: Spacing) -> tuple[int, int, int]:
    slice_, row, column = (max(1, int(_COARSE_MM / spacing)) for spacing in spacing_mm)
    return slice_, row, column


def _cells(index: tuple[IntArray, ...], spacing_mm: Spacing, shape: tuple[int, ...]) -> tuple[IntArray, IntArray]:
    """Coarse cells that hold bone (flat numbers), and the cell of each voxel."""
    coarse = tuple(axis // step for axis, step in zip(index, _steps(spacing_mm), strict=True))
    flat = np.ravel_multi_index(coarse, _coarse_shape(spacing_mm, shape))
    cells, inverse = np.unique(flat, return_inverse=True)
    return cells.astype(np.intp), inverse.astype(np.intp)


def _coarse_shape(spacing_mm: Spacing, shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(size // step + 3 for size, step in zip(shape, _steps(spacing_mm), strict=True))


def _seeds(index: tuple[IntArray, ...], owners: ByteArray, centres: Points, level_mm: float, spacing_mm: Spacing) -> IntArray:
    """For each posterior voxel the place of the body it touches in its slice at the height of a pedicle, else 0."""
    reach = max(1, round(1.2 / spacing_mm[2]))
    seeds = np.zeros(index[0].size, dtype=np.intp)
    for row, column in ((0, -reach), (-reach, -reach), (reach, -reach), (-reach, 0), (reach, 0)):
        rows = np.clip(index[1] + row, 0, owners.shape[1] - 1)
        columns = np.clip(index[2] + column, 0, owners.shape[2] - 1)
        touched = owners[index[0], rows, columns]
        seeds = np.where(seeds == 0, touched, seeds)
    below = points_of(index, spacing_mm)[:, 2] - centres[np.maximum(seeds - 1, 0), 2]
    seeds[below > PEDICLE_BELOW * level_mm] = 0
    return seeds


def _along_bone(cells: IntArray, inverse: IntArray, seeds: IntArray, spacing_mm: Spacing, shape: tuple[int, ...]) -> IntArray:
    """The place of the nearest seed along the bone (0: none reaches)."""
    seeded = np.zeros(cells.size, dtype=np.intp)
    seeded[inverse[seeds > 0]] = seeds[seeds > 0]
    sources = np.flatnonzero(seeded)
    if sources.size == 0:
        return np.zeros(inverse.size, dtype=np.intp)
    graph = _graph(cells, spacing_mm, shape)
    distance, _, nearest = dijkstra(graph, directed=False, indices=sources, min_only=True, return_predecessors=True, limit=FARTHEST_MM)
    place = np.where(np.isfinite(distance), seeded[np.maximum(nearest, 0)], 0)
    result: IntArray = place[inverse].astype(np.intp)
    return result


def _graph(cells: IntArray, spacing_mm: Spacing, shape: tuple[int, ...]) -> csr_matrix:
    """Neighbouring cells (faces, and diagonals within the slice) joined by their distance in mm."""
    size = [step * spacing for step, spacing in zip(_steps(spacing_mm), spacing_mm, strict=True)]
    coarse = _coarse_shape(spacing_mm, shape)
    stride = (coarse[1] * coarse[2], coarse[2], 1)
    ends = []
    for move in ((0, 0, 1), (0, 1, 0), (0, 1, 1), (0, 1, -1), (1, 0, 0)):
        wanted = cells + sum(m * s for m, s in zip(move, stride, strict=True))
        found = np.minimum(np.searchsorted(cells, wanted), cells.size - 1)
        start = np.flatnonzero(cells[found] == wanted)
        length = float(np.linalg.norm(np.multiply(move, size)))
        ends.append((start, found[start], np.full(start.size, length)))
    starts, stops, lengths = (np.concatenate(part) for part in zip(*ends, strict=True))
    return csr_matrix((lengths, (starts, stops)), shape=(cells.size, cells.size))
