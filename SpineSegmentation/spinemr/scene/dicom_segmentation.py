"""A DICOM segmentation object of the structures of a spine, referring to the images it was drawn on (highdicom).

The object takes patient and study from those images, as the standard asks: no other file that is written here names somebody.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from spinemr.imaging.atomic import atomic_path
from spinemr.imaging.errors import InputError
from spinemr.imaging.terminology import Code, term_of
from spinemr.imaging.version import __version__

_GEOMETRY = ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "Rows", "Columns", "FrameOfReferenceUID")
_MAY_BE_EMPTY = (
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyID", "StudyDate", "StudyTime", "AccessionNumber",
    "ReferringPhysicianName", "PositionReferenceIndicator",
)  # fmt: skip
"""What a DICOM file has to have, if only empty; tools that take names away leave some of it out."""


def write_dicom_segmentation(labels: sitk.Image, files: Sequence[Path], target: Path) -> None:
    """Write labels (anatomy numbers) as segments of one DICOM SEG; ``files`` are the slices of the study, one a file."""
    pydicom, highdicom = _packages()
    if not files or not all(path.is_file() for path in files):
        raise InputError("The DICOM files of this volume are no longer there.", "Load the study again.")
    slices = [_checked(pydicom.dcmread(path, stop_before_pixels=True)) for path in files]
    numbers = np.stack([_on_slice(labels, dataset) for dataset in slices])
    present = [int(label) for label in np.unique(numbers) if label]
    if not present:
        raise InputError("No structure lies on the DICOM images of this volume.", "Segment the volume first.")
    try:
        found = _object(highdicom, slices, numbers, present)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"No DICOM SEG can refer to these images: {error}", "Save the segmentation as .seg.nrrd.") from error
    with atomic_path(target) as temporary:
        found.save_as(temporary)


def _packages() -> tuple[Any, Any]:
    try:
        import highdicom
        import pydicom
    except ImportError:
        raise InputError("DICOM export needs the package highdicom.", 'Install it with: pip install "spinemr[dicom]"') from None
    return pydicom, highdicom


def _checked(dataset: Any) -> Any:  # noqa: ANN401 - a data set of pydicom
    """A slice with all that is needed of it; what may be empty is, where it is missing."""
    if int(dataset.get("NumberOfFrames") or 1) > 1:
        raise InputError("DICOM SEG is written for studies of one slice a file, not for multi-frame objects.", "Save .seg.nrrd.")
    missing = [name for name in _GEOMETRY if not dataset.get(name)]
    if missing:
        raise InputError(f"The DICOM images do not say their {missing[0]}, which a DICOM SEG needs.", "Save .seg.nrrd.")
    for name in _MAY_BE_EMPTY:
        if name not in dataset:
            setattr(dataset, name, "")
    return dataset


def _on_slice(labels: sitk.Image, dataset: Any) -> NDArray[np.uint8]:  # noqa: ANN401
    """The labels on the pixels of one DICOM slice, wherever the label map keeps them."""
    row, column = (np.array(part, dtype=float) for part in np.split(np.array(dataset.ImageOrientationPatient, dtype=float), 2))
    down, across = (float(value) for value in dataset.PixelSpacing)
    plane = sitk.Image(int(dataset.Columns), int(dataset.Rows), 1, sitk.sitkUInt8)
    plane.SetOrigin([float(value) for value in dataset.ImagePositionPatient])
    plane.SetSpacing((across, down, 1.0))
    plane.SetDirection(np.stack([row, column, np.cross(row, column)], axis=1).ravel().tolist())
    found = sitk.Resample(sitk.Cast(labels, sitk.sitkUInt8), plane, sitk.Transform(), sitk.sitkNearestNeighbor, 0)
    return np.asarray(sitk.GetArrayFromImage(found)[0], dtype=np.uint8)


def _object(highdicom: Any, slices: list[Any], numbers: NDArray[np.uint8], present: list[int]) -> Any:  # noqa: ANN401
    masks = np.stack([numbers == label for label in present], axis=-1).astype(np.uint8)
    return highdicom.seg.Segmentation(
        source_images=slices,
        pixel_array=masks,
        segmentation_type=highdicom.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=[_description(highdicom, place + 1, label) for place, label in enumerate(present)],
        series_instance_uid=highdicom.UID(),
        series_number=int(slices[0].get("SeriesNumber") or 0) + 1000,
        sop_instance_uid=highdicom.UID(),
        instance_number=1,
        manufacturer="SpineMR",
        manufacturer_model_name="SpineMR",
        software_versions=__version__,
        device_serial_number="0",
        series_description="SpineMR segmentation",
    )


def _description(highdicom: Any, number: int, label: int) -> Any:  # noqa: ANN401
    term = term_of(label)
    return highdicom.seg.SegmentDescription(
        segment_number=number,
        segment_label=term.name,
        segmented_property_category=_coded(highdicom, term.category),
        segmented_property_type=_coded(highdicom, term.type),
        algorithm_type=highdicom.seg.SegmentAlgorithmTypeValues.SEMIAUTOMATIC,
        algorithm_identification=highdicom.AlgorithmIdentificationSequence(
            name="SpineMR", family=highdicom.sr.CodedConcept("123110", "DCM", "Artificial Intelligence"), version=__version__
        ),
        anatomic_regions=None if term.region is None else [_coded(highdicom, term.region)],
        display_color=highdicom.color.CIELabColor.from_rgb(*term.colour),
    )


def _coded(highdicom: Any, code: Code) -> Any:  # noqa: ANN401
    return highdicom.sr.CodedConcept(code.value, code.scheme, code.meaning[:64])
