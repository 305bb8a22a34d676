"""Signal equations of spin echo, inversion recovery and spoiled gradient echo, and SynthMRI's ratio form.

Equation numbers are those of Arias Martinez 2024. Times are in milliseconds, angles in degrees; every
function takes scalars or arrays and follows numpy's broadcasting.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import median_filter

from spinemr.imaging.errors import GeometryError, InputError
from spinemr.synthesis.tissue_map import FloatArray

RealArray = NDArray[np.float64]

SYNTHMRI_TR_MS = (200.0, 3000.0)
SYNTHMRI_TE_MS = (5.0, 100.0)
SYNTHMRI_TE_BORDER_MS = 50.0
"""Figure 1: below this echo time the density map of the T1-weighted experiment is used, else the T2-weighted one's."""

PLAUSIBLE_T1_MS = (50.0, 6000.0)
PLAUSIBLE_T2_MS = (5.0, 3000.0)
MAX_RATIO = 8.0
"""No tissue of the spine changes more between an experiment and a contrast drawn by Figure 1's criterion."""

WATER_FAT_SHIFT_PPM = 3.4
GYROMAGNETIC_MHZ_PER_T = 42.577


@dataclass(frozen=True)
class SpinEchoTimes:
    """Repetition and echo time of a spin echo."""

    tr_ms: float
    te_ms: float

    def __post_init__(self) -> None:
        """Refuse times no scanner could play out."""
        if not 0 < self.te_ms < self.tr_ms:
            raise InputError(f"A spin echo needs 0 < TE < TR, not TR {self.tr_ms:g} ms and TE {self.te_ms:g} ms.")

    @property
    def uses_t1_experiment(self) -> bool:
        """Whether Figure 1's criterion takes the T1-weighted experiment (TE < 50 ms)."""
        return self.te_ms < SYNTHMRI_TE_BORDER_MS


@dataclass(frozen=True)
class Experiment:
    """A measured image and the times it was measured with."""

    image: FloatArray
    times: SpinEchoTimes


def spin_echo(density: ArrayLike, t1_ms: ArrayLike, t2_ms: ArrayLike, tr_ms: float, te_ms: float) -> RealArray:
    """``S = rho (1 - exp(-TR/T1)) exp(-TE/T2)`` (equations 1 and 3)."""
    t1, t2 = np.asarray(t1_ms, dtype=float), np.asarray(t2_ms, dtype=float)
    return np.asarray(np.asarray(density) * -np.expm1(-tr_ms / t1) * np.exp(-te_ms / t2))


def spin_echo_driven(
    density: ArrayLike, t1_ms: ArrayLike, t2_ms: ArrayLike, tr_ms: float, te_ms: float, train_ms: float
) -> RealArray:
    """Spin echo whose echo train of ``train_ms`` ends by tipping what is left back up (driven equilibrium).

    ``S = rho (1 - E1) / (1 - E1 Et) exp(-TE/T2)``, ``E1 = exp(-(TR - train)/T1)``, ``Et = exp(-train/T2)``:
    fluids come back to full magnetization although TR is far shorter than their T1.
    """
    t1, t2 = np.asarray(t1_ms, dtype=float), np.asarray(t2_ms, dtype=float)
    recovery = np.exp(-max(tr_ms - train_ms, 0.0) / t1)
    steady = (1 - recovery) / (1 - recovery * np.exp(-train_ms / t2))
    return np.asarray(np.asarray(density) * steady * np.exp(-te_ms / t2))


def inversion_recovery(
    density: ArrayLike, t1_ms: ArrayLike, t2_ms: ArrayLike, tr_ms: float, te_ms: float, ti_ms: float
) -> RealArray:
    """``S = rho (1 - 2 exp(-TI/T1) + exp(-TR/T1)) exp(-TE/T2)``, with its sign; a scanner shows the magnitude."""
    t1, t2 = np.asarray(t1_ms, dtype=float), np.asarray(t2_ms, dtype=float)
    longitudinal = 1 - 2 * np.exp(-ti_ms / t1) + np.exp(-tr_ms / t1)
    return np.asarray(np.asarray(density) * longitudinal * np.exp(-te_ms / t2))


def null_inversion_time_ms(t1_ms: float, tr_ms: float) -> float:
    """The inversion time at which a tissue has no signal: ``TI = T1 (ln 2 - ln(1 + exp(-TR/T1)))``."""
    return float(t1_ms * (np.log(2) - np.log1p(np.exp(-tr_ms / t1_ms))))


def spoiled_gradient_echo(
    density: ArrayLike, t1_ms: ArrayLike, t2_star_ms: ArrayLike, tr_ms: float, te_ms: float, flip_deg: float
) -> RealArray:
    """``S = rho sin(a) (1 - E1) / (1 - cos(a) E1) exp(-TE/T2*)`` with ``E1 = exp(-TR/T1)`` (Ernst)."""
    angle = np.deg2rad(flip_deg)
    recovery = np.exp(-tr_ms / np.asarray(t1_ms, dtype=float))
    steady = np.sin(angle) * (1 - recovery) / (1 - np.cos(angle) * recovery)
    return np.asarray(np.asarray(density) * steady * np.exp(-te_ms / np.asarray(t2_star_ms, dtype=float)))


def ernst_angle_deg(t1_ms: float, tr_ms: float) -> float:
    """The flip angle of the largest spoiled gradient echo: ``cos(a) = exp(-TR/T1)``."""
    return float(np.rad2deg(np.arccos(np.exp(-tr_ms / t1_ms))))


def t2_star_ms(t2_ms: ArrayLike, t2_prime_ms: ArrayLike) -> RealArray:
    """``1/T2* = 1/T2 + 1/T2'``."""
    return np.asarray(1.0 / (1.0 / np.asarray(t2_ms, dtype=float) + 1.0 / np.asarray(t2_prime_ms, dtype=float)))


def water_fat_shift_hz(tesla: float) -> float:
    """How far the resonance of fat lies below that of water (217 Hz at 1.5 T)."""
    return WATER_FAT_SHIFT_PPM * GYROMAGNETIC_MHZ_PER_T * tesla


def estimated_density(experiment: Experiment, t1_ms: FloatArray, t2_ms: FloatArray) -> FloatArray:
    """``PD = S_exp / ((1 - exp(-TR/T1)) exp(-TE/T2))`` (equation 5): density times all a scanner adds (K)."""
    unit = _unit_spin_echo(t1_ms, t2_ms, experiment.times)
    return np.asarray(experiment.image / np.maximum(unit, 1.0 / 1024), dtype=np.float32)


def spin_echo_from_experiment(
    experiment: Experiment, t1_ms: FloatArray, t2_ms: FloatArray, times: SpinEchoTimes, max_ratio: float = MAX_RATIO
) -> FloatArray:
    """Another contrast of a measured image by the ratio of two spin echoes (equation 6).

    Outliers of measured maps make the quotient explode, which shows as speckles; so the maps are held
    to plausible times and the ratio to ``max_ratio``. The experiment's own times return its image (equation 7).
    """
    if not experiment.image.shape == t1_ms.shape == t2_ms.shape:
        raise GeometryError("The T1 map, the T2 map and the experimental image must lie on one grid.")
    wanted = _unit_spin_echo(t1_ms, t2_ms, times)
    measured = _unit_spin_echo(t1_ms, t2_ms, experiment.times)
    ratio = wanted / np.maximum(measured, np.finfo(float).tiny)
    return np.asarray(experiment.image * np.minimum(ratio, max_ratio), dtype=np.float32)


def draw_synthmri_times(rng: np.random.Generator) -> SpinEchoTimes:
    """TR from 200-3000 ms and TE from 5-100 ms, both uniform (the shaded area of Figure 1)."""
    return SpinEchoTimes(float(rng.uniform(*SYNTHMRI_TR_MS)), float(rng.uniform(*SYNTHMRI_TE_MS)))


def synthmri(
    t1_weighted: Experiment, t2_weighted: Experiment, t1_ms: FloatArray, t2_ms: FloatArray, rng: np.random.Generator
) -> FloatArray:
    """A random spin echo contrast from quantitative maps and two measured images (equation 6, Figure 1)."""
    times = draw_synthmri_times(rng)
    experiment = t1_weighted if times.uses_t1_experiment else t2_weighted
    return spin_echo_from_experiment(experiment, t1_ms, t2_ms, times)


def denoised_map(times_ms: FloatArray, limit_ms: float | None = None, where: NDArray[np.bool_] | None = None) -> FloatArray:
    """A measured T1 or T2 map made fit for :func:`synthmri`: clipped where asked, then a 3x3 median in each slice.

    The paper clips the abdomen, where nothing but noise exceeds 625 ms, and nowhere else.
    """
    cleaned = np.nan_to_num(times_ms, nan=0.0, posinf=0.0, neginf=0.0).astype(np.float32)
    if limit_ms is not None:
        region = np.ones(cleaned.shape, dtype=bool) if where is None else where
        np.minimum(cleaned, np.float32(limit_ms), out=cleaned, where=region)
    window = (1,) * (cleaned.ndim - 2) + (3, 3)
    return np.asarray(median_filter(cleaned, size=window), dtype=np.float32)


def _unit_spin_echo(t1_ms: FloatArray, t2_ms: FloatArray, times: SpinEchoTimes) -> RealArray:
    """The spin echo of unit density, with the maps held to plausible times (NaN becomes the shortest)."""
    t1 = np.clip(np.nan_to_num(t1_ms, nan=0.0), *PLAUSIBLE_T1_MS)
    t2 = np.clip(np.nan_to_num(t2_ms, nan=0.0), *PLAUSIBLE_T2_MS)
    return spin_echo(1.0, t1, t2, times.tr_ms, times.te_ms)
