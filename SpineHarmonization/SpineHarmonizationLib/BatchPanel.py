"""The tab for many studies: where they come from, where results go, and a table of how each stands."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import qt
import slicer
from slicer.i18n import tr as _

from SpineHarmonizationLib.Batch import Batch, BatchCase, BatchSource, State, casesInFolder, casesInScene
from SpineHarmonizationLib.Job import HarmonizationOptions, referenceTarget, runJob
from SpineSegmentationLib import CaseFiles
from SpineSegmentationLib.Signal import Signal
from SpineSegmentationLib.WorkFolder import newWorkFolder, removeWorkFolder

if TYPE_CHECKING:
    from spinemr.pipeline.jobs import RunJob


class BatchPanel:
    """Drives the widgets of the tab."""

    def __init__(self, ui: Any, options: Callable[[], HarmonizationOptions]) -> None:
        self.studyLoaded = Signal()
        """With the volume of a study that was loaded from the table."""
        self.batch = Batch()
        self._ui, self._options = ui, options
        self._work: Path | None = None
        self._source, self._resume = BatchSource.FOLDER, True
        self._refusal = ""
        ui.batchTable.setHorizontalHeaderLabels([_("Study"), _("State"), _("Verdict")])
        ui.batchTable.horizontalHeader().setSectionResizeMode(0, qt.QHeaderView.Stretch)
        ui.batchTable.verticalHeader().hide()
        ui.batchProgressBar.hide()
        for edit in (ui.batchInputPathEdit, ui.batchOutputPathEdit):
            edit.currentPathChanged.connect(lambda _path=None: self.update())
        ui.batchButton.clicked.connect(lambda _checked=False: self._onButton())
        ui.batchTable.itemDoubleClicked.connect(self._onDoubleClick)
        self.batch.changed.connect(self._onChanged)
        self.batch.progressed.connect(self._onProgress)
        self.batch.ended.connect(self._onEnded)

    def update(self, source: BatchSource | None = None, resume: bool | None = None, refusal: str | None = None) -> None:
        """Follow the parameters; ``refusal`` says why no work can start at all."""
        self._source = self._source if source is None else source
        self._resume = self._resume if resume is None else resume
        self._refusal = self._refusal if refusal is None else refusal
        ui = self._ui
        ui.batchInputPathEdit.enabled = self._source is BatchSource.FOLDER
        reason = "" if self.batch.isRunning else self._refusal or self._problem()
        ui.batchButton.setText(_("Cancel") if self.batch.isRunning else _("Run all"))
        ui.batchButton.enabled = not reason
        ui.batchButton.toolTip = reason or _("Harmonizes, segments and judges every study with the settings of the first tab.")
        if not self.batch.isRunning:
            ui.batchLabel.setText(reason or self._summary())

    def _problem(self) -> str:
        if self._source is BatchSource.FOLDER and not Path(self._ui.batchInputPathEdit.currentPath or "?").is_dir():
            return _("Choose the folder with the studies.")
        if not self._ui.batchOutputPathEdit.currentPath:
            return _("Choose a folder for the results.")
        return self._options().problem()

    def _onButton(self) -> None:
        if self.batch.isRunning:
            self.batch.cancel()
            return
        with slicer.util.tryWithErrorDisplay(_("The studies could not be started."), waitCursor=True):
            cases = self._cases()
            if not cases:
                self._ui.batchLabel.setText(_("No studies were found there."))
                return
            self._start(cases)

    def _cases(self) -> list[BatchCase]:
        results = Path(self._ui.batchOutputPathEdit.currentPath)
        if self._source is BatchSource.FOLDER:
            return casesInFolder(Path(self._ui.batchInputPathEdit.currentPath), results)
        return casesInScene(slicer.mrmlScene, results)

    def _start(self, cases: list[BatchCase]) -> None:
        options = self._options()
        self._work = newWorkFolder()
        target = referenceTarget(options, self._work)
        Path(self._ui.batchOutputPathEdit.currentPath).mkdir(parents=True, exist_ok=True)

        def job(image: Path, case: BatchCase) -> RunJob:
            return runJob(image, case.folder, options, target, case.name)

        self._ui.batchTable.setRowCount(0)
        self._ui.batchTable.setRowCount(len(cases))
        self._ui.batchProgressBar.setValue(0)
        self._ui.batchProgressBar.show()
        self.batch.start(cases, job, self._resume)
        self.update()

    def _onChanged(self, place: int) -> None:
        case = self.batch.cases[place]
        for column, text in enumerate((case.name, case.state.label(), case.verdict)):
            item = qt.QTableWidgetItem(text)
            item.setToolTip(case.message or str(case.folder))
            self._ui.batchTable.setItem(place, column, item)
        if case.state is State.RUNNING:
            self._ui.batchTable.scrollToItem(self._ui.batchTable.item(place, 0))

    def _onProgress(self, share: float, name: str) -> None:
        self._ui.batchProgressBar.setValue(round(100 * share))
        if name:
            self._ui.batchLabel.setText(_("Working on {name}…").format(name=name))

    def _onEnded(self) -> None:
        removeWorkFolder(self._work)
        self._ui.batchProgressBar.hide()
        self._ui.batchTable.resizeColumnsToContents()
        self.update()

    def _summary(self) -> str:
        """How many there are of each state, and why the failed ones failed."""
        cases = self.batch.cases
        counts = {state: sum(case.state is state for case in cases) for state in State}
        parts = [f"{count} {state.label()}" for state, count in counts.items() if count]
        failures = [f"{case.name}: {case.message}" for case in cases if case.state is State.FAILED]
        return "\n".join([", ".join(parts), *failures])

    def _onDoubleClick(self, item: qt.QTableWidgetItem) -> None:
        case = self.batch.cases[item.row()]
        if not (case.folder / "qc.json").is_file():
            return
        with slicer.util.tryWithErrorDisplay(_("The study could not be loaded."), waitCursor=True):
            self.studyLoaded.emit(loadCase(case))


def loadCase(case: BatchCase) -> slicer.vtkMRMLScalarVolumeNode:
    """A finished study in the scene, beside its volume where that is there already."""
    from spinemr.scene.results import load_results

    there = slicer.mrmlScene.GetNodeByID(case.nodeID) if case.nodeID else None
    volume = load_results(slicer.mrmlScene, case.folder, there, name=case.name).volume
    CaseFiles.rememberFolder(volume, case.folder)
    return volume
