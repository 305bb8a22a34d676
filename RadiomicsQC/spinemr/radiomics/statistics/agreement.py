"""Do two measurements of the same cases agree: Bland-Altman, Pearson, paired t, Wilcoxon signed-rank."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from spinemr.imaging.errors import InputError
from spinemr.radiomics.statistics.estimate import Estimate, Significance, tail
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
    z = float(stats.norm.ppf(0.975)) if multiple is None else multiple
    n, centre, deviation = len(differences), float(differences.mean()), float(differences.std(ddof=1))
    half = float(stats.t.ppf(tail(level), n - 1)) * deviation / math.sqrt(n)
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
        low, high = (float(stats.nct.ppf(q, n - 1, z * math.sqrt(n))) for q in (1 - tail(level), tail(level)))
        return low * unit, high * unit
    half = float(stats.t.ppf(tail(level), n - 1)) * deviation * math.sqrt(1 / n + z**2 / (2 * (n - 1)))
    return z * deviation - half, z * deviation + half


def _slope(means: Vector, differences: Vector, level: float) -> tuple[Estimate, float]:
    if np.ptp(means) == 0:
        return Estimate(math.nan, level=level), math.nan
    line = stats.linregress(means, differences)
    half = float(stats.t.ppf(tail(level), len(means) - 2)) * float(line.stderr)
    slope = float(line.slope)
    p_value = math.nan if line.stderr == 0 and slope == 0 else float(line.pvalue)
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
    result = stats.pearsonr(one, other)
    r, n = float(result.statistic), len(one)
    if n < 4:
        return Correlation(Estimate(r, level=level), float(result.pvalue), n)
    if math.isclose(abs(r), 1.0, abs_tol=1e-15):
        return Correlation(Estimate(r, r, r, level), float(result.pvalue), n)
    half = float(stats.norm.ppf(tail(level))) / math.sqrt(n - 3)
    low, high = math.tanh(math.atanh(r) - half), math.tanh(math.atanh(r) + half)
    return Correlation(Estimate(r, low, high, level), float(result.pvalue), n)


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
    half = float(stats.t.ppf(tail(level), n - 1)) * deviation / math.sqrt(n)
    interval = Estimate(centre, centre - half, centre + half, level)
    if deviation == 0:
        nothing = centre == 0
        t, p, effect = (0.0, 1.0, 0.0) if nothing else (math.copysign(math.inf, centre), 0.0, math.copysign(math.inf, centre))
    else:
        t, effect = centre * math.sqrt(n) / deviation, centre / deviation
        p = float(2 * stats.t.sf(abs(t), n - 1))
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
    unique = len(np.unique(np.abs(moved))) == len(moved) == len(d)
    p = stats.wilcoxon(moved, correction=True, method="exact" if unique and len(d) <= EXACT_UP_TO else "approx").pvalue
    averages = np.concatenate([(value + d[index:]) / 2 for index, value in enumerate(d)])
    centre = Estimate(float(np.median(averages)))
    return PairedDifference(centre, Significance(positive, float(p)), 2 * positive / total - 1, len(d))
