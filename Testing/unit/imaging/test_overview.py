from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from spinemr.imaging.errors import OutputError
from spinemr.imaging.geometry import WorkingFrame
from spinemr.imaging.overview import contact_sheet, write_picture
from spinemr.imaging.pixel_font import text_mask, write_text
from spinemr.imaging.terminology import colour_of

SAGITTAL = (0.0, 0.0, -1.0, 1.0, 0.0, 0.0, 0.0, -1.0, 0.0)
GAP = 8


def study(slices: int = 9, spacing=(1.0, 2.0, 4.0)) -> tuple[sitk.Image, sitk.Image]:
    """40 rows of 2 mm and 60 columns of 1 mm, brighter to the back, with L4 in the middle of the inner slices."""
    labels = np.zeros((slices, 40, 60), np.uint8)
    labels[1 : -1 if slices > 2 else None, 10:30, 15:45] = 23
    values = np.broadcast_to(np.linspace(0, 1000, 60), labels.shape).astype(np.int16)
    images = []
    for array in (values, labels):
        image = sitk.GetImageFromArray(array)
        image.SetSpacing(spacing)
        image.SetDirection(SAGITTAL)
        images.append(image)
    return images[0], images[1]


def tile(sheet: np.ndarray, row: int, column: int, height: int, width: int) -> np.ndarray:
    top, left = GAP + row * (height + GAP), GAP + column * (width + GAP)
    return sheet[top : top + height, left : left + width]


def test_slices_keep_their_proportions_in_millimetres():
    image, labels = study()
    sheet = contact_sheet(image, labels, columns=3, height=160)
    width = 120  # 60 mm of 80 mm high slices
    assert sheet.shape == (2 * (160 + GAP) + GAP, 3 * (width + GAP) + GAP, 3)
    assert sheet.dtype == np.uint8


def test_the_front_is_at_the_left_and_a_bare_slice_is_grey():
    image, _ = study()
    bare = tile(contact_sheet(image, columns=3, height=160), 0, 1, 160, 120)
    middle = bare[80].astype(int)
    assert np.array_equal(middle[:, 0], middle[:, 2])
    assert np.all(np.diff(middle[:, 0]) >= 0)
    assert middle[0, 0] < 5 < 250 < middle[-1, 0]


def test_structures_are_tinted_inside_and_outlined_in_their_colour():
    image, labels = study()
    sheet = contact_sheet(image, labels, columns=3, height=160)
    above, below = tile(sheet, 0, 1, 160, 120).astype(float), tile(sheet, 1, 1, 160, 120).astype(float)
    colour = np.array(colour_of(23), float)
    difference = np.abs(below - above).max(axis=2)
    difference[:20] = 0  # the slice's number stands above
    changed = np.argwhere(difference > 3)
    # The body covers rows 10..29 of 40 and columns 15..44 of 60: 40..120 and 30..90 in the picture.
    assert changed.min(axis=0) == pytest.approx([40, 30], abs=1)
    assert changed.max(axis=0) == pytest.approx([119, 89], abs=1)
    assert np.abs(below[60, 30] - colour).max() < 15  # the outline
    assert np.abs(below[60, 40] - (0.78 * above[60, 40] + 0.22 * colour)).max() < 2  # the inside


def test_the_slices_shown_are_those_with_labels():
    """Slices without a label would look the same above and below."""
    image, labels = study()
    sheet = contact_sheet(image, labels, columns=5, height=80)
    for column in range(5):
        above, below = tile(sheet, 0, column, 80, 60), tile(sheet, 1, column, 80, 60)
        assert (above[30:50, 20:40] != below[30:50, 20:40]).any()


def test_stored_order_and_orientation_do_not_change_the_picture():
    image, labels = study()
    other = sitk.PermuteAxes(WorkingFrame.of(image).forward(image), [2, 0, 1])
    assert np.array_equal(contact_sheet(image, labels, height=100), contact_sheet(other, labels, height=100))


def test_one_slice_and_a_constant_image_and_unknown_labels_have_a_picture():
    image, labels = study(slices=1)
    sheet = contact_sheet(image * 0, labels + 54, height=160)  # 77 names nothing
    assert sheet.shape[1] == 120 + 2 * GAP
    assert contact_sheet(image, labels * 0, height=160).shape == sheet.shape


def test_a_picture_is_written_whole_or_not_at_all(tmp_path, rng):
    picture = rng.integers(0, 255, (30, 20, 3), dtype=np.uint8)
    write_picture(picture, tmp_path / "a b" / "overview.png")
    assert np.array_equal(sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "a b" / "overview.png"))), picture)
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError):
        write_picture(picture, tmp_path / "file" / "overview.png")


def test_letters_are_seven_high_five_wide_and_apart():
    assert text_mask("L").tolist() == [[True] + [False] * 4] * 6 + [[True] * 5]
    assert text_mask("L4").shape == (7, 11)
    assert text_mask("L4", scale=2).shape == (14, 22)
    assert not text_mask("L4")[:, 5].any()
    with pytest.raises(KeyError):
        text_mask("@")


def test_text_is_rimmed_and_cut_at_the_edge():
    picture = np.full((20, 20, 3), 128, np.uint8)
    write_text(picture, "1", (5, 5), (255, 0, 0))
    assert tuple(picture[5, 7]) == (255, 0, 0)
    assert tuple(picture[4, 7]) == (0, 0, 0)
    assert tuple(picture[15, 15]) == (128, 128, 128)
    write_text(picture, "88", (16, 16), (255, 0, 0))
    write_text(picture, "88", (-3, -3), (255, 0, 0))
    assert tuple(picture[17, 16]) == (255, 0, 0)
