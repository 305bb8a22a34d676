"""What was measured, drawn where it was measured: a line for each disc's height, an angle for the lordosis."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import SimpleITK as sitk

from spinemr.imaging.anatomy import name_of
from spinemr.imaging.errors import InputError
from spinemr.imaging.terminology import colour_of
from spinemr.scene.hierarchy import add_folder, hierarchy_of, item_of, remove_item, remove_node
from spinemr.scene.landmarks import disc_lines, lordosis_plates
from spinemr.scene.markups import add_line, add_lordosis
from spinemr.scene.roles import MEASURED, SOURCE_ROLE

if TYPE_CHECKING:
    import slicer

HEIGHT, LORDOSIS = "height_middle_mm", "lordosis_l1_s1_deg"
"""The columns of measurements.csv that are drawn."""
LORDOSIS_NAME = "Lordosis L1-S1"
_LORDOSIS = "lordosis"
_TEXT_PERCENT, _POINT_PERCENT = 2.4, 1.2
"""Of the height of a view."""
_LINE_SHARE = 0.4
"""Of the size of a point."""


@dataclass(frozen=True)
class MeasurementMarkups:
    """The markups of one study."""

    heights: Mapping[int, slicer.vtkMRMLMarkupsLineNode]
    """By the disc's number."""
    lordosis: slicer.vtkMRMLMarkupsAngleNode | None

    @property
    def nodes(self) -> tuple[slicer.vtkMRMLMarkupsNode, ...]:
        """All of them."""
        return (*self.heights.values(), *(() if self.lordosis is None else (self.lordosis,)))

    def set_shown(self, shown: bool) -> None:
        """Show or hide all of them."""
        for node in self.nodes:
            node.SetDisplayVisibility(shown)


def add_measurement_markups(
    scene: slicer.vtkMRMLScene, labels: sitk.Image, rows: Iterable[Mapping[str, Any]] | None = None, *,
    name: str = "Measurements", beside: slicer.vtkMRMLVolumeNode | None = None,
) -> MeasurementMarkups:  # fmt: skip
    """Disc heights and lordosis of a label map in a folder, in place of earlier ones of the volume ``beside``.

    ``rows`` are those of measurements.csv, whose values the markups then have. ``labels`` lie in the world, as
    :func:`~spinemr.scene.label_maps.labels_of` gives them.
    """
    listed = None if rows is None else list(rows)
    lines = disc_lines(labels, None if listed is None else _heights(listed))
    angles = [row[LORDOSIS] for row in listed or () if row.get(LORDOSIS) is not None]
    plates = lordosis_plates(labels, angles[0] if angles else None) if listed is None or angles else None
    if not lines and plates is None:
        raise InputError("There is no disc and no lordosis to draw.", "Segment and measure the study first.")
    if beside is not None:
        remove_measurement_markups(scene, beside)
    heights = {
        label: add_line(scene, f"{name_of(label)} height", *line, colour=colour_of(label), beside=beside)
        for label, line in lines.items()
    }
    lordosis = None if plates is None else add_lordosis(scene, *plates, name=LORDOSIS_NAME, beside=beside)
    markups = MeasurementMarkups(heights, lordosis)
    for label, line in heights.items():
        _mark(line, str(label), beside)
        _say(line, 1, f"{line.GetLineLengthWorld():.1f} mm")
    if lordosis is not None:
        _mark(lordosis, _LORDOSIS, beside)
        _say(lordosis, 1, f"{lordosis.GetAngleDegrees():.0f}°")
    hierarchy_of(scene).SetItemAttribute(add_folder(scene, name, markups.nodes, beside=beside), MEASURED, "")
    return markups


def measurement_markups_of(scene: slicer.vtkMRMLScene, volume: slicer.vtkMRMLVolumeNode) -> MeasurementMarkups | None:
    """The markups of a volume, also after its scene was saved and opened again; ``None`` where there are none."""
    found = {}
    for index in range(scene.GetNumberOfNodesByClass("vtkMRMLMarkupsNode")):
        node = scene.GetNthNodeByClass(index, "vtkMRMLMarkupsNode")
        mark = node.GetAttribute(MEASURED)
        if mark and node.GetNodeReferenceID(SOURCE_ROLE) == volume.GetID():
            found[mark] = node
    lordosis = found.pop(_LORDOSIS, None)
    return MeasurementMarkups({int(mark): node for mark, node in found.items()}, lordosis) if found or lordosis else None


def remove_measurement_markups(scene: slicer.vtkMRMLScene, volume: slicer.vtkMRMLVolumeNode) -> None:
    """Remove the markups of a volume and their folder; what else somebody put there moves up."""
    markups = measurement_markups_of(scene, volume)
    if markups is None:
        return
    hierarchy = hierarchy_of(scene)
    parents = {hierarchy.GetItemParent(item_of(scene, node)) for node in markups.nodes}
    for node in markups.nodes:
        remove_node(scene, node)
    for folder in parents:
        if hierarchy.HasItemAttribute(folder, MEASURED):
            remove_item(scene, folder)


def _say(node: slicer.vtkMRMLMarkupsNode, point: int, text: str) -> None:
    """Show a value in few words beside one point, in slice views; names and more digits are in the tables."""
    for index in range(node.GetNumberOfControlPoints()):
        node.SetNthControlPointLabel(index, text if index == point else "")
    display = node.GetDisplayNode()
    if display is not None:
        display.SetPropertiesLabelVisibility(False)
        display.SetPointLabelsVisibility(True)
        display.SetTextScale(_TEXT_PERCENT)
        display.GetTextProperty().SetBackgroundColor(0.0, 0.0, 0.0)
        display.GetTextProperty().SetBackgroundOpacity(0.7)
        display.SetGlyphScale(_POINT_PERCENT)
        display.SetLineThickness(_LINE_SHARE)
        display.SetVisibility3D(False)


def _mark(node: slicer.vtkMRMLMarkupsNode, mark: str, volume: slicer.vtkMRMLVolumeNode | None) -> None:
    node.SetAttribute(MEASURED, mark)
    if volume is not None:
        node.SetNodeReferenceID(SOURCE_ROLE, volume.GetID())


def _heights(rows: Iterable[Mapping[str, Any]]) -> dict[int, float]:
    return {int(row["label"]): float(row[HEIGHT]) for row in rows if row.get("label") is not None and row.get(HEIGHT) is not None}
