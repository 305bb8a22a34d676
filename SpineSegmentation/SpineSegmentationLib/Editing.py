"""Segments changed by a person: levels shifted, corrections accepted or thrown away, and what follows for tables and verdict."""

from __future__ import annotations

from typing import Any

import slicer
from slicer.i18n import tr as _

from SpineSegmentationLib.WorkFolder import newWorkFolder, removeWorkFolder

TRANSITIONAL = "SpineMR.Transitional"
"""Attribute of a segmentation in which a person saw a transitional vertebra."""


def shiftLevels(volume: slicer.vtkMRMLScalarVolumeNode, levels: int) -> None:
    """Call every vertebra and disc by the name of another level, in segments, tables and confidences."""
    from spinemr.imaging.anatomy import Anatomy
    from spinemr.scene.case_nodes import FEATURES_ROLE, case_of, set_table
    from spinemr.scene.label_maps import structure_numbers
    from spinemr.scene.levels import shift_levels
    from spinemr.scene.tables import rows_of

    case = case_of(volume)
    with_t13 = int(Anatomy.T13) in structure_numbers(case.segmentation).values()
    shift_levels(case.segmentation, levels)
    measureAgain(volume)
    if case.features is not None:
        rows = [_renamed(row, levels, with_t13, "structure") for row in rows_of(case.features)]
        set_table(slicer.mrmlScene, volume, FEATURES_ROLE, rows)
    report = case.quality.get("segmentation")
    if report:
        structures = [_renamed(one, levels, with_t13, "name") for one in report.get("structures", [])]
        total = int(report.get("shift", 0)) + levels
        _note(volume, {"structures": structures, "shift": total}, _("Levels were shifted by hand after this verdict."))


def acceptCorrections(volume: slicer.vtkMRMLScalarVolumeNode, note: str = "") -> tuple[str, ...]:
    """Stand for the segments as they are: measurements follow, an entry is written, the automatic mask stays.

    Returns sentences that say what was changed.
    """
    from spinemr.scene.audit import accept_corrections
    from spinemr.scene.case_nodes import case_of

    case = case_of(volume)
    accepted = accept_corrections(slicer.mrmlScene, case.segmentation, volume, note=note)
    measureAgain(volume)
    changed = accepted.correction.changed_labels
    if changed:
        report = case.quality.get("segmentation") or {}
        structures = [{**one, "confidence": None} if one["label"] in changed else one for one in report.get("structures", [])]
        _note(volume, {"structures": structures}, _("Segments were corrected by hand after this verdict."))
    return accepted.correction.sentences()


def backToAutomatic(volume: slicer.vtkMRMLScalarVolumeNode) -> None:
    """Throw all changes away."""
    from spinemr.imaging.errors import InputError
    from spinemr.scene.case_nodes import case_of
    from spinemr.scene.roles import AUTOMATIC_ROLE
    from spinemr.scene.segmentations import set_segments
    from spinemr.scene.volumes import image_of

    segmentation = case_of(volume).segmentation
    automatic = segmentation.GetNodeReference(AUTOMATIC_ROLE)
    if automatic is None:
        raise InputError(_("The automatic mask is no longer there."), _("Segment again."))
    set_segments(segmentation, image_of(automatic), volume)
    measureAgain(volume)


def measureAgain(volume: slicer.vtkMRMLScalarVolumeNode) -> None:
    """Measurements of the segments as they are."""
    from spinemr.scene.case_nodes import MEASUREMENTS_ROLE, case_of, set_table
    from spinemr.scene.label_maps import labels_of
    from spinemr.scene.results import rows_of_csv
    from spinemr.segmentation.measurements import measure_image

    folder = newWorkFolder()
    try:
        measure_image(labels_of(case_of(volume).segmentation, volume)).write_csv(folder / "measurements.csv")
        set_table(slicer.mrmlScene, volume, MEASUREMENTS_ROLE, rows_of_csv(folder / "measurements.csv"))
    finally:
        removeWorkFolder(folder)


def setTransitional(segmentation: slicer.vtkMRMLSegmentationNode, seen: bool) -> None:
    """Note that a person saw a transitional vertebra; it goes into exports."""
    if seen:
        segmentation.SetAttribute(TRANSITIONAL, "1")
    else:
        segmentation.RemoveAttribute(TRANSITIONAL)


def isTransitional(segmentation: slicer.vtkMRMLSegmentationNode | None) -> bool:
    """Whether a person noted a transitional vertebra."""
    return segmentation is not None and segmentation.GetAttribute(TRANSITIONAL) == "1"


def _renamed(row: dict[str, Any], levels: int, with_t13: bool, key: str) -> dict[str, Any]:
    """A row of a table or report under its structure's new name."""
    from spinemr.imaging.anatomy import name_of
    from spinemr.scene.levels import shifted

    if row.get("label") is None:
        return row
    label = shifted(int(row["label"]), levels, with_t13=with_t13)
    return {**row, "label": label, key: name_of(label)}


def _note(volume: slicer.vtkMRMLScalarVolumeNode, changes: dict[str, Any], sentence: str) -> None:
    """Keep what changed with the verdict, which was given before."""
    from spinemr.scene.case_nodes import case_of, set_quality

    quality = dict(case_of(volume).quality)
    quality["segmentation"] = {**(quality.get("segmentation") or {}), **changes}
    if sentence not in quality.get("notes", []):
        quality["notes"] = [*quality.get("notes", []), sentence]
    set_quality(slicer.mrmlScene, volume, quality)
