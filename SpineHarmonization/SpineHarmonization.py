from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import qt
import slicer
from slicer import vtkMRMLScalarVolumeNode
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.parameterNodeWrapper import WithinRange, parameterNodeWrapper
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
)

from SpineHarmonizationLib import Methods
from SpineHarmonizationLib.Batch import BatchSource
from SpineHarmonizationLib.BatchPanel import BatchPanel
from SpineHarmonizationLib.Comparison import Comparison
from SpineHarmonizationLib.Job import HarmonizationOptions, SegmentOn, beginHarmonization
from SpineHarmonizationLib.ReferenceChoice import ReferenceChoice
from SpineHarmonizationLib.VerdictCard import VerdictCard
from SpineSegmentationLib import CaseFiles
from SpineSegmentationLib.Choices import Device
from SpineSegmentationLib.SampleStudies import drawStudy, registerSampleStudies, showVolume
from SpineSegmentationLib.StudyJob import StudyJob
from SpineSegmentationLib.StudyPanel import StudyPanel

if TYPE_CHECKING:
    from spinemr.pipeline.child_process import Outcome

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
        slicer.app.connect("startupCompleted()", lambda: registerSampleStudies(self.resourcePath("Icons/SpineHarmonization.png")))


#
# SpineHarmonizationParameterNode
#


@parameterNodeWrapper
class SpineHarmonizationParameterNode:
    """What is chosen in the panel; it is saved with the scene."""

    inputVolume: vtkMRMLScalarVolumeNode
    referenceVolume: vtkMRMLScalarVolumeNode
    referencePath: str = ""
    target: str = ""
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


class SpineHarmonizationWidget(StudyPanel):
    """The module's panel."""

    title = _("Spine Harmonization")

    def makeLogic(self) -> Any:
        """The module's logic."""
        return SpineHarmonizationLogic()

    def build(self) -> None:
        """Make and connect comparison, verdict card and the tab for many studies."""
        ui = self.ui
        self.comparison = Comparison()
        self.card = VerdictCard(ui.verdictLabel, ui.reasonsLabel, ui.allFindingsCheckBox)
        self.reference = ReferenceChoice(self)
        self.batchPanel = BatchPanel(ui, self._options)
        ui.applyButton.clicked.connect(lambda _checked=False: self._start(segment=True))
        ui.harmonizeButton.clicked.connect(lambda _checked=False: self._start(segment=False))
        ui.fadeSlider.valueChanged.connect(lambda value: self.comparison.setFade(value / 100))
        ui.toggleButton.clicked.connect(lambda _checked=False: self.onToggle())
        ui.sideBySideButton.clicked.connect(lambda _checked=False: self.showComparison())
        ui.reportButton.clicked.connect(lambda _checked=False: self.onReport())
        ui.editButton.clicked.connect(lambda _checked=False: slicer.util.selectModule("SpineSegmentation"))
        self.card.placeChosen.connect(self.comparison.jumpTo)
        self.batchPanel.studyLoaded.connect(self._onStudyLoaded)

    def onSceneEndClose(self, caller: Any = None, event: Any = None) -> None:
        """An empty scene begins, or another one was loaded."""
        self.comparison.leave()
        StudyPanel.onSceneEndClose(self, caller, event)

    def stopMore(self) -> None:
        """Stop the studies of the second tab, too."""
        self.batchPanel.batch.kill()

    def followParameters(self) -> None:
        """Method and reference are not bound by name."""
        self.reference.follow(self._parameterNode)

    def _options(self) -> HarmonizationOptions:
        parameters, folder = self._parameterNode, self.ui.folderPathEdit.currentPath
        if parameters is None:
            return HarmonizationOptions()
        return HarmonizationOptions(
            method=parameters.method,
            referenceVolume=parameters.referenceVolume,
            referencePath=parameters.referencePath,
            target=parameters.target,
            strength=parameters.strengthPercent / 100,
            segmentOn=parameters.segmentOn.value,
            device=parameters.device.value,
            parts=parameters.parts,
            folder=Path(folder) if folder else None,
        )

    def updateButtons(self) -> None:
        """Buttons that cannot be pressed say why."""
        running, ui, parameters = self.job is not None, self.ui, self._parameterNode
        many = _("Many studies are running; wait for them, or cancel them.") if self.batchPanel.batch.isRunning else ""
        reason = many or self.inputProblem() or self._options().problem()
        ready = _("Harmonizes, segments, measures and judges the study. Nothing leaves this computer.")
        self.applyButtonState(_("Harmonize && Segment"), ready, reason)
        busy = _("A study is being worked on.") if running else ""
        ui.harmonizeButton.enabled = not reason and not running
        ui.harmonizeButton.toolTip = busy or reason or _("Makes the harmonized image only.")
        self.reference.update()
        if parameters is not None:
            missing = _("Install the missing packages first (button at the top).") if self.dependencies.isMissing else ""
            self.batchPanel.update(parameters.batchSource, parameters.resume, busy or missing)

    def _start(self, segment: bool) -> None:
        volume, options = self.volume, self._options()
        self.startJob(lambda job: self.logic.start(job, volume, options, segment))

    def onResults(self, outcome: "Outcome") -> None:
        """Show what came."""
        self.showComparison()

    def updateResults(self) -> None:
        """Show what is known of the chosen volume."""
        from spinemr.scene.case_nodes import case_of

        ui, volume = self.ui, self.volume
        case = None if volume is None else case_of(volume)
        self.card.show({} if case is None else case.quality)
        harmonized = case is not None and case.harmonized is not None
        ui.compareCollapsibleButton.enabled = harmonized
        ui.compareCollapsibleButton.toolTip = "" if harmonized else _("There is no harmonized image of this volume yet.")
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

        original = self.volume
        harmonized = None if original is None else case_of(original).harmonized
        beside = self.ui.sideBySideButton.checked and harmonized is not None
        self.ui.sideBySideButton.setChecked(beside)
        for widget in (self.ui.fadeSlider, self.ui.toggleButton):
            widget.enabled = not beside
        if beside:
            self.comparison.showSideBySide(original, harmonized)
        elif harmonized is not None:
            self.comparison.showFade(original, harmonized, self._parameterNode.fadePercent / 100)

    def onToggle(self) -> None:
        """From the original to the harmonized image and back."""
        self._parameterNode.fadePercent = 0.0 if self._parameterNode.fadePercent > 50 else 100.0

    def onReport(self) -> None:
        """Open the report in the browser."""
        report = CaseFiles.reportOf(self.volume)
        if report is None or not qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(str(report))):
            slicer.util.errorDisplay(_("The report could not be opened."), windowTitle=self.title)

    def _onStudyLoaded(self, volume: vtkMRMLScalarVolumeNode) -> None:
        self._parameterNode.inputVolume = volume
        self.ui.tabWidget.setCurrentIndex(0)
        showVolume(volume)
        self.showResults()


#
# SpineHarmonizationLogic
#


class SpineHarmonizationLogic(ScriptedLoadableModuleLogic):
    """What the module does, without its panel."""

    def getParameterNode(self) -> SpineHarmonizationParameterNode:
        """The scene's parameters of this module."""
        return SpineHarmonizationParameterNode(super().getParameterNode())

    def start(
        self, job: StudyJob, inputVolume: vtkMRMLScalarVolumeNode, options: HarmonizationOptions, segment: bool = True
    ) -> None:
        """Start a job and return at once."""
        problem = options.problem()
        if problem:
            raise ValueError(problem)
        beginHarmonization(job, inputVolume, options, segment)

    def process(
        self, inputVolume: vtkMRMLScalarVolumeNode, options: HarmonizationOptions | None = None, segment: bool = True
    ) -> Any:
        """Do the job and wait for it; returns the nodes of the case (:class:`spinemr.scene.case_nodes.CaseNodes`)."""
        from spinemr.scene.case_nodes import case_of

        job = StudyJob()
        self.start(job, inputVolume, options or HarmonizationOptions(), segment)
        outcome = job.wait()
        if not outcome.succeeded:
            raise RuntimeError(outcome.message)
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
            SpineHarmonizationLogic().process(volume, HarmonizationOptions(method="histogram"))
