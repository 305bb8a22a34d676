"""Writes small MR series to read back in tests: any orientation, several series, gaps, multi-frame, planted names."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

MR_STORAGE = "1.2.840.10008.5.1.4.1.1.4"
ENHANCED_MR_STORAGE = "1.2.840.10008.5.1.4.1.1.4.1"
CT_STORAGE = "1.2.840.10008.5.1.4.1.1.2"
PLANTED = ("PLANTEDNAME", "PLANTEDID", "PLANTEDBIRTH")
"""Stand in for a name, a number and a place that must not come out anywhere."""

SAGITTAL = (0.0, 1.0, 0.0, 0.0, 0.0, -1.0)
AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
CORONAL = (1.0, 0.0, 0.0, 0.0, 0.0, -1.0)


@dataclass
class Series:
    """What a written series is like; the defaults are a T2 sagittal lumbar study."""

    number: int = 1
    slices: int = 5
    rows: int = 40
    columns: int = 32
    orientation: tuple[float, ...] = SAGITTAL
    pixel_mm: tuple[float, float] = (8.0, 6.0)
    distance_mm: float = 4.4
    thickness_mm: float = 4.0
    echo_ms: float = 100.0
    repetition_ms: float = 3000.0
    inversion_ms: float | None = None
    modality: str = "MR"
    sop_class: str = MR_STORAGE
    missing: tuple[int, ...] = ()
    slope: tuple[float, float] | None = None
    description: str = "T2 TSE SAG " + PLANTED[0]
    uid: str = field(default_factory=generate_uid)

    @property
    def normal(self) -> NDArray[np.float64]:
        """Where slices follow each other."""
        return np.cross(self.orientation[:3], self.orientation[3:])

    def pixels(self, index: int) -> NDArray[np.uint16]:
        """A picture that differs in every slice, row and column."""
        rows, columns = np.mgrid[: self.rows, : self.columns]
        return np.asarray(1000 * index + 20 * rows + columns, dtype=np.uint16)

    def position(self, index: int) -> list[float]:
        """The centre of a slice's first pixel."""
        return [round(float(value), 6) for value in np.array([-10.0, -100.0, 150.0]) + index * self.distance_mm * self.normal]


def write_series(folder: Path, series: Series, *, shuffle: bool = True, suffix: str = ".dcm") -> list[Path]:
    """Write one file a slice, named in an order that is not that of the slices."""
    folder.mkdir(parents=True, exist_ok=True)
    indices = [index for index in range(series.slices) if index not in series.missing]
    order = np.random.default_rng(0).permutation(len(indices)) if shuffle else np.arange(len(indices))
    written = []
    for name, place in enumerate(order):
        path = folder / f"IM{series.number:03d}{name:04d}{suffix}"
        slice_dataset(series, indices[place]).save_as(path, enforce_file_format=True)
        written.append(path)
    return written


def slice_dataset(series: Series, index: int) -> FileDataset:
    """One slice as a classic single-frame object."""
    dataset = _common(series, generate_uid())
    dataset.InstanceNumber = index + 1
    dataset.ImagePositionPatient = series.position(index)
    dataset.ImageOrientationPatient = list(series.orientation)
    dataset.PixelSpacing = list(series.pixel_mm)
    dataset.SliceThickness = series.thickness_mm
    dataset.SpacingBetweenSlices = series.distance_mm
    dataset.EchoTime = series.echo_ms
    dataset.RepetitionTime = series.repetition_ms
    if series.inversion_ms is not None:
        dataset.InversionTime = series.inversion_ms
    if series.slope is not None:
        dataset.RescaleSlope, dataset.RescaleIntercept = series.slope
    dataset.PixelData = series.pixels(index).tobytes()
    return dataset


def enhanced_dataset(series: Series, *, reverse: bool = False) -> FileDataset:
    """All slices as the frames of one enhanced object, its geometry in the functional groups."""
    series.sop_class = ENHANCED_MR_STORAGE
    dataset = _common(series, generate_uid())
    order = list(range(series.slices))[:: -1 if reverse else 1]
    dataset.NumberOfFrames = len(order)
    shared = Dataset()
    shared.PlaneOrientationSequence = Sequence([_item(ImageOrientationPatient=list(series.orientation))])
    shared.PixelMeasuresSequence = Sequence(
        [_item(PixelSpacing=list(series.pixel_mm), SliceThickness=series.thickness_mm, SpacingBetweenSlices=series.distance_mm)]
    )
    shared.MRTimingAndRelatedParametersSequence = Sequence([_item(RepetitionTime=series.repetition_ms)])
    dataset.SharedFunctionalGroupsSequence = Sequence([shared])
    dataset.PerFrameFunctionalGroupsSequence = Sequence([_frame(series, index, place) for place, index in enumerate(order)])
    dataset.PixelData = np.stack([series.pixels(index) for index in order]).tobytes()
    return dataset


def _frame(series: Series, index: int, place: int) -> Dataset:
    frame = Dataset()
    frame.PlanePositionSequence = Sequence([_item(ImagePositionPatient=series.position(index))])
    content = _item(StackID="1", InStackPositionNumber=place + 1, DimensionIndexValues=[1, place + 1])
    frame.FrameContentSequence = Sequence([content])
    return frame


def _item(**values: object) -> Dataset:
    item = Dataset()
    for name, value in values.items():
        setattr(item, name, value)
    return item


def _common(series: Series, sop_uid: str) -> FileDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = series.sop_class
    meta.MediaStorageSOPInstanceUID = sop_uid
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SOPClassUID, dataset.SOPInstanceUID = series.sop_class, sop_uid
    dataset.SeriesInstanceUID, dataset.StudyInstanceUID = series.uid, "1.2.3.4"
    dataset.FrameOfReferenceUID = "1.2.3.5"
    dataset.PatientName, dataset.PatientID, dataset.PatientAddress = "PLANTEDNAME^ANNA", PLANTED[1], PLANTED[2]
    dataset.InstitutionName, dataset.ReferringPhysicianName = PLANTED[2], PLANTED[0]
    dataset.SeriesDescription, dataset.ProtocolName = series.description, series.description
    dataset.Modality, dataset.SeriesNumber = series.modality, series.number
    dataset.ScanningSequence, dataset.SequenceVariant, dataset.MRAcquisitionType = "SE", "SK", "2D"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "M"]
    dataset.Rows, dataset.Columns = series.rows, series.columns
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 16, 15, 0
    return dataset
