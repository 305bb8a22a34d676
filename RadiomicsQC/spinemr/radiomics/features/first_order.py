"""First-order features: what the intensities of a region are, wherever they lie; codes of the IBSI reference manual in brackets.

``X`` are the N intensities under the mask, ``m`` their mean, ``m_k`` their k-th central moment, ``p_i`` the share of voxels
with grey level i, ``c`` the shift named voxelArrayShift (0 unless set; IBSI knows none).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from spinemr.radiomics.features.discretization import Levels
from spinemr.radiomics.features.evaluation import EPSILON, chosen
from spinemr.radiomics.region import Region, Values
from spinemr.radiomics.settings import Settings


class Distribution:
    """The intensities of one region and what several features need of them, each computed once."""

    def __init__(self, region: Region, settings: Settings, levels: Levels) -> None:
        self.values: Values = region.inside
        self.shift = settings.voxel_array_shift
        self.voxel_mm3 = math.prod(region.spacing_mm)
        self._levels = levels.levels[region.mask]

    @cached_property
    def mean(self) -> float:
        """``m = sum X / N``."""
        return float(self.values.mean())

    @cached_property
    def centred(self) -> Values:
        """``X - m``."""
        return self.values - self.mean

    @cached_property
    def squares(self) -> Values:
        """``(X - m)^2``."""
        return self.centred * self.centred

    @cached_property
    def variance(self) -> float:
        """``m_2``, divided by N (not N - 1); exactly 0 where all intensities are the same, however the mean was rounded."""
        return float(self.squares.mean()) if self.sorted[0] < self.sorted[-1] else 0.0

    @cached_property
    def energy(self) -> float:
        """``sum (X + c)^2``."""
        shifted = self.values + self.shift
        return float(np.sum(shifted**2))

    @cached_property
    def sorted(self) -> Values:
        """The intensities in ascending order."""
        return np.sort(self.values)

    @cached_property
    def shares(self) -> NDArray[np.float64]:
        """``p_i`` of the grey levels that occur."""
        counts = np.bincount(self._levels)
        return counts[counts > 0] / self._levels.size

    def percentile(self, percent: float) -> float:
        """Linear between the two nearest ranks, ``percent / 100 * (N - 1)`` counted from 0 (numpy's default)."""
        rank = percent / 100 * (self.sorted.size - 1)
        low = math.floor(rank)
        high = min(low + 1, self.sorted.size - 1)
        below, above, part = float(self.sorted[low]), float(self.sorted[high]), rank - low
        # From the nearer end, so that equal neighbours give exactly their value.
        return below + (above - below) * part if part < 0.5 else above - (above - below) * (1 - part)


Formula = Callable[[Distribution], float]


def first_order_features(region: Region, settings: Settings, levels: Levels, wanted: tuple[str, ...] = ()) -> dict[str, float]:
    """The wanted features, or the 18 that pyradiomics computes by default."""
    names = chosen("firstorder", wanted, NAMES, ON_REQUEST)
    distribution = Distribution(region, settings, levels)
    return {name: float(_FORMULAS[name](distribution)) for name in names}


def entropy(x: Distribution) -> float:
    """``-sum p_i log2 p_i`` over grey levels [TLU2]."""
    return float(-np.sum(x.shares * np.log2(x.shares + EPSILON)))


def uniformity(x: Distribution) -> float:
    """``sum p_i^2`` over grey levels [BJ5W]."""
    return float(np.sum(x.shares**2))


def mean_absolute_deviation(x: Distribution) -> float:
    """``sum |X - m| / N`` [4FUA]."""
    return float(np.abs(x.centred).mean())


def robust_mean_absolute_deviation(x: Distribution) -> float:
    """The mean absolute deviation of the intensities from the 10th to the 90th percentile, from their own mean [1128].

    NaN where none lies there, as of two different intensities.
    """
    first = int(np.searchsorted(x.sorted, x.percentile(10), side="left"))
    last = int(np.searchsorted(x.sorted, x.percentile(90), side="right"))
    core = x.sorted[first:last]
    return float(np.abs(core - core.mean()).mean()) if core.size else math.nan


def root_mean_squared(x: Distribution) -> float:
    """``sqrt(sum (X + c)^2 / N)`` [5ZWQ]."""
    return math.sqrt(x.energy / x.values.size)


def skewness(x: Distribution) -> float:
    """``m_3 / m_2^1.5`` [KE2A]; 0 where all intensities are the same, as far as numbers can tell."""
    return float((x.squares * x.centred).mean()) / x.variance**1.5 if x.variance**2 > 0 else 0.0


def kurtosis(x: Distribution) -> float:
    """``m_4 / m_2^2``, 3 for a normal distribution: IBSI's [IPH6] is lower by 3; 0 where all intensities are the same."""
    return float((x.squares**2).mean()) / x.variance**2 if x.variance**2 > 0 else 0.0


_FORMULAS: dict[str, Formula] = {
    "10Percentile": lambda x: x.percentile(10),
    "90Percentile": lambda x: x.percentile(90),
    "Energy": lambda x: x.energy,
    "Entropy": entropy,
    "InterquartileRange": lambda x: x.percentile(75) - x.percentile(25),
    "Kurtosis": kurtosis,
    "Maximum": lambda x: float(x.sorted[-1]),
    "MeanAbsoluteDeviation": mean_absolute_deviation,
    "Mean": lambda x: x.mean,
    "Median": lambda x: x.percentile(50),
    "Minimum": lambda x: float(x.sorted[0]),
    "Range": lambda x: float(x.sorted[-1] - x.sorted[0]),
    "RobustMeanAbsoluteDeviation": robust_mean_absolute_deviation,
    "RootMeanSquared": root_mean_squared,
    "Skewness": skewness,
    "TotalEnergy": lambda x: x.energy * x.voxel_mm3,
    "Uniformity": uniformity,
    "Variance": lambda x: x.variance,
    "StandardDeviation": lambda x: math.sqrt(x.variance),
}

ON_REQUEST = ("StandardDeviation",)
"""Computed where named: the square root of the variance says nothing new."""
NAMES = tuple(name for name in _FORMULAS if name not in ON_REQUEST)
"""In pyradiomics' order."""
