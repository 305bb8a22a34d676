"""How far the features of harmonized images lie from those of a reference, method by method (Kim 2024, Fig. 11)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spinemr.imaging.errors import InputError
from spinemr.radiomics.statistics.estimate import Estimate, normal_quantile, student_quantile
from spinemr.radiomics.statistics.matching import common_names, finite, finite_pairs, matched
from spinemr.radiomics.statistics.samples import pairs, sample
from spinemr.radiomics.table import FeatureTable

Pairing = Literal["case", "set"]
"""``case``: each image against the reference of its own case. ``set``: mean of the images against mean of the references."""


@dataclass(frozen=True)
class RelativeErrors:
    """Rows are methods, columns features: what a heat map needs. NaN where a feature could not be compared."""

    methods: tuple[str, ...]
    features: tuple[str, ...]
    pairing: Pairing
    errors: NDArray[np.float64]
    """Fractions, never negative: 0 is the reference's own value."""
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    signed: NDArray[np.float64]
    """The same with the direction: positive is larger than the reference."""
    counts: NDArray[np.int64]
    level: float

    @property
    def closest(self) -> tuple[str, ...]:
        """For each feature the method with the smallest error; empty where none could be compared."""
        return tuple("" if np.all(np.isnan(column)) else self.methods[int(np.nanargmin(column))] for column in self.errors.T)

    def of(self, method: str, feature: str) -> Estimate:
        """One cell with its interval."""
        place = self.methods.index(method), self.features.index(feature)
        return Estimate(float(self.errors[place]), float(self.low[place]), float(self.high[place]), self.level)


def relative_error(values: ArrayLike, reference: ArrayLike, level: float = 0.95) -> Estimate:
    """Mean over cases of ``|x - r| / |r|`` with the t interval of that mean, cut at zero."""
    one, other = pairs(values, reference, minimum=1)
    if np.any(other == 0):
        raise InputError("The reference is zero for a case, so there is no relative error.")
    errors = np.abs(one - other) / np.abs(other)
    centre, half = float(errors.mean()), math.nan
    if len(errors) > 1:
        half = student_quantile(level, len(errors) - 1) * float(errors.std(ddof=1)) / math.sqrt(len(errors))
    return Estimate(centre, float(np.maximum(0.0, centre - half)), centre + half, level)


def relative_error_of_means(values: ArrayLike, reference: ArrayLike, level: float = 0.95) -> Estimate:
    """Signed ``(mean(x) - mean(r)) / |mean(r)|`` of two sets of images, not necessarily of the same cases.

    Interval by the delta method for a ratio of independent means, ``(s_x^2/n_x + q^2 s_r^2/n_r) / mean(r)^2``, normal.
    """
    one, other = sample(values, "the images", 1), sample(reference, "the reference", 1)
    centre = float(other.mean())
    if centre == 0:
        raise InputError("The mean of the reference is zero, so there is no relative error.")
    quotient = float(one.mean()) / centre
    error = (float(one.mean()) - centre) / abs(centre)
    if len(one) < 2 or len(other) < 2:
        return Estimate(error, level=level)
    variance = one.var(ddof=1) / len(one) + quotient**2 * other.var(ddof=1) / len(other)
    half = normal_quantile(level) * math.sqrt(float(variance)) / abs(centre)
    return Estimate(error, error - half, error + half, level)


def relative_errors(
    methods: Mapping[str, FeatureTable], reference: FeatureTable, names: Sequence[str] | None = None,
    pairing: Pairing = "case", level: float = 0.95,
) -> RelativeErrors:  # fmt: skip
    """Errors against the features of the reference images, one row a method (the unharmonized images may be one)."""
    if not methods:
        raise InputError("There is no method to compare with the reference.")
    if pairing not in ("case", "set"):
        raise InputError(f"There is no pairing named {pairing}.", "Use case or set.")
    features = common_names([reference, *methods.values()], names)
    shape = len(methods), len(features)
    errors, low, high, signed = (np.full(shape, np.nan) for _ in range(4))
    counts = np.zeros(shape, dtype=np.int64)
    for row, table in enumerate(methods.values()):
        ours, theirs = matched([table, reference]) if pairing == "case" else (table, reference)
        for column, name in enumerate(features):
            estimate, direction, counts[row, column] = _cell(ours.column(name), theirs.column(name), pairing, level)
            place = row, column
            errors[place], low[place], high[place], signed[place] = estimate.value, estimate.low, estimate.high, direction
    return RelativeErrors(tuple(methods), features, pairing, errors, low, high, signed, counts, level)


def _cell(ours: NDArray[np.float64], theirs: NDArray[np.float64], pairing: Pairing, level: float) -> tuple[Estimate, float, int]:
    """Error, error with its sign, and how many images it is from; NaN where nothing can be compared."""
    if pairing == "case":
        ours, theirs = finite_pairs(ours, theirs)
        ours, theirs = ours[theirs != 0], theirs[theirs != 0]
        if len(ours) == 0:
            return Estimate(math.nan, level=level), math.nan, 0
        return relative_error(ours, theirs, level), float(np.mean((ours - theirs) / np.abs(theirs))), len(ours)
    ours, theirs = finite(ours), finite(theirs)
    if len(ours) == 0 or len(theirs) == 0 or theirs.mean() == 0:
        return Estimate(math.nan, level=level), math.nan, len(ours)
    signed = relative_error_of_means(ours, theirs, level)
    return _without_sign(signed), signed.value, len(ours)


def _without_sign(signed: Estimate) -> Estimate:
    """The absolute value; an interval around zero begins at zero."""
    bounds = sorted((abs(signed.low), abs(signed.high)))
    low = 0.0 if signed.low <= 0 <= signed.high else bounds[0]
    return Estimate(abs(signed.value), low, bounds[1], signed.level)
