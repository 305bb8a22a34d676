"""The Spine Segmentation module from its .ui file, by mouse and keyboard, on MRML nodes and a drawn study."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

pytestmark = pytest.mark.desktop

NAME = "SpineSegmentation"


@pytest.fixture
def segmented(volume, drawn):
    """The drawn study with its true labels as if the software had made them."""
    import slicer

    from spinemr.scene.case_nodes import MEASUREMENTS_ROLE, case_of, set_quality, set_segmentation, set_table
    from spinemr.scene.results import rows_of_csv
    from spinemr.segmentation.measurements import measure_image

    scene = slicer.mrmlScene
    set_segmentation(scene, volume, drawn.labels)
    labels = [int(label) for label in np.unique(sitk.GetArrayViewFromImage(drawn.labels)) if label]
    structures = [{"label": label, "confidence": 0.6 if label == 123 else 0.9, "volume_mm3": 1000.0} for label in labels]
    report = {"structures": structures, "level_confidence": 0.8, "counted_from": "sacrum", "shift": 0, "flags": []}
    set_quality(scene, volume, {"verdict": "pass", "reasons": [], "segmentation": report})
    path = Path(slicer.app.temporaryPath) / "true.csv"
    measure_image(drawn.labels).write_csv(path)
    set_table(scene, volume, MEASUREMENTS_ROLE, rows_of_csv(path))
    return case_of(volume)


def cells(table, column):
    return [table.item(row, column).text() for row in range(table.rowCount)]


def choose(mouse, widget, label):
    """Click a structure in the table of levels."""
    from PySide6 import QtCore
    from PySide6.QtTest import QTest

    from spinemr.imaging.anatomy import name_of

    table = widget.ui.levelTable
    row = cells(table, 0).index(name_of(label))
    table.scrollToItem(table.item(row, 0))
    where = table.visualItemRect(table.item(row, 1)).center()
    QTest.mouseClick(table.viewport(), QtCore.Qt.LeftButton, QtCore.Qt.NoModifier, where)


def paint(segmentation, volume, label, by):
    """Change a segment's voxels as an effect of the editor does."""
    import slicer

    from spinemr.scene.selection import segments_of

    segment = segments_of(segmentation, label)[0]
    array = slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, segment, volume)
    slicer.util.updateSegmentBinaryLabelmapFromArray(by(array), segmentation, segment, volume)


def test_without_segments_every_button_says_so(panel, volume, screenshot, cut_off):
    widget = panel(NAME)
    ui = widget.ui
    assert ui.applyButton.enabled
    buttons = (ui.shiftUpButton, ui.shiftDownButton, ui.transitionalCheckBox, ui.editButton, ui.acceptButton, ui.discardButton)
    for button in buttons:
        assert not button.enabled
        assert button.toolTip == "There are no segments yet."
    assert ui.levelLabel.text == "There are no segments yet."
    assert cut_off(widget.parent) == []
    screenshot(widget.parent, "segmentation_empty")


def test_a_study_is_segmented_and_measured(host, panel, mouse, volume, screenshot, cut_off):
    from spinemr.scene.case_nodes import case_of
    from spinemr.scene.tables import rows_of

    widget = panel(NAME)
    mouse.click(widget.ui.applyButton)
    assert widget.ui.applyButton.text == "Cancel"
    assert widget.ui.acceptButton.toolTip == "A study is being worked on."
    assert host.wait(lambda: widget.job is None, 120), widget.progress.log.toPlainText()
    assert host.messages == []
    names = cells(widget.ui.levelTable, 0)
    assert names.index("L4 vertebra") < names.index("L4-L5 disc") < names.index("L5 vertebra") < names.index("sacrum")
    assert all(text.endswith(" %") for text in cells(widget.ui.levelTable, 1))
    assert "Counted from the sacrum" in widget.ui.levelLabel.text
    case = case_of(volume)
    heights = {row["structure"]: row["height_middle_mm"] for row in rows_of(case.measurements)}
    assert 5 < heights["L4-L5 disc"] < 18
    assert widget.ui.measurementTable.mrmlTableNode() is case.measurements
    assert cut_off(widget.parent) == []
    screenshot(widget.parent, "segmentation_done")


def test_a_click_on_a_level_shows_it(panel, mouse, segmented, volume):
    import slicer

    from spinemr.scene.selection import FAINT, centre_mm, segments_of

    widget = panel(NAME)
    choose(mouse, widget, 123)
    assert widget.levels.label == 123
    display = segmented.segmentation.GetDisplayNode()
    assert display.GetSegmentOpacity3D(segments_of(segmented.segmentation, 123)[0]) == 1
    assert display.GetSegmentOpacity3D(segments_of(segmented.segmentation, 22)[0]) == pytest.approx(FAINT)
    left, posterior, superior = centre_mm(segmented.segmentation, volume, 123)
    node = slicer.app.layoutManager().sliceWidget("Yellow").mrmlSliceNode()
    centre = [node.GetSliceToRAS().GetElement(row, 3) for row in range(3)]
    np.testing.assert_allclose(centre, (-left, -posterior, superior), atol=0.01)


def test_unsure_structures_are_set_off(panel, segmented):
    widget = panel(NAME)
    table = widget.ui.levelTable
    row = cells(table, 0).index("L4-L5 disc")
    assert table.item(row, 1).text() == "60 %"
    assert "not sure" in table.item(row, 1).toolTip()
    assert table.item(row - 1, 1).toolTip() == ""


def test_levels_shift_in_segments_tables_and_confidences(panel, mouse, segmented, volume):
    from spinemr.scene.case_nodes import case_of
    from spinemr.scene.tables import rows_of

    widget = panel(NAME)
    before = {row["structure"]: row["height_middle_mm"] for row in rows_of(segmented.measurements)}
    mouse.click(widget.ui.shiftUpButton)
    after = {row["structure"]: row["height_middle_mm"] for row in rows_of(case_of(volume).measurements)}
    assert after["L3-L4 disc"] == pytest.approx(before["L4-L5 disc"])
    table = widget.ui.levelTable
    assert table.item(cells(table, 0).index("L3-L4 disc"), 1).text() == "60 %"
    assert "Shifted by -1." in widget.ui.levelLabel.text
    assert case_of(volume).quality["notes"] == ["Levels were shifted by hand after this verdict."]
    mouse.click(widget.ui.shiftDownButton)
    assert table.item(cells(table, 0).index("L4-L5 disc"), 1).text() == "60 %"
    assert "Shifted" not in widget.ui.levelLabel.text


def test_a_shift_without_names_changes_nothing_and_says_why(host, panel, mouse, segmented):
    widget = panel(NAME)
    for _ in range(2):
        mouse.click(widget.ui.shiftDownButton)
    assert len(host.messages) == 1
    assert "leaves no name" in host.messages[0]
    assert "L6 vertebra" in cells(widget.ui.levelTable, 0)
    assert [type(error).__name__ for error in host.errors] == ["InputError"], "tryWithErrorDisplay raises again"
    host.errors.clear()


def test_a_structure_is_edited_and_the_correction_accepted(host, panel, mouse, segmented, volume, screenshot, cut_off):
    from spinemr.scene.audit import AUTOMATIC_ROLE, audit_of, is_corrected
    from spinemr.scene.case_nodes import case_of
    from spinemr.scene.tables import rows_of

    widget = panel(NAME)
    assert widget.ui.editButton.toolTip == "Choose a structure in the table of levels."
    choose(mouse, widget, 22)
    mouse.click(widget.ui.editButton) if widget.ui.editButton.isVisible() else widget.onEdit()
    editor = widget.ui.segmentEditor
    assert editor.segmentationNode() is segmented.segmentation
    assert editor.sourceVolumeNode() is volume
    assert editor.currentSegmentID() == "Segment_22"
    assert editor.activeEffectName() == "Paint"
    assert not widget.ui.correctionCollapsibleButton.collapsed
    host.frame_of(widget).resize(420, 1400)
    assert cut_off(widget.parent) == []
    screenshot(widget.parent, "segmentation_editing")
    before = {row["structure"]: row["volume_mm3"] for row in rows_of(segmented.measurements) if row["label"]}

    def without_half(array):
        array = array.copy()
        array[: array.shape[0] // 2] = 0
        return array

    paint(segmented.segmentation, volume, 22, without_half)
    widget.ui.noteEdit.text = "left half only"
    mouse.click(widget.ui.acceptButton)
    assert host.messages == []
    assert editor.activeEffectName() == ""
    after = {row["structure"]: row["volume_mm3"] for row in rows_of(case_of(volume).measurements) if row["label"]}
    assert 0.2 * before["L3 vertebra"] < after["L3 vertebra"] < 0.8 * before["L3 vertebra"]
    assert after["L1 vertebra"] == pytest.approx(before["L1 vertebra"])
    assert "L3 vertebra was corrected" in widget.ui.correctionLabel.text
    entries = audit_of(segmented.segmentation)
    assert len(entries) == 1
    assert entries[0]["note"] == "left half only"
    assert is_corrected(segmented.segmentation)
    assert segmented.segmentation.GetNodeReference(AUTOMATIC_ROLE) is not None
    table = widget.ui.levelTable
    assert table.item(cells(table, 0).index("L3 vertebra"), 1).text() == "by hand"
    assert case_of(volume).quality["notes"] == ["Segments were corrected by hand after this verdict."]
    check_discard(host, widget, mouse, volume, before)


def check_discard(host, widget, mouse, volume, before):
    """All changes go, after asking."""
    from PySide6 import QtWidgets

    from spinemr.scene.case_nodes import case_of
    from spinemr.scene.tables import rows_of

    def volumes():
        return {row["structure"]: row["volume_mm3"] for row in rows_of(case_of(volume).measurements) if row["label"]}

    host.answers.append(QtWidgets.QMessageBox.Cancel)
    mouse.click(widget.ui.discardButton)
    assert "Throw away" in host.messages[-1]
    assert volumes()["L3 vertebra"] < 0.8 * before["L3 vertebra"]
    mouse.click(widget.ui.discardButton)
    assert volumes() == pytest.approx(before, nan_ok=True)


def test_corrected_segments_survive_another_run(host, panel, mouse, segmented, volume):
    from spinemr.scene.case_nodes import case_of

    widget = panel(NAME)
    paint(segmented.segmentation, volume, 60, np.zeros_like)
    widget.onAccept()
    corrected = segmented.segmentation
    mouse.click(widget.ui.applyButton)
    assert host.wait(lambda: widget.job is None, 120)
    assert case_of(volume).segmentation is not corrected
    assert corrected.GetScene() is not None
    assert not corrected.GetDisplayNode().GetVisibility()


def test_kinds_surfaces_and_lines_are_shown_and_hidden(host, panel, mouse, segmented, volume):
    import slicer

    from spinemr.scene.segmentations import has_surfaces
    from spinemr.scene.selection import shown_structures

    widget = panel(NAME)
    host.frame_of(widget).resize(420, 1400)
    host.settle()
    mouse.click(widget.ui.discsCheckBox)
    assert 123 not in shown_structures(segmented.segmentation)
    assert 23 in shown_structures(segmented.segmentation)
    mouse.click(widget.ui.discsCheckBox)
    assert 123 in shown_structures(segmented.segmentation)
    mouse.click(widget.ui.surfacesCheckBox)
    assert has_surfaces(segmented.segmentation)
    mouse.click(widget.ui.surfacesCheckBox)
    assert not has_surfaces(segmented.segmentation)
    mouse.click(widget.ui.linesCheckBox)
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLMarkupsLineNode") >= 4
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLMarkupsAngleNode") == 1
    mouse.click(widget.ui.shiftUpButton)
    names = [node.GetName() for node in slicer.util.getNodesByClass("vtkMRMLMarkupsLineNode")]
    assert "L3-L4 disc height" in names and len(names) == len(set(names))
    mouse.click(widget.ui.linesCheckBox)
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLMarkupsLineNode") == 0


def test_a_transitional_vertebra_is_noted(host, panel, mouse, segmented, tmp_path):
    widget = panel(NAME)
    mouse.click(widget.ui.transitionalCheckBox)
    assert segmented.segmentation.GetAttribute("SpineMR.Transitional") == "1"
    mouse.click(widget.ui.transitionalCheckBox)
    assert segmented.segmentation.GetAttribute("SpineMR.Transitional") is None


@pytest.fixture
def exporting(host, panel, segmented, mouse, tmp_path):
    """The panel with its export open; returns a function that exports a format by a click."""
    widget = panel(NAME)
    host.frame_of(widget).resize(420, 1500)
    widget.ui.exportCollapsibleButton.collapsed = False
    host.settle()
    folder = tmp_path / "Dr. Řehoř"

    def export(title):
        mouse.choose(widget.ui.formatSelector, title)
        widget.ui.exportPathEdit.currentPath = str(folder)
        assert widget.ui.exportButton.enabled, widget.ui.exportButton.toolTip
        mouse.click(widget.ui.exportButton)
        assert host.messages == []
        return folder

    export.widget = widget
    return export


def test_label_maps_are_exported_in_the_numbers_asked_for(exporting, mouse, drawn):
    assert exporting.widget.ui.exportButton.toolTip == "Choose a folder for the files."
    folder = exporting("Label map (NIfTI)")
    written = sitk.GetArrayFromImage(sitk.ReadImage(str(folder / "Drawn_study_labels.nii.gz")))
    np.testing.assert_array_equal(written, sitk.GetArrayFromImage(drawn.labels))
    mouse.choose(exporting.widget.ui.numberingSelector, "TotalSpineSeg")
    exporting("Label map (NIfTI)")
    again = sitk.GetArrayFromImage(sitk.ReadImage(str(folder / "Drawn_study_labels.nii.gz")))
    assert 95 in again and 124 not in again  # L5-S1 there


def test_segmentations_and_surfaces_are_exported(exporting, drawn):
    from spinemr.imaging.files import read_labels

    folder = exporting("Segmentation (NRRD)")
    assert not exporting.widget.ui.numberingSelector.enabled
    np.testing.assert_array_equal(
        sitk.GetArrayFromImage(read_labels(folder / "Drawn_study.seg.nrrd")), sitk.GetArrayFromImage(drawn.labels)
    )
    exporting("Surfaces (STL)")
    surfaces = list(folder.glob("*.stl"))
    assert any("L4-L5 disc" in path.name for path in surfaces)
    assert all(path.stat().st_size > 84 for path in surfaces)
    assert "Written: " in exporting.widget.ui.exportLabel.text


def test_training_pairs_say_what_a_person_did(exporting, volume):
    from SpineSegmentationLib import Editing

    Editing.acceptCorrections(volume, note="read twice")
    folder = exporting("Training pair")
    about = json.loads((folder / "Drawn_study_pair.json").read_text(encoding="utf-8"))
    image, labels = (sitk.ReadImage(str(folder / about[key])) for key in ("image", "labels"))
    assert image.GetSize() == labels.GetSize()
    assert about["corrections"][0]["note"] == "read twice"
    assert about["transitional_vertebra"] is False


def test_dicom_is_offered_for_dicom_only(exporting, mouse):
    mouse.choose(exporting.widget.ui.formatSelector, "DICOM SEG")
    exporting.widget.ui.exportPathEdit.currentPath = "/"
    assert not exporting.widget.ui.exportButton.enabled
    assert "DICOM module" in exporting.widget.ui.exportButton.toolTip


def test_closing_the_scene_lets_go_of_everything(host, panel, mouse, segmented):
    import slicer

    widget = panel(NAME)
    choose(mouse, widget, 23)
    widget.onEdit()
    widget.ui.linesCheckBox.click()
    slicer.mrmlScene.Clear(False)
    assert widget.ui.segmentEditor.segmentationNode() is None
    assert widget.ui.levelTable.rowCount == 0
    assert widget.ui.measurementTable.mrmlTableNode() is None


def test_larger_fonts_fit(host, panel, segmented, cut_off, screenshot):
    font = host.app.font()
    bigger = type(font)(font)
    bigger.setPointSizeF(font.pointSizeF() * 1.25)
    host.app.setFont(bigger)
    try:
        widget = panel(NAME)
        for button in (widget.ui.correctionCollapsibleButton, widget.ui.exportCollapsibleButton):
            button.collapsed = False
        host.settle()
        assert widget.parent.minimumSizeHint().width() <= 420
        assert cut_off(widget.parent) == []
        screenshot(widget.parent, "segmentation_large_font")
    finally:
        host.app.setFont(font)


@pytest.mark.slow
def test_the_self_test_of_the_module(host, panel):
    import slicer

    panel(NAME)
    slicer.modules.spinesegmentation.instance.runTest()
