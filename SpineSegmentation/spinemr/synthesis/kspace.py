"""What sampling and filtering in k-space do to a slice: resolution, ringing, echo-train blur, displacement."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from spinemr.synthesis.scanners import PointSpread
from spinemr.synthesis.tissue_map import FloatArray

ComplexArray = NDArray[np.complex64]


def to_kspace(image: FloatArray) -> ComplexArray:
    """Half-plane Fourier transform of the last two axes, unitary, so that white noise keeps its deviation."""
    return np.asarray(fft.rfft2(image, axes=(-2, -1), norm="ortho"))


def from_kspace(spectrum: ComplexArray, rows: int, columns: int) -> FloatArray:
    """The real image of a half-plane."""
    return np.asarray(fft.irfft2(spectrum, s=(rows, columns), axes=(-2, -1), norm="ortho"))


@lru_cache(maxsize=64)
def kspace_window(rows: int, columns: int, spread: PointSpread, phase_axis: int) -> FloatArray:
    """The (rows, columns // 2 + 1) weight of each frequency; the centre has weight one. Cached: read only.

    Each axis has ``a * hamming + 1 - a`` inside the acquired share and zero outside it; the phase axis
    (1 rows, 2 columns) also loses ``exp(-train_blur |k| / k_edge)``.
    """
    along_rows = _axis_weights(np.abs(fft.fftfreq(rows)) * 2, spread, phase_axis == 1)
    along_columns = _axis_weights(fft.rfftfreq(columns) * 2, spread, phase_axis == 2)
    window: FloatArray = np.outer(along_rows, along_columns).astype(np.float32)
    window.setflags(write=False)
    return window


def _axis_weights(frequency: NDArray[np.float64], spread: PointSpread, is_phase: bool) -> NDArray[np.float64]:
    """Weights of one axis; frequency 1 is its Nyquist frequency."""
    position = frequency / spread.acquired_share
    hamming = 0.54 + 0.46 * np.cos(np.pi * np.clip(position, 0, 1))
    weights = 1 - spread.apodisation + spread.apodisation * hamming
    if is_phase:
        weights = weights * np.exp(-spread.train_blur * position)
    return np.where(position <= 1 + 1e-9, weights, 0.0)


def displaced(image: FloatArray, pixels: float, axis: int) -> FloatArray:
    """The image moved along an axis by a fraction of pixels (linear), with its own edge moving in."""
    whole = int(np.floor(pixels))
    share = np.float32(pixels - whole)
    near = _moved(image, whole, axis)
    if share == 0:
        return near
    far = _moved(image, whole + 1, axis)
    far -= near
    far *= share
    far += near
    return far


def _moved(image: FloatArray, pixels: int, axis: int) -> FloatArray:
    """A copy moved by whole pixels."""
    count = image.shape[axis]
    return image.take(np.clip(np.arange(count) - pixels, 0, count - 1), axis=axis)
