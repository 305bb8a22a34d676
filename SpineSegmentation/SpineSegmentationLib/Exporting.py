"""The part of the panel that writes segments into a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import slicer
from slicer.i18n import tr as _

from SpineSegmentationLib import Dependencies, Exports
from SpineSegmentationLib.Exports import ExportFormat


class Exporting:
    """Drives format, numbers, folder and button. ``panel`` tells the volume and the parameters that are chosen."""

    def __init__(self, panel: Any) -> None:
        self._panel, self._ui = panel, panel.ui
        self._ui.exportButton.clicked.connect(lambda _checked=False: self.export())
        self._ui.exportPathEdit.currentPathChanged.connect(lambda _path=None: panel.updateButtons())
        self.say("")

    def problem(self) -> str:
        """Why nothing can be written; empty where it can."""
        parameters = self._panel._parameterNode
        kind = parameters.exportFormat if parameters is not None else ExportFormat.NRRD
        self._ui.numberingSelector.enabled = kind in (ExportFormat.NIFTI, ExportFormat.TRAINING)
        if not self._ui.exportPathEdit.currentPath:
            return _("Choose a folder for the files.")
        return Exports.problem(self._panel.volume, kind) if self._panel.volume is not None else ""

    def export(self) -> None:
        """Write the segments; what a format needs is asked for and installed."""
        panel, parameters = self._panel, self._panel._parameterNode
        needs = parameters.exportFormat is ExportFormat.DICOM
        if needs and not Dependencies.install(panel.title, Dependencies.DICOM_EXPORT):
            return
        with slicer.util.tryWithErrorDisplay(_("The segments could not be written."), waitCursor=True):
            folder = Path(self._ui.exportPathEdit.currentPath)
            written = Exports.export(panel.volume, folder, parameters.exportFormat, parameters.numbering)
            names = ", ".join(path.name for path in written[:3]) + ("…" if len(written) > 3 else "")
            self.say(_("Written: {names}").format(names=names))

    def say(self, text: str) -> None:
        """A sentence below the button."""
        self._ui.exportLabel.setText(text)
        self._ui.exportLabel.setVisible(bool(text))
