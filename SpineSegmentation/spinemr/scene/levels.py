"""Names of structures changed in place: all levels by so many, or one segment by hand; voxels are not touched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spinemr.imaging.anatomy import MOBILE_VERTEBRAE, Anatomy, name_of, structure
from spinemr.imaging.errors import InputError
from spinemr.imaging.segmentation_file import known_term
from spinemr.imaging.terminology import Term
from spinemr.scene.label_maps import structure_numbers
from spinemr.scene.modification import one_event
from spinemr.scene.segmentations import label_segment

if TYPE_CHECKING:
    import slicer

_USUAL = tuple(vertebra for vertebra in MOBILE_VERTEBRAE if vertebra is not Anatomy.T13)
_WITH_T13 = (*_USUAL[: _USUAL.index(Anatomy.L1)], Anatomy.T13, *_USUAL[_USUAL.index(Anatomy.L1) :])


def shift_levels(segmentation: slicer.vtkMRMLSegmentationNode, levels: int) -> None:
    """Call every vertebra, its disc and its posterior elements by the name of another level: +1 makes L4 an L5, -1 an L3.

    Sacrum, canal and cord keep their names, and so do segments that are no structures. A spine with a thirteenth thoracic
    vertebra keeps one. Where a level has no name to go to nothing is changed.
    """
    numbers = {segment: number for segment, number in structure_numbers(segmentation).items() if number is not None}
    if not numbers:
        raise InputError("The segmentation holds no structure of the spine, so there are no levels to shift.")
    with_t13 = any(structure(number).vertebra is Anatomy.T13 for number in numbers.values())
    terms = {segment: known_term(shifted(number, levels, with_t13=with_t13)) for segment, number in numbers.items()}
    _rename(segmentation, terms)


def name_segment(segmentation: slicer.vtkMRMLSegmentationNode, segment_id: str, label: int) -> None:
    """Make a segment, also one that was added by hand, the structure of an anatomy number: name, term and colour."""
    if segmentation.GetSegmentation().GetSegment(segment_id) is None:
        raise InputError("The segmentation has no such segment.", "It may have been removed; choose another one.")
    _rename(segmentation, {segment_id: known_term(label)})


def shifted(label: int, levels: int, *, with_t13: bool = False) -> int:
    """The number of the structure so many levels further down (negative: up); what has no level keeps its number."""
    vertebra = structure(label).vertebra
    order = _WITH_T13 if with_t13 or vertebra is Anatomy.T13 else _USUAL
    if vertebra is None or vertebra not in order:
        return label
    place = order.index(vertebra) + levels
    if not 0 <= place < len(order):
        raise InputError(
            f"A shift of {levels:+d} leaves no name for the {name_of(label)}.", "Levels go from C1 to L6; shift by less."
        )
    return label - int(vertebra) + int(order[place])


def _rename(node: slicer.vtkMRMLSegmentationNode, terms: dict[str, Term]) -> None:
    with one_event(node):
        for segment_id, term in terms.items():
            label_segment(node.GetSegmentation().GetSegment(segment_id), term)
