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
    def fit(cls, values: FloatArray, components: int, iterations: int = 60, tolerance: float = 1e-5) -> IntensityMixture:
        """Expectation maximisation from means at even quantiles; the same values give the same mixture."""
        finite = np.asarray(values, dtype=np.float64).ravel()
        finite = finite[np.isfinite(finite)]
        if components < 1 or components > 255:
            raise InputError(f"A mixture has 1 to 255 components, not {components}.")
        if finite.size == 0 or np.ptp(finite) == 0:
            raise InputError("Intensities that are all the same cannot be clustered.")
        counts, edges = np.histogram(finite, bins=_BINS)
        centres = (edges[1:] + edges[:-1]) / 2
        start = np.quantile(finite, (np.arange(components) + 0.5) / components)
        start += np.arange(components) * 1e-9 * np.ptp(finite)  # equal quantiles must not stay one component
        spread = np.full(components, np.ptp(finite) / (2 * components))
        mixture = cls(start, spread, np.full(components, 1 / components), -np.inf)
        for _ in range(iterations):
            improved = mixture._step(centres, counts / finite.size, _SMALLEST_DEVIATION_BINS * (edges[1] - edges[0]))
            if abs(improved.log_likelihood - mixture.log_likelihood) < tolerance:
                break
            mixture = improved
        order = np.argsort(improved.means)
        return cls(improved.means[order], improved.deviations[order], improved.weights[order], improved.log_likelihood)

    def _log_densities(self, values: RealArray) -> RealArray:
        """Logarithm of each component's weighted density, shape (values, components)."""
        distance = (values[:, None] - self.means) / self.deviations
        norm = np.log(np.maximum(self.weights, 1e-300)) - np.log(self.deviations) - 0.5 * np.log(2 * np.pi)
        return np.asarray(norm - 0.5 * distance**2)

    def _step(self, centres: RealArray, shares: RealArray, smallest: float) -> IntensityMixture:
        """One expectation and one maximisation on a histogram."""
        log = self._log_densities(centres)
        total = np.logaddexp.reduce(log, axis=1)
        responsibility = np.exp(log - total[:, None]) * shares[:, None]
        weights = responsibility.sum(axis=0)
        safe = np.maximum(weights, 1e-12)
        means = responsibility.T @ centres / safe
        variances = np.sum(responsibility * (centres[:, None] - means) ** 2, axis=0) / safe
        return IntensityMixture(means, np.sqrt(np.maximum(variances, smallest**2)), weights, float(np.sum(shares * total)))

    def classify(self, values: FloatArray) -> ByteArray:
        """The number (0, 1, ... in ascending mean) of each value's most probable component.

        Only the borders between neighbouring means are looked up, so that a value brighter than another
        is never put into a darker component by a wide one's tails.
        """
        grid = np.linspace(self.means[0], self.means[-1], 4096)
        winner = np.maximum.accumulate(self._log_densities(grid).argmax(axis=1))
        position = np.searchsorted(grid, np.nan_to_num(np.asarray(values, dtype=np.float64), nan=float(grid[0])))
        return np.asarray(winner[np.minimum(position, grid.size - 1)], dtype=np.uint8)
