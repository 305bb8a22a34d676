from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import qt
import slicer
from slicer import vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode, vtkMRMLTableNode
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.parameterNodeWrapper import WithinRange, parameterNodeWrapper
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
)

from RadiomicsQCLib import Comparisons, Features, Reports
from RadiomicsQCLib.Comparing import Comparing
from RadiomicsQCLib.Features import Binning, FeatureOptions
from SpineSegmentationLib.SampleStudies import drawStudy, registerSampleStudies
from SpineSegmentationLib.Showing import showStructure
from SpineSegmentationLib.StudyJob import StudyJob
from SpineSegmentationLib.StudyPanel import StudyPanel

if TYPE_CHECKING:
    from spinemr.pipeline.child_process import Outcome

#
# RadiomicsQC
#


class RadiomicsQC(ScriptedLoadableModule):
    """Radiomic features of spine structures, and whether harmonization and correction changed them."""

    def __init__(self, parent: Any) -> None:
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = _("Radiomics QC")
        parent.categories = [translate("qSlicerAbstractCoreModule", "Spine")]
        parent.dependencies = []
        parent.contributors = ["SpineMR contributors"]
        parent.helpText = _(
            "Takes radiomic features of every spine structure in source, harmonized and reference images, compares them, and "
            "tests whether features of a cohort still tell its scanners apart. Not a medical device."
        )
        parent.acknowledgementText = _("The methods follow published work, which the documentation and the citation file name.")
        slicer.app.connect("startupCompleted()", lambda: registerSampleStudies(self.resourcePath("Icons/RadiomicsQC.png")))


#
# RadiomicsQCParameterNode
#


@parameterNodeWrapper
class RadiomicsQCParameterNode:
    """What is chosen in the panel; it is saved with the scene."""

    inputVolume: vtkMRMLScalarVolumeNode
    harmonizedVolume: vtkMRMLScalarVolumeNode
    referenceVolume: vtkMRMLScalarVolumeNode
    segmentation: vtkMRMLSegmentationNode
    cohortTable: vtkMRMLTableNode
    binning: Binning = Binning.COUNT
    binCount: Annotated[int, WithinRange(2, 256)] = 64
    binWidth: Annotated[float, WithinRange(0.01, 1000)] = 25.0
    firstorder: bool = True
    shape: bool = True
    glcm: bool = True
    glrlm: bool = True
    glszm: bool = True
    gldm: bool = True
    ngtdm: bool = True


#
# RadiomicsQCWidget
#


class RadiomicsQCWidget(StudyPanel):
    """The module's panel."""

    title = _("Radiomics QC")

    def makeLogic(self) -> Any:
        """The module's logic."""
        return RadiomicsQCLogic()

    def build(self) -> None:
        """Connect the panel's own parts."""
        ui = self.ui
        ui.applyButton.clicked.connect(lambda _checked=False: self._start())
        ui.parameterPathEdit.currentPathChanged.connect(lambda _path=None: self._onFile())
        ui.reportPathEdit.currentPathChanged.connect(lambda _path=None: self._checkCanApply())
        ui.featureTable.clicked.connect(self._onCell)
        ui.reportButton.clicked.connect(lambda _checked=False: self.onReport())
        self.comparing = Comparing(self)
        self._report: Path | None = None

    def onSceneStartClose(self, caller: Any = None, event: Any = None) -> None:
        """Tables that go are shown no longer."""
        self.comparing.clear()
        StudyPanel.onSceneStartClose(self, caller, event)

    def followParameters(self) -> None:
        """A new volume brings what was made of it; the bins are said in words."""
        parameters = self._parameterNode
        if (self.volume.GetID() if self.volume is not None else "") != self._shownVolumeID:
            self._takeOver()
        counted = parameters.binning is Binning.COUNT
        file = bool(self.ui.parameterPathEdit.currentPath)
        self.ui.binCountSpinBox.enabled = counted and not file
        self.ui.binWidthSpinBox.enabled = not counted and not file
        words = Features.saidPlainly(parameters.binning, parameters.binCount, parameters.binWidth)
        self.ui.binLabel.setText(_("Bins and classes come from the parameter file.") if file else words)

    def _onFile(self) -> None:
        if self._parameterNode is not None:
            self.followParameters()
            self._checkCanApply()

    def _takeOver(self) -> None:
        from spinemr.scene.case_nodes import case_of

        case = None if self.volume is None else case_of(self.volume)
        parameters = self._parameterNode
        with slicer.util.NodeModify(parameters):
            parameters.harmonizedVolume = None if case is None else case.harmonized
            parameters.segmentation = None if case is None else case.segmentation

    def _classes(self) -> tuple[str, ...]:
        return tuple(name for name in Features.CLASSES if getattr(self._parameterNode, name))

    def _options(self) -> FeatureOptions:
        parameters, file = self._parameterNode, self.ui.parameterPathEdit.currentPath
        images = ((Features.HARMONIZED, parameters.harmonizedVolume), (Features.REFERENCE, parameters.referenceVolume))
        return FeatureOptions(
            images=tuple((name, node) for name, node in images if node is not None),
            binning=parameters.binning,
            binCount=parameters.binCount,
            binWidth=parameters.binWidth,
            classes=self._classes(),
            parameterFile=Path(file) if file else None,
        )

    def _problem(self) -> str:
        """Why features cannot be taken."""
        problem = self.inputProblem()
        if problem:
            return problem
        if self._parameterNode.segmentation is None:
            return _("Select a segmentation, or make one with Spine Segmentation.")
        file = self.ui.parameterPathEdit.currentPath
        if file and not Path(file).is_file():
            return _("There is no such parameter file.")
        return "" if file or self._classes() else _("Choose a class of features.")

    def updateButtons(self) -> None:
        """Buttons that cannot be pressed say why."""
        ui, busy = self.ui, _("A study is being worked on.") if self.job is not None else ""
        ready = _("Takes features of every structure in every image chosen. Nothing leaves this computer.")
        self.applyButtonState(_("Take features"), ready, self._problem())
        self.comparing.enable(busy)
        reason = busy or self._reportProblem()
        ui.reportButton.enabled = not reason
        ui.reportButton.toolTip = reason or _("Writes one page with everything known of this study.")

    def _reportProblem(self) -> str:
        if self.volume is None:
            return _("Select a volume.")
        path = self.ui.reportPathEdit.currentPath
        return "" if path.lower().endswith((".html", ".htm")) else _("Choose a file that ends in .html.")

    def _segmentation(self) -> vtkMRMLSegmentationNode | None:
        return None if self._parameterNode is None else self._parameterNode.segmentation

    def _start(self) -> None:
        volume, segmentation = self.volume, self._segmentation()
        self._report = None
        self.startJob(lambda job: self.logic.start(job, volume, segmentation, self._options()))

    def onReport(self) -> None:
        """Write the report."""
        path = Path(self.ui.reportPathEdit.currentPath)
        self._report = path
        self.startJob(lambda job: Reports.beginReport(job, self.volume, self._parameterNode.referenceVolume, path))

    def onResults(self, outcome: "Outcome") -> None:
        """Open a report that was written."""
        report, self._report = self._report, None
        if report is not None and outcome.succeeded:
            qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(str(report)))

    def updateResults(self) -> None:
        """Show the features of the chosen volume."""
        from spinemr.scene.case_nodes import case_of

        table = None if self.volume is None else case_of(self.volume).features
        self.ui.featureTable.setMRMLTableNode(table)
        self.ui.featureTable.setVisible(table is not None)
        count = 0 if table is None else table.GetTable().GetNumberOfRows()
        columns = 0 if table is None else table.GetTable().GetNumberOfColumns()
        shown = _("{rows} rows, {columns} columns. Click a row to see its structure.").format(rows=count, columns=columns)
        self.ui.featureLabel.setText(shown if table is not None else _("There are no features yet."))
        self.updateButtons()

    def _onCell(self, index: Any) -> None:
        """Show the structure of a row."""
        from spinemr.scene.tables import rows_of

        table = self.ui.featureTable.mrmlTableNode()
        names = list(rows_of(table)[0]) if table is not None else []
        if "label" in names:
            self.showStructure(int(float(index.sibling(index.row(), names.index("label")).data())))

    def showStructure(self, label: int) -> None:
        """Where a structure lies, in all views."""
        problem = showStructure(self._segmentation(), self.volume, label)
        if problem:
            self.comparing.say(problem)


#
# RadiomicsQCLogic
#


class RadiomicsQCLogic(ScriptedLoadableModuleLogic):
    """What the module does, without its panel."""

    def getParameterNode(self) -> RadiomicsQCParameterNode:
        """The scene's parameters of this module."""
        return RadiomicsQCParameterNode(super().getParameterNode())

    def start(
        self, job: StudyJob, inputVolume: vtkMRMLScalarVolumeNode, segmentation: vtkMRMLSegmentationNode, options: FeatureOptions
    ) -> None:
        """Start a job and return at once."""
        Features.beginFeatures(job, inputVolume, segmentation, options)

    def process(
        self,
        inputVolume: vtkMRMLScalarVolumeNode,
        segmentation: vtkMRMLSegmentationNode,
        options: FeatureOptions | None = None,
    ) -> vtkMRMLTableNode:
        """Take features and wait; returns their table node."""
        from spinemr.scene.case_nodes import case_of

        job = StudyJob()
        self.start(job, inputVolume, segmentation, options or FeatureOptions())
        outcome = job.wait()
        if not outcome.succeeded:
            raise RuntimeError(outcome.message)
        return case_of(inputVolume).features

    def relativeErrors(self, inputVolume: vtkMRMLScalarVolumeNode) -> Any:
        """Heat map of the features that were taken (:class:`spinemr.scene.heat_map.HeatMap`)."""
        from spinemr.scene.case_nodes import case_of

        return Comparisons.addRelativeErrors(inputVolume, Comparisons.featuresOf(case_of(inputVolume).features))

    def agreement(self, inputVolume: vtkMRMLScalarVolumeNode, segmentation: vtkMRMLSegmentationNode) -> Any:
        """Bland-Altman chart of the automatic and the corrected mask."""
        return Comparisons.addAgreement(inputVolume, segmentation)

    def scannerDependence(self, cohort: vtkMRMLTableNode) -> tuple[vtkMRMLTableNode, str]:
        """Tests of every feature, and what they say in a sentence."""
        return Comparisons.addScannerDependence(cohort)


#
# RadiomicsQCTest
#


class RadiomicsQCTest(ScriptedLoadableModuleTest):
    """Run on a drawn study and its true labels, so that it needs neither a network nor data."""

    def setUp(self) -> None:
        """Begin with an empty scene."""
        slicer.mrmlScene.Clear()

    def runTest(self) -> None:
        """All tests."""
        self.setUp()
        self.test_FeaturesOfADrawnStudyAreTakenAndCompared()

    def test_FeaturesOfADrawnStudyAreTakenAndCompared(self) -> None:
        """An image compared with itself has no errors."""
        from spinemr.scene.segmentations import add_segmentation
        from spinemr.scene.tables import rows_of
        from spinemr.synthesis.study import draw_study

        self.delayDisplay("Drawing a study")
        volume = drawStudy(slicer.mrmlScene)
        segmentation = add_segmentation(slicer.mrmlScene, draw_study(7, contrast="t2").labels, volume, "True labels")
        self.delayDisplay("Taking features")
        options = FeatureOptions(images=((Features.HARMONIZED, volume),), classes=("firstorder",))
        table = RadiomicsQCLogic().process(volume, segmentation, options)
        rows = rows_of(table)
        self.assertEqual({row["image"] for row in rows}, {"source", "harmonized"})
        errors = rows_of(RadiomicsQCLogic().relativeErrors(volume).table)
        self.assertEqual({value for row in errors for value in row.values() if isinstance(value, float)}, {0.0})
        self.delayDisplay("Test passed")
