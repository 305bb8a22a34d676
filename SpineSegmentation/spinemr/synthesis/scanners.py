"""Named simulated scanners in three makers' styles, so that one anatomy can be imaged by several.

The names are invented. A style is a habit of reconstruction: Alder filters strongly and corrects the coil,
Birch interpolates and leaves edges ringing, Cedar hardly processes and stores wide numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from spinemr.imaging.errors import InputError
from spinemr.synthesis.protocols import Protocol, SequenceKind, random_protocol


@dataclass(frozen=True)
class PointSpread:
    """How a scanner samples and filters k-space, each along rows and columns alike unless said otherwise.

    ``acquired_share`` of the matrix is measured, the rest filled with zeros. ``apodisation`` 0 is a sharp
    cut (Gibbs ringing), 1 a full Hamming window. ``train_blur`` is the loss of signal along an echo
    train, in the phase direction, as the exponent reached at the edge of k-space.
    """

    acquired_share: float = 1.0
    apodisation: float = 0.6
    train_blur: float = 0.2

    def __post_init__(self) -> None:
        """Refuse shares outside 0..1."""
        if not (0 < self.acquired_share <= 1 and 0 <= self.apodisation <= 1 and self.train_blur >= 0):
            raise InputError("A point spread needs 0 < acquired share <= 1, 0 <= apodisation <= 1 and no negative blur.")


@dataclass(frozen=True)
class Coil:
    """The posterior array and what is left of its profile after correction.

    ``depth_mm`` is the distance over which sensitivity falls by e in front of the array, ``corrected`` the
    share of the fall-off that reconstruction takes out again (which raises the noise in front),
    ``bias_sigma`` the strength of the smooth field that stays: ``exp`` of 4^3 nodes of that deviation.
    ``end_drop`` is the exponent of what is lost towards the head and foot ends of the array.
    """

    depth_mm: float = 80.0
    corrected: float = 0.5
    bias_sigma: float = 0.12
    end_drop: float = 0.25


@dataclass(frozen=True)
class Output:
    """The numbers a scanner stores: ``maximum`` of the range, the curve onto it, and how far it is filled.

    The curve is ``v^gamma`` on intensities relative to a bright percentile, then bent below ``maximum``.
    """

    maximum: int = 4095
    gamma: float = 1.0
    fill: float = 0.5


@dataclass(frozen=True)
class Scanner:
    """A magnet, what it is told to play out, and how its images come out of it.

    ``snr`` is the mean signal of the common tissues at the spine over the standard deviation of the noise.
    ``presaturation`` is the share of signal a band in front of the spine takes away.
    ``csf_flow`` is how deep pulsation cuts into the CSF of spin echoes.
    """

    name: str
    style: str
    tesla: float
    protocol: Protocol
    point_spread: PointSpread = PointSpread()
    coil: Coil = Coil()
    output: Output = Output()
    snr: float = 30.0
    presaturation: float = 0.0
    csf_flow: float = 0.0

    def __post_init__(self) -> None:
        """Refuse magnets that do not exist and images that are all noise."""
        if not 0.1 <= self.tesla <= 10:
            raise InputError(f"A field strength lies between 0.1 and 10 T, not at {self.tesla:g} T.")
        if self.snr <= 0 or not 0 <= self.presaturation <= 1 or not 0 <= self.csf_flow <= 1:
            raise InputError("A scanner needs a positive SNR, and presaturation and CSF flow between 0 and 1.")


_SE, _IR, _GRE = SequenceKind.SPIN_ECHO, SequenceKind.INVERSION_RECOVERY, SequenceKind.GRADIENT_ECHO

ALDER = (PointSpread(0.9, 0.9, 0.25), Coil(85, 0.6, 0.08), Output(4095, 1.0, 0.45))
BIRCH = (PointSpread(0.72, 0.35, 0.2), Coil(70, 0.4, 0.12), Output(1023, 0.9, 0.6))
CEDAR = (PointSpread(1.0, 0.55, 0.15), Coil(65, 0.3, 0.16), Output(32767, 1.0, 0.3))


def _scanner(
    name: str, style: tuple[PointSpread, Coil, Output], tesla: float, protocol: Protocol, snr: float, **more: float
) -> Scanner:
    """A scanner of a maker's style; the first word of the name is the style's."""
    spread, coil, output = style
    return Scanner(name, name.split("-")[0], tesla, protocol, spread, coil, output, snr, **more)


_WIDE = {"rows": 400, "columns": 400}

_NAMED: tuple[Scanner, ...] = (
    _scanner("alder-1.5t-t1", ALDER, 1.5, Protocol("t1", _SE, 520, 11, 0.69, 4, 0.4), 32, presaturation=0.96),
    _scanner("alder-1.5t-t2", ALDER, 1.5, Protocol("t2", _SE, 3500, 102, 0.69, 4, 0.4, train_ms=180), 34,
             presaturation=0.96, csf_flow=0.2),
    _scanner("alder-1.5t-stir", ALDER, 1.5, Protocol("stir", _IR, 4200, 48, 0.86, 4, 0.4, ti_ms=160), 18,
             presaturation=0.85, csf_flow=0.2),
    _scanner("alder-3t-space", ALDER, 3.0, Protocol("t2 space", _SE, 2000, 100, 0.9, 0.9, 0, 60, train_ms=260, bandwidth_hz=700),
             24, csf_flow=0.35),
    _scanner("birch-1.5t-t1", BIRCH, 1.5, Protocol("t1", _SE, 436, 8, 0.7, 4, 0.4, 17, frequency_axis=1, bandwidth_hz=190), 26),
    _scanner("birch-3t-t1", BIRCH, 3.0, Protocol("t1", _SE, 700, 9, 0.55, 4, 0.4, **_WIDE), 34, presaturation=0.9),
    _scanner("birch-3t-t2", BIRCH, 3.0, Protocol("t2", _SE, 2900, 100, 0.55, 4, 0.4, **_WIDE), 36, csf_flow=0.3),
    _scanner("birch-1.5t-flash", BIRCH, 1.5, Protocol("flash", _GRE, 9.6, 3.7, 0.9, 1.2, 0, 50, flip_deg=20, bandwidth_hz=600),
             22),
    _scanner("cedar-1.5t-t1", CEDAR, 1.5, Protocol("t1", _SE, 600, 14, 0.78, 5, 1, 11, bandwidth_hz=160), 18),
    _scanner("cedar-1.5t-t2", CEDAR, 1.5, Protocol("t2", _SE, 4000, 104, 0.78, 5, 1, 11, bandwidth_hz=160), 20,
             presaturation=0.75, csf_flow=0.3),
    _scanner("cedar-1.5t-pd", CEDAR, 1.5, Protocol("pd", _SE, 2600, 16, 0.78, 4.5, 0.5, 13), 30, presaturation=0.75),
    _scanner("cedar-3t-stir", CEDAR, 3.0, Protocol("stir", _IR, 4800, 40, 0.75, 4, 1, 13, ti_ms=195, bandwidth_hz=260), 16,
             csf_flow=0.35),
)  # fmt: skip

SCANNERS: Mapping[str, Scanner] = MappingProxyType({scanner.name: scanner for scanner in _NAMED})
"""Every named scanner; the default of a contrast is the first of its weighting."""


def scanner(name: str) -> Scanner:
    """A scanner by its name, in whatever letter case."""
    try:
        return SCANNERS[name.strip().lower()]
    except KeyError:
        raise InputError(f"There is no simulated scanner {name!r}.", f"Choose one of: {', '.join(SCANNERS)}.") from None


def scanner_for(weighting: str) -> Scanner:
    """The first named scanner of a weighting ("t1", "t2", "pd", "stir", "flash", "t2 space")."""
    for candidate in SCANNERS.values():
        if candidate.protocol.weighting == weighting.strip().lower():
            return candidate
    known = dict.fromkeys(candidate.protocol.weighting for candidate in SCANNERS.values())
    raise InputError(f"No simulated scanner has the contrast {weighting!r}.", f"Choose one of: {', '.join(known)}.")


def random_scanner(rng: np.random.Generator, weighting: str | None = None) -> Scanner:
    """A scanner with everything drawn, wider than the named ones: for training data."""
    tesla = 3.0 if rng.random() < 0.4 else 1.5
    protocol = random_protocol(rng, weighting, tesla)
    echo_train = protocol.sequence is not _GRE
    return Scanner(
        name="random",
        style="random",
        tesla=tesla,
        protocol=protocol,
        point_spread=PointSpread(float(rng.uniform(0.55, 1.0)), float(rng.uniform(0.0, 1.0)), float(rng.uniform(0, 0.5))),
        coil=Coil(float(rng.uniform(45, 160)), float(rng.uniform(0, 0.95)), float(rng.uniform(0, 0.3))),
        output=Output(int(rng.choice((255, 1023, 4095, 32767))), float(rng.uniform(0.75, 1.25)), float(rng.uniform(0.25, 1.0))),
        snr=float(np.exp(rng.uniform(np.log(7), np.log(60)))),
        presaturation=float(rng.uniform(0.5, 0.98)) if rng.random() < 0.4 else 0.0,
        csf_flow=float(rng.uniform(0, 0.5)) if echo_train else 0.0,
    )
