"""Features that run lengths, zones and dependences share: all are matrices of grey levels by sizes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from spinemr.radiomics.features.evaluation import Array, entropy


@dataclass(frozen=True, eq=False)
class SizeMatrices:
    """``counts[matrix][i][j]``: how many runs, zones or voxels have grey level ``levels[i]`` and size ``sizes[j]``.

    In the formulas below ``P`` is the matrix, ``i`` the grey level, ``j`` the size and ``N`` the sum of the matrix.
    """

    counts: Array
    levels: Array
    sizes: Array

    @cached_property
    def total(self) -> Array:
        """``N``."""
        total: Array = self.counts.sum(axis=(1, 2))
        return total

    @cached_property
    def by_level(self) -> Array:
        """``P_i = sum_j P(i, j)``."""
        by_level: Array = self.counts.sum(axis=2)
        return by_level

    @cached_property
    def by_size(self) -> Array:
        """``P_j = sum_i P(i, j)``."""
        by_size: Array = self.counts.sum(axis=1)
        return by_size

    def small(self) -> Array:
        """``sum_j P_j / j^2 / N``."""
        return self.by_size @ self.sizes**-2.0 / self.total

    def large(self) -> Array:
        """``sum_j P_j j^2 / N``."""
        return self.by_size @ self.sizes**2 / self.total

    def low(self) -> Array:
        """``sum_i P_i / i^2 / N``."""
        return self.by_level @ self.levels**-2.0 / self.total

    def high(self) -> Array:
        """``sum_i P_i i^2 / N``."""
        return self.by_level @ self.levels**2 / self.total

    def small_low(self) -> Array:
        """``sum_ij P(i, j) / (i^2 j^2) / N``."""
        return self._joint(-2.0, -2.0)

    def small_high(self) -> Array:
        """``sum_ij P(i, j) i^2 / j^2 / N``."""
        return self._joint(2.0, -2.0)

    def large_low(self) -> Array:
        """``sum_ij P(i, j) j^2 / i^2 / N``."""
        return self._joint(-2.0, 2.0)

    def large_high(self) -> Array:
        """``sum_ij P(i, j) i^2 j^2 / N``."""
        return self._joint(2.0, 2.0)

    def _joint(self, level_power: float, size_power: float) -> Array:
        return self.counts @ self.sizes**size_power @ self.levels**level_power / self.total

    def level_non_uniformity(self) -> Array:
        """``sum_i P_i^2 / N``."""
        squares: Array = np.sum(self.by_level**2, axis=1)
        return squares / self.total

    def level_non_uniformity_normalized(self) -> Array:
        """``sum_i P_i^2 / N^2``."""
        return self.level_non_uniformity() / self.total

    def size_non_uniformity(self) -> Array:
        """``sum_j P_j^2 / N``."""
        squares: Array = np.sum(self.by_size**2, axis=1)
        return squares / self.total

    def size_non_uniformity_normalized(self) -> Array:
        """``sum_j P_j^2 / N^2``."""
        return self.size_non_uniformity() / self.total

    def percentage(self) -> Array:
        """``N / sum_j j P_j``: runs or zones a voxel."""
        return self.total / (self.by_size @ self.sizes)

    def level_variance(self) -> Array:
        """``sum_i (i - mu)^2 P_i / N`` with ``mu = sum_i i P_i / N``."""
        return _variance(self.by_level / self.total[:, None], self.levels)

    def size_variance(self) -> Array:
        """``sum_j (j - mu)^2 P_j / N`` with ``mu = sum_j j P_j / N``."""
        return _variance(self.by_size / self.total[:, None], self.sizes)

    def entropy(self) -> Array:
        """``-sum_ij p log2 p`` with ``p = P(i, j) / N``."""
        return entropy(self.counts / self.total[:, None, None], (1, 2))

    def energy(self) -> Array:
        """``sum_ij P(i, j)^2 / N^2``."""
        energy: Array = np.sum((self.counts / self.total[:, None, None]) ** 2, axis=(1, 2))
        return energy


def _variance(probabilities: Array, values: Array) -> Array:
    mean = probabilities @ values
    variance: Array = np.sum(probabilities * (values - mean[:, None]) ** 2, axis=1)
    return variance
