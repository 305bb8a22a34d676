"""Results of a run in a scene: what hangs on a volume, what a second run replaces, what corrections leave behind."""

from __future__ import annotations

import json
import shutil
from datetime import datetime, timedelta, timezone

import numpy as np
import pytest
import SimpleITK as sitk

from spinemr.imaging.errors import GeometryError, InputError
from spinemr.imaging.files import write_image, write_labels
from spinemr.imaging.geometry import Grid
from spinemr.radiomics.table import FeatureRow, FeatureTable
from spinemr.radiomics.table_files import write_table
from spinemr.radiomics.verdict.finding import Finding, Outcome
from spinemr.radiomics.verdict.judge import Verdict
from spinemr.radiomics.viewing import Viewing
from spinemr.segmentation.measurements import measure_image

pytestmark = pytest.mark.scene
pytest.importorskip("slicer", reason="slicer-core is not installed (make scene)")

from spinemr.scene import results  # noqa: E402
from spinemr.scene.audit import accept_corrections, audit_of, is_corrected, keep_automatic  # noqa: E402
from spinemr.scene.case_nodes import (  # noqa: E402
    case_of,
    remove_results,
    set_segmentation,
    set_table,
    source_of,
)
from spinemr.scene.hierarchy import hierarchy_of, item_of  # noqa: E402
from spinemr.scene.label_maps import labels_of  # noqa: E402
from spinemr.scene.levels import shift_levels  # noqa: E402
from spinemr.scene.measurement_markups import add_measurement_markups  # noqa: E402
from spinemr.scene.results import load_results, rows_of_csv  # noqa: E402
from spinemr.scene.roles import MEASUREMENTS_ROLE, SEGMENTATION_ROLE  # noqa: E402
from spinemr.scene.segmentations import set_segments  # noqa: E402
from spinemr.scene.tables import rows_of  # noqa: E402
from spinemr.scene.views import slice_centre_mm  # noqa: E402
from spinemr.scene.volumes import add_volume, image_of  # noqa: E402


def values_of(image):
    return sitk.GetArrayFromImage(image)


def source_image(labels):
    return sitk.Cast(labels, sitk.sitkInt16) * 3 + 5


def quality_of(labels):
    place = Viewing.of(labels).place((3, 40, 20))
    reason = Finding(
        "tiny", "Size", Outcome.REVIEW, "The L4 vertebra is small.", 1.25, "ml", 8.0, "below", 23, "L4 vertebra", place
    )
    passed = Finding("grid", "Grid", Outcome.PASSED, "Everything lies on the grid of the image.")
    unchecked = Finding("features", "Features", Outcome.NOT_CHECKED, "There is no reference.")
    verdict = Verdict("review", (reason, passed, unchecked), 1).as_dict()
    stages = {"segment": {"state": "done", "sentence": ""}, "features": {"state": "failed", "sentence": "No memory left."}}
    return {"case": "study", **verdict, "stages": stages, "notes": []}


@pytest.fixture
def folder(tmp_path, labels):
    """A folder as a run leaves it, written by the same functions."""
    case = tmp_path / "Lékař case"
    case.mkdir()
    write_image(source_image(labels), case / results.SOURCE)
    write_image(sitk.Cast(source_image(labels), sitk.sitkFloat32) * 0.5, case / results.HARMONIZED)
    write_labels(labels, case / results.LABELS)
    write_labels(labels, case / results.SEGMENTS)
    measure_image(labels).write_csv(case / results.MEASUREMENTS)
    rows = [FeatureRow("study", name, 23, "L4 vertebra", {"original_firstorder_Mean": mean, "original_glcm_Idmn": 0.9})
            for name, mean in (("source", 74.0), ("harmonized", float("nan")))]  # fmt: skip
    write_table(FeatureTable(tuple(rows)), case / results.FEATURES)
    (case / results.QUALITY).write_text(json.dumps(quality_of(labels)), encoding="utf-8")
    return case


def nodes_in(scene):
    return {scene.GetNthNode(index).GetID() for index in range(scene.GetNumberOfNodes())}


def test_names_of_files_are_those_of_a_run():
    run = pytest.importorskip("spinemr.pipeline.results_folder")
    for name in ("SOURCE", "HARMONIZED", "LABELS", "SEGMENTS", "MEASUREMENTS", "FEATURES", "PROVENANCE", "QUALITY"):
        assert getattr(results, name) == getattr(run, name)


def test_a_case_lies_beside_its_volume(scene, volume, labels, folder):
    hierarchy = hierarchy_of(scene)
    study = hierarchy.CreateStudyItem(hierarchy.GetSceneItemID(), "study")
    hierarchy.SetItemParent(item_of(scene, volume), study)
    case = load_results(scene, folder, volume)
    assert case.volume.GetID() == volume.GetID()
    assert [node.GetName() for node in case.results] == [
        "T2 harmonized", "T2 segmentation", "T2 measurements", "T2 features", "T2 verdict",
    ]  # fmt: skip
    for node in case.results:
        assert hierarchy.GetItemParent(item_of(scene, node)) == study
        assert source_of(node).GetID() == volume.GetID()
    np.testing.assert_allclose(values_of(image_of(case.harmonized)), values_of(source_image(labels)) * 0.5)
    assert Grid.of(image_of(case.harmonized)) == Grid.of(image_of(volume))
    np.testing.assert_array_equal(values_of(labels_of(case.segmentation, volume)), values_of(labels))
    assert case.quality == json.loads(json.dumps(quality_of(labels)))
    assert case.failures == ("No memory left.",)


def test_tables_hold_what_the_files_hold(scene, volume, labels, folder):
    case = load_results(scene, folder, volume)
    measured = {row["label"]: row for row in rows_of(case.measurements)}
    expected = measure_image(labels)
    for row in (*expected.vertebrae, *expected.discs):
        assert measured[row.label]["height_middle_mm"] == pytest.approx(row.height_middle_mm, abs=5e-4)
        assert measured[row.label]["volume_mm3"] == pytest.approx(row.volume_mm3, abs=5e-4)
    assert measured[None]["structure"] == "lumbar spine"
    assert all(isinstance(label, int) for label in measured if label is not None)
    first, second = rows_of(case.features)
    assert (first["image"], first["label"], first["original_firstorder_Mean"]) == ("source", 23, 74.0)
    assert second["original_firstorder_Mean"] is None
    assert "scanner" not in first  # no cell of that column was filled
    reason, passed, unchecked = rows_of(case.verdict)
    assert (reason["outcome"], reason["sentence"], reason["figure"]) == ("review", "The L4 vertebra is small.", 1.25)
    assert (reason["label"], reason["slice"], passed["slice"]) == (23, 3, None)
    assert (passed["outcome"], unchecked["outcome"]) == ("passed", "not checked")


def test_a_finding_s_slice_is_the_slice_of_the_volume(scene, volume, labels, folder):
    case = load_results(scene, folder, volume)
    place = case.quality["reasons"][0]["place"]
    centre = np.array(slice_centre_mm(volume, place["slice"]))
    normal = np.reshape(labels.GetDirection(), (3, 3))[:, 2]
    assert (np.array(place["point_mm"]) - centre) @ normal == pytest.approx(0.0, abs=0.02)


def test_without_a_volume_the_run_s_own_source_is_one(scene, labels, folder):
    case = load_results(scene, folder, name="Sample")
    assert case.volume.GetName() == "Sample"
    np.testing.assert_array_equal(values_of(image_of(case.volume)), values_of(source_image(labels)))
    assert case.segmentation.GetName() == "Sample segmentation"


def test_a_volume_under_a_transform_gets_its_results_under_it(scene, labels, folder, transform_of):
    turn = transform_of([[0, -1, 0, 5], [1, 0, 0, -7], [0, 0, 1, 11], [0, 0, 0, 1]])
    volume = add_volume(scene, source_image(labels), "T2")
    volume.SetAndObserveTransformNodeID(turn.GetID())
    seen = image_of(volume)
    for name in (results.SOURCE, results.HARMONIZED):
        write_image(seen, folder / name)
    moved = sitk.Image(labels)
    moved.CopyInformation(seen)
    write_labels(moved, folder / results.SEGMENTS)
    case = load_results(scene, folder, volume)
    assert case.harmonized.GetTransformNodeID() == turn.GetID()
    assert case.segmentation.GetTransformNodeID() == turn.GetID()
    np.testing.assert_array_equal(values_of(labels_of(case.segmentation, volume)), values_of(labels))


def test_results_of_another_volume_are_refused_and_change_nothing(scene, labels, folder):
    other = source_image(labels)
    other.SetSpacing((0.9, 0.9, 4.4))
    volume = add_volume(scene, other, "other")
    before = nodes_in(scene)
    with pytest.raises(GeometryError, match=r"not made from this volume: spacing .* Choose the volume they belong to"):
        load_results(scene, folder, volume)
    assert nodes_in(scene) == before


def test_a_second_run_takes_the_place_of_the_first(scene, volume, labels, folder):
    first = load_results(scene, folder, volume)
    before = nodes_in(scene)
    add_measurement_markups(scene, labels, rows_of(first.measurements), beside=volume)  # of the first run: they go
    smaller = sitk.Mask(labels, labels != 20)
    write_labels(smaller, folder / results.SEGMENTS)
    second = load_results(scene, folder, volume)
    assert nodes_in(scene) == before
    assert second.segmentation.GetID() == first.segmentation.GetID()
    np.testing.assert_array_equal(values_of(labels_of(second.segmentation, volume)), values_of(smaller))
    keep = accept_corrections(scene, second.segmentation, volume)
    assert keep.correction.changes == ()


def test_what_a_second_run_did_not_make_goes(scene, volume, folder):
    load_results(scene, folder, volume)
    for name in (results.HARMONIZED, results.SEGMENTS, results.LABELS, results.MEASUREMENTS, results.FEATURES):
        (folder / name).unlink()
    case = load_results(scene, folder, volume)
    assert [node.GetName() for node in case.results] == ["T2 verdict"]
    assert scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 0
    assert scene.GetNumberOfNodesByClass("vtkMRMLLabelMapVolumeNode") == 0


def test_accepted_corrections_outlive_another_run(scene, volume, labels, folder):
    case = load_results(scene, folder, volume)
    mine = case.segmentation
    corrected = sitk.Mask(labels, labels != 20)
    set_segments(mine, corrected, volume)
    accept_corrections(scene, mine, volume)
    again = load_results(scene, folder, volume)
    assert again.segmentation.GetID() != mine.GetID()
    assert not mine.GetDisplayVisibility()
    np.testing.assert_array_equal(values_of(labels_of(mine, volume)), values_of(corrected))
    np.testing.assert_array_equal(values_of(labels_of(again.segmentation, volume)), values_of(labels))
    remove_results(scene, volume)
    assert scene.GetNodeByID(mine.GetID()) is not None


def test_removing_results_leaves_the_volume(scene, volume, labels, folder):
    before = nodes_in(scene)
    case = load_results(scene, folder, volume)
    add_measurement_markups(scene, labels, rows_of(case.measurements), beside=volume)
    remove_results(scene, volume)
    assert nodes_in(scene) == before
    hierarchy = hierarchy_of(scene)
    assert hierarchy.GetNumberOfItemChildren(hierarchy.GetSceneItemID()) == 1  # the volume
    assert case_of(volume).results == ()
    assert case_of(volume).quality == {}


def test_a_node_removed_by_hand_is_made_anew(scene, volume, folder):
    case = load_results(scene, folder, volume)
    scene.RemoveNode(case.harmonized)
    scene.RemoveNode(case.segmentation)
    assert case_of(volume).harmonized is None
    again = load_results(scene, folder, volume)
    assert again.harmonized.GetName() == "T2 harmonized"
    assert again.segmentation.GetSegmentation().GetNumberOfSegments() == 13


@pytest.mark.parametrize("scheme", ["spider", "totalspineseg"])
def test_labels_in_another_scheme_are_brought_back(scene, volume, labels, folder, scheme):
    whole = sitk.Mask(labels, sitk.And(labels != 223, labels != 26))  # neither has parts, SPIDER has no sacrum
    (folder / results.SEGMENTS).unlink()
    write_labels(whole, folder / results.LABELS, scheme=scheme)
    (folder / results.PROVENANCE).write_text(json.dumps({"parameters": {"scheme": scheme}}))
    case = load_results(scene, folder, volume)
    np.testing.assert_array_equal(values_of(labels_of(case.segmentation, volume)), values_of(whole))


def test_folders_that_hold_no_case_are_refused(scene, volume, folder, tmp_path):
    before = nodes_in(scene)
    with pytest.raises(InputError, match="There is no folder"):
        load_results(scene, tmp_path / "nowhere", volume)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"holds no finished results \(qc.json\)"):
        load_results(scene, tmp_path / "empty", volume)
    (folder / results.QUALITY).write_text("[]")
    with pytest.raises(InputError, match=r"qc.json is damaged\. Run the case again"):
        load_results(scene, folder, volume)
    (folder / results.QUALITY).write_text("{}")
    (folder / results.SOURCE).unlink()
    with pytest.raises(InputError, match=r"holds no source.nii.gz\. Choose the volume"):
        load_results(scene, folder)
    (folder / results.FEATURES).write_text("case,image\nstudy\n")
    with pytest.raises(InputError, match=r"features.csv is damaged: its rows do not fit"):
        load_results(scene, folder, volume)
    shutil.rmtree(folder)
    assert nodes_in(scene) == before


def test_columns_of_a_csv_are_typed_and_empty_ones_left_out(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("label,name,height_mm,empty,flag\n20,L1,1.5,,1\n,rest,,,0\n", encoding="utf-8")
    assert rows_of_csv(path) == [
        {"label": 20, "name": "L1", "height_mm": 1.5, "flag": 1},
        {"label": None, "name": "rest", "height_mm": None, "flag": 0},
    ]
    path.write_text("")
    assert rows_of_csv(path) == []
    path.write_text("a,b\n", encoding="utf-8")
    assert rows_of_csv(path) == []
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="no CSV file"):
        rows_of_csv(path)
    with pytest.raises(InputError, match="Cannot read"):
        rows_of_csv(tmp_path / "nothing.csv")


def test_a_table_that_no_case_has_is_refused(scene, volume):
    with pytest.raises(InputError, match=r"has no table SpineMR\.segmentation"):
        set_table(scene, volume, SEGMENTATION_ROLE, [{"a": 1}])
    with pytest.raises(InputError, match="nothing to put into a table"):
        set_table(scene, volume, MEASUREMENTS_ROLE, [])


def test_accepting_corrections_tells_and_notes_what_changed(scene, volume, labels):
    node = set_segmentation(scene, volume, labels)
    assert not is_corrected(node)
    values = values_of(labels)
    values[1:6, 40:48, 24:26] = 23  # 80 voxels more for L4
    corrected = sitk.GetImageFromArray(values)
    corrected.CopyInformation(labels)
    set_segments(node, corrected, volume)
    when = datetime(2026, 11, 21, 18, 30, tzinfo=timezone(timedelta(hours=1)))
    accepted = accept_corrections(scene, node, volume, note="second reading", when=when)
    np.testing.assert_array_equal(values_of(accepted.labels), values)
    assert [(change.label, change.added_voxels) for change in accepted.correction.changes] == [(23, 80)]
    (entry,) = audit_of(node)
    assert (entry["time"], entry["note"]) == ("2026-11-21T17:30:00+00:00", "second reading")
    assert entry["sentences"][1].startswith("L4 vertebra was corrected: 80 voxels (0.25 ml) added, Dice 0.9")
    assert is_corrected(node)
    accept_corrections(scene, node, volume)
    assert [len(one["structures"]) for one in audit_of(node)] == [1, 1]  # told from the automatic mask each time
    assert scene.GetNumberOfNodesByClass("vtkMRMLTextNode") == 1


def test_the_automatic_mask_stays_out_of_the_user_s_lists(scene, volume, labels):
    node = set_segmentation(scene, volume, labels)
    kept = node.GetNodeReference("SpineMR.automatic")
    assert kept.GetHideFromEditors()
    assert hierarchy_of(scene).GetItemByDataNode(kept) == hierarchy_of(scene).GetInvalidItemID()
    assert keep_automatic(scene, node, volume).GetID() == kept.GetID()
    np.testing.assert_array_equal(values_of(image_of(kept)), values_of(labels))


def test_a_shift_is_told_as_new_names(scene, volume, labels):
    node = set_segmentation(scene, volume, labels)
    shift_levels(node, 1)
    sentences = accept_corrections(scene, node, volume).correction.sentences()
    assert "L1 vertebra is called L2 vertebra now." in sentences
    assert "L5-S1 disc is called L6-S1 disc now, and other voxels carry its name." in sentences


def test_what_cannot_be_accepted_is_said(scene, volume, labels, segmentation):
    with pytest.raises(InputError, match="The automatic mask was not kept"):
        accept_corrections(scene, segmentation, volume)
    node = set_segmentation(scene, volume, labels)
    node.GetSegmentation().RemoveAllSegments()
    with pytest.raises(InputError, match="holds no structure any more"):
        accept_corrections(scene, node, volume)
    assert audit_of(node) == ()
    text = scene.AddNewNodeByClass("vtkMRMLTextNode")
    text.SetText("not JSON")
    node.SetNodeReferenceID("SpineMR.audit", text.GetID())
    with pytest.raises(InputError, match="cannot be read"):
        audit_of(node)
