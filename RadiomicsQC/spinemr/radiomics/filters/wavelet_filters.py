"""The filters of orthogonal wavelets, computed from what defines them; named as PyWavelets names them.

Reference: Daubechies I. Ten Lectures on Wavelets. SIAM 1992, sections 6.4 (db), 8.1.1 (sym) and 8.2 (coif).
"""

from __future__ import annotations

import importlib
import re
from functools import cache
from math import comb
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinemr.imaging.errors import InputError

Filter = NDArray[np.floating[Any]]

MOST_MOMENTS = 20
"""As many vanishing moments as its name says has a Daubechies wavelet (db1 to db20) or symlet (sym2 to sym20)."""
SYMLET_ROOTS = {
    2: 0b0, 3: 0b0, 4: 0b10, 5: 0b1, 6: 0b101, 7: 0b1, 8: 0b1010, 9: 0b110, 10: 0b10101, 11: 0b110, 12: 0b10101, 13: 0b11100,
    14: 0b101100, 15: 0b11100, 16: 0b1011001, 17: 0b10001110, 18: 0b101001101, 19: 0b1110100, 20: 0b101100101,
}  # fmt: skip
"""The roots exchanged for their inverses, which makes the filter nearly symmetrical; lowest bit: the root of smallest angle."""
COIFLET_STARTS = {
    2: (164, -415, -674, 3861, 8127, 4170, -765, -594, 237, 56, -18, -7),
    3: (-38, 78, 235, -658, -611, 4052, 7938, 4285, -718, -823, 346, 159, -90, -26, 11, 5, -1, 0),
    4: (9, -16, -73, 161, 267, -813, -561, 4153, 7822, 4344, -666, -962, 393, 251, -152, -57, 38, 13, -6, -3, 1, 0, 0, 0),
}
"""Ten thousand times the coefficients, rounded: which of several solutions of a coiflet's equations is meant."""
OFFERED = "haar, db1 to db20, sym2 to sym20 and coif1 to coif4"


@cache
def decomposition_filters(name: str, single: bool = False) -> tuple[Filter, Filter]:
    """The low pass ``h``, whose coefficients add up to sqrt(2), and the high pass ``g[k] = (-1)^(k + 1) h[n - 1 - k]``.

    ``single`` asks for single precision, rounded as PyWavelets rounds: it keeps a coiflet's coefficients without the sqrt(2).
    """
    precision: type[np.floating[Any]] = np.float32 if single else np.float64
    family, moments = _parsed(name)
    if family == "db" and 1 <= moments <= MOST_MOMENTS:
        scaling = _daubechies(moments, outside=0).astype(precision)
    elif family == "sym" and moments in SYMLET_ROOTS:
        scaling = _daubechies(moments, SYMLET_ROOTS[moments]).astype(precision)
    elif family == "coif" and (moments == 1 or moments in COIFLET_STARTS):
        scaling = _coiflet(moments).astype(precision) * np.sqrt(2).astype(precision)
    else:
        low, high = _from_pywavelets(name)
        return low.astype(precision), high.astype(precision)
    signs = np.where(np.arange(len(scaling)) % 2, 1, -1).astype(precision)
    return scaling[::-1], scaling * signs


def _parsed(name: str) -> tuple[str, int]:
    if name in ("haar", "db1"):
        return "db", 1
    match = re.fullmatch(r"([a-z]+)(\d+)", name)
    return (match[1], int(match[2])) if match else (name, 0)


def _daubechies(moments: int, outside: int) -> Filter:
    """``(1 + z)^N`` times one of each pair of roots of ``P(y) = sum_k C(N - 1 + k, k) y^k``, ``y = (2 - z - 1 / z) / 4``."""
    y = np.roots([comb(moments - 1 + k, k) for k in range(moments)][::-1])
    half = 1 - 2 * y
    z = half + np.sqrt(half**2 - 1 + 0j)
    z = np.where(np.abs(z) < 1, z, 1 / z)
    upper = z[z.imag > -1e-9]
    coefficients = np.ones(1)
    for _ in range(moments):
        coefficients = np.convolve(coefficients, [1, 1])
    for index, root in enumerate(upper[np.argsort(np.abs(np.angle(upper)))]):
        taken = 1 / root if outside >> index & 1 else root
        factor = [1, -taken.real] if abs(taken.imag) < 1e-9 else [1, -2 * taken.real, abs(taken) ** 2]
        coefficients = np.convolve(coefficients, factor)
    scaling: Filter = coefficients * np.sqrt(2) / coefficients.sum()
    return scaling


def _coiflet(order: int) -> Filter:
    """The coefficients without their sqrt(2): the first coiflet's are known in closed form, others are sought.

    Gauss-Newton steps lead onto the solution of a coiflet's equations that lies next to the rounded one.
    """
    if order == 1:
        root = np.sqrt(7.0)
        numerators = np.array([-6 / (1 + root), 5 + root, 14 + 2 * root, 14 - 2 * root, -6 / (1 + root), -2 / (3 + root)])
        return numerators / 32
    scaling: Filter = np.array(COIFLET_STARTS[order], dtype=np.float64) / 10_000
    for _ in range(8):
        errors, slopes = _coiflet_errors(scaling, order)
        scaling = scaling - np.linalg.lstsq(slopes, errors, rcond=None)[0]
    without_root: Filter = scaling / np.sqrt(2)
    return without_root


def _coiflet_errors(h: Filter, order: int) -> tuple[Filter, Filter]:
    """How far from 0 each equation is, and its derivatives by the coefficients.

    With ``k`` counted from the filter's centre: ``sum_k h_k h_(k + 2 m) = [m = 0]``, ``sum_k (-1)^k k^p h_k = 0`` and
    ``sum_k k^p h_k = sqrt(2) [p = 0]`` for ``p < 2 K``.
    """
    size = len(h)
    places = (np.arange(size) - 2 * order) / order
    signs = np.where(np.arange(size) % 2, -1.0, 1.0)
    errors, slopes = [], []
    for shift in range(0, size, 2):
        errors.append(h[: size - shift] @ h[shift:] - (shift == 0))
        slopes.append(np.pad(h[shift:], (0, shift)) + np.pad(h[: size - shift], (shift, 0)))
    for power in range(2 * order):
        errors += [(signs * places**power) @ h, places**power @ h - np.sqrt(2) * (power == 0)]
        slopes += [signs * places**power, places**power]
    return np.array(errors), np.array(slopes)


def _from_pywavelets(name: str) -> tuple[Filter, Filter]:
    """The filters of other wavelets, where the package that knows them is installed."""
    try:
        known = importlib.import_module("pywt")
    except ImportError as error:
        hint = f"Take one of {OFFERED}, or install PyWavelets for more."
        raise InputError(f"There is no wavelet {name} here.", hint) from error
    try:
        wavelet = known.Wavelet(name)
    except ValueError as error:
        raise InputError(f"There is no wavelet {name}.", f"Take one of {OFFERED}, or another that PyWavelets knows.") from error
    return np.array(wavelet.dec_lo), np.array(wavelet.dec_hi)
