"""Work on one volume in a process beside Slicer: its file goes out, results come into the scene, nothing else stays behind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import slicer
from slicer.i18n import tr as _

from SpineSegmentationLib import CaseFiles
from SpineSegmentationLib.ChildProcess import ChildProcess, Outcome
from SpineSegmentationLib.Signal import Signal
from SpineSegmentationLib.WorkFolder import newWorkFolder, removeWorkFolder

_KEPT = " Kept in "
"""Begins what the command line says of files, which here are in the scene."""

Prepare = Callable[[Path, Path], list[str]]
"""From the volume's file and the work folder to the words of the command line."""
Load = Callable[[slicer.vtkMRMLScalarVolumeNode, Path, Outcome], bool]
"""Brings results of a work folder into the scene; says whether the folder is still needed."""


class StudyJob:
    """One job: started once, ends once."""

    def __init__(self) -> None:
        self.child = ChildProcess()
        self.ended = Signal()
        """With the :class:`Outcome`, after the results are in the scene."""
        self.child.ended.connect(self._onEnded)
        self.workFolder: Path | None = None
        self._volumeID = ""
        self._load: Load | None = None

    @property
    def isRunning(self) -> bool:
        """Whether it has been started and has not ended."""
        return self.child.isRunning

    def begin(self, volume: slicer.vtkMRMLScalarVolumeNode, prepare: Prepare, load: Load) -> None:
        """Write the volume and start."""
        self._volumeID, self._load = volume.GetID(), load
        self.workFolder = newWorkFolder()
        try:
            arguments = prepare(CaseFiles.writeVolume(volume, self.workFolder), self.workFolder)
        except Exception:
            removeWorkFolder(self.workFolder)
            raise
        self.child.start(arguments)

    def cancel(self) -> None:
        """Stop; nothing is brought into the scene."""
        self.child.cancel()

    def kill(self) -> None:
        """Stop at once and tell nobody."""
        self.child.kill()
        removeWorkFolder(self.workFolder)

    def wait(self) -> Outcome:
        """Let Slicer work until it has ended; for scripts and tests."""
        outcomes: list[Outcome] = []
        self.ended.connect(outcomes.append)
        self.child.wait()
        return outcomes[0] if outcomes else Outcome(1, False, _("The work took too long."))

    def _onEnded(self, outcome: Outcome) -> None:
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
