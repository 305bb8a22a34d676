"""Grey levels: where bins begin, what falls on an edge, and what cannot be binned."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from spinemr.imaging.errors import InputError
from spinemr.radiomics.features.discretization import MOST_BINS, discretize
from spinemr.radiomics.region import Region
from spinemr.radiomics.settings import Settings


def region(*values: float) -> Region:
    row = np.array(values, dtype=np.float64).reshape(1, 1, -1)
    return Region(row, np.ones(row.shape, dtype=bool), (1.0, 1.0, 1.0))


def levels(settings: Settings, *values: float) -> list[int]:
    return discretize(region(*values), settings).levels.ravel().tolist()


def test_pyradiomics_bins_begin_at_multiples_of_the_width():
    found = discretize(region(54, 74.9, 75, 166), Settings(bin_width=25))
    assert found.levels.ravel().tolist() == [1, 1, 2, 5]
    assert found.count == 5
    assert found.edges[:6].tolist() == [50, 75, 100, 125, 150, 175]


def test_ibsi_bins_begin_at_the_minimum():
    found = discretize(region(54, 74.9, 79, 166), Settings(bin_width=25, discretization="ibsi"))
    assert found.levels.ravel().tolist() == [1, 1, 2, 5]
    assert found.edges.tolist() == [54, 79, 104, 129, 154, 179]


def test_ibsi_bins_begin_at_the_resegmentation_range_where_there_is_one():
    settings = Settings(bin_width=25, discretization="ibsi", resegment_range=(0.0, 200.0))
    assert levels(settings, 54, 74.9, 79, 166) == [3, 3, 4, 7]
    with pytest.raises(InputError, match="below the re-segmentation range"):
        levels(settings, -1, 20)


def test_a_range_in_standard_deviations_says_nothing_about_where_bins_begin():
    settings = Settings(bin_width=25, discretization="ibsi", resegment_range=(3.0,), resegment_mode="sigma")
    assert levels(settings, 54, 79) == [1, 2]


def test_below_zero_bins_still_begin_at_multiples():
    assert levels(Settings(bin_width=10), -12, -10, -0.1, 0, 9.9, 10) == [1, 2, 2, 3, 3, 4]


@pytest.mark.parametrize("discretization", ["pyradiomics", "ibsi"])
def test_a_bin_count_puts_the_maximum_into_the_last_bin(discretization):
    settings = Settings(bin_count=4, discretization=discretization)
    assert levels(settings, 0, 24.9, 25, 50, 99, 100) == [1, 1, 2, 3, 4, 4]


def test_a_constant_region_of_a_bin_count():
    assert levels(Settings(bin_count=16), 30, 30) == [9, 9]  # as pyradiomics: the middle of (29.5, 30.5)
    assert levels(Settings(bin_count=16, discretization="ibsi"), 30, 30) == [1, 1]


def test_outside_the_mask_the_level_is_zero():
    values = np.array([[[10.0, np.nan, 60.0]]])
    found = discretize(Region(values, np.isfinite(values), (1.0, 1.0, 1.0)), Settings())
    assert found.levels.ravel().tolist() == [1, 0, 3]
    assert found.occurring.tolist() == [1, 3]


@given(
    arrays(np.float64, 40, elements=st.floats(-1000, 1000, allow_nan=False)),
    st.sampled_from([0.1, 0.3, 1.0, 4.3, 25.0]),
    st.booleans(),
)
def test_levels_are_those_of_digitize(values, width, count):
    settings = Settings(bin_width=width, bin_count=int(width * 10) if count else None)
    found = discretize(region(*values), settings)
    assert np.array_equal(found.levels.ravel(), np.digitize(values, found.edges))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_a_number_cannot_be_binned(value):
    with pytest.raises(InputError, match="not numbers"):
        levels(Settings(), 1, value)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (Settings(bin_width=0), "above 0"),
        (Settings(bin_width=-5), "above 0"),
        (Settings(bin_width=float("nan")), "above 0"),
        (Settings(bin_width=1e-6), "too many bins"),
        (Settings(bin_count=0), "above 0"),
        (Settings(bin_count=MOST_BINS + 1), "at most"),
    ],
)
def test_impossible_bins_are_refused(settings, says):
    with pytest.raises(InputError, match=says):
        levels(settings, 0, 1000)
