from __future__ import annotations

import math

import numpy as np
import pytest

from spinemr.imaging.errors import InputError
from spinemr.radiomics.statistics.relative_error import relative_error, relative_error_of_means, relative_errors
from spinemr.radiomics.table import FeatureRow, FeatureTable


def table(values: dict[str, dict[str, float]], label: int = 1) -> FeatureTable:
    return FeatureTable(tuple(FeatureRow(case, "image", label, "spine", features) for case, features in values.items()))


REFERENCE = table({"a": {"f": 10.0, "g": -2.0}, "b": {"f": 20.0, "g": -4.0}})
CLOSE = table({"b": {"f": 22.0, "g": -4.0}, "a": {"f": 9.0, "g": -1.0}})  # other order
FAR = table({"a": {"f": 20.0, "g": -2.0}, "b": {"f": 10.0, "g": -4.0}})


def test_one_feature_over_two_cases_by_hand():
    estimate = relative_error([9.0, 26.0], [10.0, 20.0])  # .1 and .3
    assert estimate.value == pytest.approx(0.2)
    assert estimate.high == pytest.approx(0.2 + 12.7062 * 0.1, abs=1e-4)  # t with one degree of freedom, sd / sqrt(2) = .1
    assert estimate.low == 0.0


def test_means_of_two_sets_by_hand():
    estimate = relative_error_of_means([9.0, 11.0, 16.0], [8.0, 12.0])  # 12 against 10
    assert estimate.value == pytest.approx(0.2)
    # (13 / 3 + 1.44 x 8 / 2) / 100
    assert estimate.high - estimate.value == pytest.approx(1.959964 * math.sqrt((13 / 3 + 1.44 * 4) / 100), abs=1e-6)
    assert relative_error_of_means([-9.0, -9.0], [-10.0, -10.0]).value == pytest.approx(0.1)  # larger than the reference


def test_the_table_of_methods_matches_cases():
    result = relative_errors({"close": CLOSE, "far": FAR}, REFERENCE)
    assert result.methods == ("close", "far") and result.features == ("f", "g")
    np.testing.assert_allclose(result.errors, [[0.1, 0.25], [0.75, 0.0]])
    np.testing.assert_allclose(result.signed, [[0.0, 0.25], [0.25, 0.0]], atol=1e-15)
    np.testing.assert_array_equal(result.counts, 2)
    assert result.closest == ("close", "far")
    assert result.of("close", "g").value == pytest.approx(0.25)


def test_sets_are_compared_by_their_means():
    result = relative_errors({"close": CLOSE, "far": FAR}, REFERENCE, pairing="set")
    np.testing.assert_allclose(result.errors, [[0.5 / 15, 0.5 / 3], [0.0, 0.0]], atol=1e-15)
    np.testing.assert_allclose(result.signed, [[0.5 / 15, 0.5 / 3], [0.0, 0.0]], atol=1e-15)
    assert result.low[0, 0] == 0.0  # the signed interval holds zero
    assert result.closest == ("far", "far")


def test_sets_need_no_common_cases():
    other = table({"x": {"f": 18.0}, "y": {"f": 18.0}, "z": {"f": 18.0}})
    assert relative_errors({"m": other}, REFERENCE, pairing="set").errors[0, 0] == pytest.approx(0.2)
    with pytest.raises(InputError, match="no case with the same label in common"):
        relative_errors({"m": other}, REFERENCE)


def test_a_reference_of_zero_and_missing_values_leave_a_case_out():
    reference = table({"a": {"f": 0.0}, "b": {"f": 20.0}, "c": {"f": 10.0}})
    result = relative_errors({"m": table({"a": {"f": 1.0}, "b": {"f": 25.0}, "c": {"f": math.nan}})}, reference)
    assert result.counts[0, 0] == 1 and result.errors[0, 0] == pytest.approx(0.25)
    assert math.isnan(result.low[0, 0])
    nothing = relative_errors({"m": table({"a": {"f": 1.0}})}, reference)
    assert math.isnan(nothing.errors[0, 0]) and nothing.closest == ("",)


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(InputError, match="no method"):
        relative_errors({}, REFERENCE)
    with pytest.raises(InputError, match="feature h"):
        relative_errors({"m": CLOSE}, REFERENCE, names=("h",))
    with pytest.raises(InputError, match="no feature in common"):
        relative_errors({"m": table({"a": {"h": 1.0}})}, REFERENCE)
    with pytest.raises(InputError, match="two rows for label 1"):
        relative_errors({"m": FeatureTable(CLOSE.rows + CLOSE.rows)}, REFERENCE)
    with pytest.raises(InputError, match="no pairing named voxel"):
        relative_errors({"m": CLOSE}, REFERENCE, pairing="voxel")
    with pytest.raises(InputError, match="reference is zero"):
        relative_error([1.0], [0.0])
    with pytest.raises(InputError, match="mean of the reference is zero"):
        relative_error_of_means([1.0], [-1.0, 1.0])
