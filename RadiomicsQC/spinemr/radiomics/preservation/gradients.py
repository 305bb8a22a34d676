"""Whether two images have their edges in the same places, whatever the grey values on either side of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Values = NDArray[np.float32]

NOISE_SHARE = 2.0
"""Gradients of this many noise levels count half in :func:`edges_of`."""
FAINT = 0.004
"""Least noise level, as share of the slice's range: below it differences are rounding."""
LOCAL_MM = 4.0
"""Gaussian radius that an edge map is averaged over."""


@dataclass(frozen=True)
class Edges:
    """The edges of a slice as a field of double angles: ``strength (cos 2 theta, sin 2 theta)``.

    Turning a gradient round by 180 degrees (dark on bright, bright on dark) leaves its double angle where it is, and the
    strength ``|g|^2 / (|g|^2 + (2 noise)^2)`` saturates, so that faint and strong edges count alike.
    """

    cosine: Values
    sine: Values

    @property
    def power(self) -> Values:
        """Squared strength at each pixel."""
        return self.cosine**2 + self.sine**2


def gradient(slice_: NDArray[Any], spacing_mm: tuple[float, float], sigma_mm: float) -> tuple[Values, Values]:
    """Derivatives of a Gaussian along rows (downward) and columns, per mm."""
    sigma = [sigma_mm / step for step in spacing_mm]
    values = slice_.astype(np.float32)
    down = ndimage.gaussian_filter(values, sigma, order=(1, 0), mode="nearest") / np.float32(spacing_mm[0])
    across = ndimage.gaussian_filter(values, sigma, order=(0, 1), mode="nearest") / np.float32(spacing_mm[1])
    return np.asarray(down, dtype=np.float32), np.asarray(across, dtype=np.float32)


def edges_of(slice_: NDArray[Any], spacing_mm: tuple[float, float], sigma_mm: float = 0.8) -> Edges:
    """The edges of a slice; the noise is read from the gradients themselves (their median, as Rayleigh distributed)."""
    down, across = gradient(slice_, spacing_mm, sigma_mm)
    squared = down**2 + across**2
    noise = max(_noise(squared), FAINT * float(np.ptp(slice_)) / max(spacing_mm))
    if noise <= 0:
        empty = np.zeros_like(squared)
        return Edges(empty, empty)
    softened = squared + np.float32((NOISE_SHARE * noise) ** 2)
    return Edges((across**2 - down**2) / softened, 2 * across * down / softened)


def edge_alignment(one: Edges, other: Edges, mask: NDArray[np.bool_] | None = None) -> float:
    """Normalised correlation of two edge fields: 1 where all edges coincide, 0 where they have nothing in common.

    ``sum(s1 s2 cos 2 (theta1 - theta2)) / sqrt(sum(s1^2) sum(s2^2))``: the squared form of normalised gradient fields (Haber
    and Modersitzki 2006) with the strengths of :class:`Edges`, so that inverting or remapping the contrast changes nothing.
    NaN where either image has no edge.
    """
    inside = slice(None) if mask is None else mask
    product = (one.cosine * other.cosine + one.sine * other.sine)[inside].sum(dtype=np.float64)
    powers = one.power[inside].sum(dtype=np.float64) * other.power[inside].sum(dtype=np.float64)
    return float(product / np.sqrt(powers)) if powers > 0 else float("nan")


def edge_map(one: Edges, other: Edges, spacing_mm: tuple[float, float]) -> Values:
    """:func:`edge_alignment` of the surroundings of each pixel; 1 where there is nothing to compare."""
    sigma = [LOCAL_MM / step for step in spacing_mm]

    def around(values: Values) -> Values:
        return np.asarray(ndimage.gaussian_filter(values, sigma, mode="nearest"), dtype=np.float32)

    product = around(one.cosine * other.cosine + one.sine * other.sine)
    power_one, power_other = around(one.power), around(other.power)
    below = np.sqrt(power_one * power_other)
    # Local power below a hundredth: noise in either image, no edge to agree on.
    return np.where(np.minimum(power_one, power_other) > 0.01, product / np.maximum(below, 1e-6), 1.0).astype(np.float32)


def gradient_correlation(one: NDArray[Any], other: NDArray[Any], mask: NDArray[np.bool_] | None = None) -> float:
    """Mean normalised cross correlation of the derivatives along rows and columns (Penney 1998): sensitive to inversion."""
    pairs = zip(gradient(one, (1, 1), 1.0), gradient(other, (1, 1), 1.0), strict=True)
    return float(np.mean([_correlation(a, b, mask) for a, b in pairs]))


def gradient_magnitude_correlation(one: NDArray[Any], other: NDArray[Any], mask: NDArray[np.bool_] | None = None) -> float:
    """Normalised cross correlation of the lengths of the gradients: blind to inversion, sees how strong edges are."""
    lengths = [np.hypot(*gradient(slice_, (1, 1), 1.0)) for slice_ in (one, other)]
    return _correlation(lengths[0], lengths[1], mask)


def _correlation(a: Values, b: Values, mask: NDArray[np.bool_] | None) -> float:
    x, y = ((values.ravel() if mask is None else values[mask]).astype(np.float64) for values in (a, b))
    x, y = x - x.mean(), y - y.mean()
    # Sums, no dot products: those go to BLAS, whose threads wait for each other longer than this takes.
    below = float(np.sqrt((x * x).sum() * (y * y).sum()))
    return float((x * y).sum()) / below if below > 0 else float("nan")


def _noise(squared: Values) -> float:
    """The deviation of a derivative in flat parts: squared lengths of pure noise have the median ``2 ln 2 sigma^2``."""
    return float(np.sqrt(np.median(squared) / (2 * np.log(2))))
