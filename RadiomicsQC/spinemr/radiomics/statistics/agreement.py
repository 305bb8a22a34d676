"""Do two measurements of the same cases agree: Bland-Altman, Pearson, paired t, Wilcoxon signed-rank."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import special, stats

from spinemr.imaging.errors import InputError
from spinemr.radiomics.statistics.estimate import (
    Estimate,
    Significance,
    normal_quantile,
    student_p,
    student_quantile,
    tail,
)
from spinemr.radiomics.statistics.samples import Vector, pairs

Scale = Literal["difference", "percent", "ratio"]
EXACT_UP_TO = 49
"""Pairs up to which the signed-rank distribution is exact, as in R's ``wilcox.test``, where there are no ties and no zeros."""

NONCENTRAL_UP_TO = 1000
"""Pairs up to which limits of agreement have exact intervals; above, exact and approximate ones are the same to three digits."""


@dataclass(frozen=True)
class BlandAltman:
    """Bias and limits of agreement with their intervals, and the points of the plot."""

    scale: Scale
    means: Vector
    """Horizontal: the mean of each pair (the geometric one for ratios)."""
    differences: Vector
    """Vertical: second minus first, the same in percent of the mean, or second over first."""
    bias: Estimate
    lower: Estimate
    upper: Estimate
    deviation: float
    """Standard deviation of the differences (of the logarithms for ratios)."""
    slope: Estimate
    """Of the differences on the means (both logarithms for ratios): proportional bias where the interval leaves zero out."""
    slope_p: float
    normality_p: float
    """Shapiro-Wilk of the differences: a small one says that limits of agreement describe them badly."""


def bland_altman(
    first: ArrayLike, second: ArrayLike, scale: Scale = "difference", *, multiple: float | None = None,
    exact: bool = True, level: float = 0.95,
) -> BlandAltman:  # fmt: skip
    """Limits ``mean +- z sd`` of second minus first (Bland and Altman 1986, 1999; ratios by logarithms).

    ``multiple`` is z, by default 1.96; SpineTK draws 1. Intervals of the limits are exact by the noncentral t distribution
    (Carkeet 2015) or ``+- t sd sqrt(1/n + z^2 / (2 (n - 1)))`` (Bland and Altman 1999, section 3).
    """
    one, other = pairs(first, second)
    means, differences = _on_scale(one, other, scale)
    z = normal_quantile(0.95) if multiple is None else multiple
    n, centre, deviation = len(differences), float(differences.mean()), float(differences.std(ddof=1))
    half = student_quantile(level, n - 1) * deviation / math.sqrt(n)
    bias = Estimate(centre, centre - half, centre + half, level)
    below, above = _limit_interval(n, deviation, z, level, exact)
    upper = Estimate(centre + z * deviation, centre + below, centre + above, level)
    lower = Estimate(centre - z * deviation, centre - above, centre - below, level)
    slope, slope_p = _slope(means, differences, level)
    normality = float(stats.shapiro(differences).pvalue) if np.ptp(differences) > 0 else math.nan
    result = BlandAltman(scale, means, differences, bias, lower, upper, deviation, slope, slope_p, normality)
    return _as_ratios(result) if scale == "ratio" else result


def _on_scale(one: Vector, other: Vector, scale: Scale) -> tuple[Vector, Vector]:
    if scale == "ratio":
        if np.any(one <= 0) or np.any(other <= 0):
            raise InputError("Ratios need values above zero, and not all of these are.", "Take the scale difference.")
        return (np.log(one) + np.log(other)) / 2, np.log(other) - np.log(one)
    means = (one + other) / 2
    if scale == "percent":
        if np.any(means == 0):
            raise InputError("A pair has the mean zero, of which nothing is a percentage.", "Take the scale difference.")
        return means, 100 * (other - one) / np.abs(means)
    if scale != "difference":
        raise InputError(f"There is no Bland-Altman scale named {scale}.", "Use difference, percent or ratio.")
    return means, other - one


def _limit_interval(n: int, deviation: float, z: float, level: float, exact: bool) -> tuple[float, float]:
    """Bounds of ``z sd`` around the mean difference."""
    if deviation == 0:
        return 0.0, 0.0
    if exact and n <= NONCENTRAL_UP_TO:
        unit = deviation / math.sqrt(n)
        low, high = (float(special.nctdtrit(n - 1, z * math.sqrt(n), q)) for q in (1 - tail(level), tail(level)))
        return low * unit, high * unit
    half = student_quantile(level, n - 1) * deviation * math.sqrt(1 / n + z**2 / (2 * (n - 1)))
    return z * deviation - half, z * deviation + half


def _slope(means: Vector, differences: Vector, level: float) -> tuple[Estimate, float]:
    if np.ptp(means) == 0:
        return Estimate(math.nan, level=level), math.nan
    x = means - means.mean()
    squares = float(x @ x)
    slope = float(x @ differences) / squares
    residual = differences - differences.mean() - slope * x
    error = math.sqrt(float(residual @ residual) / (len(x) - 2) / squares)
    half = student_quantile(level, len(x) - 2) * error
    p_value = student_p(slope / error, len(x) - 2) if error > 0 else (math.nan if slope == 0 else 0.0)
    return Estimate(slope, slope - half, slope + half, level), p_value


def _as_ratios(logs: BlandAltman) -> BlandAltman:
    bias, lower, upper = (
        Estimate(math.exp(each.value), math.exp(each.low), math.exp(each.high), each.level)
        for each in (logs.bias, logs.lower, logs.upper)
    )
    points = np.exp(logs.means), np.exp(logs.differences)
    return BlandAltman("ratio", *points, bias, lower, upper, logs.deviation, logs.slope, logs.slope_p, logs.normality_p)


@dataclass(frozen=True)
class Correlation:
    """Pearson's r with its interval and test."""

    estimate: Estimate
    p_value: float
    count: int


def pearson(first: ArrayLike, second: ArrayLike, level: float = 0.95) -> Correlation:
    """Pearson's r; interval ``tanh(atanh r +- z / sqrt(n - 3))`` (Fisher 1921), p by t with n - 2 degrees of freedom."""
    one, other = pairs(first, second)
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        raise InputError("One of the samples is constant, so a correlation is not defined.")
    x, y, n = one - one.mean(), other - other.mean(), len(one)
    r = max(-1.0, min(1.0, float(x @ y) / math.sqrt(float(x @ x) * float(y @ y))))
    if math.isclose(abs(r), 1.0, abs_tol=1e-15):
        return Correlation(Estimate(r, r, r, level), 0.0, n)
    p_value = student_p(r * math.sqrt((n - 2) / (1 - r**2)), n - 2)
    if n < 4:
        return Correlation(Estimate(r, level=level), p_value, n)
    half = normal_quantile(level) / math.sqrt(n - 3)
    low, high = math.tanh(math.atanh(r) - half), math.tanh(math.atanh(r) + half)
    return Correlation(Estimate(r, low, high, level), p_value, n)


@dataclass(frozen=True)
class PairedDifference:
    """A test whether second minus first is zero, with the size of the difference."""

    difference: Estimate
    """The mean (paired t) or the pseudomedian (signed-rank)."""
    test: Significance
    effect: float
    """Cohen's d_z, mean over sd of the differences (paired t); matched-pairs rank-biserial correlation (signed-rank)."""
    count: int


def paired_t(first: ArrayLike, second: ArrayLike, level: float = 0.95) -> PairedDifference:
    """``t = mean(d) sqrt(n) / sd(d)`` of second minus first (Student 1908); SpineTK, section 2.4.4."""
    one, other = pairs(first, second, minimum=2)
    d = other - one
    n, centre, deviation = len(d), float(d.mean()), float(d.std(ddof=1))
    half = student_quantile(level, n - 1) * deviation / math.sqrt(n)
    interval = Estimate(centre, centre - half, centre + half, level)
    if deviation == 0:
        nothing = centre == 0
        t, p, effect = (0.0, 1.0, 0.0) if nothing else (math.copysign(math.inf, centre), 0.0, math.copysign(math.inf, centre))
    else:
        t, effect = centre * math.sqrt(n) / deviation, centre / deviation
        p = student_p(t, n - 1)
    return PairedDifference(interval, Significance(t, p, n - 1), effect, n)


def signed_rank(first: ArrayLike, second: ArrayLike) -> PairedDifference:
    """Wilcoxon's signed-rank test of second minus first (Wilcoxon 1945); Arias Martinez 2024.

    The statistic is the sum of positive ranks. Exact below 50 pairs without ties and zeros, else normal with corrections for
    ties and continuity; zeros are left out, all as R's ``wilcox.test``. The effect is ``(W+ - W-) / (W+ + W-)`` (Kerby 2014).
    """
    one, other = pairs(first, second, minimum=2)
    d = other - one
    moved = d[d != 0]
    if len(moved) == 0:
        return PairedDifference(Estimate(0.0), Significance(0.0, 1.0), 0.0, len(d))
    ranks = stats.rankdata(np.abs(moved))
    total = float(ranks.sum())
    positive = float(ranks[moved > 0].sum())
    exact = len(np.unique(np.abs(moved))) == len(moved) == len(d) <= EXACT_UP_TO
    p = _exact_signed_rank_p(positive, len(d)) if exact else _normal_signed_rank_p(positive, ranks)
    averages = np.concatenate([(value + d[index:]) / 2 for index, value in enumerate(d)])
    centre = Estimate(float(np.median(averages)))
    return PairedDifference(centre, Significance(positive, p), 2 * positive / total - 1, len(d))


def _exact_signed_rank_p(positive: float, n: int) -> float:
    share = _signed_rank_distribution(n)
    place = round(positive)
    return min(1.0, 2 * min(float(share[: place + 1].sum()), float(share[place:].sum())))


@lru_cache(maxsize=64)
def _signed_rank_distribution(n: int) -> Vector:
    """How likely each sum of positive ranks of ``1..n`` is when every sign is as likely as the other."""
    ways = np.zeros(n * (n + 1) // 2 + 1)
    ways[0] = 1.0
    for rank in range(1, n + 1):
        ways[rank:] += ways[:-rank].copy()
    return ways / 2.0**n


def _normal_signed_rank_p(positive: float, ranks: Vector) -> float:
    """``|W - n (n + 1) / 4| - 1/2`` over ``sqrt(n (n + 1) (2 n + 1) / 24 - sum(t^3 - t) / 48)``, t the sizes of ties."""
    n = len(ranks)
    ties = np.unique(ranks, return_counts=True)[1].astype(np.float64)
    variance = n * (n + 1) * (2 * n + 1) / 24 - float(np.sum(ties**3 - ties)) / 48
    z = max(0.0, abs(positive - n * (n + 1) / 4) - 0.5) / math.sqrt(variance)
    return math.erfc(z / math.sqrt(2))
