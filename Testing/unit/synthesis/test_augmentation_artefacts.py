"""Artefacts: noise statistics, k-space arithmetic and resolution, against what theory says."""

import numpy as np
import pytest

from spinemr.synthesis.augmentation import Anisotropy, Ghosting, Gibbs, LowResolution, Motion, RicianNoise, Sample


def sample_of(image, spacing_mm=(4.0, 1.0, 1.0)):
    image = np.asarray(image, dtype=np.float32)
    return Sample(image, np.zeros(image.shape, np.uint8), spacing_mm)


def block(shape=(1, 64, 64)):
    image = np.zeros(shape)
    image[:, 24:40, 28:36] = 1
    return sample_of(image)


def test_noise_in_air_is_rayleigh(rng):
    air = RicianNoise(0.05)(sample_of(np.zeros((1, 300, 300))), rng).image
    assert air.mean() == pytest.approx(0.05 * np.sqrt(np.pi / 2), rel=0.01)
    assert air.std() == pytest.approx(0.05 * np.sqrt(2 - np.pi / 2), rel=0.01)


def test_noise_on_a_strong_signal_is_gaussian(rng):
    signal = RicianNoise(0.05)(sample_of(np.full((2, 300, 300), 0.8)), rng).image
    assert signal.mean() == pytest.approx(np.sqrt(0.8**2 + 0.05**2), abs=0.001)
    assert signal.std() == pytest.approx(0.05, rel=0.02)


def test_noise_differs_between_slices(rng):
    noise = RicianNoise(0.1)(sample_of(np.full((2, 100, 100), 0.5)), rng).image
    assert abs(np.corrcoef(noise[0].ravel(), noise[1].ravel())[0, 1]) < 0.05


@pytest.mark.parametrize("shape", [(1, 64, 64), (2, 65, 50)])
def test_gibbs_keeps_the_mean_and_rings(shape, rng):
    sample = sample_of(0.3 + 0.4 * block(shape).image)
    result = Gibbs(0.5)(sample, rng).image
    assert result.mean() == pytest.approx(sample.image.mean(), abs=1e-5)
    assert result.max() > 0.7 + 0.4 * 0.05 and result.min() < 0.3 - 0.4 * 0.03


def test_gibbs_removes_all_beyond_the_share(rng):
    noisy = sample_of(1 + 0.1 * rng.random((1, 64, 64)))
    spectrum = np.abs(np.fft.fft2(Gibbs(0.5)(noisy, rng).image[0]))
    beyond = np.abs(np.fft.fftfreq(64)) > 0.25
    assert spectrum[beyond].max() < 1e-3 and spectrum[:, beyond].max() < 1e-3
    assert spectrum[~beyond][:, ~beyond].min() > 1e-3


@pytest.mark.parametrize(("axis", "name"), [(0, "rows"), (1, "columns")])
@pytest.mark.parametrize("copies", [2, 4])
def test_ghosts_lie_a_share_of_the_view_away(axis, name, copies, rng):
    image = np.zeros((1, 64, 64))
    image[0, 30, 34] = 1
    result = Ghosting(0.5, (copies, copies), name)(sample_of(image), rng).image[0]
    expected = {tuple((np.array([30, 34]) + s * (64 // copies) * np.eye(2, dtype=int)[axis]) % 64) for s in (-1, 0, 1)}
    assert {tuple(p) for p in np.argwhere(result > 1e-5)} == expected
    ghosts = sorted(result[result > 1e-5])[:-1]
    assert ghosts == pytest.approx([0.5 if copies == 2 else 0.25] * len(ghosts), abs=1e-5)


def test_ghosting_is_a_modulation_of_k_space_lines():
    sample = sample_of(np.random.default_rng(0).random((1, 60, 50)))
    result = Ghosting(0.4, (5, 5), "rows")(sample, np.random.default_rng(2)).image[0]
    draws = np.random.default_rng(2).random(2)
    lines = np.arange(60)[:, None]
    modulation = 1 + 0.4 * np.exp(2j * np.pi * draws[1]) * np.cos(2 * np.pi * lines / 5)
    np.testing.assert_allclose(result, np.abs(np.fft.ifft2(np.fft.fft2(sample.image[0]) * modulation)), atol=1e-5)


def test_motion_keeps_energy_and_mean_contrast_but_smears_edges(rng):
    sample = block()
    result = Motion(3.0, (2, 2), "rows")(sample, rng).image
    assert (result.astype(float) ** 2).sum() == pytest.approx((sample.image**2).sum(), rel=1e-4)
    assert result[0, 28:36, 30:34].mean() > 0.7
    outside = sample.image == 0
    assert result[outside].max() > 0.02


def test_motion_acts_along_its_phase_axis():
    sample = sample_of(np.ones((1, 64, 1)) * block().image[:, 30:31, :])  # the same in every row
    along_columns = [Motion(4.0, (3, 3), "columns")(sample, np.random.default_rng(s)).image for s in range(5)]
    assert max(np.abs(r - sample.image).max() for r in along_columns) > 0.05
    for seed in range(5):  # all of this image lies on one k-space row, the middle one, which is taken at rest
        still = Motion(4.0, (3, 3), "rows")(sample, np.random.default_rng(seed)).image
        np.testing.assert_allclose(still, sample.image, atol=1e-5)


def test_motion_goes_by_millimetres():
    fine, coarse = (sample_of(block().image, (4, s, s)) for s in (0.5, 1.0))
    near = Motion(1.0, (2, 2))(fine, np.random.default_rng(5)).image
    np.testing.assert_allclose(near, Motion(2.0, (2, 2))(coarse, np.random.default_rng(5)).image, atol=1e-5)


def test_low_resolution_averages_blocks_and_keeps_the_mean(rng):
    stripes = np.tile([0.0, 1.0], 32)[None, :, None] * np.ones((1, 1, 64))
    np.testing.assert_allclose(LowResolution(2.0)(sample_of(stripes), rng).image, 0.5, atol=1e-6)
    noisy = sample_of(rng.random((2, 60, 60)))
    result = LowResolution(3.0)(noisy, rng).image
    assert result.mean() == pytest.approx(noisy.image.mean(), abs=0.003)
    assert result.std() < 0.5 * noisy.image.std()


def test_low_resolution_leaves_a_ramp_where_it_is(rng):
    ramp = np.linspace(0, 1, 60)[None, :, None] * np.ones((1, 1, 20))
    result = LowResolution(2.5)(sample_of(ramp), rng).image
    np.testing.assert_allclose(result[0, 4:-4], ramp[0, 4:-4], atol=0.1 / 59)  # a tenth of a pixel


def test_thick_slices_average_their_neighbours_only(rng):
    stack = np.zeros((8, 12, 12))
    stack[3] = 1
    stack[:, 5, 5] += 0.5
    result = Anisotropy(2.0)(sample_of(stack), rng).image
    assert result[:, 0, 0].sum() == pytest.approx(1, abs=1e-5) and result[3, 0, 0] == pytest.approx(0.375)
    np.testing.assert_allclose(result[:, 5, 5] - result[:, 0, 0], 0.5, atol=1e-6)


def test_single_slice_gets_oblong_pixels():
    noisy = sample_of(np.random.default_rng(0).random((1, 64, 64)))
    seen = set()
    for seed in range(12):
        result = Anisotropy(4.0)(noisy, np.random.default_rng(seed)).image[0]
        down, back = (np.abs(np.diff(result, axis=a)).mean() for a in (0, 1))
        assert max(down, back) > 2 * min(down, back)
        seen.add(bool(down > back))
    assert seen == {True, False}
