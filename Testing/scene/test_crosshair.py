"""One point in all slice views: where slices meet, what a pixel shows, where a move leads."""

from __future__ import annotations

import numpy as np
import pytest

pytestmark = pytest.mark.scene
pytest.importorskip("slicer", reason="slicer-core is not installed (make scene)")

from spinemr.scene.crosshair import (  # noqa: E402
    common_point_mm,
    crosshair_mm,
    crosshair_of,
    hide_crosshair,
    moved_mm,
    point_under_mm,
    show_crosshair,
)


@pytest.fixture
def views(scene, volume):
    """A sagittal, an axial and a coronal view, the first one along the volume's own oblique slices."""
    found = []
    for name, orientation in (("Yellow", "Sagittal"), ("Red", "Axial"), ("Green", "Coronal")):
        view = scene.AddNewNodeByClass("vtkMRMLSliceNode")
        view.SetLayoutName(name)
        view.SetDimensions(200, 100, 1)
        view.SetFieldOfView(400, 200, 1)
        view.SetOrientation(orientation)
        found.append(view)
    found[0].RotateToVolumePlane(volume)
    return found


def from_plane_mm(view, point_lps):
    matrix = view.GetSliceToRAS()
    normal, middle = (np.array([matrix.GetElement(row, column) for row in range(3)]) for column in (2, 3))
    return float((np.array(point_lps) * (-1, -1, 1) - middle) @ normal)


def test_all_views_show_the_slices_through_the_point(scene, views):
    point = (12.0, -30.0, 45.0)
    show_crosshair(scene, views, point)
    node = crosshair_of(scene)
    assert node.GetCrosshairMode() == node.ShowBasic
    np.testing.assert_allclose(crosshair_mm(scene), point, atol=1e-9)
    np.testing.assert_allclose(node.GetCrosshairRAS(), (-12.0, 30.0, 45.0), atol=1e-9)
    np.testing.assert_allclose([from_plane_mm(view, point) for view in views], 0.0, atol=1e-6)
    np.testing.assert_allclose(common_point_mm(views), point, atol=1e-6)
    hide_crosshair(scene)
    assert node.GetCrosshairMode() == node.NoCrosshair
    assert scene.GetNumberOfNodesByClass("vtkMRMLCrosshairNode") == 1


def test_of_one_view_the_middle_is_taken(views):
    matrix = views[1].GetSliceToRAS()
    middle = [matrix.GetElement(row, 3) * sign for row, sign in enumerate((-1, -1, 1))]
    np.testing.assert_allclose(common_point_mm(views[1:2]), middle, atol=1e-9)


def test_a_pixel_is_the_point_it_shows(views):
    """To the right of an axial picture is the patient's left, up is the front."""
    axial = views[1]
    middle = np.array(point_under_mm(axial, 100, 50))
    np.testing.assert_allclose(point_under_mm(axial, 110, 50) - middle, (20, 0, 0), atol=1e-6)
    np.testing.assert_allclose(point_under_mm(axial, 100, 60) - middle, (0, -20, 0), atol=1e-6)


@pytest.mark.parametrize(
    ("way", "expected"),
    [
        ("right", (3, 0, 0)), ("left", (-3, 0, 0)), ("up", (0, -3, 0)), ("down", (0, 3, 0)), ("nearer", (0, 0, 3)),
        ("farther", (0, 0, -3)),
    ],
)  # fmt: skip
def test_a_move_goes_where_the_picture_says(views, way, expected):
    np.testing.assert_allclose(moved_mm(views[1], (0, 0, 0), way, 3.0), expected, atol=1e-9)
