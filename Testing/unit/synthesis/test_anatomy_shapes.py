"""Signed distances against shapes whose distance is known."""

import numpy as np
import pytest

from spinemr.synthesis.anatomy.shapes import capsule, ellipsoid, rounded_box, smooth_union


def point(x: float, y: float, z: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return tuple(np.full((1, 1), v, dtype=np.float32) for v in (x, y, z))


@pytest.mark.parametrize(("place", "distance"), [((7.0, 0.0, 0.0), 2.0), ((0.0, 5.0, 0.0), 0.0), ((3.0, 4.0, 0.0), 0.0)])
def test_sphere_distance_is_exact(place, distance):
    assert float(ellipsoid(*point(*place), (5.0, 5.0, 5.0))[0, 0]) == pytest.approx(distance, abs=1e-4)


def test_ellipsoid_surface_lies_at_its_radii():
    for place in ((8.0, 0, 0), (0, 3.0, 0), (0, 0, 5.0)):
        assert float(ellipsoid(*point(*place), (8.0, 3.0, 5.0))[0, 0]) == pytest.approx(0.0, abs=1e-4)


@pytest.mark.parametrize(
    ("place", "distance"), [((0, 0, 5.0), 3.0), ((0, 0, -4.0), 2.0), ((10.0, 0, 4.0), 1.0), ((14.0, 0, 0), 1.0)]
)
def test_capsule_distance_with_changing_radius(place, distance):
    assert float(capsule(*point(*place), (0, 0, 0), (10.0, 0, 0), (2.0, 3.0))[0, 0]) == pytest.approx(distance, abs=1e-4)


@pytest.mark.parametrize(("place", "distance"), [((6.0, 0, 0), 1.0), ((0, 4.0, 0), 1.0), ((0, 0, 1.0), -1.0)])
def test_rounded_box_faces(place, distance):
    assert float(rounded_box(*point(*place), (5.0, 3.0, 2.0), 0.5)[0, 0]) == pytest.approx(distance, abs=1e-4)


def test_rounded_box_corner_is_cut_by_its_radius():
    corner = float(rounded_box(*point(5.0, 3.0, 0.0), (5.0, 3.0, 2.0), 1.0)[0, 0])
    assert corner == pytest.approx(np.sqrt(2.0) - 1.0, abs=1e-4)


def test_smooth_union_is_a_union_away_from_the_seam_and_fuller_in_it():
    a, b = np.array([[1.0, 0.0, 4.0]], dtype=np.float32), np.array([[9.0, 0.0, -1.0]], dtype=np.float32)
    union = smooth_union(a, b, 2.0)
    assert union[0].tolist() == pytest.approx([1.0, -0.5, -1.0])
