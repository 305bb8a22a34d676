"""One structure at a time under the brush."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spinemr.imaging.segmentation_file import known_term
from spinemr.scene.label_maps import structure_numbers
from spinemr.scene.modification import one_event
from spinemr.scene.segmentations import label_segment
from spinemr.scene.selection import emphasize

if TYPE_CHECKING:
    import slicer


def edit_structure(
    editor: slicer.vtkMRMLSegmentEditorNode, segmentation: slicer.vtkMRMLSegmentationNode, volume: slicer.vtkMRMLScalarVolumeNode,
    label: int,
) -> str:  # fmt: skip
    """Choose a structure in a segment editor, empty where it was not there, and set it off; returns its segment.

    What is painted over another structure is taken from that one, so that labels never overlap.
    """
    segment_id = add_structure(segmentation, label)
    with one_event(editor):
        editor.SetAndObserveSegmentationNode(segmentation)
        editor.SetAndObserveSourceVolumeNode(volume)
        editor.SetSelectedSegmentID(segment_id)
        editor.SetOverwriteMode(editor.OverwriteAllSegments)
    emphasize(segmentation, label)
    return segment_id


def add_structure(segmentation: slicer.vtkMRMLSegmentationNode, label: int) -> str:
    """The first segment of a structure; a new, empty one with its name, colour and term where there is none."""
    term = known_term(label)
    known = next((segment_id for segment_id, number in structure_numbers(segmentation).items() if number == label), None)
    if known is not None:
        return known
    segments = segmentation.GetSegmentation()
    segment_id: str = segments.AddEmptySegment(segments.GenerateUniqueSegmentID(f"Segment_{label}"), term.name)
    label_segment(segments.GetSegment(segment_id), term)
    return segment_id
