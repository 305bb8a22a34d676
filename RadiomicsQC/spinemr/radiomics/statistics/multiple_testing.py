"""Many tests at once: p values adjusted for their number, as R's ``p.adjust`` does."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spinemr.imaging.errors import InputError

Correction = Literal["none", "bonferroni", "holm", "benjamini-hochberg"]
CORRECTIONS: tuple[Correction, ...] = get_args(Correction)


def bonferroni(p_values: ArrayLike) -> NDArray[np.float64]:
    """``min(1, m p)``: the chance of one false alarm among all m stays below alpha (Dunn 1961)."""
    return adjust(p_values, "bonferroni")


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """Step down, ``max_{j<=i} min(1, (m - j + 1) p_(j))``: the same promise as Bonferroni's, more power (Holm 1979)."""
    return adjust(p_values, "holm")


def benjamini_hochberg(p_values: ArrayLike) -> NDArray[np.float64]:
    """Step up, ``min_{j>=i} min(1, m p_(j) / j)``: the share of false among all alarms (Benjamini and Hochberg 1995)."""
    return adjust(p_values, "benjamini-hochberg")


def adjust(p_values: ArrayLike, correction: Correction) -> NDArray[np.float64]:
    """Adjusted p values in the given order and shape; NaN (a test that could not be done) stays NaN and is not counted."""
    p = np.asarray(p_values, dtype=np.float64)
    done = ~np.isnan(p)
    if np.any((p[done] < 0) | (p[done] > 1)):
        raise InputError("A p value lies between 0 and 1, and not all of these do.")
    adjusted = np.full(p.shape, np.nan)
    adjusted[done] = _adjust_all(p[done], correction)
    return adjusted


def _adjust_all(p: NDArray[np.float64], correction: Correction) -> NDArray[np.float64]:
    count = len(p)
    ascending = np.argsort(p, kind="stable")
    ranks = np.arange(1, count + 1)
    if correction == "none":
        return p
    if correction == "bonferroni":
        return np.minimum(1.0, count * p)
    if correction == "holm":
        steps = np.maximum.accumulate((count - ranks + 1) * p[ascending])
    elif correction == "benjamini-hochberg":
        steps = np.minimum.accumulate((count / ranks * p[ascending])[::-1])[::-1]
    else:
        raise InputError(f"There is no correction named {correction}.", f"Use one of {', '.join(CORRECTIONS)}.")
    adjusted = np.empty(count)
    adjusted[ascending] = np.minimum(1.0, steps)
    return adjusted
