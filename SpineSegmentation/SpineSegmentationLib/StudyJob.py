"""Work on one volume in a process beside Slicer: its file goes out, results come into the scene, nothing else stays behind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import slicer
from slicer.i18n import tr as _

from SpineSegmentationLib import CaseFiles
from SpineSegmentationLib.ChildProcess import ChildProcess
from SpineSegmentationLib.Signal import Signal
from SpineSegmentationLib.WorkFolder import newWorkFolder, removeWorkFolder

if TYPE_CHECKING:
    from spinemr.imaging.progress import Progress
    from spinemr.pipeline.child_process import Outcome
    from spinemr.pipeline.jobs import Job

Prepare = Callable[[Path, Path], "list[Job]"]
"""From the volume's file and the work folder to jobs, done one after the other."""
Load = Callable[[slicer.vtkMRMLScalarVolumeNode, Path, "Outcome"], bool]
"""Brings results of a work folder into the scene; says whether the folder is still needed."""


class StudyJob:
    """One piece of work of one or more jobs: started once, ends once; a job that fails is the last."""

    def __init__(self) -> None:
        self.progressed, self.logged = Signal(), Signal()
        """With a :class:`~spinemr.imaging.progress.Progress` of the whole, and with a line of text."""
        self.ended = Signal()
        """With the :class:`~spinemr.pipeline.child_process.Outcome`, after the results are in the scene."""
        self.workFolder: Path | None = None
        self.child: ChildProcess | None = None
        self._jobs: list[Job] = []
        self._done = 0
        self._volumeID = ""
        self._load: Load | None = None

    def begin(self, volume: slicer.vtkMRMLScalarVolumeNode, prepare: Prepare, load: Load) -> None:
        """Write the volume and start."""
        self._volumeID, self._load = volume.GetID(), load
        self.workFolder = newWorkFolder()
        try:
            self._jobs = prepare(CaseFiles.writeVolume(volume, self.workFolder), self.workFolder)
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
        return outcomes[0] if outcomes else _failed(_("The work took too long."))

    def _next(self) -> None:
        from spinemr.pipeline.jobs import write_job

        assert self.workFolder is not None
        file = write_job(self._jobs[self._done], self.workFolder / f"job_{self._done}.json")
        self.child = child = ChildProcess()
        child.progressed.connect(self._onProgress)
        child.logged.connect(self.logged.emit)
        child.ended.connect(self._onJobEnded)
        child.start(file)

    def _onProgress(self, progress: Progress) -> None:
        self.progressed.emit(replace(progress, fraction=(self._done + progress.fraction) / len(self._jobs)))

    def _onJobEnded(self, outcome: Outcome) -> None:
        self._done += 1
        if outcome.succeeded and self._done < len(self._jobs):
            self._next()
        else:
            self.child = None
            self._finish(outcome)

    def _finish(self, outcome: Outcome) -> None:
        volume, kept = slicer.mrmlScene.GetNodeByID(self._volumeID), False
        try:
            if volume is not None and not outcome.cancelled and self._load is not None and self.workFolder is not None:
                kept = self._load(volume, self.workFolder, outcome)
        except Exception as error:
            outcome = _failed(_("The results could not be brought into the scene. {why}").format(why=error))
        if not kept:
            removeWorkFolder(self.workFolder)
        self.ended.emit(outcome)


def _failed(message: str) -> Outcome:
    from spinemr.pipeline.child_process import Outcome

    return Outcome(1, False, message)
