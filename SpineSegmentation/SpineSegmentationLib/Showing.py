"""What is seen of the segments: kinds of structures, surfaces in 3D, and measured lines in the views."""

from __future__ import annotations

from typing import Any

import slicer
from slicer.i18n import tr as _


class Showing:
    """Drives the boxes of the panel."""

    def __init__(self, ui: Any) -> None:
        self._ui = ui
        self._volume: slicer.vtkMRMLScalarVolumeNode | None = None
        self._segmentation: slicer.vtkMRMLSegmentationNode | None = None
        self._kinds = {
            ui.vertebraeCheckBox: ("vertebra", "posterior elements"), ui.discsCheckBox: ("disc",),
            ui.canalCheckBox: ("cord", "canal"), ui.sacrumCheckBox: ("sacrum",),
        }  # fmt: skip
        for box in self._kinds:
            box.clicked.connect(lambda _on=False: self._onKinds())
        ui.surfacesCheckBox.clicked.connect(lambda on=False: self._onSurfaces(on))
        ui.linesCheckBox.clicked.connect(lambda on=False: self._onLines(on))

    def show(
        self, volume: slicer.vtkMRMLScalarVolumeNode | None, segmentation: slicer.vtkMRMLSegmentationNode | None
    ) -> None:
        """Follow a segmentation; lines that are there are drawn anew."""
        from spinemr.scene.measurement_markups import measurement_markups_of
        from spinemr.scene.segmentations import has_surfaces

        self._volume, self._segmentation = volume, segmentation
        self._ui.surfacesCheckBox.setChecked(segmentation is not None and has_surfaces(segmentation))
        lines = volume is not None and measurement_markups_of(slicer.mrmlScene, volume) is not None
        self._ui.linesCheckBox.setChecked(lines)
        if lines:
            self._onLines(segmentation is not None)

    def enable(self, reason: str) -> None:
        """Say why nothing can be shown."""
        for box in (*self._kinds, self._ui.surfacesCheckBox, self._ui.linesCheckBox):
            box.enabled = not reason
            box.toolTip = reason

    def forget(self) -> None:
        """The scene closes, and its nodes go by themselves."""
        self._volume = self._segmentation = None

    def _onKinds(self) -> None:
        from spinemr.imaging.anatomy import structure
        from spinemr.scene.label_maps import structure_numbers
        from spinemr.scene.selection import emphasize, show_only

        emphasize(self._segmentation, None)
        shown = {kind for box, kinds in self._kinds.items() if box.checked for kind in kinds}
        labels = {number for number in structure_numbers(self._segmentation).values() if number is not None}
        show_only(self._segmentation, [label for label in labels if structure(label).kind.value in shown])

    def _onSurfaces(self, on: bool) -> None:
        from spinemr.scene.segmentations import show_surfaces

        with slicer.util.tryWithErrorDisplay(_("The surfaces could not be made."), waitCursor=True):
            show_surfaces(self._segmentation, on)

    def _onLines(self, on: bool) -> None:
        from spinemr.scene.case_nodes import case_of
        from spinemr.scene.label_maps import labels_of
        from spinemr.scene.measurement_markups import add_measurement_markups, remove_measurement_markups
        from spinemr.scene.tables import rows_of

        if not on:
            remove_measurement_markups(slicer.mrmlScene, self._volume)
            return
        with slicer.util.tryWithErrorDisplay(_("The lines could not be drawn."), waitCursor=True):
            table = case_of(self._volume).measurements
            rows = None if table is None else rows_of(table)
            labels = labels_of(self._segmentation, self._volume)
            add_measurement_markups(slicer.mrmlScene, labels, rows, beside=self._volume)


def showStructure(
    segmentation: slicer.vtkMRMLSegmentationNode | None, volume: slicer.vtkMRMLScalarVolumeNode | None, label: int
) -> str:
    """Show where a structure lies in all views, the others faint; says why it cannot be shown, as when it was emptied by hand."""
    from spinemr.imaging.errors import SpineMRError
    from spinemr.scene.selection import emphasize
    from spinemr.scene.views import jump_to_structure, slice_views

    if segmentation is None or volume is None:
        return _("There are no segments.")
    try:
        jump_to_structure([view.slice for view in slice_views(slicer.mrmlScene).values()], segmentation, volume, label)
        emphasize(segmentation, label)
    except SpineMRError as error:
        return str(error)
    return ""
