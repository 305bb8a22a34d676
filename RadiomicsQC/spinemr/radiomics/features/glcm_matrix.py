"""How often two grey levels are neighbours: the grey level co-occurrence matrix (IBSI 3.6)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from spinemr.radiomics.features.discretization import Levels
from spinemr.radiomics.features.evaluation import EPSILON, Array, entropy, lengths_mm
from spinemr.radiomics.features.lattice import Direction, Lattice, Uniting, uniting
from spinemr.radiomics.region import Region
from spinemr.radiomics.settings import Settings

CHUNK = 2**20
"""Elements of the matrices that are worked on at a time (8 MiB)."""
TABLE = 20_000
"""Elements of a table of several neighbours; larger ones cost more than they save."""


@dataclass(frozen=True, eq=False)
class CooccurrenceMatrices:
    """Normalised matrices ``p[direction][i][j]`` and what several features are made of."""

    p: Array
    levels: Array
    """The grey level of each row and column."""
    highest: int
    """N_g: the highest level of the region."""
    symmetrical: bool

    @cached_property
    def px(self) -> Array:
        """The marginal probabilities of rows, ``p_x(i) = sum_j p(i, j)``."""
        px: Array = self.p.sum(axis=2)
        return px

    @cached_property
    def py(self) -> Array:
        """The marginal probabilities of columns, ``p_y(j) = sum_i p(i, j)``."""
        if self.symmetrical:
            return self.px
        py: Array = self.p.sum(axis=1)
        return py

    @cached_property
    def mean_x(self) -> Array:
        """``mu_x = sum_i i p_x(i)``."""
        return self.px @ self.levels

    @cached_property
    def mean_y(self) -> Array:
        """``mu_y = sum_j j p_y(j)``."""
        return self.py @ self.levels

    @cached_property
    def variance_x(self) -> Array:
        """``sum_i (i - mu_x)^2 p_x(i)``."""
        variance: Array = np.sum(self.px * (self.levels - self.mean_x[:, None]) ** 2, axis=1)
        return variance

    @cached_property
    def variance_y(self) -> Array:
        """``sum_j (j - mu_y)^2 p_y(j)``."""
        variance: Array = np.sum(self.py * (self.levels - self.mean_y[:, None]) ** 2, axis=1)
        return variance

    @cached_property
    def sums(self) -> Array:
        """``p_{x+y}(k)`` of ``k = 0 .. 2 N_g``."""
        return self._over(self.levels[:, None] + self.levels, 2 * self.highest + 1)

    @cached_property
    def differences(self) -> Array:
        """``p_{x-y}(k)`` of ``k = 0 .. N_g - 1``."""
        return self._over(np.abs(self.levels[:, None] - self.levels), self.highest)

    def _over(self, k: Array, count: int) -> Array:
        codes = k.astype(np.intp).ravel()
        rows = [np.bincount(codes, matrix.ravel(), count) for matrix in self.p]
        return np.array(rows, dtype=np.float64).reshape(len(self.p), count)

    @cached_property
    def joint_entropy(self) -> Array:
        """``HXY = -sum p log2(p + epsilon)``."""
        return entropy(self.p, (1, 2))

    @cached_property
    def entropy_x(self) -> Array:
        """``HX``."""
        return entropy(self.px, 1)

    @cached_property
    def entropy_y(self) -> Array:
        """``HY``."""
        return self.entropy_x if self.symmetrical else entropy(self.py, 1)

    @cached_property
    def independent(self) -> Array:
        """``p_x(i) p_y(j)``."""
        return self.px[:, :, None] * self.py[:, None, :]

    @cached_property
    def log_independent(self) -> Array:
        """``log2(p_x(i) p_y(j) + epsilon)``."""
        logarithm: Array = np.log2(self.independent + EPSILON)
        return logarithm

    def moment(self, power: int) -> Array:
        """``sum_ij (i + j - mu_x - mu_y)^power p(i, j)``."""
        k = np.arange(self.sums.shape[1])
        moment: Array = np.sum(self.sums * (k - (self.mean_x + self.mean_y)[:, None]) ** power, axis=1)
        return moment


def cooccurrences(levels: Levels, region: Region, settings: Settings) -> Iterator[CooccurrenceMatrices]:
    """The matrices of a region, united as the settings say; directions without a pair of voxels are left out."""
    how = uniting(settings)
    whole = levels.lattice(max(settings.distances), how.slice_axis)
    directions = whole.directions(settings.distances)
    weights = _weights(directions, region, settings)
    for lattice in whole.slices() if how.by_slice else (whole,):
        for counts in _counts(lattice, directions, weights, how):
            if settings.symmetrical_glcm:
                counts += counts.transpose(0, 2, 1).copy()
            total = counts.sum(axis=(1, 2))
            found = counts if total.all() else counts[total > 0]
            if len(found):
                found /= total[total > 0, None, None]
                yield CooccurrenceMatrices(found, lattice.values, lattice.highest, settings.symmetrical_glcm)


def _weights(directions: list[Direction], region: Region, settings: Settings) -> Array | None:
    """``exp(-d^2)`` of each direction's length (IBSI 3.6.2), 1 where lengths do not matter."""
    lengths = lengths_mm([direction.steps for direction in directions], region, settings)
    return None if lengths is None else np.where(np.isnan(lengths), 1.0, np.exp(-(lengths**2)))


def _counts(lattice: Lattice, directions: list[Direction], weights: Array | None, how: Uniting) -> Iterator[Array]:
    """Unnormalised matrices, some directions at a time; one of all directions where they are merged or weighted."""
    edge = len(lattice.values)
    pairs = _pairs(lattice, [direction.stride for direction in directions])
    if how.merged or weights is not None:
        united = np.zeros((1, edge, edge))
        for index, counts in enumerate(pairs):
            united[0] += counts * (1.0 if weights is None else weights[index])
        yield united
        return
    chunk = max(1, CHUNK // edge**2)
    while part := list(islice(pairs, chunk)):
        yield np.array(part, dtype=np.float64)


def _pairs(lattice: Lattice, strides: list[int]) -> Iterator[NDArray[np.intp]]:
    """For each stride how often rank ``i`` has rank ``j`` as its neighbour.

    Where ranks are few, voxels are counted once for several strides: by their own rank and those of several neighbours jointly,
    a table whose sums over the other neighbours are the matrices.
    """
    base = len(lattice.values) + 1
    together = 1
    while base ** (together + 2) <= TABLE:
        together += 1
    kind = np.uint16 if base ** (together + 1) <= 2**16 else np.intp
    powers = [lattice.ranks.astype(kind) * base**power for power in range(together + 1)]
    for start in range(0, len(strides), together):
        part = strides[start : start + together]
        codes = powers[len(part)][: lattice.length].copy()
        for power, stride in enumerate(part):
            codes += powers[power][stride : stride + lattice.length]
        table = np.bincount(codes, minlength=base ** (len(part) + 1)).reshape([base] * (len(part) + 1))
        for power in range(len(part)):
            others = tuple(axis for axis in range(1, len(part) + 1) if axis != len(part) - power)
            yield table.sum(axis=others)[1:, 1:]  # row and column of rank 0, the outside, fall away
