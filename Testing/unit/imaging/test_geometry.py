from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from spinemr.imaging.errors import GeometryError
from spinemr.imaging.geometry import Grid, WorkingFrame, match_grid, same_grid

WORKING_DIRECTION = (0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, -1.0, 0.0)
AXIAL = np.eye(3)


def volume(size=(4, 5, 3), spacing=(0.7, 0.8, 4.4), origin=(-12.5, 30.25, 101.0), direction=AXIAL) -> sitk.Image:
    values = np.arange(math.prod(size), dtype=np.int16).reshape(size[::-1])
    image = sitk.GetImageFromArray(values)
    image.SetSpacing(spacing)
    image.SetOrigin(origin)
    image.SetDirection(np.asarray(direction, float).ravel().tolist())
    return image


def signed_permutations() -> list[np.ndarray]:
    return [
        np.eye(3)[:, list(order)] * np.array(signs)
        for order in itertools.permutations(range(3))
        for signs in itertools.product((1.0, -1.0), repeat=3)
    ]


def assert_positions_kept(image: sitk.Image, working: sitk.Image) -> None:
    """Values are unique, so each voxel is found again by its value."""
    before, after = sitk.GetArrayFromImage(image), sitk.GetArrayFromImage(working)
    where = {int(value): index for index, value in np.ndenumerate(after)}
    for index, value in np.ndenumerate(before):
        old = image.TransformIndexToPhysicalPoint(index[::-1])
        new = working.TransformIndexToPhysicalPoint(tuple(int(i) for i in where[int(value)][::-1]))
        assert np.allclose(old, new, atol=1e-4)


@pytest.mark.parametrize("direction", signed_permutations())
def test_each_of_the_48_axis_aligned_grids_reaches_the_working_frame_and_returns(direction):
    image = volume(direction=direction)
    frame = WorkingFrame.of(image)
    working = frame.forward(image)
    assert np.allclose(working.GetDirection(), WORKING_DIRECTION)
    assert frame.obliquity_deg == pytest.approx(0.0, abs=1e-6)
    assert_positions_kept(image, working)
    back = frame.back(working)
    assert Grid.of(back) == Grid.of(image)
    assert np.array_equal(sitk.GetArrayFromImage(back), sitk.GetArrayFromImage(image))


def test_a_working_array_goes_right_to_left_head_to_foot_front_to_back():
    image = volume(size=(6, 7, 8), direction=np.diag([-1.0, -1.0, 1.0]))
    array = sitk.GetArrayFromImage(WorkingFrame.of(image).forward(image))
    positions = {int(v): image.TransformIndexToPhysicalPoint(i[::-1]) for i, v in np.ndenumerate(sitk.GetArrayFromImage(image))}
    start = np.array(positions[int(array[0, 0, 0])])
    assert positions[int(array[1, 0, 0])][0] > start[0]  # towards the left
    assert positions[int(array[0, 1, 0])][2] < start[2]  # towards the feet
    assert positions[int(array[0, 0, 1])][1] > start[1]  # towards the back


directions = st.tuples(st.integers(0, 2**32 - 1), st.sampled_from(signed_permutations())).map(
    lambda drawn: Rotation.random(random_state=drawn[0]).as_matrix() @ drawn[1]
)
spacings = st.tuples(*[st.floats(0.2, 8.0)] * 3)
sizes = st.tuples(*[st.integers(1, 6)] * 3)
origins = st.tuples(*[st.floats(-500, 500)] * 3)


@settings(max_examples=150, deadline=None)
@given(directions, spacings, sizes, origins)
def test_any_grid_goes_and_returns_bit_by_bit(direction, spacing, size, origin):
    image = volume(size, spacing, origin, direction)
    frame = WorkingFrame.of(image)
    working = frame.forward(image)
    assert_positions_kept(image, working)
    again = WorkingFrame.of(working)
    assert again.axes == (0, 1, 2) and again.flips == (False, False, False)
    back = frame.back(working)
    assert (back.GetSize(), back.GetSpacing()) == (image.GetSize(), image.GetSpacing())
    assert (back.GetOrigin(), back.GetDirection()) == (image.GetOrigin(), image.GetDirection())
    assert np.array_equal(sitk.GetArrayFromImage(back), sitk.GetArrayFromImage(image))
    assert back.GetPixelID() == image.GetPixelID()


@given(directions)
def test_the_assignment_is_the_best_of_all_permutations(direction):
    frame = WorkingFrame.of(volume(direction=direction))
    assert sorted(frame.axes) == [0, 1, 2]
    scores = {axes: np.abs(direction)[[1, 2, 0], list(axes)].sum() for axes in itertools.permutations(range(3))}
    assert scores[frame.axes] >= max(scores.values()) - 1e-5


@pytest.mark.parametrize("axis", "xyz")
@pytest.mark.parametrize("degrees", [45.0, -45.0, 135.0])
def test_a_45_degree_oblique_still_gets_three_different_axes(axis, degrees):
    direction = Rotation.from_euler(axis, degrees, degrees=True).as_matrix()
    frame = WorkingFrame.of(volume(direction=direction))
    assert sorted(frame.axes) == [0, 1, 2]
    assert frame.obliquity_deg == pytest.approx(45.0, abs=1e-6)
    nudged = WorkingFrame.of(volume(direction=direction @ Rotation.from_euler(axis, 1e-9).as_matrix()))
    assert nudged.axes == frame.axes


def test_two_rotations_of_45_degrees_do_not_claim_one_axis_twice():
    # Here |cosine| of two columns is largest on the same row: a greedy choice would not be a permutation.
    direction = Rotation.from_euler("xyz", [45, 35.264, 45], degrees=True).as_matrix()
    image = volume(direction=direction)
    frame = WorkingFrame.of(image)
    assert sorted(frame.axes) == [0, 1, 2]
    assert Grid.of(frame.back(frame.forward(image))) == Grid.of(image)


SAGITTAL = np.array([[0.0, 0.0, -1.0], [1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
CORONAL = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])


@pytest.mark.parametrize(("direction", "plane"), [(SAGITTAL, "sagittal"), (AXIAL, "axial"), (CORONAL, "coronal")])
def test_the_plane_is_the_one_across_the_thick_axis(direction, plane):
    tilt = Rotation.from_euler("x", 12, degrees=True).as_matrix()
    frame = WorkingFrame.of(volume(direction=tilt @ direction))
    assert frame.plane == plane
    assert frame.is_sagittal is (plane == "sagittal")
    assert not frame.is_isotropic
    assert frame.obliquity_deg == pytest.approx(12.0, abs=1e-6)


def test_the_thick_axis_need_not_be_the_last_of_the_file():
    frame = WorkingFrame.of(volume(spacing=(4.0, 0.6, 0.6)))
    assert (frame.thickness_axis, frame.plane) == (0, "sagittal")


def test_one_slice_is_thick_across_itself_whatever_its_spacing_says():
    frame = WorkingFrame.of(volume(size=(1, 9, 9), spacing=(1.0, 1.0, 1.0)))
    assert (frame.thickness_axis, frame.plane) == (0, "sagittal")


def test_an_isotropic_volume_says_so():
    frame = WorkingFrame.of(volume(spacing=(0.9, 0.9, 1.0), direction=SAGITTAL))
    assert frame.is_isotropic and frame.plane == "sagittal"


def test_an_array_of_the_frame_lands_on_the_grid_of_the_input():
    image = volume(direction=SAGITTAL)
    frame = WorkingFrame.of(image)
    array = sitk.GetArrayFromImage(frame.forward(image))
    back = frame.back_from_array(array > 10)
    assert back.GetPixelID() == sitk.sitkUInt8
    assert np.array_equal(sitk.GetArrayFromImage(back), sitk.GetArrayFromImage(image) > 10)
    with pytest.raises(GeometryError, match="does not fit"):
        frame.back_from_array(array[:-1])


def test_an_image_from_elsewhere_is_refused():
    image, moved = volume(), volume(origin=(0.0, 0.0, 0.0))
    frame = WorkingFrame.of(image)
    with pytest.raises(GeometryError, match="origin"):
        frame.forward(moved)
    with pytest.raises(GeometryError, match="origin"):
        frame.back(WorkingFrame.of(moved).forward(moved))


def test_planes_vectors_and_flat_directions_are_refused():
    with pytest.raises(GeometryError):
        WorkingFrame.of(sitk.Image(4, 4, sitk.sitkUInt8))
    with pytest.raises(GeometryError):
        WorkingFrame.of(sitk.Image([4, 4, 4], sitk.sitkVectorUInt8, 3))


def test_grids_agree_within_what_float32_headers_lose():
    image = volume(size=(512, 512, 15), direction=Rotation.from_euler("y", 7.3, degrees=True).as_matrix())
    rounded = sitk.Image(image)
    rounded.SetSpacing(np.float32(image.GetSpacing()).astype(float).tolist())
    rounded.SetOrigin(np.float32(image.GetOrigin()).astype(float).tolist())
    rounded.SetDirection(np.float32(image.GetDirection()).astype(float).tolist())
    assert same_grid(image, rounded)
    rounded.SetOrigin([image.GetOrigin()[0] + 0.1, *image.GetOrigin()[1:]])
    assert not same_grid(image, rounded)
    assert same_grid(image, rounded, tolerance_mm=0.2)


def test_one_voxel_of_another_spacing_is_another_grid():
    assert not same_grid(volume(size=(1, 1, 1)), volume(size=(1, 1, 1), spacing=(0.7, 0.8, 5.0)))


@pytest.mark.parametrize("direction", signed_permutations()[::7])
def test_a_mask_stored_in_another_order_is_reordered_without_loss(direction):
    image = volume(direction=direction)
    mask = WorkingFrame.of(image).forward(image)  # the same voxels, other axes
    matched = match_grid(mask, image)
    assert Grid.of(matched) == Grid.of(image)
    assert np.array_equal(sitk.GetArrayFromImage(matched), sitk.GetArrayFromImage(image))


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (volume(size=(4, 5, 4)), "size 4x5x4 against 4x5x3"),
        (volume(spacing=(0.7, 0.8, 5.0)), "spacing 0.7 x 0.8 x 5 mm against"),
        (volume(origin=(0, 0, 0)), "origin 0 x 0 x 0 mm against"),
        (volume(direction=np.diag([-1.0, 1.0, 1.0])), "axes RPS against LPS"),
        (volume(direction=Rotation.from_euler("z", 10, degrees=True).as_matrix()), "turned by 10 degrees"),
    ],
)
def test_another_grid_is_refused_with_what_differs_and_resampled_when_asked(other, said):
    with pytest.raises(GeometryError, match="another grid") as refused:
        match_grid(other, volume())
    assert said in str(refused.value)
    assert Grid.of(match_grid(other, volume(), resample=True)) == Grid.of(volume())


def test_resampling_a_mask_takes_the_nearest_label_and_nothing_in_between():
    fine = volume(size=(8, 8, 8), spacing=(1, 1, 1), origin=(0, 0, 0))
    coarse = volume(size=(4, 4, 4), spacing=(2, 2, 2), origin=(0, 0, 0))
    values = np.where(np.arange(512).reshape(8, 8, 8) % 2, 23, 123).astype(np.uint8)
    mask = sitk.GetImageFromArray(values)
    mask.CopyInformation(fine)
    matched = sitk.GetArrayFromImage(match_grid(mask, coarse, resample=True))
    assert np.array_equal(matched, values[::2, ::2, ::2])


@pytest.mark.realdata
def test_real_volumes_go_and_return_bit_by_bit(data_dir):
    paths = sorted((data_dir / "spider_t2space").glob("*_label.nii.gz"))[:3]
    assert paths
    for path in paths:
        image = sitk.ReadImage(str(path))
        frame = WorkingFrame.of(image)
        back = frame.back(frame.forward(image))
        assert Grid.of(back) == Grid.of(image)
        assert np.array_equal(sitk.GetArrayFromImage(back), sitk.GetArrayFromImage(image))
