"""Features of the neighbouring grey tone difference matrix: levels against the mean of their neighbours (IBSI 3.10).

For each level i: ``n_i`` voxels, a share ``p_i`` of all, and ``s_i``, the sum over them of ``|i - mean of the neighbours|``.
pyradiomics counts voxels without neighbours in ``n_i``, with a difference of 0; IBSI leaves them out, and so do the aggregations
named after it. Names are pyradiomics', codes in brackets the IBSI reference manual's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from spinemr.radiomics.features.discretization import Levels
from spinemr.radiomics.features.evaluation import Array, averaged, chosen
from spinemr.radiomics.features.lattice import Lattice, uniting
from spinemr.radiomics.region import Region
from spinemr.radiomics.settings import Settings

NO_DIFFERENCE = 1e6
"""The coarseness of a region in which no voxel differs from its neighbours (pyradiomics; IBSI leaves it open)."""


@dataclass(frozen=True, eq=False)
class ToneDifferences:
    """The columns of one matrix, of the levels that occur."""

    levels: Array
    voxels: Array
    """``n_i``."""
    differences: Array
    """``s_i``."""

    @cached_property
    def shares(self) -> Array:
        """``p_i``."""
        shares: Array = self.voxels / self.voxels.sum()
        return shares

    @cached_property
    def gaps(self) -> Array:
        """``i - j`` of all pairs of levels."""
        return self.levels[:, None] - self.levels


def ngtdm_features(  # one signature for all families
    levels: Levels,
    region: Region,  # noqa: ARG001
    settings: Settings,
    wanted: tuple[str, ...] = (),
) -> dict[str, float]:
    """The wanted features, or all 5."""
    return averaged(tone_differences(levels, settings), _FORMULAS, chosen("ngtdm", wanted, NAMES))


def tone_differences(levels: Levels, settings: Settings) -> Iterator[ToneDifferences]:
    """The matrices of a region: one, or one a slice (2D)."""
    how = uniting(settings)
    whole = levels.lattice(max(settings.distances), how.slice_axis)
    for lattice in whole.slices() if how.by_slice else (whole,):
        inside = np.flatnonzero(lattice.ranks)
        ranks = lattice.ranks[inside]
        own = lattice.values[ranks - 1]
        total, count = _neighbours(lattice, settings.distances)[:, inside]
        difference = np.where(count > 0, np.abs(own - total / np.maximum(count, 1)), 0.0)
        counted = np.ones(len(own)) if settings.aggregation == "default" else (count > 0).astype(np.float64)
        edge = len(lattice.values) + 1
        voxels = np.bincount(ranks, counted, edge)[1:].astype(np.float64)
        differences = np.bincount(ranks, difference, edge)[1:].astype(np.float64)
        there = voxels > 0
        yield ToneDifferences(lattice.values[there], voxels[there], differences[there])


def _neighbours(lattice: Lattice, distances: tuple[int, ...]) -> NDArray[np.int32]:
    """The sum of the levels of all neighbours and their number; what stands at voxels outside the mask means nothing."""
    levels = np.concatenate([[0.0], lattice.values]).astype(np.int32)[lattice.ranks]
    row = np.stack([levels, (lattice.ranks > 0).astype(np.int32)])
    found = np.zeros_like(row)
    for distance in sorted(set(distances)):
        found += _box(row, lattice, distance) - _box(row, lattice, distance - 1)
    return found


def _box(row: NDArray[np.int32], lattice: Lattice, reach: int) -> NDArray[np.int32]:
    """Sums over the box of all voxels up to ``reach`` away, along one axis after the other."""
    sums = row
    for stride, margin in zip(lattice.strides, lattice.margin, strict=True):
        line = sums
        for step in range(1, min(reach, margin) + 1):
            sums = sums.copy() if sums is line else sums
            sums[:, : -step * stride] += line[:, step * stride :]
            sums[:, step * stride :] += line[:, : -step * stride]
    return sums


def coarseness(matrix: ToneDifferences) -> Array:
    """``1 / sum_i p_i s_i`` [QCDE]."""
    busy = float(matrix.shares @ matrix.differences)
    return np.array([1 / busy if busy else NO_DIFFERENCE])


def contrast(matrix: ToneDifferences) -> Array:
    """``sum_ij p_i p_j (i - j)^2 / (N_g (N_g - 1)) * sum_i s_i / N`` [65HE], of ``N_g`` levels that occur; 0 for one level."""
    count = len(matrix.levels)
    if count < 2:
        return np.zeros(1)
    spread = float(matrix.shares @ matrix.gaps**2 @ matrix.shares) / (count * (count - 1))
    return np.array([spread * matrix.differences.sum() / matrix.voxels.sum()])


def busyness(matrix: ToneDifferences) -> Array:
    """``sum_i p_i s_i / sum_ij |i p_i - j p_j|`` [NQ30]; 0 where the denominator is."""
    weighted = matrix.levels * matrix.shares
    apart = float(np.abs(weighted[:, None] - weighted).sum())
    return np.array([float(matrix.shares @ matrix.differences) / apart if apart else 0.0])


def complexity(matrix: ToneDifferences) -> Array:
    """``sum_ij |i - j| (p_i s_i + p_j s_j) / (p_i + p_j) / N`` [HDEZ]."""
    if not len(matrix.levels):
        return np.zeros(1)
    busy = matrix.shares * matrix.differences
    pairs = np.abs(matrix.gaps) * (busy[:, None] + busy) / (matrix.shares[:, None] + matrix.shares)
    return np.array([pairs.sum() / matrix.voxels.sum()])


def strength(matrix: ToneDifferences) -> Array:
    """``sum_ij (p_i + p_j) (i - j)^2 / sum_i s_i`` [1X9X]; 0 where the denominator is."""
    total = float(matrix.differences.sum())
    pairs = (matrix.shares[:, None] + matrix.shares) * matrix.gaps**2
    return np.array([float(pairs.sum()) / total if total else 0.0])


_FORMULAS: dict[str, Callable[[ToneDifferences], Array]] = {
    "Busyness": busyness,
    "Coarseness": coarseness,
    "Complexity": complexity,
    "Contrast": contrast,
    "Strength": strength,
}
NAMES = tuple(_FORMULAS)
"""All that pyradiomics computes, in the order in which it gives them."""
