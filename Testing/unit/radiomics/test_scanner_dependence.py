from __future__ import annotations

import numpy as np
import pytest

from spinemr.imaging.errors import InputError
from spinemr.radiomics.statistics.scanner_dependence import (
    dependence_row,
    dependence_table,
    kolmogorov_smirnov,
    scanner_dependence,
    welch,
)
from spinemr.radiomics.table import FeatureRow, FeatureTable

DRUG_1 = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
DRUG_2 = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]


def test_welch_as_r_prints_it_for_the_sleep_data():
    result = welch(DRUG_1, DRUG_2)
    assert result.statistic == pytest.approx(-1.8608, abs=5e-5)
    assert result.degrees_of_freedom == pytest.approx(17.776, abs=5e-4)
    assert result.p_value == pytest.approx(0.07939, abs=5e-6)


def test_kolmogorov_smirnov_by_hand():
    apart = kolmogorov_smirnov([1.0, 2.0, 3.0], [4.0, 5.0, 6.0])
    assert apart.statistic == 1.0 and apart.p_value == pytest.approx(2 / 20)  # 2 of C(6, 3) orders
    assert kolmogorov_smirnov([1.0, 2.0, 3.0, 4.0], [3.5, 5.0, 6.0, 7.0]).statistic == pytest.approx(0.75)


def test_samples_as_alike_as_they_can_be_are_no_warning(recwarn):
    odd, even = np.arange(1.0, 15.0, 2.0), np.arange(2.0, 16.0, 2.0)
    result = kolmogorov_smirnov(odd, even)
    assert result.statistic == pytest.approx(1 / 7) and result.p_value == pytest.approx(1.0, abs=1e-4)
    assert not recwarn.list


def test_constants_have_no_welch_test():
    with pytest.raises(InputError, match="constant"):
        welch([2.0, 2.0, 2.0], [3.0, 3.0, 3.0])


def study() -> tuple[np.ndarray, list[str], tuple[str, ...]]:
    """Three scanners of 30 images; only the first features tell them apart, the last is constant."""
    random = np.random.default_rng(0)
    scanners = [name for name in ("A", "B", "C") for _ in range(30)]
    values = random.normal(size=(90, 6))
    values[:30, :2] += 4.0  # A differs in two features, so all contrasts with the rest do
    values[:, 5] = 1.0
    return values, scanners, ("one", "two", "three", "four", "five", "constant")


def test_only_the_features_that_differ_come_out_significant():
    values, scanners, names = study()
    result = scanner_dependence(values, scanners, names)
    assert result.contrasts == (("A", "rest"), ("B", "rest"), ("C", "rest"))
    assert result.counts == ((30, 60),) * 3
    assert np.all(result.ks_p[0, :2] < 1e-10) and np.all(result.welch_p[0, :2] < 1e-10)
    holm = result.p_values("welch", "holm")
    np.testing.assert_array_equal(holm < 0.05, [[True, True, False, False, False, False]] * 3)
    assert np.isnan(result.welch_p[:, 5]).all() and np.all(result.ks_p[:, 5] == 1.0)


def test_rows_count_as_the_published_table_does():
    values, scanners, names = study()
    row = dependence_row(scanner_dependence(values, scanners, names), "ks", "holm")
    assert row.per_contrast == (2, 2, 2) and row.features == 6
    assert row.mean_count == 2.0 and row.percent == pytest.approx(100 * 2 / 6)
    assert row.cell == "2 (33.3)"
    # Welch cannot test the constant feature, which therefore does not count among all.
    assert dependence_row(scanner_dependence(values, scanners, names), "welch", "holm").percent == pytest.approx(40.0)


def test_the_table_has_both_tests_under_every_correction():
    values, scanners, names = study()
    rows = dependence_table({"none": scanner_dependence(values, scanners, names)})["none"]
    assert [(row.test, row.correction) for row in rows] == [
        ("ks", "none"), ("ks", "holm"), ("ks", "benjamini-hochberg"),
        ("welch", "none"), ("welch", "holm"), ("welch", "benjamini-hochberg"),
    ]  # fmt: skip
    assert all(rows[0].mean_count >= row.mean_count for row in rows[1:3])


def test_uncorrected_tests_of_equal_scanners_fail_at_about_alpha():
    random = np.random.default_rng(1)
    result = scanner_dependence(random.normal(size=(90, 200)), ["A", "B", "C"] * 30)
    assert 2.0 <= dependence_row(result, "ks").percent <= 7.0
    assert dependence_row(result, "ks", "holm").mean_count <= 1 / 3


def test_pairs_of_scanners_from_a_table():
    values, scanners, names = study()
    rows = tuple(
        FeatureRow(f"c{index}", "source", 1, "spine", dict(zip(names, row.tolist(), strict=True)), scanner)
        for index, (row, scanner) in enumerate(zip(values, scanners, strict=True))
    )
    result = scanner_dependence(FeatureTable(rows), against="pairs")
    assert result.contrasts == (("A", "B"), ("A", "C"), ("B", "C"))
    np.testing.assert_array_equal(result.p_values("ks", "holm")[:, :2] < 0.05, [[True, True], [True, True], [False, False]])


def test_missing_values_are_left_out():
    values, scanners, names = study()
    values[0, 0] = np.nan
    values[:28, 1] = np.nan
    result = scanner_dependence(values, scanners, names)
    assert result.ks_p[0, 0] == pytest.approx(kolmogorov_smirnov(values[1:30, 0], values[30:, 0]).p_value)
    assert np.isnan(result.ks_p[0, 1])  # two values are too few


@pytest.mark.parametrize(
    ("scanners", "against", "sentence"),
    [
        (["A"] * 6, "rest", "from one scanner"),
        (["A"] * 4 + ["B"] * 2, "rest", "Scanner B has fewer than 3"),
        (["A"] * 3, "rest", "6 images, but 3 scanner names"),
        (["A"] * 3 + [""] * 3, "rest", "no scanner"),
        (["A"] * 3 + ["B"] * 3, "best", "no contrast named best"),
        (None, "rest", "says nothing about scanners"),
    ],
)
def test_scanners_that_cannot_be_compared_are_refused(scanners, against, sentence):
    with pytest.raises(InputError, match=sentence):
        scanner_dependence(np.arange(12.0).reshape(6, 2), scanners, against=against)
