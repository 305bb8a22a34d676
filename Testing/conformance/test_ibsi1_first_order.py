"""First-order features of the IBSI-1 digital phantom against the consensus values."""

import pytest

from spinemr.radiomics.extraction import extract
from spinemr.radiomics.settings import Settings

STATISTICS = {
    "Mean": "stat_mean",
    "Variance": "stat_var",
    "Skewness": "stat_skew",
    "Median": "stat_median",
    "Minimum": "stat_min",
    "10Percentile": "stat_p10",
    "90Percentile": "stat_p90",
    "Maximum": "stat_max",
    "InterquartileRange": "stat_iqr",
    "Range": "stat_range",
    "MeanAbsoluteDeviation": "stat_mad",
    "RobustMeanAbsoluteDeviation": "stat_rmad",
    "Energy": "stat_energy",
    "RootMeanSquared": "stat_rms",
    "Entropy": "ih_entropy",
    "Uniformity": "ih_uniformity",
}


@pytest.fixture(scope="module")
def features(ibsi_phantom):
    """The phantom is discretized as it comes: each grey value is a bin."""
    return extract(*ibsi_phantom, Settings(bin_width=1.0, discretization="ibsi", feature_classes={"firstorder": ()}))[1]


@pytest.mark.parametrize("name", STATISTICS)
def test_consensus(features, ibsi_reference, name):
    assert ibsi_reference(STATISTICS[name]).agrees(features[f"original_firstorder_{name}"])


def test_kurtosis_is_three_more_than_ibsis_excess(features, ibsi_reference):
    assert ibsi_reference("stat_kurt").agrees(features["original_firstorder_Kurtosis"] - 3)


def test_total_energy_is_energy_times_the_volume_of_a_voxel(features):
    assert features["original_firstorder_TotalEnergy"] == features["original_firstorder_Energy"] * 8
