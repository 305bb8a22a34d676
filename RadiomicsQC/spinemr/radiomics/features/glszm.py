"""Features of the grey level size zone matrix: connected voxels of one level (IBSI 3.8).

Names are pyradiomics', codes in brackets the IBSI reference manual's. Voxels that share a corner are connected (26 neighbours in
3D, 8 in 2D).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph

from spinemr.radiomics.features.discretization import Levels
from spinemr.radiomics.features.evaluation import Array, averaged, chosen
from spinemr.radiomics.features.lattice import Lattice, Ranks, uniting
from spinemr.radiomics.features.size_matrix import SizeMatrices
from spinemr.radiomics.region import Region
from spinemr.radiomics.settings import Settings

Bools = NDArray[np.bool_]


def glszm_features(  # one signature for all families
    levels: Levels,
    region: Region,  # noqa: ARG001
    settings: Settings,
    wanted: tuple[str, ...] = (),
) -> dict[str, float]:
    """The wanted features, or all 16."""
    return averaged(size_zones(levels, settings), _FORMULAS, chosen("glszm", wanted, NAMES))


def size_zones(levels: Levels, settings: Settings) -> Iterator[SizeMatrices]:
    """The zone matrices of a region: one, or one a slice (2D)."""
    how = uniting(settings)
    whole = levels.lattice(1, how.slice_axis)
    for lattice in whole.slices() if how.by_slice else (whole,):
        ranks, sizes = _zones(lattice)
        there = np.zeros(int(sizes.max()) + 1, dtype=bool)
        there[sizes] = True
        occurring = np.flatnonzero(there)
        codes = (ranks.astype(np.intp) - 1) * len(occurring) + (np.cumsum(there) - 1)[sizes]
        counts = np.bincount(codes, minlength=len(lattice.values) * len(occurring)).astype(np.float64)
        yield SizeMatrices(counts.reshape(1, -1, len(occurring)), lattice.values, occurring.astype(np.float64))


def _zones(lattice: Lattice) -> tuple[Ranks, NDArray[np.intp]]:
    """The rank and the size of every zone: runs of voxels joined by where they touch runs of the same rank."""
    ranks = lattice.ranks
    inside = lattice.inside
    joined = np.zeros(len(ranks), dtype=bool)
    if any(lattice.margin):
        joined[1:] = (ranks[1:] == ranks[:-1]) & inside[1:]
    begins = inside & ~joined
    run = np.cumsum(begins, dtype=np.int32) - 1
    starts = np.flatnonzero(begins)
    lengths = np.flatnonzero(inside & ~np.append(joined[1:], False)) - starts + 1
    one, other = _contacts(lattice, joined)
    graph = sparse.coo_array((np.ones(len(one), np.int8), (run[one], run[other])), shape=(len(starts), len(starts)))
    count, zone = csgraph.connected_components(graph, directed=False)
    rank = np.zeros(count, ranks.dtype)
    rank[zone] = ranks[starts]
    return rank, np.bincount(zone, lengths, count).astype(np.intp)


def _contacts(lattice: Lattice, joined: Bools) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Pairs of touching voxels of one rank, each pair of runs once for every stretch along which they touch.

    Runs lie along the last axis that is longer than a voxel; ``joined`` says that a voxel continues the run of the one before it.
    """
    ranks = lattice.ranks
    longer = [axis for axis, margin in zip(lattice.axes, lattice.margin, strict=True) if margin]
    ones, others = [np.empty(0, np.intp)], [np.empty(0, np.intp)]
    for steps, stride in lattice.directions():
        if stride == 1:
            continue
        equal = (ranks[:-stride] == ranks[stride:]) & lattice.inside[:-stride]
        here, there = joined[:-stride], joined[stride:]
        if steps[longer[-1]] == 0:  # straight across: touching already one voxel earlier?
            equal &= ~(here & there)
        elif steps[longer[-1]] == 1:  # obliquely ahead: straight across from the next voxel, or to the one before?
            equal &= ~there
            equal[:-1] &= ~here[1:]
        else:  # obliquely back: straight across from the voxel before, or to the next?
            equal &= ~here
            equal[:-1] &= ~there[1:]
        ones.append(np.flatnonzero(equal))
        others.append(ones[-1] + stride)
    return np.concatenate(ones), np.concatenate(others)


_FORMULAS: dict[str, Callable[[SizeMatrices], Array]] = {
    "GrayLevelNonUniformity": SizeMatrices.level_non_uniformity,  # [JNSA]
    "GrayLevelNonUniformityNormalized": SizeMatrices.level_non_uniformity_normalized,  # [Y1RO]
    "GrayLevelVariance": SizeMatrices.level_variance,  # [BYLV]
    "HighGrayLevelZoneEmphasis": SizeMatrices.high,  # [5GN9]
    "LargeAreaEmphasis": SizeMatrices.large,  # [48P8]
    "LargeAreaHighGrayLevelEmphasis": SizeMatrices.large_high,  # [J17V]
    "LargeAreaLowGrayLevelEmphasis": SizeMatrices.large_low,  # [YH51]
    "LowGrayLevelZoneEmphasis": SizeMatrices.low,  # [XMSY]
    "SizeZoneNonUniformity": SizeMatrices.size_non_uniformity,  # [4JP3]
    "SizeZoneNonUniformityNormalized": SizeMatrices.size_non_uniformity_normalized,  # [VB3A]
    "SmallAreaEmphasis": SizeMatrices.small,  # [5QRC]
    "SmallAreaHighGrayLevelEmphasis": SizeMatrices.small_high,  # [HW1V]
    "SmallAreaLowGrayLevelEmphasis": SizeMatrices.small_low,  # [5RAI]
    "ZoneEntropy": SizeMatrices.entropy,  # [GU8N]
    "ZonePercentage": SizeMatrices.percentage,  # [P30P]
    "ZoneVariance": SizeMatrices.size_variance,  # [3NSA]
}
NAMES = tuple(_FORMULAS)
"""All that pyradiomics computes, in the order in which it gives them."""
