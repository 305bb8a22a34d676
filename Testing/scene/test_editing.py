"""Structures under the brush of a segment editor."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from spinemr.imaging.errors import InputError
from spinemr.imaging.terminology import term_of

pytestmark = pytest.mark.scene
slicer = pytest.importorskip("slicer", reason="slicer-core is not installed (make scene)")

from spinemr.scene.audit import accept_corrections, keep_automatic  # noqa: E402
from spinemr.scene.editing import add_structure, edit_structure  # noqa: E402
from spinemr.scene.label_maps import labels_of, structure_numbers  # noqa: E402
from spinemr.scene.selection import FAINT  # noqa: E402


def paint(segmentation, segment_id, box):
    """Add a block to a segment as the editor's brush does."""
    from spinemr.scene.voxels import fill

    brush = slicer.vtkOrientedImageData()
    brush.DeepCopy(segmentation.GetBinaryLabelmapInternalRepresentation(segmentation.GetSegmentation().GetNthSegmentID(0)))
    stroke = np.zeros(brush.GetDimensions()[::-1], dtype=np.uint8)
    stroke[box] = 1
    fill(brush, stroke)
    logic = slicer.vtkSlicerSegmentationsModuleLogic
    assert logic.SetBinaryLabelmapToSegment(brush, segmentation, segment_id, logic.MODE_MERGE_MASK)


@pytest.fixture
def editor(scene):
    return scene.AddNewNodeByClass("vtkMRMLSegmentEditorNode")


def test_a_structure_is_chosen_and_set_off(editor, segmentation, volume):
    assert edit_structure(editor, segmentation, volume, 123) == "Segment_123"
    assert editor.GetSelectedSegmentID() == "Segment_123"
    assert editor.GetSegmentationNode().GetID() == segmentation.GetID()
    assert editor.GetSourceVolumeNode().GetID() == volume.GetID()
    assert editor.GetOverwriteMode() == editor.OverwriteAllSegments
    assert segmentation.GetDisplayNode().GetSegmentOpacity3D("Segment_23") == FAINT
    assert segmentation.GetDisplayNode().GetSegmentOpacity3D("Segment_123") == 1.0


def test_a_structure_that_is_not_there_becomes_an_empty_segment_of_its_kind(editor, segmentation, volume, labels):
    segment_id = edit_structure(editor, segmentation, volume, 25)
    segment = segmentation.GetSegmentation().GetSegment(segment_id)
    assert segment.GetName() == "L6 vertebra"
    np.testing.assert_allclose(np.array(segment.GetColor()) * 255, term_of(25).colour, atol=1e-9)
    assert structure_numbers(segmentation)[segment_id] == 25
    assert add_structure(segmentation, 25) == segment_id
    np.testing.assert_array_equal(sitk.GetArrayFromImage(labels_of(segmentation, volume)), sitk.GetArrayFromImage(labels))
    with pytest.raises(InputError, match="holds 27"):
        add_structure(segmentation, 27)


def test_what_is_painted_comes_back_as_a_correction(scene, editor, segmentation, volume, labels):
    keep_automatic(scene, segmentation, volume)
    box = (slice(1, 3), slice(70, 74), slice(0, 5))  # 40 voxels of background
    paint(segmentation, edit_structure(editor, segmentation, volume, 25), box)
    accepted = accept_corrections(scene, segmentation, volume)
    expected = sitk.GetArrayFromImage(labels)
    expected[box] = 25
    np.testing.assert_array_equal(sitk.GetArrayFromImage(accepted.labels), expected)
    assert accepted.correction.sentences()[1] == "L6 vertebra was drawn by hand: 40 voxels (0.13 ml)."


def test_painting_more_of_a_structure_adds_to_it(scene, editor, segmentation, volume, labels):
    keep_automatic(scene, segmentation, volume)
    box = (slice(1, 3), slice(40, 44), slice(0, 5))
    paint(segmentation, edit_structure(editor, segmentation, volume, 23), box)
    (change,) = accept_corrections(scene, segmentation, volume).correction.changes
    before = int((sitk.GetArrayViewFromImage(labels) == 23).sum())
    assert (change.label, change.added_voxels, change.removed_voxels) == (23, 40, 0)
    assert change.dice == pytest.approx(2 * before / (2 * before + 40))
