"""Structural similarity of images, and what harmonization and the way back take from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spinemr.imaging.errors import InputError

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Window:
    """The constants of Wang 2004 (doi:10.1109/TIP.2003.819861): an 11 x 11 Gaussian of 1.5 pixels, K1 and K2."""

    sigma_pixels: float = 1.5
    radius_pixels: int = 5
    k1: float = 0.01
    k2: float = 0.03


WANG = Window()


def ssim_map(one: NDArray[Any], other: NDArray[Any], data_range: float, window: Window = WANG) -> Values:
    """Structural similarity around each pixel of two slices, between -1 and 1 (Wang 2004, equation 13).

    ``(2 m1 m2 + C1) (2 s12 + C2) / ((m1^2 + m2^2 + C1) (s1^2 + s2^2 + C2))`` with ``Ci = (Ki data_range)^2``; means ``m``,
    variances ``s^2`` and covariance ``s12`` are weighted by the window. Edges are mirrored.
    """
    a, b = _checked(one, other, data_range)
    smooth = _smoother(window)
    mean_a, mean_b = smooth(a), smooth(b)
    variance_a = smooth(a * a) - mean_a**2
    variance_b = smooth(b * b) - mean_b**2
    covariance = smooth(a * b) - mean_a * mean_b
    c1, c2 = (window.k1 * data_range) ** 2, (window.k2 * data_range) ** 2
    above = (2 * mean_a * mean_b + c1) * (2 * covariance + c2)
    below = (mean_a**2 + mean_b**2 + c1) * (variance_a + variance_b + c2)
    return np.asarray(above / below, dtype=np.float64)


def ssim(
    one: NDArray[Any], other: NDArray[Any], data_range: float, mask: NDArray[np.bool_] | None = None, window: Window = WANG
) -> float:
    """Mean structural similarity of two slices (Wang 2004, equation 17).

    Taken over the mask, or without one over every pixel whose window lies inside of the slice (over all of a slice that is
    too small to have any).
    """
    values = ssim_map(one, other, data_range, window)
    if mask is not None:
        if not mask.any():
            raise InputError("The mask is empty.")
        return float(values[mask].mean())
    edge = window.radius_pixels
    inner = values[edge : values.shape[0] - edge, edge : values.shape[1] - edge]
    return float((inner if inner.size else values).mean())


@dataclass(frozen=True)
class DeltaSsim:
    """Change of structural similarity by harmonization and by the way back (HarMOnAE; Fatania 2022, section 2.3)."""

    harmonized: float
    """dSSIM-h: 0 where the contrast did not change."""
    cycled: float | None
    """dSSIM-c: 0 where harmonization and the way back lose no more than encoding and decoding alone."""


def delta_ssim(
    original: NDArray[Any],
    harmonized: NDArray[Any],
    data_range: float,
    *,
    autoencoded: NDArray[Any] | None = None,
    cycled: NDArray[Any] | None = None,
    mask: NDArray[np.bool_] | None = None,
) -> DeltaSsim:
    """dSSIM-h and dSSIM-c of a slice (HarMOnAE; Fatania 2022, section 2.3).

    ``dSSIM-h = SSIM(original, autoencoded) - SSIM(original, harmonized)`` and
    ``dSSIM-c = SSIM(original, autoencoded) - SSIM(original, cycled)``: both are referred to the image encoded and decoded in
    its own contrast, so that what the network blurs anyway does not count. A method that does not encode has
    ``autoencoded = None``: the reference is then the original itself, of similarity 1.
    """
    reference = 1.0 if autoencoded is None else ssim(original, autoencoded, data_range, mask)
    back = None if cycled is None else reference - ssim(original, cycled, data_range, mask)
    return DeltaSsim(reference - ssim(original, harmonized, data_range, mask), back)


def _smoother(window: Window) -> Callable[[Values], Values]:
    steps = np.arange(-window.radius_pixels, window.radius_pixels + 1)
    weights = np.exp(-0.5 * (steps / window.sigma_pixels) ** 2)
    weights /= weights.sum()

    def smooth(values: Values) -> Values:
        rows = ndimage.correlate1d(values, weights, axis=0, mode="reflect")
        return np.asarray(ndimage.correlate1d(rows, weights, axis=1, mode="reflect"), dtype=np.float64)

    return smooth


def _checked(one: NDArray[Any], other: NDArray[Any], data_range: float) -> tuple[Values, Values]:
    if one.shape != other.shape or one.ndim != 2:
        raise InputError("Structural similarity is taken of two slices of one size.")
    if not data_range > 0:
        raise InputError("The range of intensities has to be positive.")
    return one.astype(np.float64), other.astype(np.float64)
