"""Imaging protocols: the times of a sequence, its geometry, and the signal each tissue gives in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np

from spinemr.imaging.errors import InputError
from spinemr.synthesis.mr_physics import (
    RealArray,
    inversion_recovery,
    null_inversion_time_ms,
    spin_echo,
    spin_echo_driven,
    spoiled_gradient_echo,
    t2_star_ms,
    water_fat_shift_hz,
)
from spinemr.synthesis.tissue_map import FloatArray, Tissue
from spinemr.synthesis.tissues import FAT_T1_MS, FAT_T2_MS, TISSUES, at_field_strength, water_share


class SequenceKind(str, Enum):
    """The three families of signal equations."""

    SPIN_ECHO = "spin echo"
    INVERSION_RECOVERY = "inversion recovery"
    GRADIENT_ECHO = "spoiled gradient echo"


@dataclass(frozen=True)
class Protocol:
    """What a radiographer sets: weighting by name, times in ms, and the grid.

    ``train_ms`` is the length of an echo train that ends in a restore pulse (0: none).
    ``fat_suppression`` is the share of the fat signal a spectral pulse removes.
    ``bandwidth_hz`` per pixel decides how far fat is displaced along ``frequency_axis`` (1 rows, 2 columns).
    """

    weighting: str
    sequence: SequenceKind
    tr_ms: float
    te_ms: float
    in_plane_spacing_mm: float
    slice_thickness_mm: float
    slice_gap_mm: float = 0.0
    slice_count: int = 15
    rows: int = 320
    columns: int = 320
    ti_ms: float = 0.0
    flip_deg: float = 90.0
    train_ms: float = 0.0
    fat_suppression: float = 0.0
    bandwidth_hz: float = 220.0
    frequency_axis: int = 2

    def __post_init__(self) -> None:
        """Refuse protocols no scanner could play out."""
        if not 0 < self.te_ms < self.tr_ms:
            raise InputError(f"A protocol needs 0 < TE < TR, not TR {self.tr_ms:g} ms and TE {self.te_ms:g} ms.")
        if self.sequence is SequenceKind.INVERSION_RECOVERY and not 0 < self.ti_ms < self.tr_ms:
            raise InputError(f"An inversion recovery needs 0 < TI < TR, not TI {self.ti_ms:g} ms.")
        if self.train_ms and not self.te_ms <= self.train_ms < self.tr_ms:
            raise InputError(f"A restore pulse comes after the echo and before the next TR, not after {self.train_ms:g} ms.")
        if min(self.in_plane_spacing_mm, self.slice_thickness_mm) <= 0 or self.slice_gap_mm < 0:
            raise InputError("Pixel spacing and slice thickness are positive, and the gap is not negative.")
        if min(self.slice_count, self.rows, self.columns) < 1:
            raise InputError("A protocol needs at least one slice, one row and one column.")

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Slice distance, row and column spacing."""
        return self.slice_thickness_mm + self.slice_gap_mm, self.in_plane_spacing_mm, self.in_plane_spacing_mm

    @property
    def field_of_view_mm(self) -> tuple[float, float]:
        """Height and width of a slice."""
        return self.rows * self.in_plane_spacing_mm, self.columns * self.in_plane_spacing_mm

    def fat_displacement_px(self, tesla: float) -> float:
        """Pixels by which fat is misplaced along the frequency axis: resonance difference over bandwidth."""
        return water_fat_shift_hz(tesla) / self.bandwidth_hz


@dataclass(frozen=True)
class TissueSignals:
    """Signal by tissue, in water and in fat apart (the two are displaced against each other)."""

    water: FloatArray
    fat: FloatArray

    @property
    def total(self) -> FloatArray:
        """Water and fat together, with the sign of an inversion recovery."""
        return self.water + self.fat


def tissue_signals(tissues: Sequence[Tissue], protocol: Protocol, tesla: float = 1.5) -> TissueSignals:
    """The signal of each tissue (by its index) in a protocol, before coil, noise and gain.

    Water and fat of a voxel relax apart and add up. In a gradient echo they add as vectors at the angle the
    echo time has turned them apart, so that marrow darkens between the in-phase echoes; their sum is then
    returned as water.
    """
    at_field = [at_field_strength(tissue, tesla) for tissue in tissues]
    fat = at_field_strength(Tissue("fat", FAT_T1_MS, FAT_T2_MS, 100.0, 1.0), tesla)
    waters = [water_share(tissue, fat) for tissue in at_field]
    share = np.array([tissue.fat_fraction for tissue in at_field])
    density = np.array([0.0 if tissue.is_void else tissue.proton_density for tissue in at_field])
    prime = np.array([tissue.t2_prime_ms for tissue in at_field])
    water_t1, water_t2 = np.array(waters).reshape(-1, 2).T
    water = (1 - share) * density * _unit_signal(water_t1, water_t2, prime, protocol)
    fat_unit = _unit_signal(np.full_like(prime, fat.t1_ms), np.full_like(prime, fat.t2_ms), prime, protocol)
    fatty = share * density * fat_unit * (1 - protocol.fat_suppression)
    if protocol.sequence is SequenceKind.GRADIENT_ECHO:
        phase = np.exp(2j * np.pi * water_fat_shift_hz(tesla) * protocol.te_ms / 1000)
        water, fatty = np.abs(water + fatty * phase), np.zeros_like(fatty)
    flowing = np.array([tissue.flows for tissue in at_field], dtype=bool)
    water[flowing] = (density * _flow_signal(protocol))[flowing]
    return TissueSignals(water.astype(np.float32), fatty.astype(np.float32))


def _unit_signal(t1: RealArray, t2: RealArray, prime: RealArray, protocol: Protocol) -> RealArray:
    """The signal of unit density by the protocol's equation."""
    if protocol.sequence is SequenceKind.GRADIENT_ECHO:
        return spoiled_gradient_echo(1.0, t1, t2_star_ms(t2, prime), protocol.tr_ms, protocol.te_ms, protocol.flip_deg)
    if protocol.sequence is SequenceKind.INVERSION_RECOVERY:
        return inversion_recovery(1.0, t1, t2, protocol.tr_ms, protocol.te_ms, protocol.ti_ms)
    if protocol.train_ms > 0:
        return spin_echo_driven(1.0, t1, t2, protocol.tr_ms, protocol.te_ms, protocol.train_ms)
    return spin_echo(1.0, t1, t2, protocol.tr_ms, protocol.te_ms)


def _flow_signal(protocol: Protocol) -> float:
    """Blood that is replaced between pulses: nearly nothing in an echo train, unsaturated in a gradient echo."""
    if protocol.sequence is SequenceKind.GRADIENT_ECHO:
        return float(0.6 * np.sin(np.deg2rad(protocol.flip_deg)))
    return 0.02


Ranges = dict[str, tuple[float, float]]
_RANGES: dict[str, tuple[SequenceKind, Ranges]] = {
    "t1": (SequenceKind.SPIN_ECHO, {"tr_ms": (300, 1122), "te_ms": (8, 20)}),
    "t2": (SequenceKind.SPIN_ECHO, {"tr_ms": (2400, 5000), "te_ms": (80, 120), "train_ms": (0, 260)}),
    "pd": (SequenceKind.SPIN_ECHO, {"tr_ms": (2000, 4000), "te_ms": (12, 40)}),
    "stir": (SequenceKind.INVERSION_RECOVERY, {"tr_ms": (3000, 6000), "te_ms": (30, 75)}),
    "flash": (SequenceKind.GRADIENT_ECHO, {"tr_ms": (6, 12), "te_ms": (2, 5), "flip_deg": (8, 30)}),
    "t2 space": (SequenceKind.SPIN_ECHO, {"tr_ms": (1300, 2000), "te_ms": (90, 130), "train_ms": (200, 300)}),
}
_THICK: Ranges = {"slice_thickness_mm": (3.5, 5.0), "slice_gap_mm": (0.0, 1.0), "bandwidth_hz": (150, 400)}
_THIN: Ranges = {"slice_thickness_mm": (0.8, 1.6), "bandwidth_hz": (500, 800)}
_PREVALENCE = (0.3, 0.32, 0.06, 0.14, 0.08, 0.1)

WEIGHTINGS: tuple[str, ...] = tuple(_RANGES)
"""Names of the weightings a protocol can be drawn for."""


def random_protocol(rng: np.random.Generator, weighting: str | None = None, tesla: float = 1.5) -> Protocol:
    """A protocol of clinical lumbar imaging with everything drawn from its usual range.

    Slices are 3.5-5 mm (3D sequences: 0.8-1.6 mm, contiguous), pixels 0.45-0.95 mm. A STIR nulls fat at
    its field within 12 %; one in twelve of the other 2D protocols suppresses fat spectrally.
    """
    name = weighting or str(rng.choice(WEIGHTINGS, p=_PREVALENCE))
    if name not in _RANGES:
        raise InputError(f"There is no weighting {name!r}.", f"Choose one of: {', '.join(WEIGHTINGS)}.")
    kind, times = _RANGES[name]
    thin = name in ("flash", "t2 space")
    drawn = {field: float(rng.uniform(*limits)) for field, limits in {**times, **(_THIN if thin else _THICK)}.items()}
    if drawn.get("train_ms", 0) < drawn["te_ms"]:
        drawn["train_ms"] = 0.0
    if kind is SequenceKind.INVERSION_RECOVERY:
        fat_t1_ms = at_field_strength(TISSUES["subcutaneous_fat"], tesla).t1_ms
        drawn["ti_ms"] = null_inversion_time_ms(fat_t1_ms, drawn["tr_ms"]) * float(rng.uniform(0.88, 1.12))
    return Protocol(
        name,
        kind,
        in_plane_spacing_mm=float(rng.uniform(0.45, 0.95)),
        slice_count=int(rng.integers(40, 81) if thin else rng.integers(11, 20)),
        frequency_axis=int(rng.integers(1, 3)),
        fat_suppression=0.9 if name in ("t1", "t2", "pd") and rng.random() < 1 / 12 else 0.0,
        **drawn,  # type: ignore[arg-type]
    )
