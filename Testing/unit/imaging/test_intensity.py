from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import SimpleITK as sitk

from spinemr.imaging.errors import Cancelled, InputError
from spinemr.imaging.geometry import Grid
from spinemr.imaging.intensity import N4Settings, contrast_stretch, correct_bias, rescale_0_255, stretch, z_score
from spinemr.imaging.progress import CancelToken, Progress


def test_the_ends_of_the_scale_are_the_robust_percentiles():
    image = np.arange(1001, dtype=np.int16)  # percentile p of 0..1000 is 10 p
    scaled = rescale_0_255(image)
    assert scaled.dtype == np.float32
    assert (scaled[0], scaled[5], scaled[995], scaled[1000]) == (0, 0, 255, 255)
    assert scaled[500] == pytest.approx(127.5)
    assert scaled[104] == pytest.approx(255 * 99 / 990, rel=1e-6)


def test_a_single_hot_pixel_does_not_set_the_scale():
    image = np.tile(np.linspace(0, 100, 1000), 10)
    hot = image.copy()
    hot[7] = 1e6
    assert np.abs(np.delete(rescale_0_255(hot), 7) - np.delete(rescale_0_255(image), 7)).max() < 0.3


def test_the_contrast_stretch_clips_two_and_a_half_percent_on_either_side():
    scaled = contrast_stretch(np.arange(1001.0))
    assert np.count_nonzero(scaled == 0) == 26  # 0..25
    assert np.count_nonzero(scaled == 1) == 26
    assert scaled[500] == pytest.approx(0.5)


def test_a_small_structure_on_empty_ground_is_not_lost():
    image = np.zeros(10000)
    image[:5] = 40.0
    assert set(np.unique(rescale_0_255(image))) == {0.0, 255.0}


@pytest.mark.parametrize("method", [rescale_0_255, contrast_stretch, z_score])
@pytest.mark.parametrize("value", [0.0, -3.5, 1e-30, 4095.0, 0.1])
def test_a_constant_image_becomes_zeros(method, value):
    assert np.array_equal(method(np.full((3, 4), value)), np.zeros((3, 4), np.float32))


@pytest.mark.parametrize("method", [rescale_0_255, contrast_stretch, z_score])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_numbers_are_refused_with_their_count(method, bad):
    image = np.ones((4, 4))
    image[0, :2] = bad
    with pytest.raises(InputError, match="2 values that are not numbers"):
        method(image)


@pytest.mark.parametrize("method", [rescale_0_255, contrast_stretch, z_score])
def test_an_empty_array_is_refused(method):
    with pytest.raises(InputError, match="no voxels"):
        method(np.zeros((0, 3)))


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.float32])
def test_integers_do_not_wrap(dtype):
    image = np.array([0, 100, 127], dtype=dtype)
    assert np.allclose(stretch(image, 0, 100, 255.0), [0, 100 / 127 * 255, 255], rtol=1e-6)


def test_percentiles_in_the_wrong_order_are_a_mistake_of_the_caller():
    with pytest.raises(ValueError, match="percentiles"):
        stretch(np.arange(4.0), 50, 50, 1.0)


def test_the_z_score_takes_mean_and_deviation_in_the_mask_and_applies_them_everywhere():
    image = np.array([2.0, 4.0, 6.0, 100.0])
    scored = z_score(image, np.array([True, True, True, False]))
    assert np.allclose(scored, (image - 4) / np.sqrt(8 / 3))


def test_a_useless_mask_is_refused():
    with pytest.raises(InputError, match="empty"):
        z_score(np.arange(4.0), np.zeros(4, bool))
    with pytest.raises(InputError, match="same size"):
        z_score(np.arange(4.0), np.ones(5, bool))


def shaded(slices: int = 8) -> tuple[sitk.Image, np.ndarray, np.ndarray]:
    """A disc of two tissues under a smooth field; returns image, log field and the foreground."""
    _, y, x = np.mgrid[0:slices, 0:96, 0:96].astype(float)
    inside = (y - 48) ** 2 + (x - 48) ** 2 < 40**2
    tissue = np.where(inside, np.where((y - 48) ** 2 + (x - 40) ** 2 < 15**2, 220.0, 150.0), 2.0)
    log_field = 0.35 * np.cos(np.pi * x / 96) + 0.25 * np.sin(np.pi * y / 96)
    noise = np.random.default_rng(5).normal(0, 1.5, tissue.shape)
    image = sitk.GetImageFromArray((tissue * np.exp(log_field) + noise).astype(np.float32))
    image.SetSpacing((1.5, 1.5, 4.0))
    image.SetOrigin((3, -7, 11))
    image.SetDirection((0, 0, -1, 1, 0, 0, 0, -1, 0))
    return image, log_field, inside


QUICK = N4Settings(shrink_factor=3, iterations=(30, 20, 10))


@pytest.mark.parametrize("slices", [8, 1])
def test_n4_recovers_a_known_field(slices):
    image, log_field, inside = shaded(slices)
    corrected = correct_bias(image, settings=QUICK)
    assert Grid.of(corrected) == Grid.of(image)
    found = np.log(sitk.GetArrayFromImage(image)[inside] / sitk.GetArrayFromImage(corrected)[inside])
    assert np.corrcoef(found, log_field[inside])[0, 1] > 0.97
    tissue = sitk.GetArrayFromImage(corrected)[inside]
    before = sitk.GetArrayFromImage(image)[inside]
    assert tissue.std() / tissue.mean() < 0.6 * before.std() / before.mean()


def test_n4_fits_inside_a_mask_and_refuses_an_empty_or_foreign_one():
    image, log_field, inside = shaded()
    mask = sitk.GetImageFromArray(inside.astype(np.uint8))
    found = sitk.GetArrayFromImage(image)[inside] / sitk.GetArrayFromImage(correct_bias(image, mask, QUICK))[inside]
    assert np.corrcoef(np.log(found), log_field[inside])[0, 1] > 0.97
    with pytest.raises(InputError, match="empty"):
        correct_bias(image, mask * 0, QUICK)
    with pytest.raises(InputError, match="same size"):
        correct_bias(image, mask[:-1], QUICK)


def test_n4_takes_negative_values_and_gives_them_back():
    image, _, _ = shaded(3)
    lowered = correct_bias(image - 500.0, settings=QUICK)
    assert sitk.GetArrayFromImage(lowered).min() < -450
    assert np.isfinite(sitk.GetArrayFromImage(lowered)).all()


def test_n4_leaves_a_constant_image_alone_and_refuses_nan():
    flat = sitk.Image([16, 16, 4], sitk.sitkInt16) + 7
    assert np.unique(sitk.GetArrayFromImage(correct_bias(flat))).tolist() == [7.0]
    broken = sitk.Cast(flat, sitk.sitkFloat32)
    broken[0, 0, 0] = float("nan")
    with pytest.raises(InputError, match="not numbers"):
        correct_bias(broken)


@pytest.mark.parametrize("bad", [{"shrink_factor": 0}, {"iterations": ()}, {"iterations": (0,)}, {"control_points": 3}])
def test_impossible_settings_are_refused(bad):
    with pytest.raises(ValueError, match="N4 needs"):
        N4Settings(**bad)


def test_n4_reports_its_progress_and_only_forwards():
    reports: list[Progress] = []
    correct_bias(shaded(3)[0], settings=QUICK, progress=reports.append)
    fractions = [report.fraction for report in reports]
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0.0, 1.0)
    assert len(fractions) > 5


@pytest.mark.parametrize("reason", [Cancelled, KeyboardInterrupt, ZeroDivisionError])
def test_what_the_callback_raises_stops_n4_at_once(reason, capfd):
    hook, seen = sys.excepthook, []

    def stop_at_the_third(report: Progress) -> None:
        seen.append(report)
        if len(seen) == 3:
            raise reason

    with pytest.raises(reason):
        correct_bias(shaded(3)[0], settings=QUICK, progress=stop_at_the_third)
    assert len(seen) == 3
    assert capfd.readouterr().err == ""
    assert sys.excepthook is hook


def test_a_token_thrown_by_another_thread_stops_n4():
    token = CancelToken()

    def throw(report: Progress) -> None:
        if report.fraction > 0.1:
            token.cancel()

    with pytest.raises(Cancelled):
        correct_bias(shaded(3)[0], settings=QUICK, progress=token.wrap(throw))


def test_the_module_loads_no_heavy_library():
    code = (
        "import sys, spinemr.imaging.intensity, spinemr.imaging.resample, spinemr.imaging.geometry\n"
        "print([m for m in ('torch', 'openvino', 'matplotlib', 'vtk', 'pydicom', 'pandas') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
