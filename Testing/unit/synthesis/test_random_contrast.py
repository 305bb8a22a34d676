from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk

from spinemr.imaging.errors import GeometryError, InputError
from spinemr.synthesis.mixture import IntensityMixture
from spinemr.synthesis.random_contrast import (
    FULL_RANGE,
    IntensityPrior,
    clustered_label_map,
    merged_background,
    random_contrast,
    random_labels_to_image,
)

BODY = ("air", "muscle", "abdominal_fat", "subcutaneous_fat", "liver", "fascia", "skin", "marrow", "annulus", "csf")
LABELS = {"marrow": 23, "annulus": 123, "csf": 61}
QUIET = IntensityPrior(deviation=(0.0, 0.0))


def test_labelled_tissues_stay_apart_and_the_others_share_3_to_10_clusters(strip_map):
    anatomy = strip_map(*BODY, labels=LABELS)
    counts = set()
    for seed in range(60):
        cluster = merged_background(anatomy, np.random.default_rng(seed))
        behind, labelled = cluster[:7], cluster[7:]
        assert len(set(labelled)) == 3 and not set(labelled) & set(behind)
        counts.add(int(labelled.min()))
    assert counts == set(range(3, 11))


def test_random_contrast_repeats_and_every_seed_is_another(strip_map):
    anatomy = strip_map(*BODY, sub_slices=3, labels=LABELS)
    first = random_contrast(anatomy, np.random.default_rng(1))
    assert first.shape == (1, 64, 160) and first.dtype == np.float32 and first.min() >= 0 and first.max() < 1.6 * FULL_RANGE
    np.testing.assert_array_equal(first, random_contrast(anatomy, np.random.default_rng(1)))
    assert np.abs(first - random_contrast(anatomy, np.random.default_rng(2))).mean() > 10


def test_without_noise_each_tissue_has_one_value_and_order_is_random(strip_map):
    anatomy = strip_map(*BODY, labels=LABELS)
    brighter = 0
    for seed in range(80):
        image = random_contrast(anatomy, np.random.default_rng(seed), QUIET)[0, 0].reshape(10, 16)
        assert np.ptp(image, axis=1).max() == 0
        brighter += int(image[7, 0] > image[8, 0])
    assert 25 < brighter < 55


def test_partial_volume_survives_a_random_contrast(strip_map):
    anatomy = strip_map("marrow", "marrow", "csf", labels=LABELS)
    mix, under, over = anatomy.mix.copy(), anatomy.under.copy(), anatomy.over.copy()
    mix[..., 16:32], under[..., 16:32], over[..., 16:32] = 0.5, 0, 2
    row = random_contrast(replace(anatomy, mix=mix, under=under, over=over), np.random.default_rng(3), QUIET)[0, 0]
    assert row[0] != row[-1]
    assert row[24] == pytest.approx((row[0] + row[-1]) / 2, rel=1e-5)


def test_air_is_black_about_one_time_in_three(strip_map):
    anatomy = strip_map(*BODY, labels=LABELS)
    black = sum(random_contrast(anatomy, np.random.default_rng(seed))[0, :, :16].max() == 0 for seed in range(200))
    assert 45 < black < 90


def test_hard_labels_get_the_gaussians_that_were_drawn():
    labels = np.repeat(np.arange(4, dtype=np.uint8), 5000).reshape(1, 100, 200)
    prior = IntensityPrior(mean=(0.4, 0.9), deviation=(0.05, 0.05))
    image = random_labels_to_image(labels, np.random.default_rng(0), prior)
    means = [image[labels == label].mean() for label in range(4)]
    assert min(means) > 390 and max(means) < 910 and len({round(m) for m in means}) == 4
    assert [image[labels == label].std() for label in range(4)] == pytest.approx([50] * 4, rel=0.05)


def test_expectation_maximisation_finds_the_gaussians_values_came_from():
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.normal(100, 10, 6000), rng.normal(200, 15, 3000), rng.normal(320, 8, 1000)])
    mixture = IntensityMixture.fit(values.astype(np.float32), 3)
    assert mixture.means == pytest.approx([100, 200, 320], abs=2)
    assert mixture.deviations == pytest.approx([10, 15, 8], abs=1.5)
    assert mixture.weights == pytest.approx([0.6, 0.3, 0.1], abs=0.02)
    assert mixture.classify(np.array([-50, 105, 190, 330, 900, np.nan], dtype=np.float32)).tolist() == [0, 0, 1, 2, 2, 0]


def test_one_wide_component_never_takes_the_brightest_values_from_the_brightest():
    rng = np.random.default_rng(1)
    values = np.concatenate([rng.normal(100, 60, 5000), rng.normal(130, 5, 5000)]).astype(np.float32)
    mixture = IntensityMixture.fit(values, 2)
    ranked = mixture.classify(np.linspace(-100, 400, 500, dtype=np.float32))
    assert np.all(np.diff(ranked.astype(int)) >= 0)


@pytest.mark.parametrize("values", [np.full(9, 3.0), np.array([]), np.full(4, np.nan)])
def test_values_that_are_all_the_same_cannot_be_clustered(values):
    with pytest.raises(InputError, match="all the same"):
        IntensityMixture.fit(values.astype(np.float32), 2)


@pytest.mark.parametrize("components", [0, 256])
def test_component_counts_outside_a_byte_are_refused(components):
    with pytest.raises(InputError, match="components"):
        IntensityMixture.fit(np.arange(10, dtype=np.float32), components)


def test_a_real_image_is_clustered_inside_and_outside_its_labels_apart():
    rng = np.random.default_rng(0)
    levels = np.repeat([10, 60, 120, 60, 200], 400).astype(np.float32)
    image = (levels + rng.normal(0, 3, levels.size)).astype(np.float32).reshape(1, 20, 100)
    labels = np.repeat(np.array([0, 0, 0, 23, 23], dtype=np.uint8), 400).reshape(1, 20, 100)
    result = clustered_label_map(image, labels, background_clusters=3, foreground_clusters=2).ravel().reshape(5, 400)
    assert [np.bincount(part).argmax() for part in result] == [0, 1, 2, 3, 4]
    assert all((part == np.bincount(part).argmax()).mean() > 0.97 for part in result)


def test_clustering_refuses_what_it_cannot_do():
    image, labels = np.arange(24, dtype=np.float32).reshape(1, 4, 6), np.zeros((1, 4, 6), dtype=np.uint8)
    with pytest.raises(InputError, match="unlabelled"):
        clustered_label_map(image, labels, 3)
    with pytest.raises(GeometryError, match="one grid"):
        clustered_label_map(image, labels[:, :2], 3)


@pytest.mark.realdata
def test_clusters_of_a_real_t2_slice_tell_bright_fluid_from_dark_cortex(data_dir):
    folder = data_dir / "spider_t2space"
    image, labels = (sitk.GetArrayFromImage(sitk.ReadImage(str(folder / f"005_{kind}.nii.gz"))) for kind in ("image", "label"))
    image, labels = image[8:9].astype(np.float32), labels[8:9].astype(np.uint8)
    clusters = clustered_label_map(image, labels, background_clusters=5, foreground_clusters=3)
    means = [image[clusters == number].mean() for number in range(8)]
    assert means[:5] == sorted(means[:5]) and means[5:] == sorted(means[5:])
    assert np.array_equal(clusters >= 5, labels > 0)
    assert (labels[clusters == 7] == 3).mean() > 0.6  # the canal is the brightest of what is labelled
    painted = random_labels_to_image(clusters, np.random.default_rng(0))
    assert painted.shape == image.shape and painted.std() > 20
