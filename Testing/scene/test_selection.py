"""Structures shown, hidden, set off, found, renamed and shifted."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from spinemr.imaging.errors import InputError
from spinemr.imaging.segmentation_file import structure_number, tags_text
from spinemr.imaging.terminology import term_of

pytestmark = pytest.mark.scene
vtk = pytest.importorskip("vtk", reason="slicer-core is not installed (make scene)")
slicer = pytest.importorskip("slicer", reason="slicer-core is not installed (make scene)")

from spinemr.scene.label_maps import labels_of, structure_numbers  # noqa: E402
from spinemr.scene.levels import name_segment, shift_levels  # noqa: E402
from spinemr.scene.selection import (  # noqa: E402
    FAINT,
    centre_mm,
    emphasize,
    segments_of,
    set_shown,
    show_all,
    show_only,
    shown_structures,
)


def values_of(image):
    return sitk.GetArrayFromImage(image)


def shown_of(node):
    display = node.GetDisplayNode()
    return {number for segment, number in structure_numbers(node).items() if display.GetSegmentVisibility(segment)}


def test_structures_are_shown_and_hidden(segmentation):
    everything = shown_of(segmentation)
    set_shown(segmentation, 61, False)
    assert shown_of(segmentation) == everything - {61}
    assert 61 not in shown_structures(segmentation)
    show_only(segmentation, [23, 123])
    assert shown_of(segmentation) == {23, 123}
    set_shown(segmentation, 61, True)
    assert 61 in shown_structures(segmentation)
    show_only(segmentation, [])
    assert shown_of(segmentation) == set()
    show_all(segmentation)
    assert shown_of(segmentation) == everything


def test_one_structure_is_set_off_against_the_others(segmentation):
    display = segmentation.GetDisplayNode()
    set_shown(segmentation, 23, False)
    emphasize(segmentation, 23)
    for opacity in (display.GetSegmentOpacity2DFill, display.GetSegmentOpacity2DOutline, display.GetSegmentOpacity3D):
        assert opacity("Segment_23") == 1.0
        assert opacity("Segment_24") == FAINT
    assert 23 in shown_structures(segmentation)
    emphasize(segmentation, None)
    assert display.GetSegmentOpacity3D("Segment_24") == 1.0


def test_a_segmentation_without_display_gets_one(segmentation):
    segmentation.RemoveAllDisplayNodeIDs()
    set_shown(segmentation, 23, False)
    assert 23 not in shown_structures(segmentation)


def test_unknown_structures_are_refused_by_name(segmentation):
    for act in (lambda: set_shown(segmentation, 25, True), lambda: show_only(segmentation, [23, 25]),
                lambda: emphasize(segmentation, 25), lambda: segments_of(segmentation, 25)):  # fmt: skip
        with pytest.raises(InputError, match=r"The segmentation has no L6 vertebra\. Choose"):
            act()
    with pytest.raises(InputError, match="holds 99, which is not the number"):
        set_shown(segmentation, 99, True)
    assert shown_of(segmentation) >= {23, 24}


def test_the_centre_of_a_structure_is_one_of_its_voxels(segmentation, volume, labels):
    for label in (20, 124, 61, 223):
        index = labels.TransformPhysicalPointToIndex(centre_mm(segmentation, volume, label))
        assert labels[index] == label
    where = np.argwhere(values_of(labels) == 20)[:, ::-1].mean(axis=0)
    centre = labels.TransformContinuousIndexToPhysicalPoint(where.tolist())
    assert np.linalg.norm(np.subtract(centre_mm(segmentation, volume, 20), centre)) < 0.7


def test_the_centre_follows_the_parent_transform(segmentation, volume, transform_of):
    before = np.array(centre_mm(segmentation, volume, 20))
    move = transform_of([[1, 0, 0, 10], [0, 1, 0, 20], [0, 0, 1, 30], [0, 0, 0, 1]])
    for node in (segmentation, volume):
        node.SetAndObserveTransformNodeID(move.GetID())
    np.testing.assert_allclose(centre_mm(segmentation, volume, 20) - before, (-10, -20, 30), atol=1e-9)


def test_a_structure_without_voxels_has_no_centre(segmentation, volume):
    segment = slicer.vtkSegment()
    segment.SetName("L6 vertebra")
    empty = slicer.vtkOrientedImageData()
    segment.AddRepresentation("Binary labelmap", empty)
    assert segmentation.GetSegmentation().AddSegment(segment, "by hand")
    with pytest.raises(InputError, match="The L6 vertebra holds no voxels"):
        centre_mm(segmentation, volume, 25)


def test_levels_shift_by_name_term_and_colour_but_not_by_voxel(segmentation, volume, labels):
    layer = segmentation.GetBinaryLabelmapInternalRepresentation("Segment_20")
    shift_levels(segmentation, 1)
    expected = values_of(labels)
    for label in (24, 23, 22, 21, 20):
        for offset in (0, 100, 200):
            expected[values_of(labels) == label + offset] = label + offset + 1
    np.testing.assert_array_equal(values_of(labels_of(segmentation, volume)), expected)
    segment = segmentation.GetSegmentation().GetSegment("Segment_24")
    assert segment.GetName() == "L6 vertebra"
    np.testing.assert_allclose(np.array(segment.GetColor()) * 255, term_of(25).colour, atol=1e-9)
    assert segmentation.GetBinaryLabelmapInternalRepresentation("Segment_20") is layer
    shift_levels(segmentation, -1)
    np.testing.assert_array_equal(values_of(labels_of(segmentation, volume)), values_of(labels))


def test_a_shift_without_names_left_changes_nothing(segmentation):
    before = structure_numbers(segmentation)
    with pytest.raises(InputError, match=r"A shift of \+2 leaves no name for the L5 vertebra"):
        shift_levels(segmentation, 2)
    assert structure_numbers(segmentation) == before


def test_strangers_keep_their_names_when_levels_shift(segmentation):
    stranger = segmentation.GetSegmentation().AddEmptySegment("mine", "cyst")
    shift_levels(segmentation, -1)
    assert segmentation.GetSegmentation().GetSegment(stranger).GetName() == "cyst"
    assert structure_numbers(segmentation)["Segment_20"] == 19


def test_without_structures_there_is_nothing_to_shift(scene):
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    with pytest.raises(InputError, match="no levels to shift"):
        shift_levels(node, 1)


def test_a_segment_added_by_hand_becomes_a_structure(segmentation):
    stranger = segmentation.GetSegmentation().AddEmptySegment("mine", "cyst")
    name_segment(segmentation, stranger, 25)
    segment = segmentation.GetSegmentation().GetSegment(stranger)
    entry = vtk.mutable("")
    assert segment.GetTag(segment.GetTerminologyEntryTagName(), entry)
    assert structure_number("", tags_text({"TerminologyEntry": str(entry)})) is None  # L6 has no code of its own
    assert segment.GetName() == "L6 vertebra"
    assert structure_numbers(segmentation)[stranger] == 25
    with pytest.raises(InputError, match="no such segment"):
        name_segment(segmentation, "nobody", 25)
    with pytest.raises(InputError, match="holds 27"):
        name_segment(segmentation, stranger, 27)
