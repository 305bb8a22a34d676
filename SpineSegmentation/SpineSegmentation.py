from typing import TYPE_CHECKING, Any

import slicer
from slicer import vtkMRMLScalarVolumeNode
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.parameterNodeWrapper import parameterNodeWrapper
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
)

from SpineSegmentationLib import Editing, Segmenting
from SpineSegmentationLib.Choices import Device, NamedChoice
from SpineSegmentationLib.Exporting import Exporting
from SpineSegmentationLib.Exports import ExportFormat, Numbering
from SpineSegmentationLib.LevelTable import LevelTable
from SpineSegmentationLib.SampleStudies import drawStudy, registerSampleStudies, showVolume
from SpineSegmentationLib.SegmentEditing import SegmentEditing
from SpineSegmentationLib.Segmenting import SegmentationOptions, beginSegmentation
from SpineSegmentationLib.Showing import Showing, showStructure
from SpineSegmentationLib.StudyJob import StudyJob
from SpineSegmentationLib.StudyPanel import StudyPanel

if TYPE_CHECKING:
    from spinemr.pipeline.child_process import Outcome

#
# SpineSegmentation
#


class SpineSegmentation(ScriptedLoadableModule):
    """Discs, vertebrae, canal and sacrum of lumbar MRI: segmented, checked, corrected, measured, exported."""

    def __init__(self, parent: Any) -> None:
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = _("Spine Segmentation")
        parent.categories = [translate("qSlicerAbstractCoreModule", "Spine")]
        parent.dependencies = []
        parent.contributors = ["SpineMR contributors"]
        parent.helpText = _(
            "Segments discs, vertebrae, spinal canal and sacrum in lumbar MRI of any contrast and orientation, shows how sure it "
            "is of each, and lets you shift levels, correct segments, measure and export. Not a medical device."
        )
        parent.acknowledgementText = _("The methods follow published work, which the documentation and the citation file name.")
        slicer.app.connect("startupCompleted()", lambda: registerSampleStudies(self.resourcePath("Icons/SpineSegmentation.png")))


#
# SpineSegmentationParameterNode
#


@parameterNodeWrapper
class SpineSegmentationParameterNode:
    """What is chosen in the panel; it is saved with the scene."""

    inputVolume: vtkMRMLScalarVolumeNode
    model: str = Segmenting.DEFAULT_MODEL
    device: Device = Device.AUTO
    parts: bool = True
    exportFormat: ExportFormat = ExportFormat.NRRD
    numbering: Numbering = Numbering.VERSE


#
# SpineSegmentationWidget
#


class SpineSegmentationWidget(StudyPanel):
    """The module's panel."""

    title = _("Spine Segmentation")

    def makeLogic(self) -> Any:
        """The module's logic."""
        return SpineSegmentationLogic()

    def build(self) -> None:
        """Make and connect the level table, the editor and the export."""
        ui = self.ui
        self.levels = LevelTable(ui.levelTable)
        self.editing = SegmentEditing(ui.segmentEditor)
        self.showing = Showing(ui)
        self.modelChoice = NamedChoice(ui.modelSelector, Segmenting.models(), self._onModel)
        ui.applyButton.clicked.connect(lambda _checked=False: self._start())
        ui.shiftUpButton.clicked.connect(lambda _checked=False: self.onShift(-1))
        ui.shiftDownButton.clicked.connect(lambda _checked=False: self.onShift(1))
        ui.transitionalCheckBox.clicked.connect(lambda seen=False: self.onTransitional(seen))
        ui.editButton.clicked.connect(lambda _checked=False: self.onEdit())
        ui.acceptButton.clicked.connect(lambda _checked=False: self.onAccept())
        ui.discardButton.clicked.connect(lambda _checked=False: self.onDiscard())
        self.exporting = Exporting(self)
        self.levels.chosen.connect(self.onStructure)

    def exit(self) -> None:
        """The user opens another module."""
        self.editing.stop()
        StudyPanel.exit(self)

    def onSceneStartClose(self, caller: Any = None, event: Any = None) -> None:
        """The editor lets go of nodes that go."""
        self.editing.letGo()
        self.showing.forget()
        StudyPanel.onSceneStartClose(self, caller, event)

    def stopMore(self) -> None:
        """Put the editor's tools away."""
        self.editing.stop()

    def followParameters(self) -> None:
        """The model is not bound by name."""
        self.modelChoice.show(self._parameterNode.model)
        self.ui.modelSelector.toolTip = Segmenting.modelSummary(self._parameterNode.model)

    def _onModel(self, name: str) -> None:
        if self._parameterNode is not None:
            self._parameterNode.model = name

    @property
    def segmentation(self) -> slicer.vtkMRMLSegmentationNode | None:
        """The segments of the chosen volume."""
        from spinemr.scene.case_nodes import case_of

        return None if self.volume is None else case_of(self.volume).segmentation

    def updateButtons(self) -> None:
        """Buttons that cannot be pressed say why."""
        ui, busy = self.ui, _("A study is being worked on.") if self.job is not None else ""
        ready = _("Segments and measures the study. Nothing leaves this computer.")
        self.applyButtonState(_("Segment"), ready, self.inputProblem())
        none = busy or ("" if self.segmentation is not None else _("There are no segments yet."))
        self._enable(none, ui.shiftUpButton, _("Every L4 becomes an L3, and so on."))
        self._enable(none, ui.shiftDownButton, _("Every L4 becomes an L5, and so on."))
        seen = _("Notes that you see a transitional vertebra; it goes into exports.")
        self._enable(none, ui.transitionalCheckBox, seen)
        unchosen = none or ("" if self.levels.label is not None else _("Choose a structure in the table of levels."))
        self._enable(unchosen, ui.editButton, _("Opens the chosen structure with a brush."))
        accept = _("Keeps the automatic mask, writes down what was changed, and measures again.")
        self._enable(none, ui.acceptButton, accept)
        self._enable(none, ui.discardButton, _("Throws all changes away."))
        self._enable(none or self.exporting.problem(), ui.exportButton, _("Writes the segments as they are now."))
        self.showing.enable(none)

    @staticmethod
    def _enable(reason: str, button: Any, ready: str) -> None:
        button.enabled = not reason
        button.toolTip = reason or ready

    def _start(self) -> None:
        volume, options = self.volume, self._options()
        self.startJob(lambda job: self.logic.start(job, volume, options))

    def _options(self) -> SegmentationOptions:
        parameters = self._parameterNode
        return SegmentationOptions(parameters.model, parameters.device.value, parameters.parts)

    def onResults(self, outcome: "Outcome") -> None:
        """Show what came."""
        if outcome.succeeded:
            showVolume(self.volume)

    def updateResults(self) -> None:
        """Show what is known of the chosen volume."""
        from spinemr.scene.case_nodes import case_of

        case = None if self.volume is None else case_of(self.volume)
        report = {} if case is None else case.quality.get("segmentation") or {}
        segmentation = None if case is None else case.segmentation
        self.levels.show(segmentation, report)
        self.ui.levelLabel.setText(self._levelText(report) if segmentation is not None else _("There are no segments yet."))
        self.ui.transitionalCheckBox.setChecked(Editing.isTransitional(segmentation))
        self.ui.measurementTable.setMRMLTableNode(None if case is None else case.measurements)
        self.ui.measurementTable.setVisible(case is not None and case.measurements is not None)
        self._say(self.ui.correctionLabel, "")
        self.exporting.say("")
        self.showing.show(self.volume, segmentation)
        self.updateButtons()

    @staticmethod
    def _say(label: Any, text: str) -> None:
        """A label that takes no room while it has nothing to say."""
        label.setText(text)
        label.setVisible(bool(text))

    def _levelText(self, report: dict[str, Any]) -> str:
        confidence = report.get("level_confidence")
        if confidence is None:
            return _("These segments came without confidences.")
        counted = _("Counted from the {start}, confidence {share:.0f} %; could be shifted by one.")
        lines = [counted.format(start=report.get("counted_from", ""), share=100 * confidence), *report.get("flags", [])]
        shift = int(report.get("shift", 0))
        return "\n".join([*lines, *([_("Shifted by {levels:+d}.").format(levels=shift)] if shift else [])])

    def onStructure(self, label: int) -> None:
        """Show where a structure lies."""
        problem = showStructure(self.segmentation, self.volume, label)
        if problem:
            self._say(self.ui.correctionLabel, problem)
        self.updateButtons()

    def onShift(self, levels: int) -> None:
        """Every vertebra gets the name of its neighbour."""
        with slicer.util.tryWithErrorDisplay(_("The levels could not be shifted."), waitCursor=True):
            Editing.shiftLevels(self.volume, levels)
            self.updateResults()

    def onTransitional(self, seen: bool) -> None:
        """A transitional vertebra was seen."""
        Editing.setTransitional(self.segmentation, seen)

    def onEdit(self) -> None:
        """Open the chosen structure in the editor."""
        from spinemr.scene.selection import segments_of

        with slicer.util.tryWithErrorDisplay(_("The structure could not be opened."), waitCursor=True):
            self.ui.correctionCollapsibleButton.collapsed = False
            segment = segments_of(self.segmentation, self.levels.label)[0]
            self.editing.edit(self.segmentation, self.volume, segment)

    def onAccept(self) -> None:
        """Stand for the segments as they are."""
        with slicer.util.tryWithErrorDisplay(_("The corrections could not be accepted."), waitCursor=True):
            self.editing.stop()
            sentences = Editing.acceptCorrections(self.volume, self.ui.noteEdit.text)
            self.updateResults()
            self._say(self.ui.correctionLabel, "\n".join(sentences))

    def onDiscard(self) -> None:
        """Back to what the software drew."""
        question = _("Throw away all changes to the segments and go back to the automatic ones?")
        if not slicer.util.confirmOkCancelDisplay(question, windowTitle=self.title):
            return
        with slicer.util.tryWithErrorDisplay(_("The changes could not be thrown away."), waitCursor=True):
            self.editing.stop()
            Editing.backToAutomatic(self.volume)
            self.updateResults()


#
# SpineSegmentationLogic
#


class SpineSegmentationLogic(ScriptedLoadableModuleLogic):
    """What the module does, without its panel."""

    def getParameterNode(self) -> SpineSegmentationParameterNode:
        """The scene's parameters of this module."""
        return SpineSegmentationParameterNode(super().getParameterNode())

    def start(self, job: StudyJob, inputVolume: vtkMRMLScalarVolumeNode, options: SegmentationOptions) -> None:
        """Start a job and return at once."""
        beginSegmentation(job, inputVolume, options)

    def process(self, inputVolume: vtkMRMLScalarVolumeNode, options: SegmentationOptions | None = None) -> Any:
        """Segment, measure and wait; returns the nodes of the case (:class:`spinemr.scene.case_nodes.CaseNodes`)."""
        from spinemr.scene.case_nodes import case_of

        job = StudyJob()
        self.start(job, inputVolume, options or SegmentationOptions())
        outcome = job.wait()
        if not outcome.succeeded:
            raise RuntimeError(outcome.message)
        return case_of(inputVolume)


#
# SpineSegmentationTest
#


class SpineSegmentationTest(ScriptedLoadableModuleTest):
    """Run on a drawn study, so that it needs neither a network nor data."""

    def setUp(self) -> None:
        """Begin with an empty scene."""
        slicer.mrmlScene.Clear()

    def runTest(self) -> None:
        """All tests."""
        self.setUp()
        self.test_ADrawnStudyIsSegmentedShiftedAndCorrected()

    def test_ADrawnStudyIsSegmentedShiftedAndCorrected(self) -> None:
        """Segments come with measurements; shifting renames them; a removed one is written down."""
        from spinemr.scene.audit import audit_of
        from spinemr.scene.selection import segments_of

        self.delayDisplay("Drawing a study")
        volume = drawStudy(slicer.mrmlScene)
        self.delayDisplay("Segmenting")
        case = SpineSegmentationLogic().process(volume)
        self.assertTrue(segments_of(case.segmentation, 123))
        self.assertGreater(case.measurements.GetTable().GetNumberOfRows(), 10)
        self.delayDisplay("Shifting and correcting")
        Editing.shiftLevels(volume, -1)
        self.assertTrue(segments_of(case.segmentation, 122))
        Editing.shiftLevels(volume, 1)
        case.segmentation.GetSegmentation().RemoveSegment(segments_of(case.segmentation, 60)[0])
        sentences = Editing.acceptCorrections(volume, note="self test")
        self.assertIn("Spinal cord was removed", " ".join(sentences))
        self.assertEqual(audit_of(case.segmentation)[-1]["note"], "self test")
        self.delayDisplay("Test passed")
