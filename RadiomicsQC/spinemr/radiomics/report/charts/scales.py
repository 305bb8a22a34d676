"""From data to places on the page: linear and logarithmic scales with ticks a person would choose, and numbers as text."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

_CLOSE = 0.72
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
_SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
_MISSING = "–"


@dataclass(frozen=True)
class Scale:
    """Data between ``low`` and ``high`` onto places from ``start`` to ``stop`` (which may run upwards or downwards)."""

    low: float
    high: float
    start: float
    stop: float
    logarithmic: bool = False

    def __call__(self, value: float) -> float:
        """The place of a value; values beyond the ends lie at the ends."""
        if self.logarithmic:
            share = math.log(max(value, self.low) / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return self.start + (self.stop - self.start) * min(max(share, 0.0), 1.0)

    def placed(self, start: float, stop: float) -> Scale:
        """The same data on other places."""
        return replace(self, start=start, stop=stop)

    def ticks(self, count: int = 5) -> tuple[float, ...]:
        """About ``count`` round values within the scale: multiples of 1, 2, 2.5 or 5 times a power of ten, or decades."""
        return _decades(self.low, self.high, count) if self.logarithmic else _multiples(self.low, self.high, count)


def spanning(values: Iterable[float], *, include: Sequence[float] = (), margin: float = 0.06, logarithmic: bool = False) -> Scale:
    """A scale over the finite values (the positive ones, if logarithmic), with a margin on either side; 0 to 1 over none."""
    found = np.asarray([*values, *include], dtype=np.float64)
    found = found[np.isfinite(found) & ((found > 0) | (not logarithmic))]
    low, high = (float(found.min()), float(found.max())) if found.size else (0.1 if logarithmic else 0.0, 1.0)
    if logarithmic:
        wider = max((high / low) ** margin, 1.1)
        return Scale(low / wider, high * wider, 0.0, 1.0, logarithmic=True)
    extent = high - low
    if extent <= 1e-12 * max(abs(low), abs(high)):
        extent = 2.0 * max(abs(low) * 0.05, 1e-9) if low else 1.0
        low, high = low - extent / 2, high + extent / 2
    return Scale(low - margin * extent, high + margin * extent, 0.0, 1.0)


def starting_at_zero(values: Iterable[float], *, margin: float = 0.06) -> Scale:
    """A scale from 0 to a little beyond the largest finite value: what bars and shares need."""
    found = [value for value in values if math.isfinite(value)]
    top = max([*found, 0.0])
    return Scale(0.0, top * (1 + margin) if top > 0 else 1.0, 0.0, 1.0)


def tick_labels(ticks: Sequence[float], logarithmic: bool = False) -> tuple[tuple[str, ...], int]:
    """The ticks as text and the power of ten (a multiple of three) they were divided by, which the axis has to tell."""
    if logarithmic or not ticks:
        return tuple(_decade_label(tick) for tick in ticks), 0
    largest = max(abs(tick) for tick in ticks)
    power = 3 * math.floor(math.log10(largest) / 3) if largest >= 1e5 or 0 < largest < 1e-2 else 0
    scaled = [tick / 10.0**power for tick in ticks]
    step = min((abs(b - a) for a, b in pairwise(scaled)), default=abs(scaled[0]) or 1.0)
    digits = next((d for d in range(8) if abs(round(step, d) - step) < 1e-6 * step), 7)
    return tuple(_signed(f"{value + 0.0:.{digits}f}") for value in scaled), power


def power_of_ten(power: int) -> str:
    """The factor an axis tells: ×10³ for 3, nothing for 0."""
    return f"×10{str(power).translate(_SUPERSCRIPTS)}" if power else ""


def number(value: float | None, significant: int = 3) -> str:
    """A number for a person: so many significant digits, powers of ten where needed, a dash where there is none."""
    if value is None or not math.isfinite(value):
        return _MISSING
    if value == 0:
        return "0"
    magnitude = math.floor(math.log10(abs(value)))
    if not -4 <= magnitude < 5:
        return f"{_signed(f'{value / 10.0**magnitude:.{significant - 1}f}')}{power_of_ten(magnitude)}"
    digits = max(significant - 1 - magnitude, 0)
    return _signed(f"{value:.{digits}f}")


def fixed(value: float | None, digits: int) -> str:
    """A number with so many digits behind the point; a dash where there is none."""
    return _signed(f"{value:.{digits}f}") if value is not None and math.isfinite(value) else _MISSING


def _signed(written: str) -> str:
    """A real minus sign, and none before zero."""
    return written.lstrip("-") if float(written) == 0 else written.replace("-", "−")


def _multiples(low: float, high: float, count: int) -> tuple[float, ...]:
    rough = (high - low) / max(count, 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in _STEPS if factor * power >= rough * _CLOSE)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return tuple(round(index * step, 12 - math.floor(math.log10(step))) for index in range(first, last + 1))


def _decades(low: float, high: float, count: int) -> tuple[float, ...]:
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    if last - first < 1:
        return tuple(tick for tick in _multiples(low, high, count) if tick > 0)
    stride = max(1, -(-(last - first + 1) // (count + 2)))
    return tuple(10.0**power for power in range(first, last + 1, stride))


def _decade_label(tick: float) -> str:
    power = round(math.log10(tick))
    if abs(math.log10(tick) - power) > 1e-9 or -3 <= power <= 4:
        return f"{tick:.6g}"
    return f"10{str(power).translate(_SUPERSCRIPTS)}"
