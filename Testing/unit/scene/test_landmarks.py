"""Where heights and angles are drawn: on shapes whose heights and angles are known."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import SimpleITK as sitk

from spinemr.scene.landmarks import disc_lines, lordosis_plates

SAGITTAL = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])


def image_of(values, direction=SAGITTAL):
    """[slice][row][column] with 0.5 mm pixels and 4 mm slices, in LPS: x = 4 slice, y = column / 2, z = -row / 2."""
    image = sitk.GetImageFromArray(values)
    image.SetSpacing((0.5, 0.5, 4.0))
    image.SetDirection(direction.ravel().tolist())
    return image


def slab(values, label, centre, depth_mm, height_mm, lean_deg, slices=slice(1, 4)):
    """A slab whose front lies lower than its back by an angle; centre (row, column) in mm."""
    row, column = np.mgrid[: values.shape[1], : values.shape[2]] * 0.5
    turn = np.radians(lean_deg)
    along = (column - centre[1]) * np.cos(turn) - (row - centre[0]) * np.sin(turn)
    across = (row - centre[0]) * np.cos(turn) + (column - centre[1]) * np.sin(turn)
    values[slices, (np.abs(along) <= depth_mm / 2) & (np.abs(across) <= height_mm / 2)] = label
    return values


def empty():
    return np.zeros((5, 240, 120), dtype=np.uint8)


def length(line):
    return float(np.linalg.norm(np.subtract(*line)))


@pytest.mark.parametrize("lean_deg", [-30.0, 0.0, 20.0, 40.0])
def test_a_disc_s_height_is_drawn_across_it_through_its_middle(lean_deg):
    labels = image_of(slab(empty(), 124, (50.0, 30.0), 34.0, 10.0, lean_deg))
    upper, lower = disc_lines(labels)[124]
    assert length((upper, lower)) == pytest.approx(10.0, abs=0.7)
    np.testing.assert_allclose(np.add(upper, lower) / 2, (8.0, 30.0, -50.0), atol=0.4)
    turn = np.radians(lean_deg)
    down = np.subtract(lower, upper) / length((upper, lower))
    assert down @ (0.0, np.sin(turn), -np.cos(turn)) > np.cos(np.radians(2.0))


def test_a_measured_height_is_the_length_that_is_drawn():
    values = slab(slab(empty(), 124, (50.0, 30.0), 34.0, 10.0, 15.0), 123, (80.0, 30.0), 34.0, 10.0, 0.0)
    found = disc_lines(image_of(values), {124: 8.25, 123: float("nan")})
    assert set(found) == {124}
    assert length(found[124]) == pytest.approx(8.25, abs=1e-9)


def test_only_discs_have_heights():
    values = slab(slab(empty(), 23, (50.0, 30.0), 34.0, 26.0, 0.0), 61, (50.0, 55.0), 8.0, 90.0, 0.0)
    assert disc_lines(image_of(values)) == {}


def test_a_disc_of_one_voxel_breaks_nothing():
    values = empty()
    values[2, 100, 60] = 124
    upper, lower = disc_lines(image_of(values))[124]
    assert length((upper, lower)) == pytest.approx(0.5)
    np.testing.assert_allclose(np.add(upper, lower) / 2, (8.0, 30.0, -50.0), atol=1e-9)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))), ids=str)
def test_the_order_of_a_file_s_axes_does_not_matter(order):
    labels = image_of(slab(empty(), 124, (50.0, 30.0), 34.0, 10.0, 15.0))
    turned = sitk.PermuteAxes(sitk.Flip(labels, [True, False, True]), list(order))
    np.testing.assert_allclose(disc_lines(turned)[124], disc_lines(labels)[124], atol=1e-6)


def lumbar(first_lean, last_lean, *, united=False):
    """L1, its disc, the lowest disc and the sacrum; the upper plate of L1 and that of S1 lean by given angles."""
    values = slab(empty(), 26, (100.0, 30.0), 30.0, 30.0, last_lean)
    values = slab(values, 124, (80.0, 30.0), 30.0, 10.0, last_lean)
    values = slab(values, 120, (45.0, 30.0), 30.0, 9.0, first_lean)
    values = slab(values, 20, (27.0, 30.0), 30.0, 24.0, first_lean)
    if united:
        values = slab(values, 20, (30.0, 56.0), 4.0, 20.0, 0.0)  # a spinous process under the same number
    return image_of(values)


def cobb_deg(plates):
    first, last = (np.subtract(back, front) / np.linalg.norm(np.subtract(back, front)) for front, back in plates)
    return float(np.degrees(np.arccos(np.clip(first @ last, -1, 1))))


@pytest.mark.parametrize(("first", "last"), [(0.0, 0.0), (-15.0, 30.0), (-10.0, 45.0), (-25.0, 20.0)])
@pytest.mark.parametrize("united", [False, True], ids=["parts", "united"])
def test_lordosis_is_the_angle_between_the_plates_of_l1_and_s1(first, last, united):
    plates = lordosis_plates(lumbar(first, last, united=united))
    assert plates is not None
    assert cobb_deg(plates) == pytest.approx(last - first, abs=1.5)
    upper, lower = (np.array(plate) for plate in plates)
    assert upper[0][1] < upper[1][1]  # from front to back
    np.testing.assert_allclose(upper[:, 0], 8.0)
    np.testing.assert_allclose(lower.mean(axis=0)[2], -80.0 - 5.0 * np.cos(np.radians(last)), atol=1.0)


def test_a_measured_lordosis_is_the_angle_that_is_drawn():
    plates = lordosis_plates(lumbar(-15.0, 30.0), 40.0)
    assert cobb_deg(plates) == pytest.approx(40.0, abs=1e-6)
    free = lordosis_plates(lumbar(-15.0, 30.0))
    np.testing.assert_allclose(plates[1], free[1])
    np.testing.assert_allclose(np.mean(plates[0], axis=0), np.mean(free[0], axis=0))


@pytest.mark.parametrize("gone", [20, 26, 124])
def test_without_an_end_plate_in_view_there_is_no_lordosis(gone):
    labels = lumbar(-15.0, 30.0)
    assert lordosis_plates(sitk.Mask(labels, labels != gone)) is None
