"""Real studies through MRML and back: geometry as scanners write it."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from spinemr.imaging.files import read_image, read_labels
from spinemr.imaging.geometry import Grid, match_grid

pytestmark = [pytest.mark.scene, pytest.mark.realdata]
pytest.importorskip("slicer", reason="slicer-core is not installed (make scene)")

from spinemr.scene.label_maps import labels_of  # noqa: E402
from spinemr.scene.segmentations import add_segmentation  # noqa: E402
from spinemr.scene.volumes import add_volume, image_of  # noqa: E402

CLASSES = {1: 20, 2: 124, 3: 61}
"""The classes of the set as numbers that a segmentation takes: which level stands for all does not matter here."""


@pytest.fixture
def study(data_dir):
    """A real study and its classes."""
    folder = data_dir / "spider_t2space"
    image, classes = read_image(folder / "005_image.nii.gz"), read_labels(folder / "005_label.nii.gz")
    labels = sitk.GetImageFromArray(np.array([0, *CLASSES.values()], dtype=np.uint8)[sitk.GetArrayViewFromImage(classes)])
    labels.CopyInformation(classes)
    return image, labels


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)], ids=str)
def test_a_real_study_and_its_mask_come_back_bit_by_bit(scene, study, order):
    image, labels = (sitk.PermuteAxes(one, list(order)) for one in study)
    volume = add_volume(scene, image, "T2")
    again = image_of(volume)
    assert Grid.of(again) == Grid.of(image)
    np.testing.assert_array_equal(sitk.GetArrayViewFromImage(again), sitk.GetArrayViewFromImage(image))
    found = labels_of(add_segmentation(scene, labels, volume, "mask"), volume)
    np.testing.assert_array_equal(sitk.GetArrayViewFromImage(found), sitk.GetArrayViewFromImage(labels))


def test_what_slicer_writes_of_a_study_is_the_study(scene, study, tmp_path):
    image, _ = study
    volume = add_volume(scene, image, "T2")
    storage = volume.CreateDefaultStorageNode()
    scene.AddNode(storage)
    storage.SetFileName(str(tmp_path / "T2.nii.gz"))
    assert storage.WriteData(volume) == 1
    written = match_grid(read_image(tmp_path / "T2.nii.gz"), image)
    np.testing.assert_array_equal(sitk.GetArrayViewFromImage(written), sitk.GetArrayViewFromImage(image))
