from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from spinemr.imaging.errors import InputError
from spinemr.radiomics.preservation.similarity import delta_ssim, ssim, ssim_map


@pytest.fixture
def pair(rng):
    one = ndimage.gaussian_filter(rng.normal(size=(48, 40)), 2) * 400 + 120
    other = 0.8 * one + 10 + rng.normal(0, 6, one.shape)
    return one, other


def test_equals_scikit_image(pair):
    metrics = pytest.importorskip("skimage.metrics")
    mean, full = metrics.structural_similarity(
        *pair, data_range=255, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, full=True
    )
    np.testing.assert_allclose(ssim_map(*pair, 255), full, rtol=0, atol=1e-12)
    assert ssim(*pair, 255) == pytest.approx(mean, abs=1e-12)


def test_values_computed_by_scikit_image_0_26():
    rows, columns = np.mgrid[0:24, 0:20].astype(float)
    one = 100 + 60 * np.sin(rows / 3) * np.cos(columns / 4)
    other = 90 + 40 * np.sin(rows / 3 + 0.3) * np.cos(columns / 4)
    assert ssim(one, other, 255) == pytest.approx(REFERENCE_MEAN, abs=1e-9)
    assert ssim_map(one, other, 255)[[0, 12, 23], [0, 10, 19]] == pytest.approx(REFERENCE_AT, abs=1e-9)


REFERENCE_MEAN = 0.8842542002393334
REFERENCE_AT = (0.8694383579167184, 0.8424259120780556, 0.9497220886717519)


def test_constant_images_by_hand():
    one, other = np.full((15, 15), 100.0), np.full((15, 15), 50.0)
    c1 = (0.01 * 255) ** 2
    assert ssim(one, other, 255) == pytest.approx((2 * 100 * 50 + c1) / (100**2 + 50**2 + c1))


def test_an_image_is_like_itself_and_inverted_is_opposite(pair):
    one, _ = pair
    assert ssim(one, one, 255) == 1
    flat = one - ndimage.gaussian_filter(one, 6)
    assert ssim(500 + flat, 500 - flat, 255) < -0.7


def test_mask_chooses_the_pixels(pair):
    mask = np.zeros(pair[0].shape, dtype=bool)
    mask[20:30, 10:20] = True
    assert ssim(*pair, 255, mask) == pytest.approx(ssim_map(*pair, 255)[20:30, 10:20].mean())


def test_slices_smaller_than_the_window(pair):
    assert 0 < ssim(pair[0][:8, :8], pair[1][:8, :8], 255) < 1


def test_dssim_is_referred_to_the_autoencoded_image(pair):
    original, harmonized = pair
    autoencoded = ndimage.gaussian_filter(original, 0.7)
    cycled = ndimage.gaussian_filter(original, 1.0)
    found = delta_ssim(original, harmonized, 255, autoencoded=autoencoded, cycled=cycled)
    reference = ssim(original, autoencoded, 255)
    assert found.harmonized == pytest.approx(reference - ssim(original, harmonized, 255))
    assert found.cycled == pytest.approx(reference - ssim(original, cycled, 255))
    assert found.cycled > 0


def test_dssim_is_zero_where_nothing_is_harmonized(pair):
    original, _ = pair
    autoencoded = ndimage.gaussian_filter(original, 0.7)
    same = delta_ssim(original, autoencoded, 255, autoencoded=autoencoded, cycled=autoencoded)
    assert same.harmonized == 0 and same.cycled == 0
    assert delta_ssim(original, original, 255).harmonized == 0
    assert delta_ssim(original, original, 255).cycled is None


@pytest.mark.parametrize("bad", [((10, 10), (10, 11), 255), ((10, 10), (10, 10), 0), ((4, 10, 10), (4, 10, 10), 255)])
def test_bad_input_is_refused(bad):
    one, other, data_range = bad
    with pytest.raises(InputError):
        ssim(np.ones(one), np.ones(other), data_range)


def test_empty_mask_is_refused(pair):
    with pytest.raises(InputError, match="empty"):
        ssim(*pair, 255, np.zeros(pair[0].shape, dtype=bool))
