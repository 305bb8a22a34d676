"""PNG, JPEG and TIFF slices become one sagittal slice, head up and front at the left."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import SimpleITK as sitk
from PIL import Image as Picture

from spinemr.imaging import WorkingFrame, read_image, read_labels, write_image, write_labels
from spinemr.imaging.errors import GeometryError, ImagingWarning, InputError, OutputError


@pytest.fixture
def pixels() -> np.ndarray:
    return np.arange(40 * 30, dtype=np.uint16).reshape(40, 30) % 251


def values_of(image: sitk.Image) -> np.ndarray:
    return sitk.GetArrayFromImage(image)


@pytest.mark.parametrize("ending", [".png", ".tif", ".TIFF"])
def test_a_picture_is_a_sagittal_slice_of_the_given_spacing(tmp_path, pixels, ending, told_user):
    path = tmp_path / f"snímek 1{ending}"
    Picture.fromarray(pixels.astype(np.uint8)).save(path)
    image = read_image(path, spacing_mm=(0.5, 0.7))
    assert not told_user()
    assert np.array_equal(values_of(image)[0], pixels)
    assert image.GetSpacing() == (0.5, 0.7, 4.0)
    step = np.array(image.TransformIndexToPhysicalPoint((1, 1, 0)))
    assert step == pytest.approx((0, 0.5, -0.7)), "columns run to the back, rows to the feet"
    assert np.linalg.det(np.reshape(image.GetDirection(), (3, 3))) == pytest.approx(1)


def test_the_working_frame_of_a_picture_is_the_picture(tmp_path, pixels):
    Picture.fromarray(pixels.astype(np.uint8)).save(tmp_path / "a.png")
    image = read_image(tmp_path / "a.png", spacing_mm=(0.5, 0.5))
    frame = WorkingFrame.of(image)
    assert frame.is_sagittal
    assert np.array_equal(values_of(frame.forward(image))[0], pixels)


def test_without_a_spacing_one_millimetre_is_assumed_and_said(tmp_path, pixels):
    Picture.fromarray(pixels.astype(np.uint8)).save(tmp_path / "a.png", dpi=(72, 72))
    with pytest.warns(ImagingWarning, match="1 mm is assumed"):
        assert read_image(tmp_path / "a.png").GetSpacing() == (1, 1, 4)


def saved(pixels: np.ndarray, mode: str, path) -> None:
    grey = Picture.fromarray(pixels.astype(np.uint8))
    if mode == "I;16":
        Picture.fromarray((pixels * 200).astype(np.uint16)).save(path)
    else:
        grey.convert(mode).save(path)


@pytest.mark.parametrize("mode", ["L", "I;16", "RGB", "RGBA", "P"])
@pytest.mark.parametrize("ending", [".png", ".tif"])
def test_grey_is_found_in_every_kind_of_picture(tmp_path, pixels, mode, ending):
    path = tmp_path / f"a{ending}"
    saved(pixels, mode, path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ImagingWarning)
        image = read_image(path, spacing_mm=(1, 1))
    assert image.GetNumberOfComponentsPerPixel() == 1
    factor = {"I;16": 200, "P.tif": 256}.get(mode if mode == "I;16" else mode + ending, 1)
    assert np.array_equal(values_of(image)[0], pixels * factor), "palettes of TIFF have 16 bits"


@pytest.mark.parametrize("ending", [".png", ".tif"])
def test_grey_with_transparency_is_refused_rather_than_mixed_up(tmp_path, pixels, ending):
    picture = Picture.fromarray(pixels.astype(np.uint8))
    picture.putalpha(Picture.new("L", picture.size, 128))
    picture.save(tmp_path / f"a{ending}")
    with pytest.raises(InputError, match="transparency"):
        read_image(tmp_path / f"a{ending}")


def test_a_grey_jpeg_is_close_to_what_was_saved(tmp_path):
    ramp = np.tile(np.linspace(0, 250, 64), (48, 1)).astype(np.uint8)
    Picture.fromarray(ramp).convert("RGB").save(tmp_path / "a.jpg", quality=95)
    with pytest.warns(ImagingWarning):
        image = read_image(tmp_path / "a.jpg")
    assert np.abs(values_of(image)[0].astype(int) - ramp).max() <= 6


def test_a_colour_picture_is_refused(tmp_path, rng):
    Picture.fromarray(rng.integers(0, 255, (40, 30, 3), dtype=np.uint8)).save(tmp_path / "a.png")
    with pytest.raises(InputError, match="colour"):
        read_image(tmp_path / "a.png", spacing_mm=(1, 1))


def test_several_pages_are_refused_with_their_number(tmp_path, pixels):
    page = Picture.fromarray(pixels.astype(np.uint8))
    page.save(tmp_path / "a.tif", save_all=True, append_images=[page, page])
    with pytest.raises(InputError, match="3 pages"):
        read_image(tmp_path / "a.tif")


@pytest.mark.parametrize("ending", [".png", ".jpg", ".tif"])
def test_a_truncated_picture_is_not_read_as_half_grey(tmp_path, ending, rng, capfd):
    path = tmp_path / f"a{ending}"
    Picture.fromarray(rng.integers(0, 255, (64, 64), dtype=np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[:-900])
    with pytest.raises(InputError):
        read_image(path, spacing_mm=(1, 1))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("top", [255, 4000])
def test_a_single_slice_is_written_as_a_picture_of_enough_bits(tmp_path, pixels, top):
    values = (pixels.astype(np.float32) * (top // 250))[np.newaxis]
    write_image(sitk.GetImageFromArray(values), tmp_path / "a.png")
    back = np.asarray(Picture.open(tmp_path / "a.png"))
    assert np.array_equal(back, values[0].astype(np.uint16))


def test_the_slice_may_lie_along_any_axis(tmp_path, pixels):
    labels = sitk.GetImageFromArray((pixels % 20).astype(np.uint8)[:, np.newaxis, :])
    write_labels(labels, tmp_path / "a.png")
    with pytest.warns(ImagingWarning):
        back = read_labels(tmp_path / "a.png")
    assert np.array_equal(values_of(back)[0], pixels % 20)


def test_what_a_picture_cannot_hold_is_refused(tmp_path, pixels):
    stack = sitk.GetImageFromArray(np.stack([pixels] * 3))
    with pytest.raises(GeometryError, match="holds one slice, this image has 3"):
        write_image(stack, tmp_path / "a.png")
    for values in (pixels + 0.5, pixels - 5.0, pixels * 1000.0):
        with pytest.raises(OutputError, match="whole numbers from 0 to 65535"):
            write_image(sitk.GetImageFromArray(values[np.newaxis]), tmp_path / "a.png")
    with pytest.raises(OutputError, match="from 0 to 255"):
        write_image(sitk.GetImageFromArray(pixels[np.newaxis] * 4), tmp_path / "a.jpg")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.realdata
def test_a_real_slice_is_read(data_dir):
    path = sorted((data_dir / "t1_midsagittal" / "images").glob("*.png"))[0]
    image = read_image(path, spacing_mm=(0.6875, 0.6875))
    assert image.GetSize() == (384, 384, 1)
    assert WorkingFrame.of(image).is_sagittal
