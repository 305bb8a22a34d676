"""Every texture value of the IBSI-1 digital phantom that corresponds to a feature, in each of its aggregations."""

from __future__ import annotations

import pytest

from spinemr.radiomics.features.discretization import discretize
from spinemr.radiomics.features.glcm import NAMES as GLCM_NAMES
from spinemr.radiomics.features.glcm import glcm_features
from spinemr.radiomics.features.gldm import gldm_features
from spinemr.radiomics.features.glrlm import glrlm_features
from spinemr.radiomics.features.glszm import glszm_features
from spinemr.radiomics.features.ngtdm import ngtdm_features
from spinemr.radiomics.region import Region
from spinemr.radiomics.settings import Settings

GLCM = {
    "joint_max": "MaximumProbability",
    "joint_avg": "JointAverage",
    "joint_var": "SumSquares",
    "joint_entr": "JointEntropy",
    "diff_avg": "DifferenceAverage",
    "diff_var": "DifferenceVariance",
    "diff_entr": "DifferenceEntropy",
    "sum_avg": "SumAverage",
    "sum_var": "SumVariance",
    "sum_entr": "SumEntropy",
    "energy": "JointEnergy",
    "contrast": "Contrast",
    "dissimilarity": "Dissimilarity",
    "inv_diff": "Id",
    "inv_diff_norm": "Idn",
    "inv_diff_mom": "Idm",
    "inv_diff_mom_norm": "Idmn",
    "inv_var": "InverseVariance",
    "corr": "Correlation",
    "auto_corr": "Autocorrelation",
    "clust_tend": "ClusterTendency",
    "clust_shade": "ClusterShade",
    "clust_prom": "ClusterProminence",
    "info_corr1": "Imc1",
    "info_corr2": "Imc2",
}
GLRLM = {
    "sre": "ShortRunEmphasis",
    "lre": "LongRunEmphasis",
    "lgre": "LowGrayLevelRunEmphasis",
    "hgre": "HighGrayLevelRunEmphasis",
    "srlge": "ShortRunLowGrayLevelEmphasis",
    "srhge": "ShortRunHighGrayLevelEmphasis",
    "lrlge": "LongRunLowGrayLevelEmphasis",
    "lrhge": "LongRunHighGrayLevelEmphasis",
    "glnu": "GrayLevelNonUniformity",
    "glnu_norm": "GrayLevelNonUniformityNormalized",
    "rlnu": "RunLengthNonUniformity",
    "rlnu_norm": "RunLengthNonUniformityNormalized",
    "r_perc": "RunPercentage",
    "gl_var": "GrayLevelVariance",
    "rl_var": "RunVariance",
    "rl_entr": "RunEntropy",
}
GLSZM = {
    "sze": "SmallAreaEmphasis",
    "lze": "LargeAreaEmphasis",
    "lgze": "LowGrayLevelZoneEmphasis",
    "hgze": "HighGrayLevelZoneEmphasis",
    "szlge": "SmallAreaLowGrayLevelEmphasis",
    "szhge": "SmallAreaHighGrayLevelEmphasis",
    "lzlge": "LargeAreaLowGrayLevelEmphasis",
    "lzhge": "LargeAreaHighGrayLevelEmphasis",
    "glnu": "GrayLevelNonUniformity",
    "glnu_norm": "GrayLevelNonUniformityNormalized",
    "zsnu": "SizeZoneNonUniformity",
    "zsnu_norm": "SizeZoneNonUniformityNormalized",
    "z_perc": "ZonePercentage",
    "gl_var": "GrayLevelVariance",
    "zs_var": "ZoneVariance",
    "zs_entr": "ZoneEntropy",
}
GLDM = {
    "lde": "SmallDependenceEmphasis",
    "hde": "LargeDependenceEmphasis",
    "lgce": "LowGrayLevelEmphasis",
    "hgce": "HighGrayLevelEmphasis",
    "ldlge": "SmallDependenceLowGrayLevelEmphasis",
    "ldhge": "SmallDependenceHighGrayLevelEmphasis",
    "hdlge": "LargeDependenceLowGrayLevelEmphasis",
    "hdhge": "LargeDependenceHighGrayLevelEmphasis",
    "glnu": "GrayLevelNonUniformity",
    "glnu_norm": "GrayLevelNonUniformityNormalized",
    "dcnu": "DependenceNonUniformity",
    "dcnu_norm": "DependenceNonUniformityNormalized",
    "dc_perc": "DependencePercentage",
    "gl_var": "GrayLevelVariance",
    "dc_var": "DependenceVariance",
    "dc_entr": "DependenceEntropy",
    "dc_energy": "DependenceEnergy",
}
NGTDM = {name.lower(): name for name in ("Coarseness", "Contrast", "Busyness", "Complexity", "Strength")}
FAMILIES = {
    "cm": (glcm_features, GLCM),
    "rlm": (glrlm_features, GLRLM),
    "szm": (glszm_features, GLSZM),
    "ngl": (gldm_features, GLDM),
    "ngt": (ngtdm_features, NGTDM),
}
BY_DIRECTION = {
    "2D_avg": "2d_average",
    "2D_comb": "2d_merged",
    "2_5D_avg": "2.5d_average",
    "2_5D_comb": "2.5d_merged",
    "3D_avg": "3d_average",
    "3D_comb": "3d_merged",
}
BY_SLICE = {"2D": "2d_average", "2_5D": "2.5d_average", "3D": "3d_average"}
CASES = [(family, *pair) for family in ("cm", "rlm") for pair in BY_DIRECTION.items()] + [
    (family, *pair) for family in ("szm", "ngl", "ngt") for pair in BY_SLICE.items()
]


@pytest.mark.parametrize(("family", "tag", "aggregation"), CASES)
@pytest.mark.parametrize("discretization", ["pyradiomics", "ibsi"])
def test_every_value_agrees(ibsi_phantom, ibsi_reference, family, tag, aggregation, discretization):
    region = Region.of(*ibsi_phantom)
    settings = Settings(bin_width=1.0, discretization=discretization, aggregation=aggregation)
    compute, features = FAMILIES[family]
    found = compute(discretize(region, settings), region, settings, tuple(features.values()))
    wrong = {
        (name, found[name], ibsi_reference(f"{family}_{code}", tag).value)
        for code, name in features.items()
        if not ibsi_reference(f"{family}_{code}", tag).agrees(found[name])
    }
    assert not wrong


def test_no_value_is_left_out(ibsi_tags):
    textures = {tag for tag in ibsi_tags if tag.startswith(tuple(f"{family}_" for family in FAMILIES))}
    compared = {f"{family}_{code}_{tag}" for family, tag, _ in CASES for code in FAMILIES[family][1]}
    assert textures == compared
    assert len(textures) == 6 * (25 + 16) + 3 * (16 + 17 + 5)


def test_only_the_mcc_has_no_consensus_value():
    assert set(GLCM_NAMES) - set(GLCM.values()) == {"MCC"}


@pytest.mark.parametrize(("force_2d", "aggregation"), [(False, "3d_average"), (True, "2.5d_average")], ids=["in 3D", "force2D"])
def test_by_default_directions_are_averaged_and_slices_merged(ibsi_phantom, force_2d, aggregation):
    region = Region.of(*ibsi_phantom)
    default, named = Settings(bin_width=1.0, force_2d=force_2d), Settings(bin_width=1.0, aggregation=aggregation)
    levels = discretize(region, default)
    for compute, _ in FAMILIES.values():
        assert compute(levels, region, default) == compute(levels, region, named)
