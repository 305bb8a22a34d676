"""Whether anatomy lies elsewhere in a harmonized image than in the original: a search for movement, block by block.

What is matched are edge fields (:class:`spinemr.radiomics.preservation.gradients.Edges`), not grey values: a change of
contrast, monotone or not, leaves them where they are. Movement within slices is looked for; slices are harmonized one by one
or together, but none of the methods could move anatomy across them without moving it inside.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spinemr.radiomics.preservation.gradients import Edges, Values, edges_of


@dataclass(frozen=True)
class Search:
    """How movement is looked for."""

    reach_mm: float = 4.0
    """Farthest movement that is tried, along rows and columns."""
    cell_mm: float = 2.5
    """Distance of the places that are asked."""
    window_mm: float = 4.0
    """Gaussian radius of the surroundings that have to agree."""
    inertia: float = 0.06
    """What a movement over the whole reach costs of the correlation: along a straight edge nothing else holds a match."""
    least_gain: float = 0.05
    """Movement counts where it betters the correlation by so much, and by ``gain_of_rest`` of what is missing to 1."""
    gain_of_rest: float = 0.25
    least_match: float = 0.35
    """Places are judged where the best match correlates so well; elsewhere the images show different things."""
    least_power: float = 0.02
    """Places are judged where edges of this mean squared strength are around in both images."""


SEARCH = Search()


@dataclass(frozen=True)
class Movement:
    """Movement found in one slice."""

    rows_mm: Values
    """Downward, of each pixel's surroundings."""
    columns_mm: Values
    judged: NDArray[np.bool_]
    """Where both images have edges enough to say, and the search does not leave the slice; movement is 0 elsewhere."""

    @property
    def length_mm(self) -> Values:
        """How far, at each pixel."""
        return np.hypot(self.rows_mm, self.columns_mm)


def movement(
    original: NDArray[Any], harmonized: NDArray[Any], spacing_mm: tuple[float, float], search: Search = SEARCH
) -> Movement:
    """Where the surroundings of each pixel of a slice went."""
    return movement_of_edges(edges_of(original, spacing_mm), edges_of(harmonized, spacing_mm), spacing_mm, search)


def movement_of_edges(one: Edges, other: Edges, spacing_mm: tuple[float, float], search: Search = SEARCH) -> Movement:
    """Where one edge field is found in another: the shift of best local correlation, refined by a parabola."""
    cells = _Cells.of(one.power.shape, spacing_mm, search)
    reach = [max(1, round(search.reach_mm / step)) for step in spacing_mm]
    scores, power = _correlations(one, other, reach, cells)
    rows, columns, judged = _best(scores, power, reach, spacing_mm, search)
    shape = one.power.shape
    inner = np.zeros(shape, dtype=bool)
    inner[reach[0] : shape[0] - reach[0], reach[1] : shape[1] - reach[1]] = True
    seen = cells.repeat(judged, shape) & inner
    return Movement(np.where(seen, cells.spread(rows, shape), 0), np.where(seen, cells.spread(columns, shape), 0), seen)


@dataclass(frozen=True)
class _Cells:
    """The grid of blocks sums are taken over."""

    size: tuple[int, int]
    sigma: tuple[float, float]

    @classmethod
    def of(cls, shape: tuple[int, ...], spacing_mm: tuple[float, float], search: Search) -> _Cells:
        size = [max(1, min(extent, round(search.cell_mm / step))) for extent, step in zip(shape, spacing_mm, strict=True)]
        sigma = [search.window_mm / (cell * step) for cell, step in zip(size, spacing_mm, strict=True)]
        return cls((size[0], size[1]), (sigma[0], sigma[1]))

    def mean(self, values: Values) -> Values:
        """Weighted mean of the surroundings of each cell, of one slice or of many ``[...][row][column]``."""
        rows, columns = self.size
        others = values.ndim - 2
        ends = [(0, -extent % size) for extent, size in zip(values.shape[others:], self.size, strict=True)]
        padded = np.pad(values, [(0, 0)] * others + ends)
        # Every pixel of a block in its turn, for all blocks at once: three times as fast as a mean over short axes.
        parts = [padded[..., row::rows, column::columns] for row in range(rows) for column in range(columns)]
        blocks = sum(parts[1:], parts[0]) / np.float32(len(parts))
        sigma = [0.0] * others + list(self.sigma)
        return np.asarray(ndimage.gaussian_filter(blocks, sigma, mode="constant", truncate=3), dtype=np.float32)

    def around(self, values: Values) -> Values:
        """Weighted mean of the surroundings of each pixel."""
        sigma = [math.sqrt(size**2 * (spread**2 + 1 / 12)) for size, spread in zip(self.size, self.sigma, strict=True)]
        return np.asarray(ndimage.gaussian_filter(values, sigma, mode="constant", truncate=3), dtype=np.float32)

    def centres(self, values: Values) -> Values:
        """The pixels in the middle of each cell, of one slice or of many."""
        places = [
            np.minimum(np.arange(0, extent, size) + size // 2, extent - 1)
            for extent, size in zip(values.shape[-2:], self.size, strict=True)
        ]
        return values[(..., *np.ix_(*places))]

    def spread(self, cells: Values, shape: tuple[int, ...]) -> Values:
        """Values of cells on pixels, linear between the cells' centres."""
        centres = [
            np.clip((np.arange(extent) + 0.5) / size - 0.5, 0, count - 1)
            for extent, size, count in zip(shape, self.size, cells.shape, strict=True)
        ]
        return np.asarray(ndimage.map_coordinates(cells, np.meshgrid(*centres, indexing="ij"), order=1), dtype=np.float32)

    def repeat(self, cells: NDArray[np.bool_], shape: tuple[int, ...]) -> NDArray[np.bool_]:
        """Cells on pixels."""
        return np.kron(cells, np.ones(self.size, dtype=bool))[: shape[0], : shape[1]]


def _correlations(one: Edges, other: Edges, reach: list[int], cells: _Cells) -> tuple[Values, Values]:
    """Correlation of every cell for every shift ``[row shift][column shift][cell row][cell column]``, and the lesser power."""
    down, across = reach
    rows, columns = one.power.shape
    padding = [(down, down), (across, across)]
    cosine, sine = np.pad(other.cosine, padding), np.pad(other.sine, padding)
    own = cells.mean(one.power)
    power = cells.around(np.pad(other.power, padding))
    scores = np.zeros((2 * down + 1, 2 * across + 1, *own.shape), dtype=np.float32)
    for i in range(2 * down + 1):
        beside = [_moved_across(values[i : i + rows], columns) for values in (cosine, sine, power)]
        product = cells.mean(one.cosine * beside[0] + one.sine * beside[1])
        scores[i] = product / np.sqrt(np.maximum(own * cells.centres(beside[2]), 1e-8))
    return scores, np.minimum(own, cells.centres(power[down : down + rows, across : across + columns]))


def _moved_across(values: Values, columns: int) -> Values:
    """Views of so many columns, one after the other: ``[column shift][row][column]``."""
    return np.moveaxis(np.lib.stride_tricks.sliding_window_view(values, columns, axis=1), 1, 0)


def _best(
    scores: Values, power: Values, reach: list[int], spacing_mm: tuple[float, float], search: Search
) -> tuple[Values, Values, NDArray[np.bool_]]:
    """Movement of every cell in mm (0 where staying is as good), and which cells can be judged."""
    down, across = reach
    far = np.hypot.outer(np.arange(-down, down + 1) / down, np.arange(-across, across + 1) / across) ** 2
    weighed = scores - search.inertia * far[:, :, None, None].astype(np.float32)
    flat = weighed.reshape(-1, *power.shape)
    place = flat.argmax(axis=0)
    i, j = np.unravel_index(place, weighed.shape[:2])
    cell = np.indices(power.shape)
    match = scores[i, j, cell[0], cell[1]]
    judged = (power > search.least_power) & (match > search.least_match)
    moved = judged & (flat.max(axis=0) - scores[down, across] > search.least_gain + search.gain_of_rest * (1 - match))
    fine_i = i + _vertex(weighed, i, j, cell, 0) - down
    fine_j = j + _vertex(weighed, i, j, cell, 1) - across
    rows, columns = np.where(moved, fine_i, 0) * spacing_mm[0], np.where(moved, fine_j, 0) * spacing_mm[1]
    return rows.astype(np.float32), columns.astype(np.float32), judged


def _vertex(scores: Values, i: NDArray[Any], j: NDArray[Any], cell: NDArray[Any], axis: int) -> NDArray[Any]:
    """Offset of the top of the parabola through the best shift and its two neighbours along an axis."""
    limit = scores.shape[axis] - 1
    at = [i, j][axis]

    def score(step: int) -> NDArray[Any]:
        moved = np.clip(at + step, 0, limit)
        return np.asarray(scores[moved, j, cell[0], cell[1]] if axis == 0 else scores[i, moved, cell[0], cell[1]])

    before, here, after = score(-1), score(0), score(1)
    bend = before - 2 * here + after
    offset = np.where(bend < 0, 0.5 * (before - after) / np.minimum(bend, -1e-6), 0.0)
    return np.where((at == 0) | (at == limit), 0.0, np.clip(offset, -0.5, 0.5))
