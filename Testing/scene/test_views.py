"""Slice views: which volumes they show, how they lie, and where they jump."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import SimpleITK as sitk

from spinemr.imaging.errors import InputError
from spinemr.radiomics.viewing import Viewing

pytestmark = pytest.mark.scene
pytest.importorskip("slicer", reason="slicer-core is not installed (make scene)")

from spinemr.scene.selection import centre_mm  # noqa: E402
from spinemr.scene.views import (  # noqa: E402
    jump_to,
    jump_to_slice,
    jump_to_structure,
    set_fade,
    show_sagittal,
    show_side_by_side,
    show_volumes,
    slice_centre_mm,
    slice_shown,
    slice_views,
)
from spinemr.scene.volumes import add_volume  # noqa: E402


@pytest.fixture
def views(scene):
    """A red and a yellow slice view as a layout has them."""
    for name, orientation in (("Red", "Axial"), ("Yellow", "Sagittal")):
        composite = scene.AddNewNodeByClass("vtkMRMLSliceCompositeNode")
        composite.SetLayoutName(name)
        view = scene.AddNewNodeByClass("vtkMRMLSliceNode")
        view.SetLayoutName(name)
        view.SetFieldOfView(250, 250, 1)
        view.SetOrientation(orientation)
    return slice_views(scene)


def normal_of(view):
    matrix = view.GetSliceToRAS()
    return np.array([matrix.GetElement(row, 2) for row in range(3)])


def offset_mm(view, point_lps):
    """The distance of a point from the plane a view shows."""
    matrix = view.GetSliceToRAS()
    origin = np.array([matrix.GetElement(row, 3) for row in range(3)])
    return float((np.array(point_lps) * (-1, -1, 1) - origin) @ normal_of(view))


def test_views_are_found_by_their_names(views):
    assert sorted(views) == ["Red", "Yellow"]
    assert views["Red"].slice.GetLayoutName() == views["Red"].composite.GetLayoutName() == "Red"
    assert slice_views(views["Red"].slice.GetScene()).keys() == views.keys()


def test_a_view_without_its_composite_is_none(scene):
    scene.AddNewNodeByClass("vtkMRMLSliceNode").SetLayoutName("Lonely")
    assert slice_views(scene) == {}


def test_the_harmonized_volume_lies_over_the_original_with_a_fade(scene, views, volume, labels):
    harmonized = add_volume(scene, sitk.Cast(labels, sitk.sitkFloat32), "harmonized", like=volume)
    composites = [view.composite for view in views.values()]
    show_volumes(composites, volume, foreground=harmonized, fade=0.25)
    for composite in composites:
        assert composite.GetBackgroundVolumeID() == volume.GetID()
        assert composite.GetForegroundVolumeID() == harmonized.GetID()
        assert composite.GetForegroundOpacity() == 0.25
        assert composite.GetLinkedControl()
        assert composite.GetHotLinkedControl()
    set_fade(composites, 1.0)
    assert [composite.GetForegroundOpacity() for composite in composites] == [1.0, 1.0]
    show_volumes(composites, volume, linked=False)
    assert not composites[0].GetForegroundVolumeID()
    assert not composites[0].GetLinkedControl()


@pytest.mark.parametrize(("asked", "given"), [(-0.5, 0.0), (0.4, 0.4), (7, 1.0)])
def test_a_fade_stays_between_none_and_all(views, asked, given):
    set_fade([views["Red"].composite], asked)
    assert views["Red"].composite.GetForegroundOpacity() == given


@pytest.mark.parametrize("linked", [False, True])
def test_side_by_side_keeps_the_link_and_shows_one_volume_each(scene, views, volume, labels, linked):
    harmonized = add_volume(scene, sitk.Cast(labels, sitk.sitkFloat32), "harmonized", like=volume)
    left, right = views["Red"].composite, views["Yellow"].composite
    show_volumes([left, right], volume, foreground=harmonized, fade=0.5, linked=linked)
    show_side_by_side(left, right, volume, harmonized)
    assert (left.GetBackgroundVolumeID(), right.GetBackgroundVolumeID()) == (volume.GetID(), harmonized.GetID())
    assert not left.GetForegroundVolumeID()
    assert not right.GetForegroundVolumeID()
    assert bool(left.GetLinkedControl()) == bool(right.GetHotLinkedControl()) == linked


def test_sagittal_views_lie_along_the_volume_s_own_slices(views, volume, labels):
    show_sagittal([views["Red"].slice], volume)
    stacked = np.reshape(labels.GetDirection(), (3, 3))[:, 2] * (-1, -1, 1)
    assert abs(normal_of(views["Red"].slice) @ stacked) == pytest.approx(1.0, abs=1e-6)


def test_sagittal_views_follow_the_volume_s_transform(views, volume, transform_of):
    c, s = np.cos(0.1), np.sin(0.1)
    volume.SetAndObserveTransformNodeID(transform_of([[c, -s, 0, 5], [s, c, 0, -7], [0, 0, 1, 11], [0, 0, 0, 1]]).GetID())
    show_sagittal([views["Red"].slice], volume)
    first, last = np.array(slice_centre_mm(volume, 0)), np.array(slice_centre_mm(volume, 6))
    stacked = (last - first) / np.linalg.norm(last - first) * (-1, -1, 1)
    assert abs(normal_of(views["Red"].slice) @ stacked) == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("index", [0, 3, 6])
def test_a_view_jumps_to_a_slice_and_tells_which_it_shows(views, volume, index):
    view = views["Yellow"].slice
    show_sagittal([view], volume)
    jump_to_slice([view], volume, index)
    assert slice_shown(view, volume) == index
    assert offset_mm(view, slice_centre_mm(volume, index)) == pytest.approx(0.0, abs=1e-6)


def test_what_lies_outside_is_shown_as_the_nearest_slice(views, volume):
    view = views["Yellow"].slice
    show_sagittal([view], volume)
    outside = 2 * np.array(slice_centre_mm(volume, 6)) - np.array(slice_centre_mm(volume, 0))
    jump_to([view], outside)
    assert slice_shown(view, volume) in (0, 6)
    assert slice_shown(view, volume) == 6


def test_a_slice_that_is_not_there_is_refused(views, volume):
    for index in (-1, 7):
        with pytest.raises(InputError, match=f"no slice {index}: the volume has 7, counted from 0"):
            jump_to_slice([views["Red"].slice], volume, index)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))), ids=str)
@pytest.mark.parametrize("spacing", [(0.9, 0.8, 4.4), (1.0, 1.0, 1.0)], ids=["slices", "isotropic"])
def test_slices_are_counted_as_verdicts_count_them(scene, labels, order, spacing):
    labels.SetSpacing(spacing)
    turned = sitk.PermuteAxes(sitk.Flip(labels, [True, False, True]), list(order))
    volume = add_volume(scene, turned, "turned")
    viewing = Viewing.of(turned)
    place = viewing.place((2, viewing.shape[1] // 2, viewing.shape[2] // 2))
    centre = np.array(slice_centre_mm(volume, place.slice))
    step = np.array(slice_centre_mm(volume, 1)) - np.array(slice_centre_mm(volume, 0))
    assert (np.array(place.point_mm) - centre) @ step / np.linalg.norm(step) == pytest.approx(0.0, abs=0.02)


def test_a_point_may_come_to_the_middle_of_the_view(views):
    view = views["Yellow"].slice
    jump_to([view], (3.0, 40.0, -20.0), centred=True)
    matrix = view.GetSliceToRAS()
    np.testing.assert_allclose([matrix.GetElement(row, 3) for row in range(3)], (-3.0, -40.0, -20.0))
    jump_to([view], (9.0, 1.0, 2.0), coordinates="RAS")
    np.testing.assert_allclose([matrix.GetElement(row, 3) for row in range(3)], (9.0, -40.0, -20.0))


def test_a_point_needs_three_coordinates(views):
    for point in [(1.0, 2.0), (1.0, 2.0, float("nan"))]:
        with pytest.raises(InputError, match="three coordinates"):
            jump_to([views["Red"].slice], point)
    with pytest.raises(InputError, match="no coordinates named XYZ"):
        jump_to([views["Red"].slice], (1.0, 2.0, 3.0), coordinates="XYZ")


def test_views_jump_to_a_structure(views, volume, segmentation):
    jump_to_structure([view.slice for view in views.values()], segmentation, volume, 123)
    for view in views.values():
        assert offset_mm(view.slice, centre_mm(segmentation, volume, 123)) == pytest.approx(0.0, abs=1e-6)
