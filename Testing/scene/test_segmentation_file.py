"""``.seg.nrrd`` between this library and 3D Slicer's own storage node, both ways."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from spinemr.imaging.files import read_labels, write_labels
from spinemr.imaging.geometry import same_grid
from spinemr.imaging.terminology import colour_of, term_of

pytestmark = pytest.mark.scene

LABELS = (20, 21, 26, 60, 61, 120, 124, 220)


@pytest.fixture
def labels() -> sitk.Image:
    """A small oblique label map with a block for each of some structures."""
    array = np.zeros((9, 40, 30), dtype=np.uint8)
    for place, label in enumerate(LABELS):
        array[2:7, 4 * place + 2 : 4 * place + 5, 5:20] = label
    image = sitk.GetImageFromArray(array)
    image.SetSpacing((0.7, 0.8, 4.4))
    image.SetOrigin((12.0, -30.0, 55.0))
    turn = np.radians(12.0)
    c, s = float(np.cos(turn)), float(np.sin(turn))
    image.SetDirection((0.0, s, -c, 1.0, 0.0, 0.0, 0.0, -c, -s))
    return image


def read_by_slicer(scene, path):
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    storage = scene.AddNewNodeByClass("vtkMRMLSegmentationStorageNode")
    storage.SetFileName(str(path))
    assert storage.ReadData(node) == 1
    return node, storage


def test_slicer_reads_names_colours_terms_and_values(scene, labels, tmp_path):
    vtk = pytest.importorskip("vtk")
    path = tmp_path / "spine.seg.nrrd"
    write_labels(labels, path)
    node, _ = read_by_slicer(scene, path)
    segments = [node.GetSegmentation().GetNthSegment(i) for i in range(node.GetSegmentation().GetNumberOfSegments())]
    assert sorted(segment.GetLabelValue() for segment in segments) == sorted(LABELS)
    for segment in segments:
        label = segment.GetLabelValue()
        assert segment.GetName() == term_of(label).name
        np.testing.assert_allclose(np.array(segment.GetColor()) * 255, colour_of(label), atol=0.6)
        entry = vtk.mutable("")
        assert segment.GetTag("TerminologyEntry", entry)
        assert term_of(label).type.value in str(entry)


def test_slicer_sees_the_voxels_where_they_are(scene, labels, tmp_path):
    path = tmp_path / "spine.seg.nrrd"
    write_labels(labels, path)
    node, _ = read_by_slicer(scene, path)
    segmentation = node.GetSegmentation()
    for index in range(segmentation.GetNumberOfSegments()):
        label = segmentation.GetNthSegment(index).GetLabelValue()
        centre_ras = node.GetSegmentCenterRAS(segmentation.GetNthSegmentID(index))
        where = np.argwhere(sitk.GetArrayViewFromImage(labels) == label).mean(axis=0)[::-1]
        lps = labels.TransformContinuousIndexToPhysicalPoint([float(v) for v in where])
        np.testing.assert_allclose(centre_ras, (-lps[0], -lps[1], lps[2]), atol=2.5)


def test_what_slicer_saves_comes_back_as_the_same_label_map(scene, labels, tmp_path):
    path, saved = tmp_path / "spine.seg.nrrd", tmp_path / "saved by Slicer é.seg.nrrd"
    write_labels(labels, path)
    node, storage = read_by_slicer(scene, path)
    storage.SetFileName(str(saved))
    assert storage.WriteData(node) == 1
    again = read_labels(saved)
    assert same_grid(again, labels)
    np.testing.assert_array_equal(sitk.GetArrayViewFromImage(again), sitk.GetArrayViewFromImage(labels))
