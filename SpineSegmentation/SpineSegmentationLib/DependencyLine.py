"""The line that says which packages are there, with the button that installs the others."""

from __future__ import annotations

import qt
from slicer.i18n import tr as _

from SpineSegmentationLib import Dependencies
from SpineSegmentationLib.Signal import Signal


class DependencyLine:
    """Drives a label and a button of a module's panel."""

    def __init__(self, label: qt.QLabel, button: qt.QPushButton, requester: str) -> None:
        self.changed = Signal()
        self._label, self._button, self._requester = label, button, requester
        button.toolTip = _("Installs into Slicer's Python, after asking. Needs the network once.")
        button.clicked.connect(self._onInstall)
        self.update()

    def update(self) -> None:
        """Look again."""
        self._label.setText(Dependencies.sentence())
        self._label.setStyleSheet("color: #b35900;" if self.isMissing else "")
        self._button.setVisible(self.isMissing)

    @property
    def isMissing(self) -> bool:
        """Whether work cannot start yet."""
        return bool(Dependencies.missing())

    def _onInstall(self, _checked: bool = False) -> None:
        import slicer

        with slicer.util.tryWithErrorDisplay(_("The packages could not be installed."), waitCursor=False):
            Dependencies.install(self._requester)
        self.update()
        self.changed.emit()
