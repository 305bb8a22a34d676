"""Lines and angles where things were measured."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from spinemr.imaging.errors import InputError
from spinemr.imaging.terminology import colour_of

pytestmark = pytest.mark.scene
pytest.importorskip("slicer", reason="slicer-core is not installed (make scene)")

from spinemr.scene.hierarchy import hierarchy_of, item_of  # noqa: E402
from spinemr.scene.markups import add_angle, add_line, add_lordosis  # noqa: E402
from spinemr.scene.measurement_markups import (  # noqa: E402
    add_measurement_markups,
    measurement_markups_of,
    remove_measurement_markups,
)
from spinemr.scene.volumes import add_volume  # noqa: E402

ROWS = [
    {"label": 120, "structure": "L1-L2 disc", "height_middle_mm": 9.25, "lordosis_l1_s1_deg": None},
    {"label": 124, "structure": "L5-S1 disc", "height_middle_mm": None, "lordosis_l1_s1_deg": None},
    {"label": 20, "structure": "L1 vertebra", "height_middle_mm": 25.0, "lordosis_l1_s1_deg": None},
    {"label": None, "structure": "lumbar spine", "height_middle_mm": None, "lordosis_l1_s1_deg": 41.5},
]


def points_of(node):
    return [node.GetNthControlPointPosition(index) for index in range(node.GetNumberOfControlPoints())]


def test_a_line_lies_in_mrml_s_coordinates_locked_and_measured(scene):
    line = add_line(scene, "L4-L5 disc height", (1.0, 2.0, 3.0), (1.0, 2.0, 13.0), colour=(86, 180, 233))
    np.testing.assert_allclose(points_of(line), [(-1, -2, 3), (-1, -2, 13)])
    assert line.GetLocked()
    assert line.GetLineLengthWorld() == pytest.approx(10.0)
    np.testing.assert_allclose(np.array(line.GetDisplayNode().GetSelectedColor()) * 255, (86, 180, 233))
    assert points_of(add_line(scene, "RAS", (1, 2, 3), (4, 5, 6), coordinates="RAS"))[0] == (1.0, 2.0, 3.0)


def test_an_angle_is_measured_at_its_vertex(scene):
    angle = add_angle(scene, "angle", (10.0, 0.0, 0.0), (0.0, 0.0, 0.0), (0.0, 7.0, 0.0))
    assert angle.GetAngleDegrees() == pytest.approx(90.0)


@pytest.mark.parametrize(("upper", "lower"), [(-15.0, 30.0), (10.0, 40.0), (0.0, 0.5)])
def test_lordosis_is_the_cobb_angle_drawn_at_the_lower_plate(scene, upper, lower):
    def plate(lean_deg, height):
        c, s = np.cos(np.radians(lean_deg)), np.sin(np.radians(lean_deg))
        return (0.0, 0.0, height), (0.0, 30.0 * c, height + 30.0 * s)  # the front lower than the back

    angle = add_lordosis(scene, plate(upper, 150.0), plate(lower, 0.0))
    assert angle.GetAngleDegrees() == pytest.approx(lower - upper)
    np.testing.assert_allclose(points_of(angle)[0], (0.0, 0.0, 0.0), atol=1e-9)


def test_points_that_are_no_line_are_refused_and_leave_no_node(scene):
    with pytest.raises(InputError, match=r"Two points .* are the same"):
        add_line(scene, "nothing", (1.0, 2.0, 3.0), (1.0, 2.0, 3.0))
    with pytest.raises(InputError, match="three coordinates"):
        add_line(scene, "flat", (1.0, 2.0), (3.0, 4.0))
    assert scene.GetNumberOfNodesByClass("vtkMRMLMarkupsNode") == 0


def test_measured_heights_and_lordosis_are_drawn_with_their_values(scene, labels, volume):
    markups = add_measurement_markups(scene, labels, ROWS, name="T2 measurements", beside=volume)
    assert list(markups.heights) == [120]
    line = markups.heights[120]
    assert line.GetName() == "L1-L2 disc height"
    assert line.GetLineLengthWorld() == pytest.approx(9.25)
    assert markups.lordosis.GetAngleDegrees() == pytest.approx(41.5)
    np.testing.assert_allclose(np.array(line.GetDisplayNode().GetSelectedColor()) * 255, colour_of(120))
    assert [line.GetNthControlPointLabel(index) for index in (0, 1)] == ["", "9.2 mm"]
    assert [markups.lordosis.GetNthControlPointLabel(index) for index in (0, 1, 2)] == ["", "42°", ""]
    assert not any(node.GetDisplayNode().GetPropertiesLabelVisibility() for node in markups.nodes)
    middle = np.mean(points_of(line), axis=0) * (-1, -1, 1)
    assert labels[labels.TransformPhysicalPointToIndex(middle.tolist())] == 120
    hierarchy = hierarchy_of(scene)
    (folder,) = {hierarchy.GetItemParent(item_of(scene, node)) for node in markups.nodes}
    assert hierarchy.GetItemName(folder) == "T2 measurements"
    assert hierarchy.GetItemParent(folder) == hierarchy.GetItemParent(item_of(scene, volume))


def test_without_measured_values_the_label_map_gives_them(scene, labels):
    markups = add_measurement_markups(scene, labels)
    assert list(markups.heights) == [120, 121, 122, 123, 124]
    for line in markups.heights.values():
        assert line.GetLineLengthWorld() == pytest.approx(3.2, abs=0.1)  # 4 rows of 0.8 mm
    assert markups.lordosis.GetAngleDegrees() == pytest.approx(0.0, abs=1e-3)


def test_markups_are_hidden_and_removed_together(scene, labels, volume):
    before = scene.GetNumberOfNodes()
    markups = add_measurement_markups(scene, labels, ROWS, beside=volume)
    assert len(markups.nodes) == 2
    markups.set_shown(False)
    assert not any(node.GetDisplayVisibility() for node in markups.nodes)
    remove_measurement_markups(scene, volume)
    assert scene.GetNumberOfNodes() == before
    hierarchy = hierarchy_of(scene)
    assert hierarchy.GetNumberOfItemChildren(hierarchy.GetSceneItemID()) == 1  # the volume
    remove_measurement_markups(scene, volume)


def test_drawing_again_replaces_the_markups_of_that_volume_only(scene, labels, volume):
    other = add_volume(scene, sitk.Cast(labels, sitk.sitkInt16), "other")
    add_measurement_markups(scene, labels, ROWS, beside=volume)
    kept = add_measurement_markups(scene, labels, ROWS, beside=other)
    add_measurement_markups(scene, labels, beside=volume)
    found = measurement_markups_of(scene, volume)
    assert sorted(found.heights) == [120, 121, 122, 123, 124]
    assert found.lordosis.GetAngleDegrees() == pytest.approx(0.0, abs=1e-3)
    theirs = measurement_markups_of(scene, other)
    assert [node.GetID() for node in theirs.nodes] == [node.GetID() for node in kept.nodes]
    assert scene.GetNumberOfNodesByClass("vtkMRMLMarkupsNode") == 8


def test_what_somebody_put_into_the_folder_or_took_out_of_it_stays(scene, labels, volume):
    hierarchy = hierarchy_of(scene)
    study = hierarchy.CreateStudyItem(hierarchy.GetSceneItemID(), "study")
    hierarchy.SetItemParent(item_of(scene, volume), study)
    markups = add_measurement_markups(scene, labels, ROWS, beside=volume)
    own = add_line(scene, "mine", (0.0, 0.0, 0.0), (1.0, 0.0, 0.0))
    hierarchy.SetItemParent(item_of(scene, own), hierarchy.GetItemParent(item_of(scene, markups.lordosis)))
    hierarchy.SetItemParent(item_of(scene, markups.lordosis), study)
    remove_measurement_markups(scene, volume)
    assert scene.GetNodeByID(own.GetID()) is not None
    assert hierarchy.GetItemParent(item_of(scene, own)) == study
    assert hierarchy.GetItemParent(item_of(scene, volume)) == study


def test_nothing_to_draw_is_said(scene, labels):
    with pytest.raises(InputError, match="no disc and no lordosis"):
        add_measurement_markups(scene, labels * 0)
    with pytest.raises(InputError, match="no disc and no lordosis"):
        add_measurement_markups(scene, labels, [{"label": 20, "height_middle_mm": 25.0}])
    assert scene.GetNumberOfNodesByClass("vtkMRMLMarkupsNode") == 0


def test_a_lordosis_whose_plates_are_out_of_view_is_left_out(scene, labels):
    markups = add_measurement_markups(scene, sitk.Mask(labels, labels != 26), ROWS)
    assert markups.lordosis is None
    assert list(markups.heights) == [120]
