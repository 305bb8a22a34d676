"""Features of the neighbouring grey tone difference matrix: levels against the mean of their neighbours (IBSI 3.10).

For each level i: ``n_i`` voxels, a share ``p_i`` of all, and ``s_i``, the sum over them of ``|i - mean of the neighbours|``.
pyradiomics counts voxels without neighbours in ``n_i``, with a difference of 0; IBSI leaves them out, and so do the aggregations
named after it. Names are pyradiomics', codes in brackets the IBSI reference manual's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

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
        ranks = lattice.ranks[lattice.places]
        total, count = _neighbours(lattice, settings.distances)
        lonely = count == 0
        difference = np.abs(lattice.values[ranks - 1] - total / np.where(lonely, 1, count))
        difference[lonely] = 0.0
        differences = np.bincount(ranks, difference, len(lattice.values) + 1)[1:].astype(np.float64)
        voxels = lattice.voxels.astype(np.float64)
        if settings.aggregation != "default":
            voxels -= np.bincount(ranks[lonely], minlength=len(voxels) + 1)[1:]
        there = voxels > 0
        yield ToneDifferences(lattice.values[there], voxels[there], differences[there])


def _neighbours(lattice: Lattice, distances: tuple[int, ...]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Of each voxel of the mask the sum of the levels of its neighbours, and their number; added up as one number."""
    most = (2 * max(distances) + 1) ** 3 * len(set(distances))
    shift = (most * lattice.highest).bit_length()
    kind = np.int32 if shift + most.bit_length() < 31 else np.int64
    packed = (np.concatenate([[0], lattice.values.astype(np.int64) + (1 << shift)])).astype(kind)
    row = packed[lattice.ranks]
    found = sum((_box(row, lattice, reach) - _box(row, lattice, reach - 1) for reach in set(distances)), np.zeros_like(row))
    here = found[lattice.places].astype(np.int64)
    return here & ((1 << shift) - 1), here >> shift


def _box(row: NDArray[Any], lattice: Lattice, reach: int) -> NDArray[Any]:
    """Sums over the box of all voxels up to ``reach`` away, along one axis after the other."""
    sums = row
    for stride, margin in zip(lattice.strides, lattice.margin, strict=True):
        line = sums
        for step in range(1, min(reach, margin) + 1):
            sums = sums.copy() if sums is line else sums
            sums[: -step * stride] += line[step * stride :]
            sums[step * stride :] += line[: -step * stride]
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
