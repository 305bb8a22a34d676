from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import ndimage

from spinemr.segmentation.surface import SurfaceDistance, surface_points


def box(shape, low, high) -> np.ndarray:
    mask = np.zeros(shape, dtype=bool)
    mask[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] = True
    return mask


def ball(radius_mm, centre_mm, spacing, shape) -> np.ndarray:
    grids = np.meshgrid(*[np.arange(n) * s for n, s in zip(shape, spacing, strict=True)], indexing="ij")
    return sum((g - c) ** 2 for g, c in zip(grids, centre_mm, strict=True)) <= radius_mm**2


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (4.4, 0.7, 0.6)])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_box_shifted_along_an_axis_is_as_far_off_as_it_was_shifted(spacing, axis):
    """Of a box shifted by one voxel, faces across the axis are one voxel away and the rest lies on the other's surface."""
    size = np.array([8, 10, 12])
    low = np.array([3, 3, 3])
    shift = np.eye(3, dtype=int)[axis]
    a = box((16, 18, 20), low, low + size)
    b = box((16, 18, 20), low + shift, low + size + shift)
    measured = SurfaceDistance.of(a, b, spacing)
    across = np.delete(size, axis).prod()
    surface = size.prod() - (size - 2).prod()
    # One face lies outside of the other box: its voxels are one step away. The opposite one has become interior:
    # its rim still lies on the other's surface, the rest is as near as the nearest of the side walls and the shifted face.
    inner = np.delete(size, axis) - 2
    grid = np.stack(np.meshgrid(*[np.arange(1, n + 1) for n in inner], indexing="ij"))
    walls = np.minimum.reduce(
        [np.minimum(g, n + 1 - g) * s for g, n, s in zip(grid, inner, np.delete(spacing, axis), strict=True)]
    )
    total = across * spacing[axis] + np.minimum(walls, spacing[axis]).sum()
    assert measured.assd_mm == pytest.approx(total / surface)
    # More than 5 % of the surface is a whole step away.
    assert measured.hd95_mm == pytest.approx(spacing[axis])


def test_two_points_are_as_far_apart_as_pythagoras_says():
    a, b = np.zeros((2, 5, 9, 9), dtype=bool)
    a[0, 1, 1] = b[1, 4, 5] = True
    measured = SurfaceDistance.of(a, b, (12.0, 1.0, 1.0))
    assert (measured.hd95_mm, measured.assd_mm) == (13.0, 13.0)


def test_two_parallel_planes():
    a, b = np.zeros((2, 10, 20, 20), dtype=bool)
    a[2] = b[5] = True
    measured = SurfaceDistance.of(a, b, (2.5, 1.0, 1.0))
    assert (measured.hd95_mm, measured.assd_mm) == (7.5, 7.5)


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (3.0, 0.75, 0.75)])
def test_concentric_balls_are_the_difference_of_their_radii_apart(spacing):
    shape = tuple(int(66 / s) for s in spacing)
    small, large = ball(20, (32, 32, 32), spacing, shape), ball(26, (32, 32, 32), spacing, shape)
    measured = SurfaceDistance.of(small, large, spacing)
    assert measured.assd_mm == pytest.approx(6.0, abs=0.5 * max(spacing))
    assert measured.hd95_mm == pytest.approx(6.0, abs=max(spacing))


def test_a_shifted_ball_has_the_mean_distance_of_the_integral():
    """For a small shift d the distance at angle t is |d cos t|: mean d/2, 95th percentile .95 d."""
    spacing, shift = (0.5, 0.5, 0.5), 4.0
    a, b = ball(20, (25, 25, 25), spacing, (108,) * 3), ball(20, (25 + shift, 25, 25), spacing, (108,) * 3)
    measured = SurfaceDistance.of(a, b, spacing)
    assert measured.assd_mm == pytest.approx(shift / 2, rel=0.1)
    assert measured.hd95_mm == pytest.approx(0.95 * shift, rel=0.06)


def test_hd95_is_the_larger_of_the_directed_percentiles():
    """A far spot of 10 % of the truth's surface: 0 from the prediction's side, all of it from the truth's."""
    prediction = np.zeros((1, 200), dtype=bool)
    prediction[0, :90] = True
    truth = prediction.copy()
    truth[0, 190:] = True
    measured = SurfaceDistance.of(prediction, truth, (1.0, 1.0), flat_axes=(1,))
    directed = np.concatenate([np.zeros(90), np.arange(190, 200) - 89.0])
    assert measured.hd95_mm == pytest.approx(np.percentile(directed, 95))
    assert measured.assd_mm == pytest.approx(directed.sum() / 190)
    assert SurfaceDistance.of(truth, prediction, (1.0, 1.0), flat_axes=(1,)) == measured


def test_distances_equal_those_of_a_distance_transform():
    rng = np.random.default_rng(1)
    spacing = (4.0, 0.8, 0.6)
    masks = [ndimage.gaussian_filter(rng.normal(size=(9, 40, 40)), 2) > 0.02 for _ in range(2)]
    surfaces = [m & ~ndimage.binary_erosion(m) for m in masks]
    forth, back = (ndimage.distance_transform_edt(~surfaces[1 - i], sampling=spacing)[surfaces[i]] for i in (0, 1))
    measured = SurfaceDistance.of(*masks, spacing)
    assert measured.hd95_mm == pytest.approx(max(np.percentile(forth, 95), np.percentile(back, 95)))
    assert measured.assd_mm == pytest.approx(np.concatenate([forth, back]).mean())


def test_identical_masks_touch_and_empty_ones_have_no_distance():
    mask = box((6, 6, 6), (1, 1, 1), (4, 5, 5))
    assert SurfaceDistance.of(mask, mask, (1, 1, 1)) == SurfaceDistance(0.0, 0.0)
    for pair in [(mask, mask & False), (mask & False, mask), (mask & False, mask & False)]:
        measured = SurfaceDistance.of(*pair, (1, 1, 1))
        assert math.isnan(measured.hd95_mm)
        assert math.isnan(measured.assd_mm)


def test_the_surface_is_what_has_a_face_neighbour_outside_or_the_edge_of_the_image():
    mask = np.ones((5, 5, 5), dtype=bool)
    assert len(surface_points(mask, (1, 1, 1))) == 5**3 - 3**3
    assert surface_points(box((9, 9, 9), (2, 2, 2), (5, 5, 5)), (2.0, 1.0, 1.0)).max(axis=0).tolist() == [8.0, 4.0, 4.0]


def test_the_surface_within_one_slice_is_the_outline():
    mask = np.ones((1, 5, 6), dtype=bool)
    assert len(surface_points(mask, (4, 1, 1))) == 30
    assert len(surface_points(mask, (4, 1, 1), flat_axes=(0,))) == 30 - 3 * 4
