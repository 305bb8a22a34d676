"""Features of the grey level dependence matrix: neighbours of about the same level (IBSI 3.11).

A voxel's dependence is 1 + the number of neighbours whose level differs by at most ``gldm_alpha``. Names are pyradiomics', codes
in brackets the IBSI reference manual's, which calls the matrix the neighbouring grey level dependence matrix.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from spinemr.imaging.errors import InputError
from spinemr.radiomics.features.discretization import Levels
from spinemr.radiomics.features.evaluation import Array, averaged, chosen
from spinemr.radiomics.features.lattice import Lattice, Ranks, uniting
from spinemr.radiomics.features.size_matrix import SizeMatrices
from spinemr.radiomics.region import Region
from spinemr.radiomics.settings import Settings


def gldm_features(  # one signature for all families
    levels: Levels,
    region: Region,  # noqa: ARG001
    settings: Settings,
    wanted: tuple[str, ...] = (),
) -> dict[str, float]:
    """The wanted features, or the 14 that pyradiomics computes by default."""
    return averaged(dependences(levels, settings), _FORMULAS, chosen("gldm", wanted, NAMES, ON_REQUEST))


def dependences(levels: Levels, settings: Settings) -> Iterator[SizeMatrices]:
    """The dependence matrices of a region: one, or one a slice (2D)."""
    if settings.gldm_alpha < 0:
        raise InputError(f"gldm_a is 0 or more, not {settings.gldm_alpha:g}.")
    how = uniting(settings)
    whole = levels.lattice(max(settings.distances), how.slice_axis)
    for lattice in whole.slices() if how.by_slice else (whole,):
        inside = lattice.places
        alike = _alike(lattice, settings)[inside].astype(np.intp)
        most = int(alike.max()) + 1
        codes = (lattice.ranks[inside].astype(np.intp) - 1) * most + alike
        counts = np.bincount(codes, minlength=len(lattice.values) * most).astype(np.float64)
        yield SizeMatrices(counts.reshape(1, -1, most), lattice.values, np.arange(1.0, most + 1))


def _alike(lattice: Lattice, settings: Settings) -> Ranks:
    """Of each voxel of the mask, how many neighbours have its level; what stands at other voxels means nothing."""
    directions = lattice.directions(settings.distances)
    alike: Ranks = np.zeros(len(lattice.ranks), np.uint8 if 2 * len(directions) < 256 else np.uint32)
    alpha = int(settings.gldm_alpha)
    far = -2.0 * (lattice.highest + alpha)  # the outside, unlike every level
    levels = np.concatenate([[far], lattice.values]).astype(np.int32)[lattice.ranks] if alpha else lattice.ranks
    for _, stride in directions:
        one, other = levels[:-stride], levels[stride:]
        same = np.abs(one - other) <= alpha if alpha else one == other
        np.add(alike[:-stride], same, out=alike[:-stride])
        np.add(alike[stride:], same, out=alike[stride:])
    return alike


_FORMULAS: dict[str, Callable[[SizeMatrices], Array]] = {
    "DependenceEntropy": SizeMatrices.entropy,  # [FCBV]
    "DependenceNonUniformity": SizeMatrices.size_non_uniformity,  # [Z87G]
    "DependenceNonUniformityNormalized": SizeMatrices.size_non_uniformity_normalized,  # [OKJI]
    "DependenceVariance": SizeMatrices.size_variance,  # [DNX2]
    "GrayLevelNonUniformity": SizeMatrices.level_non_uniformity,  # [FP8K]
    "GrayLevelVariance": SizeMatrices.level_variance,  # [1PFV]
    "HighGrayLevelEmphasis": SizeMatrices.high,  # [OAE7]
    "LargeDependenceEmphasis": SizeMatrices.large,  # [IMOQ]
    "LargeDependenceHighGrayLevelEmphasis": SizeMatrices.large_high,  # [9QMG]
    "LargeDependenceLowGrayLevelEmphasis": SizeMatrices.large_low,  # [NBZI]
    "LowGrayLevelEmphasis": SizeMatrices.low,  # [TL9H]
    "SmallDependenceEmphasis": SizeMatrices.small,  # [SODN]
    "SmallDependenceHighGrayLevelEmphasis": SizeMatrices.small_high,  # [JA6D]
    "SmallDependenceLowGrayLevelEmphasis": SizeMatrices.small_low,  # [EQ3F]
}
NAMES = tuple(_FORMULAS)
"""The 14 that pyradiomics computes by default, in the order in which it gives them."""

_FORMULAS |= {
    "DependenceEnergy": SizeMatrices.energy,  # [CAS9]
    "DependencePercentage": lambda matrices: np.ones(len(matrices.counts)),  # [6XV8]: each voxel has one dependence
    "GrayLevelNonUniformityNormalized": SizeMatrices.level_non_uniformity_normalized,  # [5SPA]
}
ON_REQUEST = ("DependenceEnergy", "DependencePercentage", "GrayLevelNonUniformityNormalized")
"""IBSI's others; pyradiomics knows the last two and gives no value."""
