"""Posterior elements given to their vertebrae: along the bone from the pedicles, else by where they lie."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

from spinemr.segmentation.instances.geometry import BoolArray, ByteArray, IntArray, Points, Spacing, SpineCurve, points_of

LAMINA_BELOW = 0.25
"""In midline slices the front edge of the laminae lies this share of a level below the middle of their body."""
PROCESS_ABOVE = 0.1
"""In lateral slices articular and transverse processes start this share of a level above it."""
PEDICLE_BELOW = 0.3
"""Pedicles leave the body in its upper part: contact farther below its middle (in levels) is a facet of the vertebra above."""
SINGLE_EXTENT = 1.3
"""An area of a slice longer than this many levels is bone of several vertebrae."""
MAJORITY = 0.6
FARTHEST_MM = 85.0
DOWNWARD_COST, UPWARD_COST = 0.7, 1.5
"""From its pedicle a vertebra reaches farther down (lower articular process, about 30 mm) than up (about 14 mm)."""
_COARSE_MM = 1.3


@dataclass(frozen=True)
class Levels:
    """Where the vertebrae of the chain lie, one place after the other from head to foot."""

    centres: Points
    curve: SpineCurve
    level_mm: float


def assign_posterior(mask: BoolArray, owners: ByteArray, canal: BoolArray, levels: Levels, spacing_mm: Spacing) -> ByteArray:
    """For each posterior voxel the place (1-based) of its vertebra in the chain.

    ``owners`` holds the place of the vertebra at each voxel of a body. Two things are known: bone that touches a body at the
    height of a pedicle is that vertebra's, and so is an area behind the canal whose front edge lies where its lamina should.
    From these the places spread along the bone, so that touching facets are parted between their owners; what nothing
    reaches goes by its height.
    """
    result = np.zeros(mask.shape, dtype=np.uint8)
    index = np.nonzero(mask)
    if not index[0].size:
        return result
    area, midline = _areas(mask, canal)[index], _midline_slices(canal)[index[0]]
    seeds = _seeds(index, owners, levels, spacing_mm)
    expected, single = _by_height(index, area, midline, levels, spacing_mm)
    behind = midline & single & ~_any_in_area(seeds > 0, area)
    seeds = np.where(behind, expected, seeds)
    cells, inverse = _cells(index, spacing_mm, mask.shape)
    place = _along_bone(cells, inverse, seeds, spacing_mm, mask.shape)
    place = np.where(place == 0, expected, place)
    result[index] = _by_majority(place, area, single)
    return result


def _areas(mask: BoolArray, canal: BoolArray) -> NDArray[np.int32]:
    """Connected areas of each slice, numbered through the volume."""
    within_slice = np.zeros((3, 3, 3), dtype=bool)
    within_slice[1] = True
    areas, _ = ndimage.label(mask & ~canal, within_slice)
    return np.asarray(areas, dtype=np.int32)


def _midline_slices(canal: BoolArray) -> BoolArray:
    """Slices that show at least half as much canal as the one that shows most (all of them where no canal was seen)."""
    area = canal.sum(axis=(1, 2))
    midline: BoolArray = area >= 0.5 * area.max()
    return midline


def _by_height(
    index: tuple[IntArray, ...], area: NDArray[np.int32], midline: BoolArray, levels: Levels, spacing_mm: Spacing
) -> tuple[IntArray, BoolArray]:
    """For each voxel the place its area's front edge speaks for, and whether the area is no longer than one vertebra's."""
    numbers, first, inverse = np.unique(area, return_index=True, return_inverse=True)
    points = points_of(index, spacing_mm)
    front = np.full(numbers.size, np.inf)
    np.minimum.at(front, inverse, points[:, 1])
    near = points[:, 1] <= front[inverse] + 4.0
    weight = np.bincount(inverse[near], minlength=numbers.size)
    edge = np.stack(
        [np.bincount(inverse[near], weights=points[near, axis], minlength=numbers.size) / weight for axis in range(3)], axis=1
    )
    offset = np.where(midline[first], -LAMINA_BELOW, PROCESS_ABOVE) * levels.level_mm
    gap = np.abs(levels.curve.along(levels.centres)[None] - (levels.curve.along(edge) + offset)[:, None])
    top, bottom = np.full(numbers.size, np.inf), np.full(numbers.size, -np.inf)
    np.minimum.at(top, inverse, points[:, 2])
    np.maximum.at(bottom, inverse, points[:, 2])
    single = bottom - top < SINGLE_EXTENT * levels.level_mm
    return (1 + gap.argmin(axis=1))[inverse], single[inverse]


def _any_in_area(chosen: BoolArray, area: NDArray[np.int32]) -> BoolArray:
    """For each voxel whether any voxel of its area is chosen."""
    found: BoolArray = np.bincount(area, weights=chosen)[area] > 0
    return found


def _by_majority(place: IntArray, area: NDArray[np.int32], single: BoolArray) -> IntArray:
    """An area no longer than one vertebra goes as a whole to the vertebra that has most of it."""
    votes = np.zeros((int(area.max()) + 1, int(place.max()) + 1), dtype=np.intp)
    np.add.at(votes, (area, place), 1)
    winner, share = votes.argmax(axis=1), votes.max(axis=1) / np.maximum(votes.sum(axis=1), 1)
    result: IntArray = np.where(single & (share[area] >= MAJORITY), winner[area], place)
    return result


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


def _seeds(index: tuple[IntArray, ...], owners: ByteArray, levels: Levels, spacing_mm: Spacing) -> IntArray:
    """For each posterior voxel the place of the body it touches in its slice at the height of a pedicle, else 0."""
    reach = max(1, round(1.2 / spacing_mm[2]))
    seeds = np.zeros(index[0].size, dtype=np.intp)
    for row, column in ((0, -reach), (-reach, -reach), (reach, -reach), (-reach, 0), (reach, 0)):
        rows = np.clip(index[1] + row, 0, owners.shape[1] - 1)
        columns = np.clip(index[2] + column, 0, owners.shape[2] - 1)
        touched = owners[index[0], rows, columns]
        seeds = np.where(seeds == 0, touched, seeds)
    below = points_of(index, spacing_mm)[:, 2] - levels.centres[np.maximum(seeds - 1, 0), 2]
    seeds[below > PEDICLE_BELOW * levels.level_mm] = 0
    return seeds


def _along_bone(cells: IntArray, inverse: IntArray, seeds: IntArray, spacing_mm: Spacing, shape: tuple[int, ...]) -> IntArray:
    """The place of the nearest seed along the bone (0: none reaches)."""
    seeded = np.zeros(cells.size, dtype=np.intp)
    seeded[inverse[seeds > 0]] = seeds[seeds > 0]
    sources = np.flatnonzero(seeded)
    if sources.size == 0:
        return np.zeros(inverse.size, dtype=np.intp)
    graph = _graph(cells, spacing_mm, shape)
    distance, _, nearest = dijkstra(graph, indices=sources, min_only=True, return_predecessors=True, limit=FARTHEST_MM)
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
        down, up = (DOWNWARD_COST, UPWARD_COST) if move[1] else (1.0, 1.0)
        ends.append((start, found[start], np.full(start.size, length * down)))
        ends.append((found[start], start, np.full(start.size, length * up)))
    starts, stops, lengths = (np.concatenate(part) for part in zip(*ends, strict=True))
    return csr_matrix((lengths, (starts, stops)), shape=(cells.size, cells.size))
