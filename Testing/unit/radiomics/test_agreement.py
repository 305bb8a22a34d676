from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from spinemr.imaging.errors import InputError
from spinemr.radiomics.statistics.agreement import bland_altman, paired_t, pearson, signed_rank

# Bland and Altman (1986), Table 1: peak expiratory flow, first readings of a large and a mini meter, l/min.
LARGE = [494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427]
MINI = [512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451]
# Student's sleep data, as in R.
DRUG_1 = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
DRUG_2 = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
# Hollander and Wolfe's depression scores and tuna colours, the examples of R's wilcox.test and cor.test.
BEFORE = [1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30]
AFTER = [0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29]
LIGHTNESS = [44.4, 45.9, 41.9, 53.3, 44.7, 44.1, 50.7, 45.2, 60.1]
PANEL = [2.6, 3.1, 2.5, 5.0, 3.6, 4.0, 5.2, 2.8, 3.8]


def test_peak_flow_as_published():
    result = bland_altman(MINI, LARGE, multiple=2.0, exact=False)
    assert result.bias.value == pytest.approx(-2.1, abs=0.05)
    assert result.deviation == pytest.approx(38.8, abs=0.05)
    assert (result.bias.low, result.bias.high) == pytest.approx((-22.0, 17.8), abs=0.1)
    assert (result.lower.value, result.upper.value) == pytest.approx((-79.7, 75.5), abs=0.1)
    # The paper rounds the standard error of a limit to sqrt(3 / n) s.
    assert (result.lower.low, result.lower.high) == pytest.approx((-114.3, -45.1), abs=1.0)
    assert (result.upper.low, result.upper.high) == pytest.approx((40.9, 110.1), abs=1.0)


def test_points_and_limits_of_a_small_case_by_hand():
    result = bland_altman([1.0, 2.0, 6.0], [2.0, 4.0, 9.0])
    np.testing.assert_array_equal(result.means, [1.5, 3.0, 7.5])
    np.testing.assert_array_equal(result.differences, [1.0, 2.0, 3.0])
    assert result.bias.value == 2.0 and result.deviation == 1.0
    assert result.bias.high == pytest.approx(2 + 4.302653 / math.sqrt(3), abs=1e-5)  # t with 2 degrees of freedom
    assert result.upper.value == pytest.approx(3.959964, abs=1e-6)
    assert result.lower.value == pytest.approx(0.040036, abs=1e-6)
    assert result.lower.low == pytest.approx(4 - result.upper.high) and result.lower.high == pytest.approx(4 - result.upper.low)


def test_exact_intervals_of_limits_cover_as_often_as_they_say():
    random = np.random.default_rng(2)
    hits = 0
    for _ in range(500):
        first = random.normal(size=8)
        upper = bland_altman(first, first + random.normal(1.0, 2.0, 8)).upper
        hits += upper.low <= 1.0 + 1.959964 * 2.0 <= upper.high
    assert 0.93 <= hits / 500 <= 0.97


def test_percent_and_ratio_scales_by_hand():
    first, second = np.array([10.0, 20.0, 40.0]), np.array([12.0, 18.0, 40.0])
    percent = bland_altman(first, second, "percent")
    np.testing.assert_allclose(percent.differences, [200 / 11, -200 / 19, 0.0])
    ratio = bland_altman(first, second, "ratio")
    np.testing.assert_allclose(ratio.differences, [1.2, 0.9, 1.0])
    np.testing.assert_allclose(ratio.means, [math.sqrt(120), math.sqrt(360), 40.0])
    assert ratio.bias.value == pytest.approx((1.2 * 0.9) ** (1 / 3))
    assert ratio.lower.value * ratio.upper.value == pytest.approx(ratio.bias.value**2)


def test_a_bias_that_grows_with_the_value_shows_as_a_slope():
    first = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    result = bland_altman(first, 1.2 * first)  # difference .2 x, mean 1.1 x
    assert result.slope.value == pytest.approx(0.2 / 1.1)
    assert result.slope_p < 1e-6
    level = bland_altman(first, first + np.array([0.1, -0.1, 0.0, -0.1, 0.1]))
    assert level.slope.low < 0 < level.slope.high


def test_equal_measurements_have_no_spread():
    result = bland_altman([1.0, 2.0, 3.0], [1.0, 2.0, 3.0])
    assert (result.bias.value, result.lower.low, result.upper.high) == (0.0, 0.0, 0.0)
    assert math.isnan(result.normality_p) and math.isnan(result.slope_p)


@pytest.mark.parametrize(
    ("first", "second", "scale", "sentence"),
    [
        ([1.0, 2.0], [1.0, 2.0], "difference", "Only 2 values"),
        ([1.0, 2.0, 3.0], [1.0, 2.0, 3.0, 4.0], "difference", "there are 3 and 4 values"),
        ([1.0, np.nan, 3.0], [1.0, 2.0, 3.0], "difference", "1 of 3 values of the first sample are missing"),
        ([1.0, 0.0, 3.0], [1.0, 2.0, 3.0], "ratio", "above zero"),
        ([1.0, -2.0, 3.0], [1.0, 2.0, 3.0], "percent", "mean zero"),
        ([1.0, 2.0, 3.0], [1.0, 2.0, 3.0], "decibel", "no Bland-Altman scale named decibel"),
        (["a", "b", "c"], [1.0, 2.0, 3.0], "difference", "not all numbers"),
    ],
)
def test_pairs_without_limits_of_agreement_are_refused(first, second, scale, sentence):
    with pytest.raises(InputError, match=sentence):
        bland_altman(first, second, scale)


def test_pearson_as_r_prints_it():
    result = pearson(LIGHTNESS, PANEL)
    assert result.estimate.value == pytest.approx(0.5711816, abs=1e-7)
    assert (result.estimate.low, result.estimate.high) == pytest.approx((-0.1497426, 0.8955795), abs=1e-6)
    assert result.p_value == pytest.approx(0.1082, abs=5e-5)


def test_pearson_at_its_ends():
    line = pearson([1.0, 2.0, 3.0, 4.0], [2.0, 4.0, 6.0, 8.0]).estimate
    assert (line.value, line.low, line.high) == pytest.approx((1.0, 1.0, 1.0))
    assert math.isnan(pearson([1.0, 2.0, 3.0], [1.0, 3.0, 2.0]).estimate.low)  # three pairs have no interval
    with pytest.raises(InputError, match="constant"):
        pearson([1.0, 1.0, 1.0], [1.0, 2.0, 3.0])


def test_paired_t_as_r_prints_it():
    result = paired_t(DRUG_2, DRUG_1)
    assert result.test.statistic == pytest.approx(-4.0621, abs=5e-5)
    assert result.test.degrees_of_freedom == 9
    assert result.test.p_value == pytest.approx(0.002833, abs=5e-7)
    assert result.difference.value == pytest.approx(-1.58)
    assert (result.difference.low, result.difference.high) == pytest.approx((-2.4598858, -0.7001142), abs=1e-7)
    assert result.effect == pytest.approx(-4.0621 / math.sqrt(10), abs=1e-4)


def test_paired_t_without_spread():
    assert paired_t([1.0, 2.0], [1.0, 2.0]).test.p_value == 1.0
    assert paired_t([1.0, 2.0], [2.0, 3.0]).test.p_value == 0.0


def test_signed_rank_as_r_prints_it():
    result = signed_rank(AFTER, BEFORE)
    assert result.test.statistic == 40
    assert result.test.p_value == pytest.approx(0.03906, abs=5e-6)
    assert result.effect == pytest.approx((40 - 5) / 45)
    assert result.difference.value == pytest.approx(0.46, abs=0.05)


def test_signed_rank_with_ties_and_zeros_is_normal_with_corrections():
    # Moved by 1, 1, -1, 2, 3: ranks 2, 2, 2, 4, 5. W+ = 13, mean 7.5, variance 5 x 6 x 11 / 24 - (27 - 3) / 48 = 13.25.
    result = signed_rank([0.0] * 6, [1.0, 1.0, -1.0, 2.0, 3.0, 0.0])
    z = (13 - 7.5 - 0.5) / math.sqrt(13.25)
    assert result.test.statistic == 13
    assert result.test.p_value == pytest.approx(math.erfc(z / math.sqrt(2)))
    assert result.count == 6


def test_signed_rank_of_equal_samples_finds_nothing():
    result = signed_rank([1.0, 2.0], [1.0, 2.0])
    assert (result.test.p_value, result.effect, result.difference.value) == (1.0, 0.0, 0.0)


@pytest.mark.parametrize("seed", range(5))
def test_as_scipy(seed):
    random = np.random.default_rng(seed)
    one = random.normal(5, 1, 12 + 20 * seed)
    other = one + random.normal(0.3, 0.5, len(one))
    line = stats.linregress((one + other) / 2, other - one)
    slope = bland_altman(one, other)
    assert (slope.slope.value, slope.slope_p) == pytest.approx((line.slope, line.pvalue), rel=1e-9)
    low, high = stats.nct.ppf([0.025, 0.975], len(one) - 1, stats.norm.ppf(0.975) * math.sqrt(len(one)))
    limits = slope.bias.value + slope.deviation / math.sqrt(len(one)) * np.array([low, high])
    assert (slope.upper.low, slope.upper.high) == pytest.approx(tuple(limits), rel=1e-5)
    correlation, theirs = pearson(one, other), stats.pearsonr(one, other)
    interval = theirs.confidence_interval()
    assert (correlation.estimate.value, correlation.p_value) == pytest.approx((theirs.statistic, theirs.pvalue), rel=1e-9)
    assert (correlation.estimate.low, correlation.estimate.high) == pytest.approx(tuple(interval), rel=1e-9)
    assert paired_t(one, other).test.p_value == pytest.approx(stats.ttest_rel(one, other).pvalue, rel=1e-9)
    method = "exact" if len(one) < 50 else "approx"
    ranks = stats.wilcoxon(other - one, correction=True, method=method)
    assert signed_rank(one, other).test.p_value == pytest.approx(ranks.pvalue, rel=1e-9)
