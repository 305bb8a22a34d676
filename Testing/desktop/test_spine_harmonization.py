"""The Spine Harmonization module from its .ui file, by mouse and keyboard, on MRML nodes and a drawn study."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytestmark = pytest.mark.desktop

NAME = "SpineHarmonization"


def run_to_the_end(host, widget, seconds=180):
    assert host.wait(lambda: widget.job is None, seconds), widget.progress.log.toPlainText()


def visible_text(label):
    from PySide6 import QtGui

    document = QtGui.QTextDocument()
    document.setHtml(label.text)
    return document.toPlainText()


def composites():
    import slicer

    manager = slicer.app.layoutManager()
    return [manager.sliceWidget(name).mrmlSliceCompositeNode() for name in manager.sliceViewNames()]


def test_without_a_volume_the_buttons_say_what_is_missing(host, panel, mouse, screenshot, cut_off):
    widget = panel(NAME)
    assert not widget.ui.applyButton.enabled
    assert widget.ui.applyButton.toolTip == "Select a volume."
    assert widget.ui.sampleLabel.isVisible()
    assert cut_off(widget.parent) == []
    screenshot(widget.parent, "harmonization_empty")


def test_the_drawn_sample_is_one_click_away(host, panel, mouse):
    import slicer

    widget = panel(NAME)
    widget.ui.sampleLabel.linkActivated.emit("sample")
    assert widget._parameterNode.inputVolume.GetName() == "Drawn lumbar spine, T2"
    assert widget.ui.applyButton.enabled
    assert not widget.ui.sampleLabel.isVisible()
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") == 1


def test_a_method_with_a_reference_asks_for_it(host, panel, mouse, volume, tmp_path):
    widget = panel(NAME)
    mouse.choose(widget.ui.methodSelector, "White stripe")
    assert not widget.ui.referenceSelector.enabled
    assert widget.ui.referenceSelector.toolTip == "This method needs no reference."
    mouse.choose(widget.ui.methodSelector, "Nyúl")
    assert widget._parameterNode.method == "nyul"
    assert widget.ui.referenceSelector.enabled
    assert widget.ui.applyButton.enabled, "its scales ship"
    mouse.choose(widget.ui.methodSelector, "Histogram of an image")
    assert widget.ui.referenceSelector.enabled
    assert not widget.ui.applyButton.enabled
    assert "needs a reference" in widget.ui.applyButton.toolTip
    widget.ui.referencePathEdit.currentPath = str(tmp_path / "nowhere")
    assert "no such reference" in widget.ui.applyButton.toolTip
    widget.ui.referencePathEdit.currentPath = str(tmp_path)
    assert widget.ui.applyButton.enabled


def test_methods_offer_the_references_that_come_with_them(panel, mouse, volume, monkeypatch, cut_off, tmp_path):
    from types import SimpleNamespace

    from SpineHarmonizationLib.Job import referenceTarget
    from spinemr.harmonization import choices

    def shipped(method=None):
        names = {"cyclegan": ["clinic t1", "clinic t2"], "harmonae": ["study t2"]}
        chosen = names if method is None else {method: names[method]}
        return [SimpleNamespace(target=SimpleNamespace(name=name)) for group in chosen.values() for name in group]

    monkeypatch.setattr(choices, "shipped_references", shipped)
    widget = panel(NAME)
    selector = widget.ui.targetSelector
    assert selector.isVisible() and selector.count == 3, "the contrast of the image, and two scales"
    mouse.choose(widget.ui.methodSelector, "HarMOnAE (trained)")
    assert selector.count == 2
    mouse.choose(widget.ui.methodSelector, "CycleGAN (trained)")
    assert selector.count == 3
    assert widget.ui.applyButton.enabled, widget.ui.applyButton.toolTip
    assert referenceTarget(widget._options(), tmp_path) is None
    mouse.choose(selector, "clinic t2")
    assert widget._parameterNode.target == "clinic t2"
    assert referenceTarget(widget._options(), tmp_path) == "clinic t2"
    assert cut_off(widget.parent) == []
    mouse.choose(widget.ui.methodSelector, "White stripe")
    assert not selector.isVisible() and not widget.ui.targetSelectorLabel.isVisible()
    assert referenceTarget(widget._options(), tmp_path) is None, "it is of another method"


def test_without_shipped_networks_their_methods_ask_for_a_file(panel, mouse, volume, monkeypatch):
    from spinemr.harmonization import choices

    monkeypatch.setattr(choices, "shipped_references", lambda _method=None: ())
    widget = panel(NAME)
    assert widget.ui.targetSelector.count == 3, "the contrast of the image, and two scales"
    mouse.choose(widget.ui.methodSelector, "HarMOnAE (trained)")
    assert not widget.ui.targetSelector.isVisible()
    assert "choose a file of your own" in widget.ui.applyButton.toolTip


def test_cases_are_found_in_folders_and_in_the_scene(host, volume, drawn, tmp_path):
    import slicer

    from SpineHarmonizationLib.Batch import casesInFolder, casesInScene
    from spinemr.scene.case_nodes import set_harmonized, set_segmentation
    from spinemr.scene.volumes import add_volume

    files = ("b.nii.gz", "a.nrrd", "two/1.nii.gz", "two/2.nii.gz", "run/source.nii.gz", "run/harmonized.nii.gz", ".no.nrrd")
    for name in files:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "results").mkdir()
    found = casesInFolder(tmp_path, tmp_path / "results")
    assert [(case.name, case.image.name) for case in found] == [("a", "a.nrrd"), ("b", "b.nii.gz"), ("run", "source.nii.gz")]
    assert found[0].folder == tmp_path / "results" / "a"
    set_harmonized(slicer.mrmlScene, volume, drawn.image)
    set_segmentation(slicer.mrmlScene, volume, drawn.labels)
    add_volume(slicer.mrmlScene, drawn.image, "Drawn study")
    assert [case.name for case in casesInScene(slicer.mrmlScene, tmp_path)] == ["Drawn_study", "Drawn_study_2"]


def test_the_panel_follows_its_parameter_node_both_ways(host, panel, volume):
    widget = panel(NAME)
    widget.ui.strengthSlider.value = 40
    assert widget._parameterNode.strengthPercent == 40
    widget._parameterNode.strengthPercent = 65.0
    assert widget.ui.strengthSlider.value == 65
    widget.exit()
    widget.ui.strengthSlider.value = 10
    widget.enter()
    assert widget.ui.strengthSlider.value == 65


def test_a_study_is_harmonized_segmented_and_judged(host, panel, mouse, volume, screenshot, cut_off):
    import slicer

    from spinemr.scene.tables import rows_of

    widget = panel(NAME)
    mouse.click(widget.ui.applyButton)
    assert widget.ui.applyButton.text == "Cancel"
    assert not widget.ui.harmonizeButton.enabled
    assert host.wait(lambda: widget.progress.bar.value > 30)
    screenshot(widget.parent, "harmonization_running")
    run_to_the_end(host, widget)
    assert host.messages == []
    assert widget.ui.applyButton.text == "Harmonize && Segment"
    assert widget.progress.label.text == "Done."
    harmonized = volume.GetNodeReference("SpineMR.harmonized")
    assert harmonized.GetName() == "Drawn study harmonized"
    segmentation = volume.GetNodeReference("SpineMR.segmentation").GetSegmentation()
    names = {segmentation.GetNthSegment(index).GetName() for index in range(segmentation.GetNumberOfSegments())}
    assert {"L5 vertebra", "L4-L5 disc", "sacrum", "spinal canal"} <= names
    measured = {row["structure"]: row for row in rows_of(volume.GetNodeReference("SpineMR.measurements"))}
    assert 5 < measured["L4-L5 disc"]["height_middle_mm"] < 18
    quality = json.loads(volume.GetNodeReference("SpineMR.quality").GetText())
    assert quality["verdict"] in ("pass", "review")
    assert widget.ui.verdictLabel.isVisible()
    assert widget.ui.verdictLabel.text.lower().startswith(quality["verdict"])
    assert "could be shifted by one" in visible_text(widget.ui.reasonsLabel)
    assert widget.ui.reportButton.enabled and widget.ui.editButton.enabled
    assert cut_off(widget.parent) == []
    slicer.util.resetSliceViews()
    screenshot(widget.parent, "harmonization_done")
    check_comparison(host, widget, mouse, volume, harmonized, screenshot)
    check_links(host, widget, mouse, quality)


def check_comparison(host, widget, mouse, volume, harmonized, screenshot):
    """Fade, toggle and side by side."""
    import slicer
    from PySide6 import QtCore

    ids = [(one.GetBackgroundVolumeID(), one.GetForegroundVolumeID()) for one in composites()]
    assert set(ids) == {(volume.GetID(), harmonized.GetID())}
    assert [one.GetForegroundOpacity() for one in composites()] == [1.0] * 3
    widget.ui.fadeSlider.value = 30
    assert [one.GetForegroundOpacity() for one in composites()] == pytest.approx([0.3] * 3)
    mouse.key(widget.ui.toggleButton, QtCore.Qt.Key_Space)
    assert [one.GetForegroundOpacity() for one in composites()] == [1.0] * 3
    mouse.click(widget.ui.toggleButton)
    assert [one.GetForegroundOpacity() for one in composites()] == [0.0] * 3
    manager = slicer.app.layoutManager()
    before = manager.layout
    mouse.click(widget.ui.sideBySideButton)
    left, right = (manager.sliceWidget(name) for name in ("Red", "Yellow"))
    assert manager.layout == slicer.vtkMRMLLayoutNode.SlicerLayoutSideBySideView
    assert left.mrmlSliceCompositeNode().GetBackgroundVolumeID() == volume.GetID()
    assert right.mrmlSliceCompositeNode().GetBackgroundVolumeID() == harmonized.GetID()
    assert left.mrmlSliceCompositeNode().GetLinkedControl()
    assert not widget.ui.fadeSlider.enabled
    manager.resize(1000, 500)
    manager.show()
    slicer.util.resetSliceViews()
    screenshot(manager, "harmonization_side_by_side")
    manager.hide()
    mouse.click(widget.ui.sideBySideButton)
    assert manager.layout == before
    assert widget.ui.fadeSlider.enabled


def check_links(host, widget, mouse, quality):
    """A finding's link shows its slice in all views."""
    import slicer

    mouse.click(widget.ui.allFindingsCheckBox)
    findings = [*quality["reasons"], *quality["passed"]]
    placed = [finding for finding in findings if finding["place"] is not None]
    assert widget.ui.reasonsLabel.text.count("<a href") == len(placed)
    widget.ui.reasonsLabel.linkActivated.emit("0")
    left, posterior, superior = placed[0]["place"]["point_mm"]
    manager = slicer.app.layoutManager()
    for name in manager.sliceViewNames():
        node = manager.sliceWidget(name).mrmlSliceNode()
        matrix = node.GetSliceToRAS()
        normal = [matrix.GetElement(row, 2) for row in range(3)]
        origin = [matrix.GetElement(row, 3) for row in range(3)]
        offsets = zip((-left, -posterior, superior), origin, normal, strict=True)
        assert sum((point - start) * axis for point, start, axis in offsets) == pytest.approx(0, abs=0.01)


def test_harmonize_alone_makes_the_image_and_nothing_else(host, panel, mouse, volume):
    import slicer

    widget = panel(NAME)
    mouse.click(widget.ui.harmonizeButton)
    run_to_the_end(host, widget)
    assert host.messages == []
    assert volume.GetNodeReference("SpineMR.harmonized") is not None
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 0
    mouse.click(widget.ui.harmonizeButton)
    run_to_the_end(host, widget)
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") == 2, "the second replaces the first"


def test_cancel_stops_the_process_and_leaves_the_scene_as_it_was(host, panel, mouse, volume):
    import slicer

    widget = panel(NAME)
    before = slicer.mrmlScene.GetNumberOfNodes()
    mouse.click(widget.ui.applyButton)
    assert host.wait(lambda: widget.progress.bar.value > 0)
    work = widget.job.workFolder
    assert work.is_dir()
    mouse.click(widget.ui.applyButton)
    run_to_the_end(host, widget, 20)
    assert widget.progress.label.text == "Cancelled. Nothing was changed."
    assert host.messages == []
    assert slicer.mrmlScene.GetNumberOfNodes() == before
    assert not work.exists()
    assert widget.ui.applyButton.enabled


def test_closing_the_scene_while_it_runs_is_safe(host, panel, mouse, volume):
    import slicer

    widget = panel(NAME)
    mouse.click(widget.ui.applyButton)
    assert host.wait(lambda: widget.progress.bar.value > 0)
    work, process = widget.job.workFolder, int(widget.job.child._process.processId())
    slicer.mrmlScene.Clear(False)
    assert widget.job is None
    assert not Path(f"/proc/{process}/exe").exists()
    assert not work.exists()
    host.app.processEvents()
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 0
    assert widget.ui.applyButton.toolTip == "Select a volume."


def test_what_goes_wrong_is_said_in_one_sentence(host, panel, mouse):
    import numpy as np
    import SimpleITK as sitk
    import slicer

    from spinemr.scene.volumes import add_volume

    noise = np.random.default_rng(0).normal(100, 20, (6, 64, 64)).astype(np.float32)
    add_volume(slicer.mrmlScene, sitk.GetImageFromArray(noise), "Noise")
    widget = panel(NAME)
    mouse.click(widget.ui.applyButton)
    run_to_the_end(host, widget)
    assert len(host.messages) == 1
    assert "No lumbar spine found" in host.messages[0]
    assert "Traceback" not in host.messages[0]
    assert widget.ui.verdictLabel.text == "Do not trust this result"
    assert widget._parameterNode.inputVolume.GetNodeReference("SpineMR.segmentation") is None


def test_missing_packages_are_one_button_away(host, panel, mouse, volume, monkeypatch, screenshot):
    from SpineSegmentationLib import Dependencies

    there: list[str] = []
    real = Dependencies._satisfying
    lacking = lambda one: real(one) if not one.startswith("openvino") or there else ""  # noqa: E731
    monkeypatch.setattr(Dependencies, "_satisfying", lacking)
    widget = panel(NAME)
    assert widget.ui.dependencyLabel.text.startswith("Not installed: openvino.")
    assert "Install the missing packages" in widget.ui.applyButton.toolTip
    screenshot(widget.parent, "harmonization_missing")
    from PySide6 import QtWidgets

    host.answers.append(QtWidgets.QMessageBox.Cancel)
    mouse.click(widget.ui.installButton)
    assert host.installed == []
    assert "openvino" in host.messages[0]
    there.append("yes")
    monkeypatch.setattr(Dependencies, "missing", lambda *_: ["openvino>=2025.0"] if not host.installed else [])
    mouse.click(widget.ui.installButton)
    assert host.installed == [["openvino>=2025.0"]]
    assert not widget.ui.installButton.isVisible()
    assert widget.ui.applyButton.enabled


def test_many_studies_run_resume_and_load(host, panel, mouse, drawn, tmp_path, screenshot, cut_off):
    import numpy as np
    import SimpleITK as sitk

    source, results = tmp_path / "Lékař 1", tmp_path / "out put"
    (source / "second").mkdir(parents=True)
    sitk.WriteImage(drawn.image, str(source / "first.nii.gz"))
    sitk.WriteImage(drawn.image, str(source / "second" / "image.nrrd"))
    sitk.WriteImage(sitk.GetImageFromArray(np.zeros((4, 64, 64), np.int16)), str(source / "empty.nrrd"))
    (source / "notes.txt").write_text("no image")
    widget = panel(NAME)
    widget.ui.tabWidget.setCurrentIndex(1)
    assert widget.ui.batchButton.toolTip == "Choose the folder with the studies."
    widget.ui.batchInputPathEdit.currentPath = str(source)
    assert widget.ui.batchButton.toolTip == "Choose a folder for the results."
    widget.ui.batchOutputPathEdit.currentPath = str(results)
    batch = widget.batchPanel.batch
    mouse.click(widget.ui.batchButton)
    assert batch.isRunning and widget.ui.batchButton.text == "Cancel"
    assert host.wait(lambda: batch.cases[0].state.value != "running" and batch.cases[1].state.value == "running", 120)
    screenshot(widget.parent, "harmonization_batch_running")
    assert host.wait(lambda: not batch.isRunning, 180)
    rows = [[widget.ui.batchTable.item(row, column).text() for column in range(2)] for row in range(3)]
    assert rows == [["empty", "failed"], ["first", "done"], ["second", "done"]]
    assert batch.cases[1].verdict in ("pass", "review")
    assert "empty:" in widget.ui.batchLabel.text
    assert cut_off(widget.parent) == []
    screenshot(widget.parent, "harmonization_batch_done")
    (results / "second" / "qc.json").unlink()
    mouse.click(widget.ui.batchButton)
    assert host.wait(lambda: not batch.isRunning, 180)
    assert [case.state.value for case in batch.cases] == ["failed", "skipped", "done"]
    widget.ui.batchTable.itemDoubleClicked.emit(widget.ui.batchTable.item(1, 0))
    loaded = widget._parameterNode.inputVolume
    assert loaded.GetName() == "first"
    assert loaded.GetNodeReference("SpineMR.segmentation") is not None
    assert widget.ui.tabWidget.currentIndex == 0


def test_the_parameters_survive_saving_and_loading_the_scene(host, panel, volume, tmp_path):
    import slicer

    from spinemr.scene.bundle import load_bundle, save_bundle

    widget = panel(NAME)
    widget._parameterNode.method = "zscore"
    widget._parameterNode.strengthPercent = 55.0
    save_bundle(slicer.mrmlScene, tmp_path / "scene.mrb")
    slicer.mrmlScene.Clear(False)
    assert widget._parameterNode.strengthPercent == 100
    load_bundle(slicer.mrmlScene, tmp_path / "scene.mrb", clear=True)
    assert widget._parameterNode.strengthPercent == 55
    assert widget.reference.methods.name == "zscore"
    assert widget._parameterNode.inputVolume.GetName() == "Drawn study"


def test_larger_fonts_fit(host, panel, cut_off, screenshot):
    font = host.app.font()
    bigger = type(font)(font)
    bigger.setPointSizeF(font.pointSizeF() * 1.25)
    host.app.setFont(bigger)
    try:
        widget = panel(NAME)
        widget.ui.optionsCollapsibleButton.collapsed = False
        assert host.wait(lambda: True)
        screenshot(widget.parent, "harmonization_large_font")
        assert widget.parent.minimumSizeHint().width() <= 420
        assert cut_off(widget.parent) == []
        widget.ui.tabWidget.setCurrentIndex(1)
        host.app.processEvents()
        screenshot(widget.parent, "harmonization_large_font_batch")
        assert cut_off(widget.parent) == []
    finally:
        host.app.setFont(font)


@pytest.mark.slow
def test_the_self_test_of_the_module(host, panel):
    import slicer

    widget = panel(NAME)
    slicer.modules.spineharmonization.instance.runTest()
    assert widget is not None


def test_the_sample_studies_are_registered(host, panel):
    panel(NAME)
    names = {sample["sampleName"] for sample in host.samples}
    assert names == {"SpineMRDrawnT2", "SpineMRDrawnT1"}
    for sample in host.samples:
        assert Path(sample["thumbnailFileName"]).is_file()
    nodes = host.samples[0]["customDownloader"](None)
    assert nodes[0].GetImageData() is not None
