from __future__ import annotations

import math

import numpy as np
import pytest

from spinemr.imaging.errors import InputError
from spinemr.radiomics.statistics.reliability import (
    ICC_KINDS,
    MeanSquares,
    coefficient_of_variation,
    concordance_correlation,
    intraclass_correlation,
    within_subject_variation,
)

# Shrout and Fleiss (1979), Table 2: six targets, four judges.
JUDGES = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], dtype=float)
PUBLISHED = {"1,1": 0.17, "2,1": 0.29, "3,1": 0.71, "1,k": 0.44, "2,k": 0.62, "3,k": 0.91}
# The same example in the documentation of the R package psych.
INTERVALS = {
    "1,1": (-0.133, 0.723), "2,1": (0.019, 0.761), "3,1": (0.342, 0.946),
    "1,k": (-0.884, 0.912), "2,k": (0.071, 0.927), "3,k": (0.676, 0.986),
}  # fmt: skip


def test_mean_squares_of_the_published_example():
    squares = MeanSquares.of(JUDGES)
    assert (squares.subjects, squares.raters) == (6, 4)
    assert squares.between_subjects == pytest.approx(11.24, abs=0.005)
    assert squares.within_subjects == pytest.approx(6.26, abs=0.005)
    assert squares.between_raters == pytest.approx(32.49, abs=0.005)
    assert squares.residual == pytest.approx(1.02, abs=0.005)


@pytest.mark.parametrize("kind", ICC_KINDS)
def test_the_published_example(kind):
    result = intraclass_correlation(JUDGES, kind)
    assert result.estimate.value == pytest.approx(PUBLISHED[kind], abs=0.005)
    assert (result.estimate.low, result.estimate.high) == pytest.approx(INTERVALS[kind], abs=0.001)
    one_way = kind.startswith("1")
    assert result.test.statistic == pytest.approx(1.79 if one_way else 11.03, abs=0.005)
    assert result.test.degrees_of_freedom == 5
    assert result.denominator_degrees_of_freedom == (18 if one_way else 15)
    assert result.test.p_value == pytest.approx(0.16477 if one_way else 0.000135, rel=0.005)


def test_an_offset_of_one_rater_costs_agreement_but_not_consistency():
    true = np.array([1.0, 4.0, 2.0, 8.0, 5.0])
    shifted = np.stack([true, true + 3], axis=1)
    assert intraclass_correlation(shifted, "3,1").estimate.value == 1.0
    assert intraclass_correlation(shifted, "2,1").estimate.value == pytest.approx(7.5 / (7.5 + 4.5))  # s^2 / (s^2 + 9/2)


def test_perfect_repeats_have_an_icc_of_one():
    same = np.repeat(np.array([[1.0], [2.0], [4.0]]), 3, axis=1)
    for kind in ICC_KINDS:
        estimate = intraclass_correlation(same, kind).estimate
        assert (estimate.value, estimate.low, estimate.high) == (1.0, 1.0, 1.0)


def test_intervals_cover_the_truth_as_often_as_they_say():
    random = np.random.default_rng(11)
    truth = 4 / (4 + 1 + 1)
    hits = {"2,1": 0, "3,1": 0}
    for _ in range(400):
        ratings = random.normal(0, 2, (25, 1)) + random.normal(0, 1, (1, 6)) + random.normal(0, 1, (25, 6))
        for kind, expected in (("2,1", truth), ("3,1", 4 / 5)):
            estimate = intraclass_correlation(ratings, kind).estimate
            hits[kind] += estimate.low <= expected <= estimate.high
    assert 0.92 <= hits["3,1"] / 400 <= 0.98
    assert 0.91 <= hits["2,1"] / 400 <= 0.99


@pytest.mark.parametrize(
    ("ratings", "sentence"),
    [
        ([[1.0, 2.0]], "1 subjects with 2 ratings"),
        ([[1.0], [2.0]], "2 subjects with 1 ratings"),
        ([[1.0, np.nan], [2.0, 3.0]], "1 of 4 values of the ratings are missing"),
        ([[2.0, 2.0], [2.0, 2.0]], "All ratings are equal"),
        ([[1.0, 2.0], [3.0]], "not all rows are equally long"),
        ([1.0, 2.0], "1 axes instead of 2"),
    ],
)
def test_ratings_that_allow_no_icc_are_refused(ratings, sentence):
    with pytest.raises(InputError, match=sentence):
        intraclass_correlation(ratings)


def test_an_unknown_kind_is_refused():
    with pytest.raises(InputError, match="no ICC of kind 4,1"):
        intraclass_correlation(JUDGES, "4,1")


def test_concordance_of_a_shifted_copy_by_hand():
    # Variances 1.25 each, covariance 1.25, shift 1: 2 x 1.25 / (1.25 + 1.25 + 1).
    estimate = concordance_correlation([1.0, 2.0, 3.0, 4.0], [2.0, 3.0, 4.0, 5.0])
    assert estimate.value == pytest.approx(2.5 / 3.5)
    # r = 1 and u^2 = 0.8 in Lin's variance: 2 c^3 (1 - c) u^2 / (1 - c^2)^2 - c^4 u^4 / (2 (1 - c^2)^2), over n - 2 = 2.
    c = 2.5 / 3.5
    variance = (2 * c**3 * (1 - c) * 0.8 / (1 - c**2) ** 2 - c**4 * 0.64 / (2 * (1 - c**2) ** 2)) / 2
    half = 1.959964 * math.sqrt(variance)
    assert estimate.low == pytest.approx(math.tanh(math.atanh(c) - half), abs=1e-6)
    assert estimate.high == pytest.approx(math.tanh(math.atanh(c) + half), abs=1e-6)


def test_concordance_covers_the_truth_as_often_as_it_says():
    random = np.random.default_rng(5)
    truth = 2 * 1 / (1 + 1.25 + 0.25)  # y = x + .5 + noise of variance .25
    hits = 0
    for _ in range(400):
        x = random.normal(size=60)
        estimate = concordance_correlation(x, x + 0.5 + random.normal(0, 0.5, 60))
        hits += estimate.low <= truth <= estimate.high
    assert 0.92 <= hits / 400 <= 0.98


def test_concordance_where_little_is_defined():
    same = concordance_correlation([1.0, 2.0, 3.0], [1.0, 2.0, 3.0])
    assert (same.value, same.low, same.high) == (1.0, 1.0, 1.0)
    mirrored = concordance_correlation([1.0, 2.0, 3.0], [3.0, 2.0, 1.0])
    assert mirrored.value == -1.0
    flat = concordance_correlation([1.0, 2.0, 3.0], [2.0, 2.0, 2.0])
    assert flat.value == 0.0 and math.isnan(flat.low)
    with pytest.raises(InputError, match="same constant"):
        concordance_correlation([2.0, 2.0, 2.0], [2.0, 2.0, 2.0])


def test_within_subject_variation_by_hand():
    result = within_subject_variation([[10.0, 12.0], [20.0, 20.0]])  # variances 2 and 0
    assert result.deviation.value == pytest.approx(1.0)
    assert result.variation.value == pytest.approx(math.sqrt((2 / 121) / 2))
    assert result.repeatability.value == pytest.approx(1.96 * math.sqrt(2), abs=1e-3)
    # Chi-square with two degrees of freedom has the quantile -2 ln(1 - q).
    assert result.deviation.low == pytest.approx(math.sqrt(2 / (-2 * math.log(0.025))))
    assert result.deviation.high == pytest.approx(math.sqrt(2 / (-2 * math.log(0.975))))


def test_no_coefficient_of_variation_around_zero():
    assert math.isnan(within_subject_variation([[-1.0, 1.0], [2.0, 3.0]]).variation.value)
    assert coefficient_of_variation([-1.0, 1.0]) == math.inf
    assert coefficient_of_variation([0.0, 0.0]) == 0.0


def test_coefficient_of_variation_by_hand():
    assert coefficient_of_variation([8.0, 12.0]) == pytest.approx(math.sqrt(8) / 10)
    assert coefficient_of_variation([-8.0, -12.0]) == pytest.approx(math.sqrt(8) / 10)
    with pytest.raises(InputError, match="two or more"):
        coefficient_of_variation([8.0])
