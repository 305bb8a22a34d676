"""First-order features and SpineTK's, against cases computed by hand and scipy."""

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy import stats

from spinemr.imaging.errors import InputError
from spinemr.radiomics.features.discretization import discretize
from spinemr.radiomics.features.first_order import NAMES, first_order_features
from spinemr.radiomics.features.spinetk import spinetk_features
from spinemr.radiomics.region import Region
from spinemr.radiomics.settings import Settings


def region_of(values, spacing=(2.0, 0.5, 0.5)):
    array = np.array(values, dtype=float).reshape(1, 1, -1)
    return Region(array, np.ones(array.shape, bool), spacing)


def features(values, settings=Settings(), wanted=()):  # noqa: B008
    region = region_of(values)
    return first_order_features(region, settings, discretize(region, settings), wanted)


def test_by_hand():
    found = features([10, 20, 30, 40, 100])
    assert tuple(found) == NAMES
    assert len(found) == 18
    # Deviations from the mean 40: -30 -20 -10 0 60. Bins of 25: 2 of [0, 25), 2 of [25, 50), 1 of [100, 125).
    assert found["Mean"] == 40
    assert found["Variance"] == pytest.approx((900 + 400 + 100 + 3600) / 5)
    assert found["MeanAbsoluteDeviation"] == pytest.approx(120 / 5)
    assert found["Skewness"] == pytest.approx((-27000 - 8000 - 1000 + 216000) / 5 / 1000**1.5)
    assert found["Kurtosis"] == pytest.approx((81e4 + 16e4 + 1e4 + 1296e4) / 5 / 1000**2)
    assert found["Energy"] == 100 + 400 + 900 + 1600 + 10000
    assert found["TotalEnergy"] == found["Energy"] * 0.5
    assert found["RootMeanSquared"] == pytest.approx(math.sqrt(13000 / 5))
    assert (found["Minimum"], found["Median"], found["Maximum"], found["Range"]) == (10, 30, 100, 90)
    assert (found["10Percentile"], found["90Percentile"]) == (pytest.approx(14), pytest.approx(76))
    assert found["InterquartileRange"] == 20
    assert found["RobustMeanAbsoluteDeviation"] == pytest.approx(20 / 3)  # of 20, 30, 40
    assert found["Uniformity"] == pytest.approx(0.16 + 0.16 + 0.04)
    assert found["Entropy"] == pytest.approx(-(0.8 * math.log2(0.4) + 0.2 * math.log2(0.2)))


def test_the_shift_moves_energies_only():
    plain, shifted = features([1, 2, 3]), features([1, 2, 3], Settings(voxel_array_shift=10))
    assert shifted["Energy"] == 11**2 + 12**2 + 13**2
    changed = {name for name in plain if plain[name] != shifted[name]}
    assert changed == {"Energy", "TotalEnergy", "RootMeanSquared"}


def test_one_intensity_has_no_spread_however_its_mean_is_rounded():
    found = features([0.1] * 7)
    assert [found[name] for name in ("Variance", "Skewness", "Kurtosis", "Entropy", "Range")] == pytest.approx([0] * 5, abs=1e-12)
    assert found["Uniformity"] == 1


def test_on_request_and_unknown():
    assert features([1, 3], wanted=("StandardDeviation", "Mean")) == {"StandardDeviation": 1.0, "Mean": 2.0}
    with pytest.raises(InputError, match="no firstorder feature Average"):
        features([1, 3], wanted=("Average",))


def test_only_the_mask_counts():
    values = np.array([[[1.0, 2.0, 1000.0]]])
    region = Region(values, values < 500, (1.0, 1.0, 1.0))
    assert first_order_features(region, Settings(), discretize(region, Settings()))["Maximum"] == 2


def test_a_spread_too_small_for_numbers_is_none():
    found = features([0.0, 1.4e-119], Settings(bin_count=8))
    assert found["Kurtosis"] == found["Skewness"] == 0


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=50))
@example([0.0, 1.4e-119])
@example([0.0, 5e-324])
@example([1000.0, 1000.0000000000001])
def test_percentiles_are_numpys(values):
    found = features(values, Settings(bin_count=8))
    for name, percent in (("10Percentile", 10), ("90Percentile", 90), ("Median", 50)):
        assert found[name] == pytest.approx(np.percentile(values, percent), rel=1e-12, abs=1e-9)


def test_spinetk_by_hand_and_against_scipy(rng):
    values = rng.gamma(2, 30, 200)
    found = spinetk_features(region_of(values))
    assert tuple(found) == ("Skewness", "Kurtosis", "MPP", "Entropy")
    assert found["Skewness"] == pytest.approx(stats.skew(values, bias=False))
    assert found["Kurtosis"] == pytest.approx(stats.kurtosis(values, bias=False))
    mixed = spinetk_features(region_of([-4, 0, 1, 1, 4, 4, 4, 10]))
    assert mixed["MPP"] == 4
    assert mixed["Entropy"] == pytest.approx(-(3 / 8 * math.log2(1 / 8) + 2 / 8 * math.log2(2 / 8) + 3 / 8 * math.log2(3 / 8)))


def test_spinetk_of_little():
    flat = spinetk_features(region_of([-3, -3, -3, -3]))
    assert (flat["Skewness"], flat["Kurtosis"], flat["Entropy"]) == (0, 0, 0)
    assert math.isnan(flat["MPP"])
    assert spinetk_features(region_of([1, 2]), ("Skewness", "Kurtosis")) == {"Skewness": 0, "Kurtosis": 0}
