"""Brightness and contrast: the values each change gives, and that no structure moves."""

import numpy as np
import pytest

from spinemr.imaging.anatomy import Anatomy, disc_below, posterior_of
from spinemr.synthesis.augmentation import (
    Bias,
    Blur,
    CoilFallOff,
    Gamma,
    MinMax,
    PerLabelRedistribution,
    RandomCurve,
    RandomMixture,
    RandomShallowConvolution,
    Sample,
    anatomy_groups,
)
from spinemr.synthesis.augmentation.per_label import group_table


def sample_of(image, labels=None, spacing_mm=(4.0, 0.8, 0.8)):
    image = np.asarray(image, dtype=np.float32)
    return Sample(image, np.zeros(image.shape, np.uint8) if labels is None else labels, spacing_mm)


def two_tissues(rng, noise=0.02, slices=1):
    labels = np.zeros((slices, 60, 50), np.uint8)
    labels[:, 5:30, 10:40] = 21
    labels[:, 30:45, 10:40] = 121
    image = np.array([0.2, *[0] * 20, 0.5, *[0] * 99, 0.5], np.float32)[labels]
    return sample_of(image + noise * rng.standard_normal(labels.shape), labels)


def test_min_max_is_linear(rng):
    result = MinMax()(sample_of([[[-1.0, 0.0, 3.0]]]), rng)
    np.testing.assert_allclose(result.image, [[[0, 0.25, 1]]])


def test_bias_is_exp_of_a_field_of_zero_mean_and_given_deviation():
    flat = sample_of(np.ones((1, 64, 64)))
    logs = np.stack([np.log(Bias(0.3)(flat, np.random.default_rng(s)).image) for s in range(300)])
    assert logs.mean() == pytest.approx(0, abs=0.02)
    assert logs.std() == pytest.approx(0.3, rel=0.1)


def test_bias_is_smooth(rng):
    field = Bias(0.5)(sample_of(np.ones((1, 120, 120))), rng).image[0]
    assert np.ptp(field) > 0.1
    assert np.abs(np.diff(field, axis=0)).max() < 0.05 * field.max()


def test_bias_multiplies(rng):
    image = rng.random((1, 20, 20))
    one = Bias(0.4)(sample_of(np.ones_like(image)), np.random.default_rng(3)).image
    np.testing.assert_allclose(Bias(0.4)(sample_of(image), np.random.default_rng(3)).image, image * one, rtol=1e-5)


def test_coil_halves_at_its_depth_and_spares_the_back(rng):
    result = CoilFallOff(share=1.0, depth_mm=80.0)(sample_of(np.ones((2, 3, 151))), rng).image
    assert result[0, 0, -1] == pytest.approx(1)
    assert result[1, 2, 50] == pytest.approx(0.5)  # 100 pixels of 0.8 mm in front of the back edge
    assert (np.diff(result[0, 0]) > 0).all()


def test_gamma_is_a_power_and_needs_no_positive_image(rng):
    result = Gamma(2.0)(sample_of([[[-0.5, 0.0, 0.5, 1.0]]]), rng)
    np.testing.assert_allclose(result.image, [[[0, 0, 0.25, 1]]])


@pytest.mark.parametrize("seed", range(10))
def test_monotone_curve_keeps_the_order_and_the_ends(seed):
    ramp = sample_of(np.linspace(0, 1, 101)[None, None])
    result = RandomCurve(1.0)(ramp, np.random.default_rng(seed)).image[0, 0]
    assert (np.diff(result) >= -1e-6).all()
    assert (result[0], result[-1]) == pytest.approx((0, 1), abs=1e-6)


def test_any_other_curve_turns_contrasts_round_sometimes():
    ramp = sample_of(np.linspace(0, 1, 101)[None, None])
    results = [RandomCurve(1.0, monotone=False)(ramp, np.random.default_rng(s)).image[0, 0] for s in range(20)]
    assert any(r[0] > r[-1] for r in results) and any(r[0] < r[-1] for r in results)
    assert all(r.min() >= 0 and r.max() <= 1 for r in results)


def test_curve_is_linear_between_knots(rng):
    steps = RandomCurve(1.0, knots=3)(sample_of(np.linspace(0, 1, 9)[None, None]), rng).image[0, 0]
    np.testing.assert_allclose(np.diff(steps)[:4], np.diff(steps)[0], atol=1e-6)
    np.testing.assert_allclose(np.diff(steps)[4:], np.diff(steps)[-1], atol=1e-6)


def test_half_a_curve_lies_half_way():
    ramp = sample_of(np.linspace(0, 1, 33)[None, None])
    whole, half = (RandomCurve(s)(ramp, np.random.default_rng(8)).image for s in (1.0, 0.5))
    np.testing.assert_allclose(half, (whole + ramp.image) / 2, atol=1e-6)


def test_blur_has_the_width_in_mm_and_keeps_the_sum(rng):
    point = np.zeros((1, 61, 61))
    point[0, 30, 30] = 1
    result = Blur(2.4)(sample_of(point, spacing_mm=(4, 0.8, 1.2)), rng).image[0].astype(float)
    assert result.sum() == pytest.approx(1, abs=1e-4)
    place = np.arange(61) - 30
    down, back = (np.sqrt((result.sum(axis=a) * place**2).sum()) for a in (1, 0))
    assert (down * 0.8, back * 1.2) == pytest.approx((2.4, 2.4), rel=0.05)


def test_blur_does_not_mix_slices(rng):
    stack = np.zeros((3, 20, 20))
    stack[1] = 1
    np.testing.assert_allclose(Blur(3.0)(sample_of(stack), rng).image, stack, atol=1e-6)


def test_convolution_changes_the_contrast_within_the_range_and_leaves_flat_regions_flat():
    sample = two_tissues(np.random.default_rng(0), noise=0.0)
    orders = set()
    for seed in range(20):
        result = RandomShallowConvolution(1.0)(sample, np.random.default_rng(seed)).image[0]
        assert result.min() >= 0.2 - 1e-5 and result.max() <= 0.5 + 1e-5
        inside = result[14:26, 16:34]
        assert np.ptp(inside) < 1e-5
        orders.add(bool(inside.mean() > result[50:55, 20:30].mean()))
    assert orders == {True, False}


def test_convolution_moves_no_edge():
    image = np.zeros((1, 40, 40))
    image[:, :, 20:] = 1
    for seed in range(10):
        result = RandomShallowConvolution(1.0)(sample_of(image), np.random.default_rng(seed)).image[0, 20]
        changes = np.flatnonzero(np.abs(np.diff(result)) > 1e-4)
        assert changes.size == 0 or (changes.min() >= 15 and changes.max() <= 23)  # within the reach of four 3x3 layers


def test_convolution_shares_its_network_over_slices(rng):
    plane = rng.random((1, 20, 20))
    result = RandomShallowConvolution(1.0)(sample_of(np.concatenate([plane, plane])), rng).image
    np.testing.assert_allclose(result[0], result[1], atol=1e-6)


def test_redistribution_gives_tissues_of_one_grey_a_contrast(rng):
    sample = two_tissues(rng)
    differences = []
    for seed in range(20):
        image = PerLabelRedistribution(0.4)(sample, np.random.default_rng(seed)).image
        differences.append(image[sample.labels == 21].mean() - image[sample.labels == 121].mean())
    assert abs(sample.image[sample.labels == 21].mean() - sample.image[sample.labels == 121].mean()) < 0.005
    assert np.abs(differences).mean() > 0.15 and min(differences) < 0 < max(differences)


def test_redistribution_shifts_a_mean_and_scales_about_it():
    sample = two_tissues(np.random.default_rng(0))
    step = PerLabelRedistribution(shift=0.2, spread=1.0, hard_edges=True)
    inside = sample.labels == 21
    for seed in range(10):
        before, after = sample.image[inside], step(sample, np.random.default_rng(seed)).image[inside]
        assert abs(after.mean() - before.mean()) <= 0.2 + 1e-5
        assert 0.5 - 1e-3 <= after.std() / before.std() <= 2 + 1e-3
        assert np.corrcoef(before, after)[0, 1] == pytest.approx(1, abs=1e-4)


def test_redistribution_puts_the_step_where_the_label_changes():
    sample = two_tissues(np.random.default_rng(0), noise=0.0)
    seen = 0
    for seed in range(10):
        column = PerLabelRedistribution(0.4)(sample, np.random.default_rng(seed)).image[0, 10:42, 25]
        changes = np.flatnonzero(np.abs(np.diff(column)) > 1e-4) + 10
        seen += changes.size > 0
        assert set(changes) <= {28, 29, 30}  # the boundary lies between rows 29 and 30, blended over its pixels
    assert seen >= 8


def test_redistribution_keeps_the_background_continuous():
    sample = sample_of(np.linspace(0, 1, 400)[None, None] * np.ones((1, 50, 1)))
    for seed in range(10):
        ramp = PerLabelRedistribution(0.5)(sample, np.random.default_rng(seed)).image[0, 25]
        assert np.abs(np.diff(ramp)).max() <= 4.2 / 399  # one plus the steepest shift, no jump between clusters


def test_redistribution_loses_no_label_in_black_or_white():
    sample = two_tissues(np.random.default_rng(0), noise=0.01)
    for seed in range(30):
        image = PerLabelRedistribution(1.0, 0.0)(sample, np.random.default_rng(seed)).image
        assert 0.07 < image[sample.labels == 21].mean() < 0.93
        assert image[sample.labels == 21].std() > 0.005


def test_grouped_labels_keep_their_difference(rng):
    labels = np.repeat(np.array([20, 21, 120], np.uint8), 100).reshape(1, 3, 100)
    sample = sample_of(np.array([0.4, 0.5, 0.45])[[0, 1, 2]][None, :, None] * np.ones((1, 3, 100)), labels)
    image = PerLabelRedistribution(0.3, 0.0, groups=((20, 21),), hard_edges=True)(sample, rng).image[0, :, 0]
    assert image[1] - image[0] == pytest.approx(0.1, abs=1e-5)
    assert image[2] - image[0] != pytest.approx(0.05, abs=1e-3)


def test_anatomy_groups_hold_bodies_posterior_elements_and_discs():
    table = group_table(anatomy_groups())
    assert table[Anatomy.L1] == table[Anatomy.L5] == table[Anatomy.SACRUM]
    assert table[disc_below(Anatomy.L1)] == table[disc_below(Anatomy.L5)] != table[Anatomy.L1]
    assert table[posterior_of(Anatomy.L1)] == table[posterior_of(Anatomy.SACRUM)] != table[Anatomy.L1]
    assert table[Anatomy.CORD] == Anatomy.CORD and table[Anatomy.CANAL] == Anatomy.CANAL and table[0] == 0


def test_mixture_gives_each_label_its_own_gaussian():
    sample = two_tissues(np.random.default_rng(0))
    step = RandomMixture(clusters=1, clusters_inside=1, deviation=0.02)
    means = np.array(
        [[step(sample, np.random.default_rng(seed)).image[sample.labels == n].mean() for n in (0, 21, 121)] for seed in range(60)]
    )
    assert means.min() < 0.15 and means.max() > 0.85
    assert np.abs(np.corrcoef(means.T) - np.eye(3)).max() < 0.4
    middle = [step(sample, np.random.default_rng(s)).image[sample.labels == 21] for s in range(20)]
    assert np.median([m.std() for m in middle]) == pytest.approx(0.02, rel=0.1)


def test_mixture_splits_the_background_by_its_intensities():
    image = np.zeros((1, 60, 60), np.float32)
    image[:, :, 30:] = 0.8
    spread = []
    for seed in range(20):
        result = RandomMixture(clusters=2, deviation=0.0)(sample_of(image), np.random.default_rng(seed)).image[0]
        assert np.ptp(result[:, :26]) == 0 and np.ptp(result[:, 34:]) == 0
        spread.append(abs(result[0, 0] - result[0, -1]))
    assert np.mean(spread) > 0.15
