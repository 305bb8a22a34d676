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

from dicom_writer import PLANTED, Series, enhanced_dataset, write_series  # noqa: E402

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


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("each_frame", [False, True])
def test_the_frames_of_a_multi_frame_object_are_referred_to_by_number(tmp_path, labels, reverse, each_frame):
    source = enhanced_dataset(Series(slices=7), reverse=reverse)
    if each_frame:
        shared = source.SharedFunctionalGroupsSequence[0]
        for name in ("PlaneOrientationSequence", "PixelMeasuresSequence"):
            for frame in source.PerFrameFunctionalGroupsSequence:
                setattr(frame, name, [shared[name].value[0]])
            delattr(shared, name)
    source.save_as(tmp_path / "frames.dcm", enforce_file_format=True)
    image = read_dicom(tmp_path / "frames.dcm")
    on_image = sitk.Resample(labels, image, sitk.Transform(), sitk.sitkNearestNeighbor, 0)
    write_dicom_segmentation(on_image, [tmp_path / "frames.dcm"], tmp_path / "result.dcm")

    found = highdicom.seg.segread(tmp_path / "result.dcm")
    pixels = found.get_pixels_by_source_frame(
        source.SOPInstanceUID, list(range(1, 8)), ignore_spatial_locations=True, assert_missing_frames_are_empty=True
    )
    truth = sitk.GetArrayFromImage(on_image)
    assert (truth == DISC).sum() == 3 * 6 * 15
    for place, label in enumerate((CORD, DISC)):
        np.testing.assert_array_equal(pixels[..., place] > 0, truth == label)

    written = pydicom.dcmread(tmp_path / "result.dcm")
    numbers = set()
    for frame, mask in zip(written.PerFrameFunctionalGroupsSequence, written.pixel_array, strict=True):
        (referred,) = frame.DerivationImageSequence[0].SourceImageSequence
        assert referred.ReferencedSOPInstanceUID == source.SOPInstanceUID
        number = int(referred.ReferencedFrameNumber)
        numbers.add(number)
        origin = source.PerFrameFunctionalGroupsSequence[number - 1].PlanePositionSequence[0].ImagePositionPatient
        assert frame.PlanePositionSequence[0].ImagePositionPatient == origin
        label = (CORD, DISC)[frame.SegmentIdentificationSequence[0].ReferencedSegmentNumber - 1]
        np.testing.assert_array_equal(mask > 0, truth[number - 1] == label)
    assert numbers == {2, 3, 4, 5, 6}
    (series,) = written.ReferencedSeriesSequence
    assert [one.ReferencedSOPInstanceUID for one in series.ReferencedInstanceSequence] == [source.SOPInstanceUID]


def test_a_multi_frame_object_that_does_not_say_where_it_lies_is_refused(tmp_path, labels):
    source = enhanced_dataset(Series(slices=7))
    path, target = tmp_path / "frames.dcm", tmp_path / "result.dcm"
    turned = pydicom.Dataset()
    turned.ImageOrientationPatient = [1.0, 0.0, 0.0, 0.0, 0.0, -1.0]
    source.PerFrameFunctionalGroupsSequence[6].PlaneOrientationSequence = [turned]
    source.save_as(path, enforce_file_format=True)
    with pytest.raises(InputError, match="one stack"):
        write_dicom_segmentation(labels, [path], target)
    del source.PerFrameFunctionalGroupsSequence[3].PlanePositionSequence
    source.save_as(path, enforce_file_format=True)
    with pytest.raises(InputError, match="ImagePositionPatient"):
        write_dicom_segmentation(labels, [path], target)
    with pytest.raises(InputError, match="one multi-frame object"):
        write_dicom_segmentation(labels, [path, path], target)
    del source.PerFrameFunctionalGroupsSequence
    source.save_as(path, enforce_file_format=True)
    with pytest.raises(InputError, match="where they lie"):
        write_dicom_segmentation(labels, [path], target)
    assert not target.exists()


def test_images_that_cannot_be_referred_to_are_refused(tmp_path, files, labels):
    target = tmp_path / "result.dcm"
    with pytest.raises(InputError, match="no longer there"):
        write_dicom_segmentation(labels, [tmp_path / "gone.dcm"], target)
    with pytest.raises(InputError, match="No structure lies"):
        write_dicom_segmentation(labels * 0, files, target)
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
