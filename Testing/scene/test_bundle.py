"""Whole scenes into ``.mrb`` files and back: everything a case has."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from spinemr.imaging.errors import InputError, OutputError
from spinemr.imaging.geometry import match_grid
from spinemr.imaging.segmentation_file import terminology_entry
from spinemr.imaging.terminology import term_of

pytestmark = pytest.mark.scene
vtk = pytest.importorskip("vtk", reason="slicer-core is not installed (make scene)")
slicer = pytest.importorskip("slicer", reason="slicer-core is not installed (make scene)")

from spinemr.scene.agreement_plot import add_bland_altman  # noqa: E402
from spinemr.scene.audit import accept_corrections, audit_of, is_corrected  # noqa: E402
from spinemr.scene.bundle import load_bundle, save_bundle  # noqa: E402
from spinemr.scene.case_nodes import (  # noqa: E402
    case_of,
    set_harmonized,
    set_quality,
    set_segmentation,
    set_table,
    source_of,
)
from spinemr.scene.charts import series_of  # noqa: E402
from spinemr.scene.heat_map import add_heat_map  # noqa: E402
from spinemr.scene.hierarchy import hierarchy_of, item_of  # noqa: E402
from spinemr.scene.label_maps import labels_of  # noqa: E402
from spinemr.scene.measurement_markups import add_measurement_markups, measurement_markups_of  # noqa: E402
from spinemr.scene.roles import MEASUREMENTS_ROLE  # noqa: E402
from spinemr.scene.segmentations import set_segments  # noqa: E402
from spinemr.scene.tables import rows_of  # noqa: E402
from spinemr.scene.volumes import image_of  # noqa: E402

ROWS = [{"label": 120, "height_middle_mm": 9.25, "cut": True}, {"label": None, "height_middle_mm": None, "cut": False}]
QUALITY = {"verdict": "pass", "reasons": [], "passed": [{"outcome": "passed", "sentence": "Řez je dobrý."}], "not_checked": []}


def values_of(image):
    return sitk.GetArrayFromImage(image)


@pytest.fixture
def case(scene, volume, labels):
    """A case with everything: harmonized, corrected, measured, judged, plotted and drawn, in a study."""
    hierarchy = hierarchy_of(scene)
    study = hierarchy.CreateStudyItem(hierarchy.GetSceneItemID(), "study")
    hierarchy.SetItemParent(item_of(scene, volume), study)
    set_harmonized(scene, volume, sitk.Cast(labels, sitk.sitkFloat32) / 3)
    node = set_segmentation(scene, volume, labels)
    set_segments(node, sitk.Mask(labels, labels != 223), volume)
    accept_corrections(scene, node, volume, note="čtení")
    set_table(scene, volume, MEASUREMENTS_ROLE, ROWS)
    set_quality(scene, volume, QUALITY)
    add_measurement_markups(scene, labels, [{"label": 120, "height_middle_mm": 9.25, "lordosis_l1_s1_deg": 41.5}], beside=volume)
    add_heat_map(scene, "Relative errors", ["none"], ["Idmn"], [[0.25]])
    add_bland_altman(scene, "Heights", [1.0, 2.0], [0.1, -0.1], bias=0.0, limits=(-0.2, 0.2), quantity="height", unit="mm")
    return case_of(volume)


@pytest.fixture
def again(scene, new_scene, case, tmp_path):
    """The same case, read from a bundle into another scene."""
    path = tmp_path / "Lékař a pacient" / "případ 1.mrb"
    save_bundle(scene, path)
    assert [found.name for found in path.parent.iterdir()] == ["případ 1.mrb"]
    other = new_scene()
    load_bundle(other, path)
    return case_of(other.GetFirstNodeByName(case.volume.GetName()))


def test_volumes_come_back_bit_by_bit(case, again):
    for name in ("volume", "harmonized"):
        before, after = image_of(getattr(case, name)), image_of(getattr(again, name))
        assert after.GetPixelID() == before.GetPixelID()
        np.testing.assert_array_equal(values_of(match_grid(after, before)), values_of(before))
    assert source_of(again.harmonized).GetID() == again.volume.GetID()


def test_segments_come_back_with_names_terms_and_colours(again, labels):
    found = match_grid(labels_of(again.segmentation, again.volume), labels)
    np.testing.assert_array_equal(values_of(found), values_of(sitk.Mask(labels, labels != 223)))
    segmentation = again.segmentation.GetSegmentation()
    segment = segmentation.GetSegment(segmentation.GetNthSegmentID(0))
    entry = vtk.mutable("")
    assert segment.GetTag(segment.GetTerminologyEntryTagName(), entry)
    assert str(entry) == terminology_entry(term_of(20))
    assert segment.GetName() == "L1 vertebra"
    np.testing.assert_allclose(np.array(segment.GetColor()) * 255, term_of(20).colour, atol=0.5)
    role = again.segmentation.GetReferenceImageGeometryReferenceRole()
    assert again.segmentation.GetNodeReferenceID(role) == again.volume.GetID()


def test_corrections_go_on_where_they_were(again, labels):
    scene = again.volume.GetScene()
    assert is_corrected(again.segmentation)
    (entry,) = audit_of(again.segmentation)
    assert (entry["note"], entry["structures"][0]["label"]) == ("čtení", 223)
    kept = image_of(again.segmentation.GetNodeReference("SpineMR.automatic"))
    np.testing.assert_array_equal(values_of(match_grid(kept, labels)), values_of(labels))
    set_segments(again.segmentation, labels, again.volume)
    assert accept_corrections(scene, again.segmentation, again.volume).correction.changes == ()
    assert len(audit_of(again.segmentation)) == 2


def test_tables_and_the_verdict_come_back(again):
    assert rows_of(again.measurements) == ROWS
    assert again.measurements.GetColumnTitle("height_middle_mm") == "height middle (mm)"
    assert again.quality == QUALITY
    assert rows_of(again.verdict)[0]["sentence"] == "Řez je dobrý."


def test_charts_come_back_with_their_tables(again):
    scene = again.volume.GetScene()
    found = [scene.GetNthNodeByClass(index, "vtkMRMLPlotChartNode") for index in range(2)]
    charts = {chart.GetTitle(): chart for chart in found}
    assert sorted(charts) == ["Heights", "Relative errors"]
    assert len(series_of(charts["Relative errors"])) == 6
    pairs = series_of(charts["Heights"])[0]
    assert rows_of(pairs.GetTableNode()) == [
        {"case": "pair 1", "mean_mm": 1.0, "difference_mm": 0.1}, {"case": "pair 2", "mean_mm": 2.0, "difference_mm": -0.1},
    ]  # fmt: skip
    assert (pairs.GetXColumnName(), pairs.GetYColumnName(), pairs.GetLabelColumnName()) == ("mean_mm", "difference_mm", "case")


def test_markups_come_back(again):
    scene = again.volume.GetScene()
    line, angle = scene.GetFirstNodeByName("L1-L2 disc height"), scene.GetFirstNodeByName("Lordosis L1-S1")
    assert line.GetLineLengthWorld() == pytest.approx(9.25)
    assert angle.GetAngleDegrees() == pytest.approx(41.5)
    assert line.GetLocked()
    found = measurement_markups_of(scene, again.volume)
    assert found.heights[120].GetID() == line.GetID()
    assert found.lordosis.GetID() == angle.GetID()


def test_places_in_the_subject_hierarchy_come_back(again):
    scene = again.volume.GetScene()
    hierarchy = hierarchy_of(scene)
    study = hierarchy.GetItemParent(item_of(scene, again.volume))
    assert hierarchy.GetItemName(study) == "study"
    for node in again.results:
        assert hierarchy.GetItemParent(item_of(scene, node)) == study
    line = scene.GetFirstNodeByName("L1-L2 disc height")
    assert hierarchy.GetItemName(hierarchy.GetItemParent(item_of(scene, line))) == "Measurements"


def test_a_bundle_is_read_beside_what_is_there_or_in_its_place(scene, case, tmp_path):
    save_bundle(scene, tmp_path / "a.mrb")
    load_bundle(scene, tmp_path / "a.mrb")
    assert scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 2
    both = [scene.GetNthNodeByClass(index, "vtkMRMLSegmentationNode") for index in range(2)]
    assert len({source_of(node).GetID() for node in both}) == 2  # each refers to its own volume
    assert case.segmentation.GetScene() is not None
    load_bundle(scene, tmp_path / "a.mrb", clear=True)
    assert scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 1


class FullDisk:
    """A scene that writes half a file and says that it failed."""

    def __init__(self, scene):
        self.scene = scene

    def __getattr__(self, name):
        return getattr(self.scene, name)

    def WriteToMRB(self, path):  # noqa: N802
        Path(path).write_text("half")
        return False


def test_a_failed_write_leaves_the_old_file_and_nothing_else(scene, tmp_path):
    target = tmp_path / "folder" / "a.mrb"
    target.parent.mkdir()
    target.write_text("the old one")
    with pytest.raises(OutputError, match=r"Cannot write .*a\.mrb"):
        save_bundle(FullDisk(scene), target)
    assert target.read_text() == "the old one"
    assert [found.name for found in target.parent.iterdir()] == ["a.mrb"]


def test_names_that_are_no_bundles_are_refused(scene, tmp_path):
    for act in (save_bundle, load_bundle):
        with pytest.raises(InputError, match=r"not the name of a Slicer scene bundle.*\.mrb"):
            act(scene, tmp_path / "a.zip")


def test_files_that_are_no_bundles_are_refused(scene, tmp_path):
    path = tmp_path / "a.mrb"
    with pytest.raises(InputError, match="There is no file"):
        load_bundle(scene, path)
    path.write_text("not a zip")
    with pytest.raises(InputError, match="is not a Slicer scene bundle"):
        load_bundle(scene, path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/readme.txt", "hello")
    with pytest.raises(InputError, match="damaged or holds no scene"):
        load_bundle(scene, path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/a.mrml", "<MRML></MRML>")
        archive.writestr("../outside.txt", "hello")
    with pytest.raises(InputError, match="would be written elsewhere"):
        load_bundle(scene, path)
    assert not (tmp_path.parent / "outside.txt").exists()


def test_a_cut_bundle_is_refused(scene, case, tmp_path):
    assert case.results
    path = tmp_path / "a.mrb"
    save_bundle(scene, path)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(InputError, match="is not a Slicer scene bundle"):
        load_bundle(scene, path)


def test_scenes_that_would_lose_something_are_refused(tmp_path):
    bare = slicer.vtkMRMLScene()
    with pytest.raises(InputError, match="can neither read nor write bundles"):
        save_bundle(bare, tmp_path / "a.mrb")
    cache, files = slicer.vtkCacheManager(), slicer.vtkDataIOManager()
    cache.SetRemoteCacheDirectory(str(tmp_path))
    files.SetCacheManager(cache)
    bare.SetCacheManager(cache)
    bare.SetDataIOManager(files)
    bare.AddNewNodeByClass("vtkMRMLMarkupsLineNode")
    with pytest.raises(OutputError, match=r"cannot write lines and angles, so the bundle would lose them"):
        save_bundle(bare, tmp_path / "a.mrb")
    assert not (tmp_path / "a.mrb").exists()
