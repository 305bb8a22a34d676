"""How strong an augmentation is: one number, or a range from which one is drawn each time."""

from __future__ import annotations

import numpy as np

from spinemr.imaging.errors import InputError

Strength = float | tuple[float, float]
"""A fixed value, or the (lowest, highest) of a uniform draw."""


def refuse_outside(name: str, strength: Strength, lowest: float, highest: float = np.inf) -> None:
    """Raise unless a strength lies in ``lowest..highest`` with its ends in order."""
    try:
        low, high = (float(v) for v in bounds(strength))
    except (TypeError, ValueError):
        low = high = np.nan
    if not lowest <= low <= high <= highest or not np.isfinite(high):
        limits = f"at least {lowest:g}" if highest == np.inf else f"from {lowest:g} to {highest:g}"
        raise InputError(f"{name} must be {limits} (a number, or lowest and highest), not {strength}.")


def bounds(strength: Strength) -> tuple[float, float]:
    """Lowest and highest value."""
    return (strength, strength) if isinstance(strength, float | int) else strength


def drawn(strength: Strength, rng: np.random.Generator) -> float:
    """One value, uniform over the range. A fixed strength uses up a random number as well."""
    low, high = bounds(strength)
    return low + (high - low) * float(rng.random())


def drawn_log(strength: Strength, rng: np.random.Generator) -> float:
    """One value of a positive range, uniform in its logarithm: halving is as likely as doubling."""
    low, high = bounds(strength)
    return float(low * (high / low) ** rng.random())
