"""Where a long work stands: phases, a bar, a log that folds, and a line that says how it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ctk
import qt
from slicer.i18n import tr as _

if TYPE_CHECKING:
    from spinemr.imaging.progress import Progress
    from spinemr.pipeline.child_process import Outcome

PHASES = {
    "read": _("Reading"),
    "fit": _("Fitting the reference"),
    "harmonize": _("Harmonizing"),
    "segment": _("Segmenting"),
    "measure": _("Measuring"),
    "features": _("Taking features"),
    "judge": _("Judging"),
    "report": _("Writing the report"),
    "write": _("Writing"),
}


class ProgressPanel(qt.QWidget):
    """A widget for the layout of a module's panel; hidden until something runs."""

    def __init__(self, parent: qt.QWidget | None = None) -> None:
        qt.QWidget.__init__(self, parent)
        self.label, self.bar, self.log = qt.QLabel(self), qt.QProgressBar(self), qt.QPlainTextEdit(self)
        self.label.wordWrap = True
        self.bar.minimum, self.bar.maximum = 0, 100
        self.log.readOnly = True
        self.log.maximumBlockCount = 2000
        self.log.minimumHeight = 90
        self.logButton = ctk.ctkCollapsibleButton()
        self.logButton.text = _("Log")
        self.logButton.collapsed = True
        inner = qt.QVBoxLayout(self.logButton)
        inner.addWidget(self.log)
        layout = qt.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for widget in (self.label, self.bar, self.logButton):
            layout.addWidget(widget)
        self.hide()

    def begin(self, title: str) -> None:
        """Something starts."""
        self.log.clear()
        self.bar.value = 0
        self.bar.show()
        self.label.setText(title)
        self.addLine(title)
        self.show()

    def report(self, progress: Progress) -> None:
        """The work goes on."""
        phase = PHASES.get(progress.phase, progress.phase)
        detail = "" if progress.message in ("", phase) else f": {progress.message}"
        self.bar.value = round(100 * progress.fraction)
        self.label.setText(f"{phase}…")
        self.addLine(f"{100 * progress.fraction:3.0f} %  {phase}{detail}")

    def addLine(self, text: str) -> None:
        """A line for the log."""
        self.log.appendPlainText(text)

    def stopping(self) -> None:
        """Somebody cancelled; the child cleans up."""
        self.label.setText(_("Cancelling…"))

    def end(self, outcome: Outcome, done: str) -> None:
        """Say how it ended; what went wrong is said by a dialog and stays readable here."""
        self.bar.hide()
        if outcome.cancelled:
            self.label.setText(_("Cancelled. Nothing was changed."))
        else:
            self.label.setText(done if outcome.succeeded else outcome.message)
        self.addLine(self.label.text)
