"""The structures of a study from head to foot, with how sure each is; a click shows where it lies."""

from __future__ import annotations

from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from SpineSegmentationLib.Signal import Signal

_DOUBTFUL = 0.7
"""Confidences below are set off."""


class LevelTable:
    """Drives a table widget."""

    def __init__(self, table: qt.QTableWidget) -> None:
        self.chosen = Signal()
        """With the number of a structure."""
        self._table = table
        self._labels: list[int] = []
        self._reported = False
        table.setHorizontalHeaderLabels([_("Structure"), _("Confidence"), _("Volume")])
        table.horizontalHeader().setSectionResizeMode(0, qt.QHeaderView.Stretch)
        for column in (1, 2):
            table.horizontalHeader().setSectionResizeMode(column, qt.QHeaderView.ResizeToContents)
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(table.fontMetrics().height() + 6)
        table.itemSelectionChanged.connect(self._onSelection)

    @property
    def label(self) -> int | None:
        """The chosen structure."""
        row = self._table.currentRow()
        return self._labels[row] if 0 <= row < len(self._labels) and self._table.selectedItems() else None

    def show(self, segmentation: slicer.vtkMRMLSegmentationNode | None, report: dict[str, Any]) -> None:
        """Show the segments there are; what the report says of one that was corrected holds no longer."""
        from spinemr.scene.label_maps import structure_numbers
        from spinemr.scene.order import head_to_foot

        chosen = self.label
        numbers = [] if segmentation is None else [one for one in structure_numbers(segmentation).values() if one is not None]
        self._labels = sorted(set(numbers), key=head_to_foot)
        known = {int(one["label"]): one for one in report.get("structures", [])}
        self._reported = bool(known)
        blocked = self._table.blockSignals(True)
        self._table.setRowCount(0)
        self._table.setRowCount(len(self._labels))
        for row, label in enumerate(self._labels):
            self._fill(row, label, known.get(label) or known.get(label % 200, {}))
        if chosen in self._labels:
            self._table.selectRow(self._labels.index(chosen))
        self._table.blockSignals(blocked)

    def select(self, label: int) -> None:
        """Choose a structure, as a click does."""
        if label in self._labels:
            self._table.selectRow(self._labels.index(label))

    def _fill(self, row: int, label: int, known: dict[str, Any]) -> None:
        from spinemr.imaging.anatomy import name_of
        from spinemr.imaging.terminology import colour_of

        swatch = qt.QPixmap(12, 12)
        swatch.fill(qt.QColor(*colour_of(label)))
        name = qt.QTableWidgetItem(qt.QIcon(swatch), name_of(label))
        confidence, volume = known.get("confidence"), known.get("volume_mm3")
        unsaid = _("by hand") if self._reported else ""
        sure = qt.QTableWidgetItem(unsaid if confidence is None else f"{100 * confidence:.0f} %")
        size = qt.QTableWidgetItem("" if volume is None or confidence is None else f"{volume / 1000:.1f} ml")
        if confidence is not None and confidence < _DOUBTFUL:
            sure.setForeground(qt.QBrush(qt.QColor("#b3261e")))
            sure.setToolTip(_("Look at this structure: the network was not sure."))
        if known.get("cut_by_view"):
            size.setText(f"> {size.text()}")
            size.setToolTip(_("The structure reaches the edge of the image, so it is larger than what is seen."))
        for column, item in enumerate((name, sure, size)):
            self._table.setItem(row, column, item)

    def _onSelection(self) -> None:
        if self.label is not None:
            self.chosen.emit(self.label)
