"""What was measured, drawn where it was measured: a line for each disc's height, an angle for the lordosis."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import SimpleITK as sitk

from spinemr.imaging.anatomy import name_of
from spinemr.imaging.errors import InputError
from spinemr.imaging.terminology import colour_of
from spinemr.scene.hierarchy import add_folder, hierarchy_of, remove_node
from spinemr.scene.landmarks import disc_lines, lordosis_plates
from spinemr.scene.markups import add_line, add_lordosis

if TYPE_CHECKING:
    import slicer

HEIGHT, LORDOSIS = "height_middle_mm", "lordosis_l1_s1_deg"
"""The columns of measurements.csv that are drawn."""
LORDOSIS_NAME = "Lordosis L1-S1"


@dataclass(frozen=True)
class MeasurementMarkups:
    """The markups of one study."""

    heights: Mapping[int, slicer.vtkMRMLMarkupsLineNode]
    """By the disc's number."""
    lordosis: slicer.vtkMRMLMarkupsAngleNode | None
    folder: int
    """Their item in the subject hierarchy."""

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
    name: str = "Measurements", beside: slicer.vtkMRMLNode | None = None,
) -> MeasurementMarkups:  # fmt: skip
    """Disc heights and lordosis of a label map in a folder; ``rows`` are those of measurements.csv, whose values they then have.

    ``labels`` lie in the world, as :func:`~spinemr.scene.label_maps.labels_of` gives them.
    """
    listed = None if rows is None else list(rows)
    lines = disc_lines(labels, None if listed is None else _heights(listed))
    angles = [row[LORDOSIS] for row in listed or () if row.get(LORDOSIS) is not None]
    plates = lordosis_plates(labels, angles[0] if angles else None) if listed is None or angles else None
    if not lines and plates is None:
        raise InputError("There is no disc and no lordosis to draw.", "Segment and measure the study first.")
    heights = {
        label: add_line(scene, f"{name_of(label)} height", *line, colour=colour_of(label), beside=beside)
        for label, line in lines.items()
    }
    lordosis = None if plates is None else add_lordosis(scene, *plates, name=LORDOSIS_NAME, beside=beside)
    markups = (*heights.values(), *(() if lordosis is None else (lordosis,)))
    return MeasurementMarkups(heights, lordosis, add_folder(scene, name, markups, beside=beside))


def remove_measurement_markups(scene: slicer.vtkMRMLScene, markups: MeasurementMarkups) -> None:
    """Remove the markups and their folder."""
    for node in markups.nodes:
        remove_node(scene, node)
    hierarchy_of(scene).RemoveItem(markups.folder)


def _heights(rows: Iterable[Mapping[str, Any]]) -> dict[int, float]:
    return {int(row["label"]): float(row[HEIGHT]) for row in rows if row.get("label") is not None and row.get(HEIGHT) is not None}
