from __future__ import annotations

import csv
import io
import math

import numpy as np
import pytest

from spinemr.imaging.errors import InputError
from spinemr.radiomics.statistics.agreement import bland_altman, signed_rank
from spinemr.radiomics.statistics.comparison import compare
from spinemr.radiomics.statistics.multiple_testing import holm
from spinemr.radiomics.statistics.reliability import concordance_correlation, intraclass_correlation
from spinemr.radiomics.table import FeatureRow, FeatureTable

CASES = tuple(f"case {index}" for index in range(9))


def table(offset: float, cases: tuple[str, ...] = CASES, *, shifted: str = "") -> FeatureTable:
    """Discs L4 and L5 of all cases with two features; one structure may be shifted."""
    rows = []
    for case in cases:
        number = int(case.split()[1])
        for label, structure in ((23, "L4"), (24, "L5")):
            value = 10.0 + number + 0.1 * math.sin(17.0 * number + 40 * offset)
            value += 0.5 if structure == shifted else 0.0
            rows.append(FeatureRow(case, "image", label, structure, {"contrast": value, "constant": 2.0}))
    return FeatureTable(tuple(rows))


BEFORE, AFTER = table(0.0), table(1.0, tuple(reversed(CASES)), shifted="L5")


def test_each_row_holds_what_the_single_functions_say():
    rows = compare(BEFORE, AFTER)
    assert [(row.structure, row.feature) for row in rows] == [
        ("L4", "contrast"), ("L4", "constant"), ("L5", "contrast"), ("L5", "constant"),
    ]  # fmt: skip
    a = BEFORE.where(structure="L5").column("contrast")
    b = AFTER.where(structure="L5").column("contrast")[::-1]
    row = rows[2]
    agreement = bland_altman(a, b)
    assert (row.count, row.mean_a, row.mean_b) == (9, pytest.approx(a.mean()), pytest.approx(b.mean()))
    assert (row.bias, row.lower_limit, row.upper_limit) == (agreement.bias, agreement.lower, agreement.upper)
    assert row.bias.value == pytest.approx(0.5, abs=0.06)
    assert row.relative_error.value == pytest.approx(float(np.mean(np.abs(b - a) / a)))
    assert row.icc == intraclass_correlation(np.stack([a, b], axis=1), "2,1").estimate
    assert row.ccc == concordance_correlation(a, b)
    assert row.signed_rank_p == signed_rank(a, b).test.p_value == pytest.approx(2 / 2**9)
    assert row.note == ""


def test_p_values_are_adjusted_for_all_rows():
    rows = compare(BEFORE, AFTER)
    assert [row.signed_rank_p_adjusted for row in rows] == pytest.approx(holm([row.signed_rank_p for row in rows]).tolist())
    assert rows[2].signed_rank_p_adjusted == pytest.approx(4 * 2 / 2**9)
    assert compare(BEFORE, AFTER, correction="none")[2].signed_rank_p_adjusted == pytest.approx(2 / 2**9)


def test_a_constant_feature_has_no_correlation_and_says_so():
    row = compare(BEFORE, AFTER)[1]
    assert row.note == "constant" and math.isnan(row.icc.value) and math.isnan(row.pearson.value)
    assert row.relative_error.value == 0.0 and row.paired_t_p == 1.0


def test_all_structures_together():
    rows = compare(BEFORE, AFTER, ["contrast"], by_structure=False)
    assert [(row.structure, row.count) for row in rows] == [("all", 18)]


def test_only_common_cases_and_finite_values_are_paired():
    first = BEFORE.rows[0]
    broken = FeatureTable((FeatureRow(first.case, "", first.label, first.structure, {"contrast": math.nan}), *BEFORE.rows[1:]))
    rows = compare(broken, table(1.0, CASES[:5]), ["contrast"])
    assert [row.count for row in rows] == [4, 5]
    few = compare(BEFORE, table(1.0, CASES[:2]), ["contrast"])[0]
    assert few.count == 2 and few.note == "fewer than 3 values" and math.isnan(few.bias.value)
    assert few.mean_a == pytest.approx(BEFORE.where(structure="L4").column("contrast")[:2].mean())


def test_other_cases_are_compared_as_sets():
    others = table(1.0, tuple(f"case {index}" for index in range(20, 31)))
    with pytest.raises(InputError, match="no case with the same label in common"):
        compare(BEFORE, others)
    row = compare(BEFORE, others, paired=False)[0]
    assert row.count == 9 and row.mean_b - row.mean_a == pytest.approx(21.0, abs=0.1)
    assert row.relative_error.value == pytest.approx((row.mean_b - row.mean_a) / row.mean_a)
    assert row.ks_p < 1e-4 and row.welch_p < 1e-6 and math.isnan(row.icc.value)


def test_rows_become_lines_of_a_file():
    cells = [row.cells() for row in compare(BEFORE, AFTER)]
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(cells[0]))
    writer.writeheader()
    writer.writerows(cells)
    read = list(csv.DictReader(io.StringIO(text.getvalue())))
    assert read[2]["structure"] == "L5" and float(read[2]["bias_low"]) == cells[2]["bias_low"]
    assert {"icc", "icc_low", "icc_high", "ks_p_adjusted", "note"} <= set(read[0])


def test_progress_is_told_by_structure():
    told = []
    compare(BEFORE, AFTER, progress=told.append)
    assert [(each.fraction, each.message) for each in told] == [(0.0, "L4"), (0.5, "L5")]


def test_tables_that_share_nothing_are_refused():
    with pytest.raises(InputError, match="feature entropy"):
        compare(BEFORE, AFTER, ["entropy"])
    renamed = FeatureTable(tuple(FeatureRow(r.case, r.image, r.label, f"disc {r.structure}", r.features) for r in AFTER))
    assert len(compare(BEFORE, renamed)) == 4  # labels, not names, make pairs
    with pytest.raises(InputError, match="no structure in common"):
        compare(BEFORE, renamed, paired=False)
    with pytest.raises(InputError, match="two rows for label 23"):
        compare(BEFORE, FeatureTable(AFTER.rows + AFTER.rows))
    with pytest.raises(InputError, match="no feature in common"):
        compare(BEFORE, FeatureTable(()))
    with pytest.raises(InputError, match="level lies between 0 and 1"):
        compare(BEFORE, AFTER, level=95)
