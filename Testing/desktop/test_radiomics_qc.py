"""The Radiomics QC module from its .ui file, by mouse and keyboard, on MRML nodes and a drawn study."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

pytestmark = pytest.mark.desktop

NAME = "RadiomicsQC"


@pytest.fixture
def case(volume, drawn):
    """The drawn study with its true labels, and an image one and a half times as bright as harmonized one."""
    import slicer

    from spinemr.scene.case_nodes import case_of, set_harmonized, set_segmentation

    set_segmentation(slicer.mrmlScene, volume, drawn.labels)
    set_harmonized(slicer.mrmlScene, volume, sitk.Cast(drawn.image, sitk.sitkFloat32) * 1.5)
    return case_of(volume)


@pytest.fixture
def few_classes(panel, case):
    """The panel with all classes off but first order: fast."""
    widget = panel(NAME)
    for name in ("shape", "glcm", "glrlm", "glszm", "gldm", "ngtdm"):
        setattr(widget._parameterNode, name, False)
    return widget


@pytest.fixture
def add_rows():
    """Makes a table node."""
    import slicer

    from spinemr.scene.tables import add_table

    return lambda name, rows: add_table(slicer.mrmlScene, name, rows)


def run_to_the_end(host, widget):
    assert host.wait(lambda: widget.job is None, 120), widget.progress.log.toPlainText()


def test_without_segments_nothing_starts(panel, volume, cut_off, screenshot):
    widget = panel(NAME)
    assert not widget.ui.applyButton.enabled
    assert widget.ui.applyButton.toolTip.startswith("Select a segmentation")
    assert widget.ui.errorsButton.toolTip == "There are no features of this volume yet."
    assert widget.ui.dependenceButton.toolTip == "Select a table of features with a column named scanner."
    assert cut_off(widget.parent) == []
    screenshot(widget.parent, "radiomics_empty")


def test_a_volume_brings_what_was_made_of_it(panel, case):
    widget = panel(NAME)
    assert widget.ui.harmonizedSelector.currentNode() is case.harmonized
    assert widget.ui.segmentationSelector.currentNode() is case.segmentation
    assert widget.ui.applyButton.enabled


def test_bins_are_said_in_words(panel, mouse, case, tmp_path):
    from PySide6 import QtCore
    from PySide6.QtTest import QTest

    widget = panel(NAME)
    ui = widget.ui
    assert "divided into 64 bins" in ui.binLabel.text
    assert ui.binCountSpinBox.enabled and not ui.binWidthSpinBox.enabled
    ui.binCountSpinBox.setFocus()
    ui.binCountSpinBox.selectAll()
    QTest.keyClicks(ui.binCountSpinBox, "32")
    QTest.keyClick(ui.binCountSpinBox, QtCore.Qt.Key_Return)
    assert widget._parameterNode.binCount == 32
    assert "divided into 32 bins" in ui.binLabel.text
    mouse.choose(ui.binningSelector, "Fixed width of bins")
    assert "A bin spans 25 units" in ui.binLabel.text
    assert ui.binWidthSpinBox.enabled and not ui.binCountSpinBox.enabled
    ui.parameterPathEdit.currentPath = str(tmp_path / "gone.yaml")
    assert ui.binLabel.text == "Bins and classes come from the parameter file."
    assert ui.applyButton.toolTip == "There is no such parameter file."


def test_no_class_is_no_features(few_classes, mouse):
    widget = few_classes
    assert widget.ui.applyButton.enabled
    mouse.click(widget.ui.firstorderCheckBox)
    assert widget.ui.applyButton.toolTip == "Choose a class of features."


def test_features_are_taken_compared_and_clicked(host, few_classes, mouse, case, screenshot, cut_off):
    from PySide6 import QtCore
    from PySide6.QtTest import QTest

    from spinemr.scene.case_nodes import case_of
    from spinemr.scene.tables import rows_of

    widget = few_classes
    mouse.click(widget.ui.applyButton)
    run_to_the_end(host, widget)
    assert host.messages == []
    rows = rows_of(case_of(case.volume).features)
    means = {(row["image"], row["structure"]): row["original_firstorder_Mean"] for row in rows}
    assert means["harmonized", "L4 vertebra"] == pytest.approx(1.5 * means["source", "L4 vertebra"], rel=1e-6)
    assert not any("glcm" in name for name in rows[0])
    assert f"{len(rows)} rows" in widget.ui.featureLabel.text
    host.frame_of(widget).resize(420, 1500)
    host.settle()
    mouse.click(widget.ui.errorsButton)
    errors = {row["structure"]: row for row in rows_of(widget.ui.resultTable.mrmlTableNode())}
    assert errors["L4 vertebra"]["firstorder_Mean_percent"] == pytest.approx(50)
    assert len(host.charts) == 1
    assert host.charts[0].GetTitle().endswith("change by harmonization")
    assert cut_off(widget.parent) == []
    screenshot(widget.parent, "radiomics_done")
    view = widget.ui.featureTable
    row = next(place for place in range(len(rows)) if rows[place]["structure"] == "L4-L5 disc")
    index = view.model().index(row, 2)
    view.scrollTo(index)
    QTest.mouseClick(view.viewport(), QtCore.Qt.LeftButton, QtCore.Qt.NoModifier, view.visualRect(index).center())
    check_shown(case, 123)


def check_shown(case, label):
    """The views go through a structure, which is set off."""
    import slicer

    from spinemr.scene.selection import centre_mm, segments_of

    left, posterior, superior = centre_mm(case.segmentation, case.volume, label)
    node = slicer.app.layoutManager().sliceWidget("Red").mrmlSliceNode()
    centre = [node.GetSliceToRAS().GetElement(axis, 3) for axis in range(3)]
    np.testing.assert_allclose(centre, (-left, -posterior, superior), atol=0.01)
    display = case.segmentation.GetDisplayNode()
    assert display.GetSegmentOpacity3D(segments_of(case.segmentation, label)[0]) == 1
    assert display.GetSegmentOpacity3D(segments_of(case.segmentation, 20)[0]) < 0.5


def test_a_reference_is_what_errors_are_told_against(host, few_classes, mouse, case, drawn):
    import slicer

    from spinemr.scene.tables import rows_of
    from spinemr.scene.volumes import add_volume

    reference = add_volume(slicer.mrmlScene, sitk.Cast(drawn.image, sitk.sitkFloat32) * 3.0, "Reference")
    few_classes._parameterNode.referenceVolume = reference
    mouse.click(few_classes.ui.applyButton)
    run_to_the_end(host, few_classes)
    few_classes.comparing.compareFeatures()
    errors = {row["structure"]: row for row in rows_of(few_classes.ui.resultTable.mrmlTableNode())}
    assert errors["L4 vertebra, source"]["firstorder_Mean_percent"] == pytest.approx(100 * 2 / 3)
    assert errors["L4 vertebra, harmonized"]["firstorder_Mean_percent"] == pytest.approx(50)


def test_corrected_masks_are_compared_with_the_automatic_ones(host, panel, mouse, case, screenshot):
    import slicer

    from spinemr.scene.selection import segments_of
    from spinemr.scene.tables import rows_of

    widget = panel(NAME)
    host.frame_of(widget).resize(420, 1500)
    host.settle()
    mouse.click(widget.ui.agreementButton)
    assert "nothing to compare" in host.messages.pop()
    host.errors.clear()
    segment = segments_of(case.segmentation, 22)[0]
    array = slicer.util.arrayFromSegmentBinaryLabelmap(case.segmentation, segment, case.volume).copy()
    before = int((array > 0).sum())
    array[: array.shape[0] // 2] = 0
    slicer.util.updateSegmentBinaryLabelmapFromArray(array, case.segmentation, segment, case.volume)
    mouse.click(widget.ui.agreementButton)
    assert host.messages == []
    pairs = {row["case"]: row for row in rows_of(widget.ui.resultTable.mrmlTableNode())}
    ml = np.prod(case.volume.GetSpacing()) / 1000
    assert pairs["L3 vertebra"]["difference_ml"] == pytest.approx(((array > 0).sum() - before) * ml, rel=1e-5)
    assert pairs["L1 vertebra"]["difference_ml"] == 0
    assert len(host.charts) == 1


def test_scanner_dependence_of_a_cohort(host, panel, mouse, volume, add_rows):
    from spinemr.scene.tables import rows_of

    rng = np.random.default_rng(1)
    cohort = add_rows("cohort", [
        {"case": f"c{place}", "image": "source", "scanner": scanner, "label": 23, "structure": "L4 vertebra",
         "original_glcm_Idmn": value, "original_glcm_Contrast": float(rng.normal())}
        for scanner, shift in (("a", 0.0), ("b", 5.0)) for place, value in enumerate(rng.normal(shift, 1.0, 20).tolist())
    ])  # fmt: skip
    widget = panel(NAME)
    host.frame_of(widget).resize(420, 1500)
    host.settle()
    widget.ui.cohortSelector.setCurrentNode(cohort)
    mouse.click(widget.ui.dependenceButton)
    assert host.messages == []
    assert widget.ui.resultLabel.text.startswith("1 of 2 features (50 %) differ between scanners")
    rows = rows_of(widget.ui.resultTable.mrmlTableNode())
    assert {row["feature"] for row in rows} == {"glcm_Idmn", "glcm_Contrast"}
    assert all(row["ks_p_holm"] < 1e-6 for row in rows if row["feature"] == "glcm_Idmn")


def test_a_table_that_is_no_cohort_is_refused_in_a_sentence(host, panel, mouse, volume, add_rows):
    widget = panel(NAME)
    host.frame_of(widget).resize(420, 1500)
    host.settle()
    widget.ui.cohortSelector.setCurrentNode(add_rows("notes", [{"scanner": "a", "remark": "fine"}]))
    mouse.click(widget.ui.dependenceButton)
    assert "The column remark holds texts" in host.messages[0]
    host.errors.clear()


def test_the_report_is_written(host, few_classes, mouse, case, tmp_path, monkeypatch):
    import qt

    opened = []
    monkeypatch.setattr(qt.QDesktopServices, "openUrl", lambda url: opened.append(url.toLocalFile()))
    widget = few_classes
    mouse.click(widget.ui.applyButton)
    run_to_the_end(host, widget)
    host.frame_of(widget).resize(420, 1500)
    host.settle()
    assert widget.ui.reportButton.toolTip == "Choose a file that ends in .html."
    target = tmp_path / "Zpráva č. 1.html"
    widget.ui.reportPathEdit.currentPath = str(target)
    mouse.click(widget.ui.reportButton)
    run_to_the_end(host, widget)
    assert host.messages == []
    assert "L4-L5 disc" in target.read_text(encoding="utf-8")
    assert opened == [str(target)]


def test_larger_fonts_fit(host, panel, case, cut_off, screenshot):
    font = host.app.font()
    bigger = type(font)(font)
    bigger.setPointSizeF(font.pointSizeF() * 1.25)
    host.app.setFont(bigger)
    try:
        widget = panel(NAME)
        host.settle()
        assert widget.parent.minimumSizeHint().width() <= 420
        assert cut_off(widget.parent) == []
        screenshot(widget.parent, "radiomics_large_font")
    finally:
        host.app.setFont(font)


@pytest.mark.slow
def test_the_self_test_of_the_module(host, panel):
    import slicer

    panel(NAME)
    slicer.modules.radiomicsqc.instance.runTest()
