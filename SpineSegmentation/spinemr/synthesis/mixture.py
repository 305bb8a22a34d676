"""A Gaussian mixture of intensities fitted by expectation maximisation, on a histogram so that it takes milliseconds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spinemr.imaging.errors import InputError
from spinemr.synthesis.tissue_map import ByteArray, FloatArray

RealArray = NDArray[np.float64]
_BINS = 512
_SMALLEST_DEVIATION_BINS = 0.5


@dataclass(frozen=True)
class IntensityMixture:
    """Means in ascending order, deviations and weights of the components; ``log_likelihood`` is per value."""

    means: RealArray
    deviations: RealArray
    weights: RealArray
    log_likelihood: float

    @classmethod
    def fit(cls, values: FloatArray, components: int, iterations: int = 100, tolerance: float = 1e-5) -> IntensityMixture:
        """Expectation maximisation from means at even quantiles and from evenly spaced ones: the likelier result.

        The same values give the same mixture.
        """
        finite = np.asarray(values, dtype=np.float64).ravel()
        finite = finite[np.isfinite(finite)]
        if components < 1 or components > 255:
            raise InputError(f"A mixture has 1 to 255 components, not {components}.")
        if finite.size == 0 or np.ptp(finite) == 0:
            raise InputError("Intensities that are all the same cannot be clustered.")
        counts, edges = np.histogram(finite, bins=_BINS)
        even = (np.arange(components) + 0.5) / components
        starts = (np.quantile(finite, even), finite.min() + even * np.ptp(finite))
        histogram = _Histogram((edges[1:] + edges[:-1]) / 2, counts / finite.size, float(edges[1] - edges[0]))
        return max((_fitted(histogram, start, iterations, tolerance) for start in starts), key=lambda m: m.log_likelihood)

    def log_densities(self, values: RealArray) -> RealArray:
        """Logarithm of each component's weighted density, shape (values, components)."""
        distance = (values[:, None] - self.means) / self.deviations
        norm = np.log(np.maximum(self.weights, 1e-300)) - np.log(self.deviations) - 0.5 * np.log(2 * np.pi)
        return np.asarray(norm - 0.5 * distance**2)

    def classify(self, values: FloatArray) -> ByteArray:
        """The number (0, 1, ... in ascending mean) of each value's most probable component.

        Only the borders between neighbouring means are looked up, so that a value brighter than another
        is never put into a darker component by a wide one's tails.
        """
        grid = np.linspace(self.means[0], self.means[-1], 4096)
        winner = np.maximum.accumulate(self.log_densities(grid).argmax(axis=1))
        position = np.searchsorted(grid, np.nan_to_num(np.asarray(values, dtype=np.float64), nan=float(grid[0])))
        return np.asarray(winner[np.minimum(position, grid.size - 1)], dtype=np.uint8)


@dataclass(frozen=True)
class _Histogram:
    """Bin centres, the share of values in each, and the width of a bin."""

    centres: RealArray
    shares: RealArray
    bin_width: float


def _fitted(histogram: _Histogram, start: RealArray, iterations: int, tolerance: float) -> IntensityMixture:
    """Iterate from some means until the likelihood stands still; components end in the order of their means."""
    span = histogram.bin_width * _BINS
    count = start.size
    means = start + np.arange(count) * 1e-9 * span  # equal starts would stay one component
    mixture = IntensityMixture(means, np.full(count, span / (2 * count)), np.full(count, 1 / count), -np.inf)
    for _ in range(iterations):
        before, mixture = mixture, _improved(mixture, histogram)
        if abs(mixture.log_likelihood - before.log_likelihood) < tolerance:
            break
    order = np.argsort(mixture.means)
    return IntensityMixture(mixture.means[order], mixture.deviations[order], mixture.weights[order], mixture.log_likelihood)


def _improved(mixture: IntensityMixture, histogram: _Histogram) -> IntensityMixture:
    """One expectation and one maximisation; ``log_likelihood`` is that of the mixture before."""
    log = mixture.log_densities(histogram.centres)
    total = np.logaddexp.reduce(log, axis=1)
    responsibility = np.exp(log - total[:, None]) * histogram.shares[:, None]
    weights = responsibility.sum(axis=0)
    safe = np.maximum(weights, 1e-12)
    means = responsibility.T @ histogram.centres / safe
    variances = np.sum(responsibility * (histogram.centres[:, None] - means) ** 2, axis=0) / safe
    smallest = _SMALLEST_DEVIATION_BINS * histogram.bin_width
    deviations = np.sqrt(np.maximum(variances, smallest**2))
    return IntensityMixture(means, deviations, weights, float(np.sum(histogram.shares * total)))
