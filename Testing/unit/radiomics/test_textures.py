"""Textures computed by hand on images of a few voxels, which neighbours count, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from spinemr.imaging.errors import InputError
from spinemr.radiomics.features import glcm, gldm, glrlm, glszm, ngtdm
from spinemr.radiomics.features.discretization import Levels
from spinemr.radiomics.features.eigenvalues import symmetric_eigenvalues
from spinemr.radiomics.features.glcm_matrix import cooccurrences
from spinemr.radiomics.features.lattice import MOST_LEVELS
from spinemr.radiomics.region import Region
from spinemr.radiomics.settings import Settings

FAMILIES = (
    (glcm.glcm_features, glcm.NAMES, 24),
    (glrlm.glrlm_features, glrlm.NAMES, 16),
    (glszm.glszm_features, glszm.NAMES, 16),
    (gldm.gldm_features, gldm.NAMES, 14),
    (ngtdm.ngtdm_features, ngtdm.NAMES, 5),
)


def of(rows, spacing_mm=(1.0, 1.0, 1.0)) -> tuple[Levels, Region]:
    """Levels as they are written, 0 outside the mask; one slice unless there are more."""
    levels = np.array(rows, dtype=np.int32)
    levels = levels.reshape((1,) * (3 - levels.ndim) + levels.shape)
    return Levels(levels, int(levels.max()), np.arange(levels.max() + 1.0)), Region(levels.astype(float), levels > 0, spacing_mm)


def test_pairs_of_one_direction():
    levels, region = of([[1, 2, 2, 0, 3, 1]])
    (matrices,) = cooccurrences(levels, region, Settings(symmetrical_glcm=False))
    assert matrices.p[0].tolist() == pytest.approx(np.array([[0, 1, 0], [0, 1, 0], [1, 0, 0]]) / 3)
    found = glcm.glcm_features(levels, region, Settings(symmetrical_glcm=False))
    assert found["Contrast"] == pytest.approx((1 + 0 + 4) / 3)
    assert found["Autocorrelation"] == pytest.approx((2 + 4 + 3) / 3)
    assert found["JointEnergy"] == pytest.approx(1 / 3)
    assert found["JointEntropy"] == pytest.approx(np.log2(3))
    assert found["SumAverage"] == pytest.approx((3 + 4 + 4) / 3)
    assert found["Id"] == pytest.approx((1 / 2 + 1 + 1 / 3) / 3)


def test_directions_count_the_same_however_many_pairs_they_have():
    levels, region = of([[1, 2], [1, 2], [1, 1]])
    across = (1 + 1 + 0) / 3
    down = (0 + 0 + 0 + 1) / 4
    ahead = (1 + 0) / 2  # down and to the right: 1-2, 1-1
    back = (1 + 1) / 2  # down and to the left: 2-1, 2-1
    averaged = glcm.glcm_features(levels, region, Settings())
    assert averaged["Contrast"] == pytest.approx((across + down + ahead + back) / 4)
    merged = Settings(aggregation="3d_merged")
    assert glcm.glcm_features(levels, region, merged)["Contrast"] == pytest.approx((2 + 1 + 1 + 2) / 11)


def test_weights_fall_with_the_square_of_the_distance():
    levels, region = of([[1, 2], [1, 1]], spacing_mm=(9.0, 0.5, 0.8))
    weights = np.exp(-(np.array([0.8, 0.5, np.hypot(0.8, 0.5), np.hypot(0.8, 0.5)]) ** 2))
    contrasts, pairs = np.array([1, 1, 0, 1]), np.array([2, 2, 1, 1])
    found = glcm.glcm_features(levels, region, Settings(weighting_norm="euclidean"))["Contrast"]
    assert found == pytest.approx((weights @ contrasts) / (weights @ pairs))


def test_distances_are_measured_by_the_infinity_norm():
    levels, region = of([[1, 1, 3], [1, 1, 1], [2, 1, 1]])
    assert glcm.glcm_features(levels, region, Settings(distances=(2,)))["Contrast"] == pytest.approx(
        np.mean([(4 + 0 + 1) / 3, (1 + 0 + 4) / 3, 0, 1, 0, (4 + 1) / 2, 0, (1 + 4) / 2])
    )


def test_the_maximal_correlation_of_levels_that_determine_each_other_is_one():
    levels, region = of([[1, 2, 1, 2, 1, 2, 1, 2]])
    assert glcm.glcm_features(levels, region, Settings())["MCC"] == pytest.approx(1)
    assert glcm.glcm_features(levels, region, Settings())["Correlation"] == pytest.approx(-1)


@pytest.mark.parametrize("size", [1, 2, 7, 64, 120])
def test_eigenvalues(rng, size):
    matrices = rng.normal(size=(3, size, size))
    matrices += matrices.transpose(0, 2, 1)
    assert symmetric_eigenvalues(matrices) == pytest.approx(np.linalg.eigvalsh(matrices), abs=1e-9)


def test_runs_end_at_the_mask_and_at_other_levels():
    levels, region = of([[1, 1, 0, 1, 2, 2, 2]])
    found = glrlm.glrlm_features(levels, region, Settings())
    lengths = np.array([2, 1, 3])
    assert found["ShortRunEmphasis"] == pytest.approx(np.mean(1 / lengths**2))
    assert found["LongRunHighGrayLevelEmphasis"] == pytest.approx((4 * 1 + 1 * 1 + 9 * 4) / 3)
    assert found["RunPercentage"] == pytest.approx(3 / 6)
    assert found["GrayLevelNonUniformity"] == pytest.approx((2**2 + 1**2) / 3)
    assert found["RunEntropy"] == pytest.approx(np.log2(3))


def test_runs_of_oblique_directions():
    block = np.full((3, 3, 3), 2)
    block[[0, 1, 2], [0, 1, 2], [2, 1, 0]] = 1
    levels, region = of(block)
    (matrices,) = glrlm.run_lengths(levels, region, Settings())
    assert matrices.counts[:, 0, 2].sum() == 1  # the diagonal through the block, in its own direction only
    assert matrices.counts.shape == (13, 2, 3)
    assert (matrices.counts @ matrices.sizes).sum(axis=1).tolist() == [27] * 13


def test_a_direction_without_two_voxels_on_a_line_has_no_runs():
    levels, region = of([[1, 1, 2]])
    tall, tall_region = of([[[1, 1, 2]], [[0, 0, 0]], [[0, 0, 0]]])
    assert glrlm.glrlm_features(tall, tall_region, Settings()) == glrlm.glrlm_features(levels, region, Settings())


def test_zones_touch_at_corners():
    levels, region = of([[1, 2, 1], [2, 1, 2], [3, 3, 2]])
    (matrices,) = glszm.size_zones(levels, Settings())
    assert matrices.sizes.tolist() == [2, 3, 4]
    assert matrices.counts[0].tolist() == [[0, 1, 0], [0, 0, 1], [1, 0, 0]]
    assert glszm.glszm_features(levels, region, Settings())["LargeAreaEmphasis"] == pytest.approx((9 + 16 + 4) / 3)


def test_zones_reach_across_slices_only_in_three_dimensions():
    levels, region = of([[[1, 2]], [[1, 2]], [[2, 1]]])
    in_space = glszm.glszm_features(levels, region, Settings())
    in_slices = glszm.glszm_features(levels, region, Settings(force_2d=True))
    assert (in_space["ZonePercentage"], in_slices["ZonePercentage"]) == pytest.approx((2 / 6, 6 / 6))


def test_lines_of_voxels_across_slices_are_not_joined_within_slices():
    levels, region = of(np.ones((4, 1, 1), dtype=int))
    found = glszm.glszm_features(levels, region, Settings(force_2d=True))
    assert found["LargeAreaEmphasis"] == 1


@pytest.mark.parametrize("shape", [(3, 2, 2), (2, 3, 4), (5, 2, 3), (1, 2, 9), (4, 1, 2), (6, 5, 4)])
def test_zones_are_those_of_labelling_each_level(rng, shape):
    levels, _ = of(rng.integers(0, 4, shape))
    expected = sorted(
        (level, int(size))
        for level in range(1, levels.count + 1)
        for size in np.bincount(ndimage.label(levels.levels == level, np.ones((3, 3, 3)))[0].ravel())[1:]
    )
    (matrices,) = glszm.size_zones(levels, Settings())
    rows, columns = np.nonzero(matrices.counts[0])
    found = [
        (int(matrices.levels[row]), int(matrices.sizes[column]))
        for row, column in zip(rows, columns, strict=True)
        for _ in range(int(matrices.counts[0, row, column]))
    ]
    assert sorted(found) == expected


def test_dependences_count_the_voxel_itself():
    levels, region = of([[1, 2, 2], [1, 4, 2], [0, 2, 1]])
    found = gldm.gldm_features(levels, region, Settings())
    dependences = np.array([2, 3, 3, 2, 1, 4, 2, 1])  # row by row
    assert found["LargeDependenceEmphasis"] == pytest.approx(np.mean(dependences**2))
    assert found["DependenceVariance"] == pytest.approx(np.var(dependences))
    near = gldm.gldm_features(levels, region, Settings(gldm_alpha=1))
    assert near["LargeDependenceEmphasis"] == pytest.approx(np.mean(np.array([3, 5, 3, 4, 1, 5, 4, 3]) ** 2))


def test_tone_differences():
    levels, region = of([[1, 3, 0, 2]])
    found = ngtdm.ngtdm_features(levels, region, Settings())
    assert found["Coarseness"] == pytest.approx(1 / (2 / 3 + 2 / 3))  # the lone voxel counts, with a difference of 0
    pairs = 2 * (1 + 4 + 1) / 9
    assert found["Contrast"] == pytest.approx(pairs / 6 * 4 / 3)
    assert found["Strength"] == pytest.approx(2 * (2 / 3) * (1 + 4 + 1) / 4)


def test_ibsi_leaves_voxels_without_neighbours_out_of_tone_differences():
    levels, region = of([[1, 3, 0, 2]])
    found = ngtdm.ngtdm_features(levels, region, Settings(aggregation="3d_average"))
    assert found["Coarseness"] == pytest.approx(1 / (2 / 2 + 2 / 2))
    alone, alone_region = of([[2]])
    found = ngtdm.ngtdm_features(alone, alone_region, Settings(aggregation="3d_average"))
    assert found == {"Busyness": 0, "Coarseness": ngtdm.NO_DIFFERENCE, "Complexity": 0, "Contrast": 0, "Strength": 0}


def test_slices_are_averaged_or_merged():
    levels, region = of([[[1, 2]], [[1, 1]]])
    averaged = glcm.glcm_features(levels, region, Settings(aggregation="2d_average"), ("Contrast", "JointEnergy"))
    merged = glcm.glcm_features(levels, region, Settings(aggregation="2.5d_average"), ("Contrast", "JointEnergy"))
    assert averaged == pytest.approx({"Contrast": 0.5, "JointEnergy": (0.5 + 1) / 2})
    assert merged == pytest.approx({"Contrast": 0.5, "JointEnergy": 2 * 0.25**2 + 0.5**2})


def test_empty_slices_do_not_count():
    levels, region = of([[[1, 2]], [[0, 0]], [[1, 2]]])
    for compute, names, _ in FAMILIES:
        found = compute(levels, region, Settings(aggregation="2d_average"))
        single = compute(*of([[1, 2]]), Settings(aggregation="2d_average"))
        assert found == pytest.approx({name: single[name] for name in names}, nan_ok=True)


@pytest.mark.parametrize(("compute", "names", "count"), FAMILIES)
def test_names_stand_in_pyradiomics_order(compute, names, count):
    assert len(names) == count
    assert list(names) == sorted(names)
    levels, region = of([[1, 2, 3], [2, 2, 1]])
    assert tuple(compute(levels, region, Settings())) == names
    assert tuple(compute(levels, region, Settings(), names[2:0:-1])) == names[2:0:-1]


@pytest.mark.parametrize(("compute", "names", "count"), FAMILIES)
def test_an_unknown_name_is_refused(compute, names, count):
    with pytest.raises(InputError, match=r"no .* feature Nonsense"):
        compute(*of([[1, 2]]), Settings(), (names[count - 1], "Nonsense"))


def test_features_on_request_are_other_names_or_ibsi_ones():
    levels, region = of([[1, 2, 2], [1, 4, 2], [0, 2, 1]])
    found = glcm.glcm_features(levels, region, Settings())
    asked = glcm.glcm_features(levels, region, Settings(), glcm.ON_REQUEST)
    expected = ("DifferenceAverage", "Id", "Idm", "ClusterTendency")
    assert list(asked.values()) == [found[name] for name in expected]
    dependence = gldm.gldm_features(levels, region, Settings(), gldm.ON_REQUEST)
    assert dependence["DependencePercentage"] == 1
    assert dependence["GrayLevelNonUniformityNormalized"] == pytest.approx((9 + 16 + 1) / 64)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (Settings(distances=()), "Distances"),
        (Settings(distances=(0, 1)), "Distances"),
        (Settings(force_2d=True, force_2d_dimension=3), "force2Ddimension"),
        (Settings(gldm_alpha=-1), "gldm_a"),
    ],
)
def test_impossible_settings_are_refused(settings, says):
    with pytest.raises(InputError, match=says):
        gldm.gldm_features(*of([[1, 2]]), settings)


def test_more_levels_than_a_matrix_can_hold_are_refused():
    levels, region = of(np.arange(1, MOST_LEVELS + 2).reshape(1, -1))
    with pytest.raises(InputError, match="grey levels"):
        glcm.glcm_features(levels, region, Settings())
