"""Work on one volume in a process beside Slicer: its file goes out, results come into the scene, nothing else stays behind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import slicer
from slicer.i18n import tr as _

from SpineSegmentationLib import CaseFiles
from SpineSegmentationLib.ChildProcess import ChildProcess, Outcome, Progress
from SpineSegmentationLib.Signal import Signal
from SpineSegmentationLib.WorkFolder import newWorkFolder, removeWorkFolder

_KEPT = " Kept in "
"""Begins what the command line says of files, which here are in the scene."""

Prepare = Callable[[Path, Path], list[list[str]]]
"""From the volume's file and the work folder to the words of each call of the command line, one after the other."""
Load = Callable[[slicer.vtkMRMLScalarVolumeNode, Path, Outcome], bool]
"""Brings results of a work folder into the scene; says whether the folder is still needed."""


class StudyJob:
    """One job of one or more calls: started once, ends once; a call that fails is the last."""

    def __init__(self) -> None:
        self.progressed, self.logged = Signal(), Signal()
        """With a :class:`Progress` of the whole, and with a line of text."""
        self.ended = Signal()
        """With the :class:`Outcome`, after the results are in the scene."""
        self.workFolder: Path | None = None
        self.child: ChildProcess | None = None
        self._calls: list[list[str]] = []
        self._done = 0
        self._volumeID = ""
        self._load: Load | None = None

    def begin(self, volume: slicer.vtkMRMLScalarVolumeNode, prepare: Prepare, load: Load) -> None:
        """Write the volume and start."""
        self._volumeID, self._load = volume.GetID(), load
        self.workFolder = newWorkFolder()
        try:
            self._calls = prepare(CaseFiles.writeVolume(volume, self.workFolder), self.workFolder)
        except Exception:
            removeWorkFolder(self.workFolder)
            raise
        self._next()

    def cancel(self) -> None:
        """Stop; nothing is brought into the scene."""
        if self.child is not None:
            self.child.cancel()

    def kill(self) -> None:
        """Stop at once and tell nobody."""
        if self.child is not None:
            self.child.kill()
            self.child = None
        removeWorkFolder(self.workFolder)

    def wait(self) -> Outcome:
        """Let Slicer work until it has ended; for scripts and tests."""
        outcomes: list[Outcome] = []
        self.ended.connect(outcomes.append)
        while self.child is not None:
            self.child.wait()
        return outcomes[0] if outcomes else Outcome(1, False, _("The work took too long."))

    def _next(self) -> None:
        self.child = child = ChildProcess()
        child.progressed.connect(self._onProgress)
        child.logged.connect(self.logged.emit)
        child.ended.connect(self._onCallEnded)
        child.start(self._calls[self._done])

    def _onProgress(self, progress: Progress) -> None:
        self.progressed.emit(replace(progress, fraction=(self._done + progress.fraction) / len(self._calls)))

    def _onCallEnded(self, outcome: Outcome) -> None:
        self._done += 1
        if outcome.succeeded and self._done < len(self._calls):
            self._next()
        else:
            self.child = None
            self._finish(outcome)

    def _finish(self, outcome: Outcome) -> None:
        outcome = replace(outcome, message=outcome.message.split(_KEPT)[0])
        volume, kept = slicer.mrmlScene.GetNodeByID(self._volumeID), False
        try:
            if volume is not None and not outcome.cancelled and self._load is not None and self.workFolder is not None:
                kept = self._load(volume, self.workFolder, outcome)
        except Exception as error:
            outcome = Outcome(1, False, _("The results could not be brought into the scene. {why}").format(why=error))
        if not kept:
            removeWorkFolder(self.workFolder)
        self.ended.emit(outcome)
