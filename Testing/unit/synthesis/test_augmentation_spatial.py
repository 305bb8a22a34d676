"""Deformations: landmarks go where they should, image and labels together."""

import numpy as np
import pytest
from scipy import ndimage

from spinemr.synthesis.augmentation import Affine, AffineElastic, Crop, Elastic, Flip, Sample
from spinemr.synthesis.augmentation.warp import cubic, linear, nearest


def landmark(row, column, shape=(1, 101, 81), spacing_mm=(4.0, 1.0, 1.0), width=2.5):
    """A Gaussian spot with label 7 on its brighter half."""
    rows, columns = np.ogrid[: shape[1], : shape[2]]
    spot = np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / (2 * width**2)).astype(np.float32)
    image = np.broadcast_to(spot, shape).copy()
    return Sample(image, np.where(image > 0.5, 7, 0).astype(np.uint8), spacing_mm)


def place_of_image(sample, index=0):
    return ndimage.center_of_mass(sample.image[index])


def place_of_labels(sample, index=0):
    return ndimage.center_of_mass(sample.labels[index] == 7)


def test_shift_moves_by_millimetres(rng):
    result = Affine(0, 1, 6.0)(landmark(40, 30, spacing_mm=(4, 1.5, 1.0)), rng)
    assert place_of_image(result) == pytest.approx((44, 36), abs=0.02)
    assert place_of_labels(result) == pytest.approx((44, 36), abs=0.3)


def test_rotation_is_rigid_on_oblong_pixels(rng):
    # 20 mm above the middle; a quarter turn backwards brings it 20 mm behind the middle
    result = Affine(90, 1, 0)(landmark(50 - 10, 40, spacing_mm=(4, 2.0, 1.0)), rng)
    assert place_of_image(result) == pytest.approx((50, 60), abs=0.05)


def test_small_positive_rotation_tips_the_head_backwards(rng):
    row, column = place_of_image(Affine(10, 1, 0)(landmark(20, 40), rng))
    assert column == pytest.approx(40 + 30 * np.sin(np.deg2rad(10)), abs=0.05)
    assert row == pytest.approx(50 - 30 * np.cos(np.deg2rad(10)), abs=0.05)


def test_scale_enlarges_about_the_middle(rng):
    sample = landmark(40, 35)
    result = Affine(0, 1.5, 0)(sample, rng)
    assert place_of_image(result) == pytest.approx((35, 32.5), abs=0.05)
    assert (result.labels == 7).sum() / (sample.labels == 7).sum() == pytest.approx(2.25, rel=0.1)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize(
    "step", [Affine(), Affine(order=3), Elastic(8.0, 25.0), Elastic(8.0, 25.0, order=3), AffineElastic()], ids=repr
)
def test_image_and_labels_stay_together(step, seed):
    result = step(landmark(48, 38), np.random.default_rng(seed))
    assert place_of_labels(result) == pytest.approx(place_of_image(result), abs=0.6)
    inside = result.image[result.labels == 7]
    assert inside.size > 5 and inside.min() > 0.3
    assert result.image[result.labels == 0].max() < 0.7


def test_both_at_once_is_one_after_the_other():
    """With the same numbers: first the elastic deformation of the sample, then the affine one of the result's frame."""
    sample = landmark(45, 40)
    affine, elastic = Affine(0, 1, 5.0), Elastic(6.0, 30.0)
    both = AffineElastic(affine, elastic)(sample, np.random.default_rng(1))
    random = np.random.default_rng(1)
    rows, columns = affine.sources(sample, random)
    down, back = elastic.displacements(sample, random)
    expected = ndimage.map_coordinates(sample.image[0], [rows + down[0], columns + back[0]], order=1)
    np.testing.assert_allclose(both.image[0], expected, atol=1e-4)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("slices", [1, 6])
def test_elastic_never_folds(seed, slices):
    sample = landmark(50, 40, shape=(slices, 101, 81))
    down, back = Elastic(100.0, 20.0).displacements(sample, np.random.default_rng(seed))
    rows_by_row, rows_by_column = np.gradient(down, axis=1), np.gradient(down, axis=2)
    columns_by_row, columns_by_column = np.gradient(back, axis=1), np.gradient(back, axis=2)
    jacobian = (1 + rows_by_row) * (1 + columns_by_column) - rows_by_column * columns_by_row
    assert np.abs(down).max() > 3  # as strong as it gets
    assert jacobian.min() > 0


def test_elastic_has_the_strength_it_says():
    sample = landmark(50, 40)
    fields = [Elastic(3.0, 40.0).displacements(sample, np.random.default_rng(s)) for s in range(60)]
    assert np.std(fields) == pytest.approx(0.5 * 3.0, rel=0.3)
    assert np.mean(fields) == pytest.approx(0, abs=0.3)


def test_elastic_changes_smoothly_from_slice_to_slice():
    down, _ = Elastic(6.0, 20.0).displacements(landmark(50, 40, shape=(15, 101, 81)), np.random.default_rng(0))
    assert 0 < np.abs(np.diff(down, axis=0)).max() < 3
    assert np.abs(down[0] - down[-1]).max() > 1


def test_affine_treats_all_slices_alike(rng):
    result = Affine()(landmark(50, 40, shape=(3, 101, 81)), rng)
    np.testing.assert_array_equal(result.image[0], result.image[2])


def test_what_comes_from_outside_is_nothing(rng):
    full = Sample(np.full((1, 40, 40), 0.7, np.float32), np.full((1, 40, 40), 9, np.uint8), (1, 1, 1))
    result = Affine(0, 0.5, 0)(full, rng)
    assert (result.labels[0, :8] == 0).all() and (result.image[0, :8] == 0).all()
    assert (result.labels[0, 12:28, 12:28] == 9).all()
    np.testing.assert_allclose(result.image[0, 12:28, 12:28], 0.7, atol=1e-6)


def test_linear_interpolation_agrees_with_scipy(rng):
    image = rng.random((30, 20), dtype=np.float32)
    rows, columns = (rng.uniform(-3, 33, (40, 40)).astype(np.float32) for _ in range(2))
    reference = ndimage.map_coordinates(image, [rows, columns], order=1, mode="grid-constant")
    np.testing.assert_allclose(linear(image, rows, columns), reference, atol=1e-5)


def test_nearest_agrees_with_scipy(rng):
    labels = rng.integers(0, 255, (30, 20)).astype(np.uint8)
    rows, columns = (rng.uniform(-3, 33, (40, 40)).astype(np.float32) for _ in range(2))
    reference = ndimage.map_coordinates(labels, [rows, columns], order=0, mode="grid-constant")
    np.testing.assert_array_equal(nearest(labels, rows, columns), reference)


def test_cubic_is_sharper_than_linear_and_stays_in_range(rng):
    image = rng.random((40, 40), dtype=np.float32)
    rows, columns = np.meshgrid(np.arange(5, 35, dtype=np.float32) + 0.5, np.arange(5, 35, dtype=np.float32), indexing="ij")
    assert cubic(image, rows, columns).std() > 1.1 * linear(image, rows, columns).std()
    assert cubic(image, rows, columns).min() >= 0 and cubic(image, rows, columns).max() <= image.max()


def test_centred_crop_keeps_the_middle(rng):
    sample = landmark(50, 40, shape=(5, 101, 81))
    result = Crop(slices=1, rows=21, columns=11, centred=True)(sample, rng)
    np.testing.assert_array_equal(result.image, sample.image[2:3, 40:61, 35:46])
    np.testing.assert_array_equal(result.labels, sample.labels[2:3, 40:61, 35:46])


def test_random_crop_reaches_every_place():
    ramp = np.arange(6, dtype=np.float32)[None, :, None] * np.ones((1, 1, 3), np.float32)
    sample = Sample(ramp, ramp.astype(np.uint8), (1, 1, 1))
    starts = set()
    for seed in range(60):
        result = Crop(rows=4)(sample, np.random.default_rng(seed))
        start = int(result.image[0, 0, 0])
        np.testing.assert_array_equal(result.image[0, :, 0], np.arange(start, start + 4))
        np.testing.assert_array_equal(result.labels, result.image.astype(np.uint8))
        starts.add(start)
    assert starts == {0, 1, 2}


def test_crop_pads_what_is_too_small(rng):
    sample = Sample(np.ones((1, 3, 4), np.float32), np.full((1, 3, 4), 5, np.uint8), (1, 1, 1))
    result = Crop(slices=3, rows=7, columns=2)(sample, rng)
    assert result.shape == (3, 7, 2) and result.image.sum() == 6
    assert (result.image[1, 2:5] == 1).all() and (result.labels[1, 2:5] == 5).all()
    assert result.labels[[0, 2]].max() == 0


@pytest.mark.parametrize(("chances", "axis"), [((1, 0, 0), 0), ((0, 1, 0), 2), ((0, 0, 1), 1)])
def test_flip_turns_its_axis_and_twice_is_nothing(chances, axis, rng):
    image = rng.random((3, 5, 4), dtype=np.float32)
    sample = Sample(image, (image * 255).astype(np.uint8), (4, 1, 1))
    once = Flip(*chances)(sample, rng)
    np.testing.assert_array_equal(once.image, np.flip(image, axis))
    np.testing.assert_array_equal(once.labels, np.flip(sample.labels, axis))
    np.testing.assert_array_equal(Flip(*chances)(once, rng).image, image)
