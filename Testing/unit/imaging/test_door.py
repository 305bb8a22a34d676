"""What does not come in, and what is repaired on the way."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from spinemr.imaging import door
from spinemr.imaging.door import check_header, check_spacing, nearest_rotation, sound
from spinemr.imaging.errors import GeometryError, ImagingWarning, InputError
from spinemr.imaging.itk_files import ImageHeader


def ramp(*shape: int, kind: type = np.float32) -> np.ndarray:
    return np.arange(np.prod(shape)).reshape(shape).astype(kind)


def image_of(array: np.ndarray, vector: bool = False) -> sitk.Image:
    return sitk.GetImageFromArray(array, isVector=vector)


def test_a_good_image_passes_unchanged(oblique_image):
    passed = sound(oblique_image)
    assert np.array_equal(sitk.GetArrayFromImage(passed), sitk.GetArrayFromImage(oblique_image))
    assert passed.GetSpacing() == oblique_image.GetSpacing()
    assert passed.GetOrigin() == oblique_image.GetOrigin()
    assert np.allclose(passed.GetDirection(), oblique_image.GetDirection(), atol=1e-12)


def test_four_dimensions_are_refused_with_a_way_out_that_works(tmp_path, monkeypatch):
    image = image_of(ramp(2, 9, 10, 11))
    with pytest.raises(InputError, match="4D") as refusal:
        sound(image, "run.nii.gz")
    assert "2 volumes" in refusal.value.message
    code = refusal.value.hint.split('"')[1]
    monkeypatch.chdir(tmp_path)
    sitk.WriteImage(image, "FILE.nii.gz")
    exec(code, {})
    assert sitk.ReadImage("FIRST.nii.gz").GetSize() == (11, 10, 9)


def test_a_single_volume_in_four_dimensions_is_taken():
    assert sound(image_of(ramp(1, 9, 10, 11))).GetSize() == (11, 10, 9)


def test_grey_stored_as_colour_is_taken_with_a_note():
    grey = ramp(4, 20, 20, kind=np.uint8)
    with pytest.warns(ImagingWarning, match="shows only grey"):
        image = sound(image_of(np.stack([grey, grey + (grey < 255), grey], axis=-1), vector=True))
    assert image.GetNumberOfComponentsPerPixel() == 1
    assert np.abs(sitk.GetArrayFromImage(image).astype(int) - grey).max() <= door.GREY_TOLERANCE


@pytest.mark.parametrize("channels", [3, 4])
def test_true_colour_is_refused(channels, rng):
    colour = rng.integers(0, 255, (4, 20, 20, channels), dtype=np.uint8)
    with pytest.raises(InputError, match="colour"):
        sound(image_of(colour, vector=True))


def test_two_values_a_pixel_are_refused(rng):
    with pytest.raises(InputError, match="2 values"):
        sound(image_of(rng.random((4, 20, 20, 2)), vector=True))


def test_complex_empty_constant_and_tiny_images_are_refused():
    with pytest.raises(InputError, match="complex"):
        sound(sitk.Image([20, 20, 4], sitk.sitkComplexFloat32))
    with pytest.raises(InputError, match="empty"):
        sound(sitk.Image([0, 20, 4], sitk.sitkUInt8))
    with pytest.raises(InputError, match=r"same value everywhere \(3\)"):
        sound(sitk.Image([20, 20, 4], sitk.sitkUInt8) + 3)
    with pytest.raises(InputError, match="too small"):
        sound(image_of(ramp(7, 7, 40)))


def test_not_a_number_becomes_the_lowest_and_infinity_the_highest_value():
    array = ramp(3, 10, 10)
    array[0, 0, :4] = np.nan
    array[1, 0, 0], array[1, 0, 1] = np.inf, -np.inf
    with pytest.warns(ImagingWarning, match="4 NaN and 2 infinite"):
        values = sitk.GetArrayFromImage(sound(image_of(array)))
    assert values[0, 0, :4].tolist() == [4, 4, 4, 4]
    assert (values[1, 0, 0], values[1, 0, 1]) == (299, 4)
    assert np.array_equal(values[2], array[2])
    assert values.dtype == np.float32


def test_nothing_but_nan_is_refused_and_nan_around_a_constant_too():
    with pytest.raises(InputError, match="holds no numbers"):
        sound(image_of(np.full((3, 10, 10), np.nan)))
    flat = np.full((3, 10, 10), 5.0)
    flat[0, 0, 0] = np.nan
    with pytest.warns(ImagingWarning), pytest.raises(InputError, match="same value everywhere"):
        sound(image_of(flat))


@pytest.mark.parametrize("step", [0.0, -1.0, float("nan"), float("inf")])
def test_impossible_spacings_are_refused(step):
    with pytest.raises(GeometryError, match="impossible spacing along y"):
        check_spacing((1.0, step, 4.0), "x.mha")


@pytest.mark.parametrize("step", [0.0005, 600.0])
def test_spacings_that_are_no_millimetres_are_refused(step):
    with pytest.raises(GeometryError, match="no spine image has"):
        check_spacing((1.0, 1.0, step), "x.mha")


@pytest.mark.parametrize("step", [0.05, 0.3, 12.0])
def test_usual_spacings_pass(step):
    check_spacing((step, step, step), "x.mha")


def test_a_huge_image_is_refused_by_its_header():
    header = ImageHeader((4096, 4096, 512), (1, 1, 1), tuple(np.eye(3).ravel()), 1, sitk.sitkInt16)
    with pytest.raises(InputError, match="too large: 4096 x 4096 x 512"):
        check_header(header, "big.nii")


def skewed(degrees: float) -> sitk.Image:
    image = image_of(ramp(4, 10, 12))
    image.SetDirection((1, np.sin(np.radians(degrees)), 0, 0, np.cos(np.radians(degrees)), 0, 0, 0, 1))
    return image


def test_strongly_skewed_axes_are_refused():
    with pytest.raises(GeometryError, match=r"skewed axes \(5\.0 degrees"):
        sound(skewed(5.0))


def test_slightly_skewed_axes_are_put_right_with_a_warning():
    with pytest.warns(ImagingWarning, match=r"1\.00 degrees"):
        axes = np.reshape(sound(skewed(1.0)).GetDirection(), (3, 3))
    assert np.allclose(axes.T @ axes, np.eye(3), atol=1e-12)
    # The nearest rotation shares the error between both axes: half a degree each.
    assert np.degrees(np.arccos(axes[0, 0])) == pytest.approx(0.5, abs=1e-6)


def test_rounding_in_a_header_is_put_right_in_silence(told_user):
    axes = np.reshape(sound(skewed(0.01)).GetDirection(), (3, 3))
    assert np.allclose(axes.T @ axes, np.eye(3), atol=1e-12)
    assert not told_user()


def test_the_nearest_rotation_keeps_mirrored_axes_mirrored():
    mirrored = np.diag([1.0, -1.0, 1.0]) + 1e-3
    assert np.linalg.det(nearest_rotation(mirrored)) == pytest.approx(-1.0)
