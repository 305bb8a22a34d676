from __future__ import annotations

from math import erfc, sqrt

import numpy as np
import pytest

from spinemr.imaging.errors import InputError
from spinemr.radiomics.statistics.group_tests import (
    PairwiseRow,
    compact_letters,
    kruskal_wallis,
    pairwise_wilcoxon,
    rank_sum,
)

# The examples of R's kruskal.test and wilcox.test (Hollander and Wolfe 1973).
CLEARANCE = {
    "normal": [2.9, 3.0, 2.5, 2.6, 3.2], "obstructive": [3.8, 2.7, 4.0, 2.4], "asbestosis": [2.8, 3.4, 3.7, 2.2, 2.0],
}  # fmt: skip
AT_TERM = [0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46]
EARLY = [1.15, 0.88, 0.90, 0.74, 1.21]


def test_kruskal_wallis_as_r_prints_it():
    result = kruskal_wallis(CLEARANCE)
    assert result.test.statistic == pytest.approx(0.77143, abs=5e-6)
    assert result.test.degrees_of_freedom == 2
    assert result.test.p_value == pytest.approx(0.68, abs=5e-3)
    assert result.epsilon_squared == pytest.approx(0.77143 / 13, abs=1e-6)
    assert result.counts == {"normal": 5, "obstructive": 4, "asbestosis": 5}


def test_groups_apart_by_hand():
    # Ranks 1..3, 4..6: H = 12 / 42 x (36/3 + 225/3) - 21 = 3.857
    assert kruskal_wallis({"a": [1.0, 2.0, 3.0], "b": [4.0, 5.0, 6.0]}).test.statistic == pytest.approx(27 / 7)


def test_rank_sum_as_r_prints_it():
    result = rank_sum(AT_TERM, EARLY)
    assert result.test.statistic == 35
    assert result.test.p_value == pytest.approx(0.2544, abs=5e-5)
    assert result.effect == pytest.approx(2 * 35 / 50 - 1)


def test_rank_sum_with_ties_is_normal_with_corrections():
    # Ranks 1.5 1.5 3 | 5 5 5: U = 0, mean 4.5, variance 9/12 (7 - (6 + 24) / 30) = 4.5.
    result = rank_sum([1.0, 1.0, 2.0], [3.0, 3.0, 3.0])
    assert result.test.p_value == pytest.approx(erfc((4.5 - 0.5) / sqrt(4.5) / sqrt(2)))
    assert result.effect == -1.0


def test_rank_sum_of_equal_constants_finds_nothing():
    assert rank_sum([2.0, 2.0], [2.0]).test.p_value == 1.0


def test_pairs_of_three_groups_with_holm():
    groups = {"low": [1.0, 2.0, 3.0, 4.0], "also low": [1.5, 2.5, 3.5, 4.5], "high": [11.0, 12.0, 13.0, 14.0]}
    rows = pairwise_wilcoxon(groups)
    assert [(row.first, row.second) for row in rows] == [("low", "also low"), ("low", "high"), ("also low", "high")]
    assert rows[1].p_value == pytest.approx(2 / 70)  # all of 8 over 4 orders, both ends
    assert [row.p_adjusted for row in rows] == pytest.approx([rows[0].p_value, 6 / 70, 6 / 70])
    assert rows[1].effect == -1.0 and rows[0].counts == (4, 4)


def test_paired_groups_take_the_signed_rank_test():
    first = np.arange(8.0)
    rows = pairwise_wilcoxon({"a": first + 0.1 * (first + 1), "b": first}, paired=True)
    assert rows[0].p_value == pytest.approx(2 / 2**8)
    assert rows[0].effect == 1.0 and rows[0].statistic == 36
    with pytest.raises(InputError, match="there are 4 and 3 values"):
        pairwise_wilcoxon({"a": [1.0, 2.0, 3.0], "b": [1.0, 2.0, 3.0, 4.0]}, paired=True)


def row(first: str, second: str, p: float) -> PairwiseRow:
    return PairwiseRow(first, second, (9, 9), 0.0, 0.0, p, p)


def test_letters_tell_which_groups_differ():
    rows = [row("I", "II", 0.6), row("I", "III", 0.2), row("I", "V", 0.001), row("II", "III", 0.9), row("II", "V", 0.03),
            row("III", "V", 0.2)]  # fmt: skip
    letters = compact_letters(rows)
    assert letters == {"I": "A", "II": "A", "III": "AB", "V": "B"}
    for each in rows:
        assert bool(set(letters[each.first]) & set(letters[each.second])) == (each.p_adjusted >= 0.05)


def test_letters_hold_for_any_pattern_of_differences():
    random = np.random.default_rng(8)
    names = "abcdef"
    for _ in range(50):
        rows = [row(a, b, float(random.uniform(0, 0.12))) for i, a in enumerate(names) for b in names[i + 1 :]]
        letters = compact_letters(rows)
        for each in rows:
            assert bool(set(letters[each.first]) & set(letters[each.second])) == (each.p_adjusted >= 0.05)


@pytest.mark.parametrize(
    ("groups", "sentence"),
    [
        ({"a": [1.0, 2.0]}, "only one group"),
        ({}, "no groups"),
        ({"a": [1.0, 2.0], "b": []}, "Only 0 values in group b"),
        ({"a": [1.0, np.nan], "b": [1.0, 2.0]}, "1 of 2 values of group a"),
        ({"a": [1.0], "b": [2.0]}, "too few"),
        ({"a": [1.0, 1.0], "b": [1.0, 1.0]}, "nothing to compare"),
    ],
)
def test_groups_that_cannot_be_compared_are_refused(groups, sentence):
    with pytest.raises(InputError, match=sentence):
        kruskal_wallis(groups)
