"""Long work in a process beside Slicer: it cannot freeze or take down the application, and it can be cancelled."""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import qt
import slicer
from slicer.i18n import tr as _

from SpineSegmentationLib import ProcessTree
from SpineSegmentationLib.Signal import Signal

if TYPE_CHECKING:
    from spinemr.pipeline.child_process import Outcome

_PATIENCE_MS = 3000
"""How long a process may clean up after it was asked to stop."""


class ChildProcess:
    """One process that does one job (:mod:`spinemr.pipeline.jobs`)."""

    def __init__(self) -> None:
        from spinemr.pipeline.child_process import LineReader

        self.progressed = Signal()
        """With a :class:`~spinemr.imaging.progress.Progress`."""
        self.logged = Signal()
        """With a line of text."""
        self.ended = Signal()
        """With an :class:`~spinemr.pipeline.child_process.Outcome`, once."""
        self._process = None
        self._asked: list[int] = []
        self._cancelled = False
        self._said: list[str] = []
        self._output, self._errors = LineReader(), LineReader()

    @property
    def isRunning(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None

    def start(self, file: Path) -> None:
        """Start the job of a file; everything else is told by signals."""
        from spinemr.pipeline.jobs import MODULE

        self.startProgram(pythonExecutable(), ["-m", MODULE, str(file)])

    def startProgram(self, program: str, arguments: list[str]) -> None:
        """Start any program that speaks as jobs do; an empty name: there is no interpreter."""
        from spinemr.pipeline.child_process import environment

        if not program:
            self._fail(_("Slicer's Python interpreter (PythonSlicer) was not found."))
            return
        self._process = process = qt.QProcess()
        variables = qt.QProcessEnvironment.systemEnvironment()
        for name, value in environment().items():
            variables.insert(name, value)
        process.setProcessEnvironment(variables)
        process.readyReadStandardOutput.connect(self._readOutput)
        process.readyReadStandardError.connect(self._readErrors)
        process.finished.connect(self._onFinished)
        process.errorOccurred.connect(self._onError)
        process.start(program, arguments)

    def cancel(self) -> None:
        """Ask the process and its children to stop; who has not after some seconds is killed."""
        if self._process is None or self._cancelled:
            return
        self._cancelled = True
        self._asked = ProcessTree.askToStop(int(self._process.processId()))
        qt.QTimer.singleShot(_PATIENCE_MS, self._losePatience)

    def kill(self) -> None:
        """End it now and tell nobody: the scene or the application is about to close."""
        for signal in (self.progressed, self.logged, self.ended):
            signal.disconnectAll()
        process, self._process = self._process, None
        if process is not None:
            ProcessTree.killTree(int(process.processId()))
            process.kill()
            process.waitForFinished(1000)

    def wait(self, seconds: float = 3600.0) -> None:
        """Let Slicer work until the process has ended; for scripts and tests."""
        deadline = time.monotonic() + seconds
        while self._process is not None and time.monotonic() < deadline:
            slicer.app.processEvents()
            if self._process is not None:
                self._process.waitForReadyRead(20)

    def _losePatience(self) -> None:
        if self._process is not None:
            ProcessTree.kill(self._asked)
            self._process.kill()

    def _readOutput(self, last: bool = False) -> None:
        if self._process is None:  # killed, and its last words come while it dies
            return
        from spinemr.pipeline.child_process import report_of

        for line in self._output.lines(_bytes(self._process.readAllStandardOutput()), last=last):
            report = report_of(line)
            if report is None:
                self.logged.emit(line)
            else:
                self.progressed.emit(report)

    def _readErrors(self, last: bool = False) -> None:
        if self._process is None:
            return
        for line in self._errors.lines(_bytes(self._process.readAllStandardError()), last=last):
            self._said.append(line)
            self.logged.emit(line)

    def _onError(self, error: object = None) -> None:
        """Every other error is followed by the signal that the process has finished."""
        if self._process is not None and error == qt.QProcess.FailedToStart:
            self._fail(_("The work could not be started: {why}").format(why=self._process.errorString()))

    def _onFinished(self, code: int = 0, _status: object = None) -> None:
        from spinemr.pipeline.child_process import outcome_of

        if self._process is None:
            return
        self._readOutput(last=True)
        self._readErrors(last=True)
        crashed = self._process.exitStatus() != qt.QProcess.NormalExit
        ended = -1 if crashed else int(code)
        unexpected = _("The work ended unexpectedly; the computer may have run out of memory.")
        self._end(outcome_of(ended, self._said, cancelled=self._cancelled, unexpected=unexpected))

    def _fail(self, message: str) -> None:
        from spinemr.pipeline.child_process import Outcome

        self._end(Outcome(1, False, message))

    def _end(self, outcome: Outcome) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.deleteLater()
        self.ended.emit(outcome)


def pythonExecutable() -> str:
    """The interpreter beside Slicer; an empty text where there is none."""
    found = shutil.which("PythonSlicer")
    if found:
        return found
    return sys.executable if Path(sys.executable or "").stem.lower().startswith("python") else ""


def _bytes(array: object) -> bytes:
    """A QByteArray as PythonQt or another binding gives it."""
    data = array if isinstance(array, (bytes, bytearray)) else array.data()
    return data.encode("utf-8", errors="replace") if isinstance(data, str) else bytes(data)
