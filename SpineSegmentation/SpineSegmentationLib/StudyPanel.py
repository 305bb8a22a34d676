"""What the panels of the three modules have in common: parameters, one job at a time, and scenes that close while it runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import slicer
import vtk
from slicer.i18n import tr as _
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleWidget
from slicer.util import VTKObservationMixin

from SpineSegmentationLib.DependencyLine import DependencyLine
from SpineSegmentationLib.ProgressPanel import ProgressPanel
from SpineSegmentationLib.SampleStudies import drawStudy
from SpineSegmentationLib.StudyJob import StudyJob

if TYPE_CHECKING:
    from spinemr.pipeline.child_process import Outcome


class StudyPanel(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """The base of a module's widget. A subclass builds its own parts and says what follows from parameters and results."""

    title = ""

    def __init__(self, parent: Any = None) -> None:
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic: Any = None
        self.job: StudyJob | None = None
        self._parameterNode: Any = None
        self._parameterNodeGuiTag: Any = None
        self._shownVolumeID = ""
        self._isEntered = False

    def makeLogic(self) -> Any:
        """The module's logic."""
        raise NotImplementedError

    def build(self) -> None:
        """Make and connect the module's own parts, once."""
        raise NotImplementedError

    def updateButtons(self) -> None:
        """Enable what can be pressed, and say in tooltips why the rest cannot."""
        raise NotImplementedError

    def updateResults(self) -> None:
        """Show what is known of the chosen volume."""
        raise NotImplementedError

    def followParameters(self) -> None:
        """Show what is not bound to the parameter node by name."""

    def stopMore(self) -> None:
        """Stop, at once, what a subclass runs beside its job."""

    def setup(self) -> None:
        """Build the panel; called once, when the user opens the module for the first time."""
        ScriptedLoadableModuleWidget.setup(self)
        uiWidget = slicer.util.loadUI(self.resourcePath(f"UI/{self.moduleName}.ui"))
        self.layout.addWidget(uiWidget)
        self.ui = slicer.util.childWidgetVariables(uiWidget)
        uiWidget.setMRMLScene(slicer.mrmlScene)
        self.logic = self.makeLogic()
        self.progress = ProgressPanel()
        self.ui.progressPlace.layout().setContentsMargins(0, 0, 0, 0)
        self.ui.progressPlace.layout().addWidget(self.progress)
        self.dependencies = DependencyLine(self.ui.dependencyLabel, self.ui.installButton, self.title)
        self.dependencies.changed.connect(self._checkCanApply)
        self.ui.sampleLabel.linkActivated.connect(lambda _link=None: self.onSample())
        scene = slicer.mrmlScene
        self.addObserver(scene, scene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(scene, scene.EndCloseEvent, self.onSceneEndClose)
        self.addObserver(scene, scene.EndImportEvent, self.onSceneEndClose)
        slicer.app.connect("aboutToQuit()", self.stopEverything)
        self.build()
        self.updateResults()
        self.initializeParameterNode()

    def cleanup(self) -> None:
        """The application closes, or the module is reloaded."""
        slicer.app.disconnect("aboutToQuit()", self.stopEverything)
        self.stopEverything()
        self.setParameterNode(None)
        self.removeObservers()

    def enter(self) -> None:
        """The user opens the module."""
        self._isEntered = True
        self.initializeParameterNode()
        self.dependencies.update()
        self._checkCanApply()
        self.updateResults()

    def exit(self) -> None:
        """The user opens another module; work goes on."""
        self._isEntered = False
        self.setParameterNode(None)

    def onSceneStartClose(self, caller: Any = None, event: Any = None) -> None:
        """Results of a volume that goes have nowhere to go."""
        self.stopEverything()
        self.setParameterNode(None)

    def onSceneEndClose(self, caller: Any = None, event: Any = None) -> None:
        """An empty scene begins, or another one was loaded."""
        self._shownVolumeID = ""
        if self._isEntered:
            self.initializeParameterNode()
            self.updateResults()

    def stopEverything(self) -> None:
        """Stop all work at once."""
        if self.job is not None:
            self.job.kill()
            self.job = None
        self.stopMore()
        self.progress.hide()

    def initializeParameterNode(self) -> None:
        """Take the scene's parameters, or begin with the first volume there is."""
        self.setParameterNode(self.logic.getParameterNode())
        if self._parameterNode.inputVolume is None:
            first = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLScalarVolumeNode")
            if first is not None:
                self._parameterNode.inputVolume = first

    def setParameterNode(self, parameterNode: Any) -> None:
        """Bind the panel to a parameter node, or to none."""
        if self._parameterNode is not None:
            self._parameterNode.disconnectGui(self._parameterNodeGuiTag)
            self.removeObserver(self._parameterNode, vtk.vtkCommand.ModifiedEvent, self._onParameters)
        self._parameterNode = parameterNode
        if parameterNode is not None:
            self._parameterNodeGuiTag = parameterNode.connectGui(self.ui)
            self.addObserver(parameterNode, vtk.vtkCommand.ModifiedEvent, self._onParameters)
            self._onParameters()

    @property
    def volume(self) -> slicer.vtkMRMLScalarVolumeNode | None:
        """The chosen volume."""
        return None if self._parameterNode is None else self._parameterNode.inputVolume

    def _onParameters(self, caller: Any = None, event: Any = None) -> None:
        self.followParameters()
        self._checkCanApply()
        if (self.volume.GetID() if self.volume is not None else "") != self._shownVolumeID:
            self.showResults()

    def showResults(self) -> None:
        """Show what is known of the volume, from now on until another is chosen."""
        self._shownVolumeID = self.volume.GetID() if self.volume is not None else ""
        self.updateResults()

    def _checkCanApply(self, caller: Any = None, event: Any = None) -> None:
        self.ui.sampleLabel.setVisible(self.volume is None)
        self.updateButtons()

    def inputProblem(self) -> str:
        """Why the chosen volume cannot be worked on; empty where it can."""
        from spinemr.scene.case_nodes import source_of

        if self.dependencies.isMissing:
            return _("Install the missing packages first (button at the top).")
        if self.volume is None:
            return _("Select a volume.")
        if self.volume.GetImageData() is None:
            return _("The volume holds no image.")
        return _("This volume is a result; select the original.") if source_of(self.volume) is not None else ""

    def applyButtonState(self, title: str, ready: str, reason: str) -> None:
        """The primary button: starts, or says why it cannot, and cancels what runs."""
        button = self.ui.applyButton
        if self.job is not None:
            button.setText(_("Cancel"))
            button.toolTip = _("Stops the work; the scene stays as it is.")
        else:
            button.setText(title)
            button.toolTip = reason or ready
        button.enabled = self.job is not None or not reason

    def startJob(self, start: Callable[[StudyJob], None]) -> None:
        """Start a job, or cancel the one that runs."""
        if self.job is not None:
            self.progress.stopping()
            self.ui.applyButton.enabled = False
            self.job.cancel()
            return
        with slicer.util.tryWithErrorDisplay(_("The work could not be started."), waitCursor=True):
            self.job = job = StudyJob()
            job.progressed.connect(self.progress.report)
            job.logged.connect(self.progress.addLine)
            job.ended.connect(self._onJobEnded)
            self.progress.begin(_("Starting…"))
            try:
                start(job)
            except Exception:
                self.job = None
                self.progress.hide()
                raise
            finally:
                self._checkCanApply()

    def _onJobEnded(self, outcome: Outcome) -> None:
        self.job = None
        self.progress.end(outcome, _("Done."))
        if self._parameterNode is not None:
            self._checkCanApply()
            self.showResults()
            self.onResults(outcome)
        if outcome.message:
            slicer.util.errorDisplay(outcome.message, windowTitle=self.title)

    def onResults(self, outcome: Outcome) -> None:
        """Results came into the scene, if there were any."""

    def onSample(self) -> None:
        """Draw a study and choose it."""
        with slicer.util.tryWithErrorDisplay(_("The study could not be drawn."), waitCursor=True):
            self._parameterNode.inputVolume = drawStudy(slicer.mrmlScene)
