from pathlib import Path
from typing import Annotated, Any

import qt
import slicer
import vtk
from slicer import vtkMRMLScalarVolumeNode
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.parameterNodeWrapper import WithinRange, parameterNodeWrapper
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin

from SpineHarmonizationLib import Methods
from SpineHarmonizationLib.Batch import BatchSource
from SpineHarmonizationLib.BatchPanel import BatchPanel
from SpineHarmonizationLib.Comparison import Comparison
from SpineHarmonizationLib.Job import HarmonizationJob, HarmonizationOptions, SegmentOn
from SpineHarmonizationLib.VerdictCard import VerdictCard
from SpineSegmentationLib import CaseFiles
from SpineSegmentationLib.ChildProcess import Outcome
from SpineSegmentationLib.Choices import Device, NamedChoice
from SpineSegmentationLib.DependencyLine import DependencyLine
from SpineSegmentationLib.ProgressPanel import ProgressPanel
from SpineSegmentationLib.SampleStudies import drawStudy, registerSampleStudies, showVolume

#
# SpineHarmonization
#


class SpineHarmonization(ScriptedLoadableModule):
    """Lumbar MRI of any scanner with the appearance of a reference, segmented, measured and judged in one go."""

    def __init__(self, parent: Any) -> None:
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = _("Spine Harmonization")
        parent.categories = [translate("qSlicerAbstractCoreModule", "Spine")]
        parent.dependencies = []
        parent.contributors = ["SpineMR contributors"]
        parent.helpText = _(
            "Gives lumbar spine MRI from any scanner a common appearance, segments discs, vertebrae, canal and sacrum, measures "
            "them, and says with numbers whether the result can be trusted. Not a medical device."
        )
        parent.acknowledgementText = _("The methods follow published work, which the documentation and the citation file name.")
        slicer.app.connect("startupCompleted()", lambda: registerSampleStudies(self.resourcePath("Icons")))


#
# SpineHarmonizationParameterNode
#


@parameterNodeWrapper
class SpineHarmonizationParameterNode:
    """What is chosen in the panel; it is saved with the scene."""

    inputVolume: vtkMRMLScalarVolumeNode
    referenceVolume: vtkMRMLScalarVolumeNode
    referencePath: str = ""
    method: str = Methods.AUTO
    strengthPercent: Annotated[float, WithinRange(0, 100)] = 100.0
    segmentOn: SegmentOn = SegmentOn.SOURCE
    device: Device = Device.AUTO
    parts: bool = True
    fadePercent: Annotated[float, WithinRange(0, 100)] = 100.0
    batchSource: BatchSource = BatchSource.FOLDER
    resume: bool = True


#
# SpineHarmonizationWidget
#


class SpineHarmonizationWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """The module's panel."""

    def __init__(self, parent: Any = None) -> None:
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic: SpineHarmonizationLogic | None = None
        self.job: HarmonizationJob | None = None
        self._parameterNode: SpineHarmonizationParameterNode | None = None
        self._parameterNodeGuiTag: Any = None
        self._shownVolumeID = ""

    def setup(self) -> None:
        """Build the panel; called once, when the user opens the module for the first time."""
        ScriptedLoadableModuleWidget.setup(self)
        uiWidget = slicer.util.loadUI(self.resourcePath("UI/SpineHarmonization.ui"))
        self.layout.addWidget(uiWidget)
        self.ui = slicer.util.childWidgetVariables(uiWidget)
        uiWidget.setMRMLScene(slicer.mrmlScene)
        self.logic = SpineHarmonizationLogic()
        self.comparison = Comparison()
        self.progress = ProgressPanel()
        self.ui.progressPlace.layout().addWidget(self.progress)
        self.dependencies = DependencyLine(self.ui.dependencyLabel, self.ui.installButton, "Spine Harmonization")
        self.card = VerdictCard(self.ui.verdictLabel, self.ui.reasonsLabel, self.ui.allFindingsCheckBox)
        self.methodChoice = NamedChoice(self.ui.methodSelector, Methods.methods(), self._onMethod)
        self.batchPanel = BatchPanel(self.ui, self._options)
        self._connect()
        self.updateResults()
        self.initializeParameterNode()

    def _connect(self) -> None:
        scene = slicer.mrmlScene
        self.addObserver(scene, scene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(scene, scene.EndCloseEvent, self.onSceneEndClose)
        slicer.app.connect("aboutToQuit()", self._stopEverything)
        ui = self.ui
        ui.sampleLabel.linkActivated.connect(lambda _link=None: self.onSample())
        ui.referencePathEdit.currentPathChanged.connect(self._onReferencePath)
        ui.applyButton.clicked.connect(lambda _checked=False: self.onApplyButton())
        ui.harmonizeButton.clicked.connect(lambda _checked=False: self._start(segment=False))
        ui.fadeSlider.valueChanged.connect(lambda value: self.comparison.setFade(value / 100))
        ui.toggleButton.clicked.connect(lambda _checked=False: self.onToggle())
        ui.sideBySideButton.clicked.connect(lambda _checked=False: self.showComparison())
        ui.reportButton.clicked.connect(lambda _checked=False: self.onReport())
        ui.editButton.clicked.connect(lambda _checked=False: slicer.util.selectModule("SpineSegmentation"))
        self.card.placeChosen.connect(self.comparison.jumpTo)
        self.dependencies.changed.connect(self._checkCanApply)
        self.batchPanel.studyLoaded.connect(self._onStudyLoaded)

    def cleanup(self) -> None:
        """The application closes, or the module is reloaded."""
        self._stopEverything()
        self.setParameterNode(None)
        self.removeObservers()

    def enter(self) -> None:
        """The user opens the module."""
        self.initializeParameterNode()
        self.dependencies.update()
        self._checkCanApply()

    def exit(self) -> None:
        """The user opens another module; work goes on."""
        self.setParameterNode(None)

    def onSceneStartClose(self, caller: Any, event: Any) -> None:
        """Results of a volume that goes have nowhere to go."""
        self._stopEverything()
        self.setParameterNode(None)

    def onSceneEndClose(self, caller: Any, event: Any) -> None:
        """An empty scene begins."""
        self.comparison.leave()
        if self.parent.isVisible():
            self.initializeParameterNode()

    def _stopEverything(self) -> None:
        if self.job is not None:
            self.job.kill()
            self.job = None
        self.batchPanel.batch.kill()
        self.progress.hide()

    def initializeParameterNode(self) -> None:
        """Take the scene's parameters, or begin with the volume that is shown."""
        self.setParameterNode(self.logic.getParameterNode())
        if self._parameterNode.inputVolume is None:
            first = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLScalarVolumeNode")
            if first is not None:
                self._parameterNode.inputVolume = first

    def setParameterNode(self, inputParameterNode: SpineHarmonizationParameterNode | None) -> None:
        """Bind the panel to a parameter node."""
        if self._parameterNode is not None:
            self._parameterNode.disconnectGui(self._parameterNodeGuiTag)
            self.removeObserver(self._parameterNode, vtk.vtkCommand.ModifiedEvent, self._onParameters)
        self._parameterNode = inputParameterNode
        if self._parameterNode is not None:
            self._parameterNodeGuiTag = self._parameterNode.connectGui(self.ui)
            self.addObserver(self._parameterNode, vtk.vtkCommand.ModifiedEvent, self._onParameters)
            self._onParameters()

    def _onParameters(self, caller: Any = None, event: Any = None) -> None:
        parameters = self._parameterNode
        self.methodChoice.show(parameters.method)
        if self.ui.referencePathEdit.currentPath != parameters.referencePath:
            self.ui.referencePathEdit.currentPath = parameters.referencePath
        self._checkCanApply()
        volume = parameters.inputVolume
        if (volume.GetID() if volume is not None else "") != self._shownVolumeID:
            self.updateResults()

    def _onMethod(self, name: str) -> None:
        if self._parameterNode is not None:
            self._parameterNode.method = name

    def _onReferencePath(self, path: str) -> None:
        if self._parameterNode is not None and path != self._parameterNode.referencePath:
            self._parameterNode.referencePath = path

    def _options(self) -> HarmonizationOptions:
        parameters, folder = self._parameterNode, self.ui.folderPathEdit.currentPath
        if parameters is None:
            return HarmonizationOptions()
        return HarmonizationOptions(
            method=parameters.method,
            referenceVolume=parameters.referenceVolume,
            referencePath=parameters.referencePath,
            strength=parameters.strengthPercent / 100,
            segmentOn=parameters.segmentOn.value,
            device=parameters.device.value,
            parts=parameters.parts,
            folder=Path(folder) if folder else None,
        )

    def _refusal(self) -> str:
        """Why nothing can start at all."""
        if self.dependencies.isMissing:
            return self._missing()
        if self.batchPanel.batch.isRunning:
            return _("Many studies are running; wait for them, or cancel them.")
        return ""

    def _checkCanApply(self, caller: Any = None, event: Any = None) -> None:
        """Buttons that cannot be pressed say why."""
        running = self.job is not None
        reason = "" if running else self._refusal() or self._inputProblem()
        ui = self.ui
        ui.applyButton.setText(_("Cancel") if running else _("Harmonize && Segment"))
        ui.applyButton.enabled = not reason
        ready = _("Harmonizes, segments, measures and judges the study. Nothing leaves this computer.")
        ui.applyButton.toolTip = _("Stops the work; the scene stays as it is.") if running else reason or ready
        ui.harmonizeButton.enabled = not reason and not running
        busy = _("A study is being worked on.")
        ui.harmonizeButton.toolTip = busy if running else reason or _("Makes the harmonized image only.")
        ui.sampleLabel.setVisible(self._parameterNode is None or self._parameterNode.inputVolume is None)
        self._checkReference()
        parameters = self._parameterNode
        if parameters is not None:
            self.batchPanel.update(parameters.batchSource, parameters.resume, busy if running else self._missing())

    def _missing(self) -> str:
        return _("Install the missing packages first (button at the top).") if self.dependencies.isMissing else ""

    def _inputProblem(self) -> str:
        from spinemr.scene.case_nodes import source_of

        volume = self._parameterNode.inputVolume if self._parameterNode is not None else None
        if volume is None:
            return _("Select a volume.")
        if volume.GetImageData() is None:
            return _("The volume holds no image.")
        if source_of(volume) is not None:
            return _("This volume is harmonized already; select the original.")
        return self._options().problem()

    def _checkReference(self) -> None:
        ui, parameters = self.ui, self._parameterNode
        if parameters is not None:
            ui.methodSelector.toolTip = Methods.summary(parameters.method)
        method = parameters.method if parameters is not None else ""
        takesVolume, takesFile = Methods.takesVolume(method), Methods.takesFile(method)
        chosen = takesVolume and parameters.referenceVolume is not None
        ui.referenceSelector.enabled = takesVolume
        ui.referencePathEdit.enabled = takesFile and not chosen
        none = _("This method is not fitted on a loaded volume.") if takesFile else _("This method needs no reference.")
        ui.referenceSelector.toolTip = _("A loaded study whose appearance is wanted.") if takesVolume else none
        files = _("A fitted method (.json), an image, or a folder of images.")
        files = files if takesVolume else _("A fitted method (.json) or a network of your own.")
        other = _("The loaded volume is the reference.") if chosen else none
        ui.referencePathEdit.toolTip = files if ui.referencePathEdit.enabled else other

    def onSample(self) -> None:
        """Draw a study and choose it."""
        with slicer.util.tryWithErrorDisplay(_("The study could not be drawn."), waitCursor=True):
            self._parameterNode.inputVolume = drawStudy(slicer.mrmlScene)

    def onApplyButton(self) -> None:
        """Start the whole job, or cancel what runs."""
        if self.job is None:
            self._start(segment=True)
            return
        self.progress.stopping()
        self.ui.applyButton.enabled = False
        self.job.cancel()

    def _start(self, segment: bool) -> None:
        with slicer.util.tryWithErrorDisplay(_("The work could not be started."), waitCursor=True):
            job = HarmonizationJob()
            job.child.progressed.connect(self.progress.report)
            job.child.logged.connect(self.progress.addLine)
            job.ended.connect(self._onEnded)
            self.job = job
            self.progress.begin(_("Starting…"))
            try:
                self.logic.start(job, self._parameterNode.inputVolume, self._options(), segment)
            except Exception:
                self.job = None
                self.progress.hide()
                raise
            finally:
                self._checkCanApply()

    def _onEnded(self, outcome: Outcome) -> None:
        self.job = None
        self.progress.end(outcome, _("Done."))
        self._shownVolumeID = ""
        if self._parameterNode is not None:
            self._checkCanApply()
            self.updateResults()
            self.showComparison()
        if outcome.message:
            slicer.util.errorDisplay(outcome.message, windowTitle=_("Spine Harmonization"))

    def updateResults(self) -> None:
        """Show what is known of the chosen volume."""
        from spinemr.scene.case_nodes import case_of

        volume = self._parameterNode.inputVolume if self._parameterNode is not None else None
        self._shownVolumeID = volume.GetID() if volume is not None else ""
        case = None if volume is None else case_of(volume)
        quality, harmonized = ({}, None) if case is None else (case.quality, case.harmonized)
        ui = self.ui
        self.card.show(quality)
        ui.compareCollapsibleButton.enabled = harmonized is not None
        unharmonized = _("There is no harmonized image of this volume yet.")
        ui.compareCollapsibleButton.toolTip = "" if harmonized is not None else unharmonized
        report = CaseFiles.reportOf(volume)
        ui.reportButton.enabled = report is not None
        unreported = _("There is no report of this volume in this session.")
        ui.reportButton.toolTip = _("Opens the report in the web browser.") if report else unreported
        segmented = case is not None and case.segmentation is not None
        ui.editButton.enabled = segmented
        missing = _("There are no segments of this volume yet.")
        ui.editButton.toolTip = _("Levels, corrections, measurements, export: in Spine Segmentation.") if segmented else missing

    def showComparison(self) -> None:
        """Original and harmonized image as the buttons say."""
        from spinemr.scene.case_nodes import case_of

        original = self._parameterNode.inputVolume
        harmonized = None if original is None else case_of(original).harmonized
        if harmonized is None:
            self.ui.sideBySideButton.setChecked(False)
            return
        beside = self.ui.sideBySideButton.checked
        if beside:
            self.comparison.showSideBySide(original, harmonized)
        else:
            self.comparison.showFade(original, harmonized, self._parameterNode.fadePercent / 100)
        for widget in (self.ui.fadeSlider, self.ui.toggleButton):
            widget.enabled = not beside

    def onToggle(self) -> None:
        """From the original to the harmonized image and back."""
        self._parameterNode.fadePercent = 0.0 if self._parameterNode.fadePercent > 50 else 100.0

    def onReport(self) -> None:
        """Open the report in the browser."""
        report = CaseFiles.reportOf(self._parameterNode.inputVolume)
        if report is None or not qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(str(report))):
            slicer.util.errorDisplay(_("The report could not be opened."))

    def _onStudyLoaded(self, volume: vtkMRMLScalarVolumeNode) -> None:
        self._parameterNode.inputVolume = volume
        self.ui.tabWidget.setCurrentIndex(0)
        showVolume(volume)
        self.updateResults()


#
# SpineHarmonizationLogic
#


class SpineHarmonizationLogic(ScriptedLoadableModuleLogic):
    """What the module does, without its panel."""

    def getParameterNode(self) -> SpineHarmonizationParameterNode:
        """The scene's parameters of this module."""
        return SpineHarmonizationParameterNode(super().getParameterNode())

    def start(
        self, job: HarmonizationJob, inputVolume: vtkMRMLScalarVolumeNode, options: HarmonizationOptions, segment: bool = True
    ) -> None:
        """Start a job and return at once."""
        problem = options.problem()
        if problem:
            raise ValueError(problem)
        job.start(inputVolume, options, segment)

    def process(
        self, inputVolume: vtkMRMLScalarVolumeNode, options: HarmonizationOptions | None = None, segment: bool = True
    ) -> Any:
        """Do the job and wait for it; returns the nodes of the case (:class:`spinemr.scene.case_nodes.CaseNodes`)."""
        from spinemr.scene.case_nodes import case_of

        job = HarmonizationJob()
        outcomes: list[Outcome] = []
        job.ended.connect(outcomes.append)
        self.start(job, inputVolume, options or HarmonizationOptions(), segment)
        job.child.wait()
        if not outcomes or not outcomes[0].succeeded:
            raise RuntimeError(outcomes[0].message if outcomes else _("The work took too long."))
        return case_of(inputVolume)


#
# SpineHarmonizationTest
#


class SpineHarmonizationTest(ScriptedLoadableModuleTest):
    """Run on a drawn study, so that it needs neither a network nor data."""

    def setUp(self) -> None:
        """Begin with an empty scene."""
        slicer.mrmlScene.Clear()

    def runTest(self) -> None:
        """All tests."""
        self.setUp()
        self.test_ADrawnStudyGetsAVerdict()
        self.setUp()
        self.test_AMissingReferenceIsRefused()

    def test_ADrawnStudyGetsAVerdict(self) -> None:
        """The whole job leaves an image, segments, tables and a verdict beside the volume."""
        self.delayDisplay("Drawing a study")
        volume = drawStudy(slicer.mrmlScene)
        self.delayDisplay("Harmonizing and segmenting")
        case = SpineHarmonizationLogic().process(volume)
        self.assertIn(case.quality["verdict"], ("pass", "review"))
        segmentation = case.segmentation.GetSegmentation()
        names = [segmentation.GetNthSegment(index).GetName() for index in range(segmentation.GetNumberOfSegments())]
        for name in ("L5 vertebra", "L4-L5 disc", "sacrum", "spinal canal"):
            self.assertIn(name, names)
        self.assertEqual(case.harmonized.GetImageData().GetDimensions(), volume.GetImageData().GetDimensions())
        for table in (case.measurements, case.features):
            self.assertGreater(table.GetTable().GetNumberOfRows(), 10)
        self.delayDisplay("Test passed")

    def test_AMissingReferenceIsRefused(self) -> None:
        """A method that is fitted on images does not start without one."""
        volume = drawStudy(slicer.mrmlScene)
        with self.assertRaises(ValueError):
            SpineHarmonizationLogic().process(volume, HarmonizationOptions(method="nyul"))
