"""How far measurements of the same thing repeat: intraclass correlation, concordance, within-subject variation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from spinemr.imaging.errors import InputError
from spinemr.radiomics.statistics.estimate import Estimate, Significance, normal_quantile, tail
from spinemr.radiomics.statistics.samples import Matrix, array, pairs

IccKind = Literal["1,1", "2,1", "3,1", "1,k", "2,k", "3,k"]
"""Shrout and Fleiss (1979): 1 random raters for each subject, 2 the same random raters (absolute agreement), 3 the same fixed
raters (consistency); of a single rating (1) or of the mean of all k."""
ICC_KINDS: tuple[IccKind, ...] = get_args(IccKind)


@dataclass(frozen=True)
class IntraclassCorrelation:
    """One kind of ICC with its interval and the F test against a value of zero."""

    kind: IccKind
    estimate: Estimate
    test: Significance
    denominator_degrees_of_freedom: float
    subjects: int
    raters: int


@dataclass(frozen=True)
class MeanSquares:
    """The two-way analysis of variance without replication behind every ICC."""

    subjects: int
    raters: int
    between_subjects: float
    within_subjects: float
    between_raters: float
    residual: float

    @classmethod
    def of(cls, ratings: ArrayLike) -> MeanSquares:
        """From ``[subject][rater]``."""
        table = _rated(ratings)
        n, k = table.shape
        centre = table.mean()
        rows, columns = table.mean(axis=1, keepdims=True), table.mean(axis=0, keepdims=True)
        residual = table - rows - columns + centre
        return cls(
            subjects=n,
            raters=k,
            between_subjects=float(k * np.sum((rows - centre) ** 2) / (n - 1)),
            within_subjects=float(np.sum((table - rows) ** 2) / (n * (k - 1))),
            between_raters=float(n * np.sum((columns - centre) ** 2) / (k - 1)),
            residual=float(np.sum(residual**2) / ((n - 1) * (k - 1))),
        )


def intraclass_correlation(ratings: ArrayLike, kind: IccKind = "2,1", level: float = 0.95) -> IntraclassCorrelation:
    """ICC of ``[subject][rater]``; formulas of Shrout and Fleiss (1979), intervals of McGraw and Wong (1996, Table 7)."""
    if kind not in ICC_KINDS:
        raise InputError(f"There is no ICC of kind {kind}.", f"Use one of {'; '.join(ICC_KINDS)}.")
    squares = MeanSquares.of(ratings)
    n, k = squares.subjects, squares.raters
    one_way = kind[0] == "1"
    error = squares.within_subjects if one_way else squares.residual
    error_df = n * (k - 1) if one_way else (n - 1) * (k - 1)
    ratio = _ratio(squares.between_subjects, error)
    single = _absolute(squares, level) if kind[0] == "2" else _consistent(ratio, k, n - 1, error_df, level)
    estimate = single if kind[-1] == "1" else _of_the_mean(single, k)
    p_value = 0.0 if math.isinf(ratio) else float(special.fdtrc(n - 1, error_df, ratio))
    return IntraclassCorrelation(kind, estimate, Significance(ratio, p_value, n - 1), error_df, n, k)


def _rated(ratings: ArrayLike) -> Matrix:
    table = array(ratings, "the ratings", axes=2)
    if table.shape[0] < 2 or table.shape[1] < 2:
        raise InputError(
            f"{table.shape[0]} subjects with {table.shape[1]} ratings each are too few for an ICC.",
            "At least two subjects and two ratings are needed; rows are subjects.",
        )
    if np.ptp(table) == 0:
        raise InputError("All ratings are equal, so an ICC is not defined.")
    return table


def _ratio(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator > 0 else math.inf


def _consistent(ratio: float, k: int, subject_df: int, error_df: int, level: float) -> Estimate:
    """ICC(1,1) and ICC(3,1), ``(F - 1) / (F + k - 1)``, with the bounds of F."""
    upper = tail(level)
    low = ratio / float(special.fdtri(subject_df, error_df, upper))
    high = ratio * float(special.fdtri(error_df, subject_df, upper))
    value, lower, higher = (1.0 if math.isinf(f) else (f - 1) / (f + k - 1) for f in (ratio, low, high))
    return Estimate(value, lower, higher, level)


def _absolute(squares: MeanSquares, level: float) -> Estimate:
    """ICC(2,1): raters' offsets count as error; Satterthwaite's degrees of freedom for the interval."""
    n, k = squares.subjects, squares.raters
    subjects, raters, error = squares.between_subjects, squares.between_raters, squares.residual
    value = (subjects - error) / (subjects + (k - 1) * error + k * (raters - error) / n)
    if (error == 0 and raters == 0) or value >= 1:  # by rounding: what is left of the error is below one part in 10^16
        return Estimate(1.0, 1.0, 1.0, level)
    a = k * value / (n * (1 - value))
    b = 1 + a * (n - 1)
    parts = (a * raters) ** 2 / (k - 1) + (b * error) ** 2 / ((n - 1) * (k - 1))
    freedom = (a * raters + b * error) ** 2 / parts
    low_f = float(special.fdtri(n - 1, freedom, tail(level)))
    high_f = float(special.fdtri(freedom, n - 1, tail(level)))
    noise = k * raters + (k * n - k - n) * error
    low = n * (subjects - low_f * error) / (low_f * noise + n * subjects)
    high = n * (high_f * subjects - error) / (noise + n * high_f * subjects)
    return Estimate(value, low, high, level)


def _of_the_mean(single: Estimate, k: int) -> Estimate:
    """Spearman and Brown: reliability of the mean of k ratings."""

    def step(value: float) -> float:
        return k * value / (1 + (k - 1) * value) if 1 + (k - 1) * value > 0 else -math.inf

    return Estimate(step(single.value), step(single.low), step(single.high), single.level)


def concordance_correlation(first: ArrayLike, second: ArrayLike, level: float = 0.95) -> Estimate:
    """Lin's CCC, ``2 s12 / (s1^2 + s2^2 + (m1 - m2)^2)`` with 1/n moments; interval by Fisher's z (Lin 1989, corrected 2000)."""
    one, other = pairs(first, second)
    spread_one, spread_other = float(one.std()), float(other.std())
    shift = float(one.mean() - other.mean())
    scale = spread_one**2 + spread_other**2 + shift**2
    if scale == 0:
        raise InputError("Both samples are the same constant, so a concordance correlation is not defined.")
    value = 2 * float(np.mean((one - one.mean()) * (other - other.mean()))) / scale
    if spread_one == 0 or spread_other == 0:
        return Estimate(0.0, level=level)
    if math.isclose(abs(value), 1.0, abs_tol=1e-12):
        end = math.copysign(1.0, value)
        return Estimate(end, end, end, level)
    return _concordance_interval(value, spread_one * spread_other, shift, scale, len(one), level)


def _concordance_interval(value: float, spreads: float, shift: float, scale: float, n: int, level: float) -> Estimate:
    """Bounds of a CCC; its quotient by Pearson's r is the bias correction ``2 s1 s2 / scale``, so r = 0 needs no care."""
    accuracy = 2 * spreads / scale
    pearson = value / accuracy
    offset = shift**2 / spreads
    rest = 1 - value**2
    variance = (
        (1 - pearson**2) * accuracy**2 / rest
        + 2 * value**2 * (1 - value) * accuracy * offset / rest**2
        - (value * accuracy * offset) ** 2 / (2 * rest**2)
    ) / (n - 2)
    half = normal_quantile(level) * math.sqrt(max(variance, 0.0))
    centre = math.atanh(value)
    return Estimate(value, math.tanh(centre - half), math.tanh(centre + half), level)


@dataclass(frozen=True)
class WithinSubject:
    """Spread of repeated measurements of the same subjects."""

    deviation: Estimate
    """Within-subject standard deviation, the root of the mean variance over subjects, in the unit of the values."""
    variation: Estimate
    """Within-subject coefficient of variation as a fraction; NaN where a subject's mean is not positive."""
    repeatability: Estimate
    """What 95 % of the differences of two measurements stay below, ``1.96 sqrt(2) wSD``."""


def within_subject_variation(ratings: ArrayLike, level: float = 0.95) -> WithinSubject:
    """Of ``[subject][repeat]``: wSD, wCV as root mean square of sd/mean, repeatability coefficient (Bland and Altman 1996).

    Intervals take ``n (k - 1) s^2 / sigma^2`` as chi-square (Obuchowski and Bullen 2018); for wCV that is an approximation.
    """
    table = array(ratings, "the ratings", axes=2)
    n, k = table.shape
    if n < 1 or k < 2:
        raise InputError(f"{n} subjects with {k} measurements each show no repeatability.", "Each needs two or more.")
    variances, means = table.var(axis=1, ddof=1), table.mean(axis=1)
    freedom = n * (k - 1)
    factors = [math.sqrt(freedom / float(special.chdtri(freedom, q))) for q in (1 - tail(level), tail(level))]
    deviation = math.sqrt(float(variances.mean()))
    variation = math.sqrt(float(np.mean(variances / means**2))) if np.all(means > 0) else math.nan
    wsd = Estimate(deviation, deviation * factors[0], deviation * factors[1], level)
    wcv = Estimate(variation, variation * factors[0], variation * factors[1], level)
    return WithinSubject(wsd, wcv, wsd.scaled(normal_quantile(0.95) * math.sqrt(2)))


def coefficient_of_variation(values: ArrayLike) -> float:
    """``sd / |mean|`` with n - 1 (Kim 2024, selection step 1); infinite where the mean is zero and the values differ."""
    numbers = array(values, "the sample", axes=1)
    if len(numbers) < 2:
        raise InputError("A coefficient of variation needs two or more values.")
    spread, centre = float(numbers.std(ddof=1)), abs(float(numbers.mean()))
    return spread / centre if centre > 0 else (0.0 if spread == 0 else math.inf)
