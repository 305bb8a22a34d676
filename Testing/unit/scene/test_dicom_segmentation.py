"""DICOM segmentation objects written and read back with highdicom."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from spinemr.imaging.dicom import read_dicom
from spinemr.imaging.errors import InputError
from spinemr.scene.dicom_segmentation import write_dicom_segmentation

pydicom = pytest.importorskip("pydicom")
highdicom = pytest.importorskip("highdicom")
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "imaging"))

from dicom_writer import PLANTED, Series, write_series  # noqa: E402

DISC, CORD = 123, 60


@pytest.fixture
def files(tmp_path) -> list[Path]:
    """The slices of a sagittal study, in an order that is not theirs."""
    return write_series(tmp_path / "study", Series(slices=7))


@pytest.fixture
def labels(files) -> sitk.Image:
    """A disc and a cord on the grid of the study."""
    image = read_dicom(files[0].parent)
    values = np.zeros(image.GetSize()[::-1], dtype=np.uint8)
    values[2:5, 10:16, 5:20] = DISC
    values[1:6, 4:30, 22:27] = CORD
    found = sitk.GetImageFromArray(values)
    found.CopyInformation(image)
    return found


def test_every_structure_lies_on_its_slices(tmp_path, files, labels):
    write_dicom_segmentation(labels, files, tmp_path / "result.dcm")
    found = highdicom.seg.segread(tmp_path / "result.dcm")
    described = [found.get_segment_description(number) for number in (1, 2)]
    assert found.number_of_segments == 2
    assert [one.segment_label for one in described] == ["spinal cord", "L4-L5 disc"]
    assert described[0].segmented_property_type.value == "2748008"
    by_depth = sorted(files, key=_depth_mm)
    uids = [pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID for path in by_depth]
    pixels = found.get_pixels_by_source_instance(uids, ignore_spatial_locations=True, assert_missing_frames_are_empty=True)
    truth = sitk.GetArrayFromImage(labels)
    for place, label in enumerate((CORD, DISC)):
        np.testing.assert_array_equal(pixels[..., place] > 0, truth == label)


def test_it_belongs_to_the_patient_and_study_of_its_images(tmp_path, files, labels):
    write_dicom_segmentation(labels, files, tmp_path / "result.dcm")
    found, source = pydicom.dcmread(tmp_path / "result.dcm"), pydicom.dcmread(files[0])
    assert str(found.PatientName) == str(source.PatientName) and PLANTED[0] in str(found.PatientName)
    assert found.StudyInstanceUID == source.StudyInstanceUID and found.SeriesInstanceUID != source.SeriesInstanceUID
    assert found.FrameOfReferenceUID == source.FrameOfReferenceUID


def test_images_without_names_are_enough(tmp_path, files, labels):
    for path in files:
        dataset = pydicom.dcmread(path)
        for name in ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyID", "StudyDate", "AccessionNumber"):
            if name in dataset:
                delattr(dataset, name)
        dataset.save_as(path)
    write_dicom_segmentation(labels, files, tmp_path / "result.dcm")
    assert highdicom.seg.segread(tmp_path / "result.dcm").number_of_segments == 2


def test_images_that_cannot_be_referred_to_are_refused(tmp_path, files, labels):
    target = tmp_path / "result.dcm"
    with pytest.raises(InputError, match="no longer there"):
        write_dicom_segmentation(labels, [tmp_path / "gone.dcm"], target)
    with pytest.raises(InputError, match="No structure lies"):
        write_dicom_segmentation(labels * 0, files, target)
    dataset = pydicom.dcmread(files[0])
    dataset.NumberOfFrames = 2
    dataset.save_as(tmp_path / "frames.dcm")
    with pytest.raises(InputError, match="multi-frame"):
        write_dicom_segmentation(labels, [tmp_path / "frames.dcm"], target)
    dataset = pydicom.dcmread(files[0])
    del dataset.PixelSpacing
    dataset.save_as(files[0])
    with pytest.raises(InputError, match="PixelSpacing"):
        write_dicom_segmentation(labels, files, target)
    assert not target.exists()


def _depth_mm(path: Path) -> float:
    dataset = pydicom.dcmread(path, stop_before_pixels=True)
    row, column = np.split(np.array(dataset.ImageOrientationPatient, dtype=float), 2)
    return float(np.dot(np.cross(row, column), np.array(dataset.ImagePositionPatient, dtype=float)))
