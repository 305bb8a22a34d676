"""What follows when a person changes the segments of a case: measurements, features and verdict keep up with them.

What measures is an argument: this package knows images and scenes, not how structures are measured.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import SimpleITK as sitk

from spinemr.imaging.anatomy import Anatomy, name_of
from spinemr.imaging.errors import InputError
from spinemr.scene.audit import accept_corrections
from spinemr.scene.case_nodes import case_of, set_quality, set_table
from spinemr.scene.label_maps import labels_of, structure_numbers
from spinemr.scene.levels import shift_levels, shifted
from spinemr.scene.roles import AUTOMATIC_ROLE, FEATURES_ROLE, MEASUREMENTS_ROLE
from spinemr.scene.segmentations import set_segments
from spinemr.scene.tables import rows_of
from spinemr.scene.volumes import image_of

if TYPE_CHECKING:
    import slicer

Measure = Callable[[sitk.Image], Iterable[Mapping[str, Any]]]
"""From a map of anatomy numbers to the rows of the table of measurements."""

SHIFTED = "Levels were shifted by hand after this verdict."
CORRECTED = "Segments were corrected by hand after this verdict."


def shift_case(scene: slicer.vtkMRMLScene, volume: slicer.vtkMRMLScalarVolumeNode, levels: int, measure: Measure) -> None:
    """Call every level of a case by another name (:func:`~spinemr.scene.levels.shift_levels`), in its tables, too."""
    case = case_of(volume)
    segmentation = _segmentation(volume)
    with_t13 = int(Anatomy.T13) in structure_numbers(segmentation).values()
    shift_levels(segmentation, levels)
    measure_case(scene, volume, measure)
    if case.features is not None:
        rows = [_renamed(row, levels, with_t13, "structure") for row in rows_of(case.features)]
        set_table(scene, volume, FEATURES_ROLE, rows)
    report = case.quality.get("segmentation")
    if report:
        structures = [_renamed(one, levels, with_t13, "name") for one in report.get("structures", [])]
        _note(scene, volume, {"structures": structures, "shift": int(report.get("shift", 0)) + levels}, SHIFTED)


def accept_case(
    scene: slicer.vtkMRMLScene, volume: slicer.vtkMRMLScalarVolumeNode, measure: Measure, *, note: str = ""
) -> tuple[str, ...]:
    """Stand for the segments as they are (:func:`~spinemr.scene.audit.accept_corrections`); returns what was changed."""
    segmentation = _segmentation(volume)
    accepted = accept_corrections(scene, segmentation, volume, note=note)
    measure_case(scene, volume, measure)
    changed = accepted.correction.changed_labels
    if changed:
        report = case_of(volume).quality.get("segmentation") or {}
        structures = [{**one, "confidence": None} if one["label"] in changed else one for one in report.get("structures", [])]
        _note(scene, volume, {"structures": structures}, CORRECTED)
    return accepted.correction.sentences()


def back_to_automatic(scene: slicer.vtkMRMLScene, volume: slicer.vtkMRMLScalarVolumeNode, measure: Measure) -> None:
    """Throw all changes of the segments away."""
    segmentation = _segmentation(volume)
    automatic = segmentation.GetNodeReference(AUTOMATIC_ROLE)
    if automatic is None:
        raise InputError("The automatic mask is no longer there.", "Segment again.")
    set_segments(segmentation, image_of(automatic), volume)
    measure_case(scene, volume, measure)


def measure_case(scene: slicer.vtkMRMLScene, volume: slicer.vtkMRMLScalarVolumeNode, measure: Measure) -> None:
    """The table of measurements from the segments as they are."""
    rows = list(measure(labels_of(_segmentation(volume), volume)))
    set_table(scene, volume, MEASUREMENTS_ROLE, rows)


def _segmentation(volume: slicer.vtkMRMLScalarVolumeNode) -> slicer.vtkMRMLSegmentationNode:
    segmentation = case_of(volume).segmentation
    if segmentation is None:
        raise InputError("The volume has no segments.", "Segment it first.")
    return segmentation


def _renamed(row: Mapping[str, Any], levels: int, with_t13: bool, key: str) -> dict[str, Any]:
    """A row of a table or report under its structure's new name."""
    if row.get("label") is None:
        return dict(row)
    label = shifted(int(row["label"]), levels, with_t13=with_t13)
    return {**row, "label": label, key: name_of(label)}


def _note(
    scene: slicer.vtkMRMLScene, volume: slicer.vtkMRMLScalarVolumeNode, changes: Mapping[str, Any], sentence: str
) -> None:
    """Keep what changed with the verdict, which was given before."""
    quality = dict(case_of(volume).quality)
    quality["segmentation"] = {**(quality.get("segmentation") or {}), **changes}
    if sentence not in quality.get("notes", []):
        quality["notes"] = [*quality.get("notes", []), sentence]
    set_quality(scene, volume, quality)
