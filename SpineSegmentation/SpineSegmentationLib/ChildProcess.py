"""Long work in a process beside Slicer: it cannot freeze or take down the application, and it can be cancelled."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass

import qt
import slicer
from slicer.i18n import tr as _

from SpineSegmentationLib import CommandLine, ProcessTree
from SpineSegmentationLib.Signal import Signal

CANCELLED_CODE = 130
_PATIENCE_MS = 3000
"""How long a process may clean up after it was asked to stop."""


@dataclass(frozen=True)
class Progress:
    """One report of the child."""

    phase: str
    fraction: float
    message: str


@dataclass(frozen=True)
class Outcome:
    """How a child ended."""

    code: int
    cancelled: bool
    message: str
    """What it said went wrong, in its own words; empty where nothing did."""

    @property
    def succeeded(self) -> bool:
        """Whether everything that was asked for is there."""
        return self.code == 0 and not self.cancelled


class LineReader:
    """Whole lines out of pieces of UTF-8."""

    def __init__(self) -> None:
        self._rest = b""

    def lines(self, piece: bytes, last: bool = False) -> list[str]:
        """The lines that a piece completes; with ``last`` also what stands behind the last line end."""
        *whole, self._rest = (self._rest + piece).split(b"\n")
        if last and self._rest:
            whole.append(self._rest)
            self._rest = b""
        texts = (line.decode("utf-8", errors="replace").strip() for line in whole)
        return [text for text in texts if text]


class ChildProcess:
    """One call of the command line."""

    def __init__(self) -> None:
        self.progressed = Signal()
        """With a :class:`Progress`."""
        self.logged = Signal()
        """With a line of text."""
        self.ended = Signal()
        """With an :class:`Outcome`, once."""
        self._process = None
        self._asked: list[int] = []
        self._cancelled = False
        self._said: list[str] = []
        self._output, self._errors = LineReader(), LineReader()

    @property
    def isRunning(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None

    def start(self, arguments: list[str], program: str = "", module: str = CommandLine.MODULE) -> None:
        """Start ``python -m module arguments``; everything else is told by signals."""
        program = program or CommandLine.pythonExecutable()
        if not program:
            self._end(Outcome(1, False, _("Slicer's Python interpreter (PythonSlicer) was not found.")))
            return
        self._process = process = qt.QProcess()
        variables = qt.QProcessEnvironment.systemEnvironment()
        for name, value in CommandLine.environment().items():
            variables.insert(name, value)
        process.setProcessEnvironment(variables)
        process.readyReadStandardOutput.connect(self._readOutput)
        process.readyReadStandardError.connect(self._readErrors)
        process.finished.connect(self._onFinished)
        process.errorOccurred.connect(self._onError)
        process.start(program, ["-m", module, *arguments])

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
        for line in self._output.lines(_bytes(self._process.readAllStandardOutput()), last):
            report = _report(line)
            if report is None:
                self.logged.emit(line)
            else:
                self.progressed.emit(report)

    def _readErrors(self, last: bool = False) -> None:
        if self._process is None:
            return
        for line in self._errors.lines(_bytes(self._process.readAllStandardError()), last):
            if not line.startswith("Note:"):
                self._said.append(line)
            self.logged.emit(line)

    def _onError(self, error: object = None) -> None:
        """Every other error is followed by the signal that the process has finished."""
        if self._process is not None and error == qt.QProcess.FailedToStart:
            self._end(Outcome(1, False, _("The work could not be started: {why}").format(why=self._process.errorString())))

    def _onFinished(self, code: int = 0, _status: object = None) -> None:
        if self._process is None:
            return
        self._readOutput(last=True)
        self._readErrors(last=True)
        crashed = self._process.exitStatus() != qt.QProcess.NormalExit
        cancelled = self._cancelled or code == CANCELLED_CODE
        said = " ".join(self._said[-3:])
        if crashed and not said:
            said = _("The work ended unexpectedly; the computer may have run out of memory.")
        failed = not cancelled and (crashed or code != 0)
        self._end(Outcome(int(code) or int(crashed), cancelled, said if failed else ""))

    def _end(self, outcome: Outcome) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.deleteLater()
        self.ended.emit(outcome)


def _report(line: str) -> Progress | None:
    try:
        content = json.loads(line)
        return Progress(str(content["phase"]), float(content["fraction"]), str(content.get("message", "")))
    except (ValueError, KeyError, TypeError):
        return None


def _bytes(array: object) -> bytes:
    """A QByteArray as PythonQt or another binding gives it."""
    data = array if isinstance(array, (bytes, bytearray)) else array.data()
    return data.encode("utf-8", errors="replace") if isinstance(data, str) else bytes(data)
