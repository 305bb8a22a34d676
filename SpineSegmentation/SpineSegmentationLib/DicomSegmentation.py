"""A DICOM segmentation object of the structures of a spine, referring to the images it was drawn on (highdicom)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from slicer.i18n import tr as _


def writeDicomSegmentation(labels: sitk.Image, files: list[Path], target: Path) -> None:
    """Write labels (anatomy numbers) as segments of one DICOM SEG; ``files`` are the slices of the study."""
    from spinemr.imaging.atomic import atomic_path
    from spinemr.imaging.errors import InputError

    pydicom, highdicom = _packages()
    if not files or not all(path.is_file() for path in files):
        raise InputError(_("The DICOM files of this volume are no longer there."), _("Load the study again."))
    slices = [pydicom.dcmread(path) for path in files]
    numbers = np.stack([_onSlice(labels, dataset) for dataset in slices])
    present = [int(label) for label in np.unique(numbers) if label]
    if not present:
        raise InputError(_("No structure lies on the DICOM images of this volume."), _("Segment the volume first."))
    found = _object(highdicom, slices, numbers, present)
    with atomic_path(target) as temporary:
        found.save_as(temporary)


def _packages() -> tuple[Any, Any]:
    from spinemr.imaging.errors import InputError

    try:
        import highdicom
        import pydicom
    except ImportError:
        raise InputError(_("DICOM export needs the package highdicom."), _("Install it with the button above.")) from None
    return pydicom, highdicom


def _onSlice(labels: sitk.Image, dataset: Any) -> np.ndarray:
    """The labels on the pixels of one DICOM slice, wherever the label map keeps them."""
    row, column = (np.array(part, dtype=float) for part in np.split(np.array(dataset.ImageOrientationPatient, dtype=float), 2))
    down, across = (float(value) for value in dataset.PixelSpacing)
    plane = sitk.Image(int(dataset.Columns), int(dataset.Rows), 1, sitk.sitkUInt8)
    plane.SetOrigin([float(value) for value in dataset.ImagePositionPatient])
    plane.SetSpacing((across, down, 1.0))
    plane.SetDirection(np.stack([row, column, np.cross(row, column)], axis=1).ravel().tolist())
    found = sitk.Resample(sitk.Cast(labels, sitk.sitkUInt8), plane, sitk.Transform(), sitk.sitkNearestNeighbor, 0)
    return sitk.GetArrayFromImage(found)[0]


def _object(highdicom: Any, slices: list[Any], numbers: np.ndarray, present: list[int]) -> Any:
    from spinemr.imaging.version import __version__

    masks = np.stack([numbers == label for label in present], axis=-1).astype(np.uint8)
    return highdicom.seg.Segmentation(
        source_images=slices,
        pixel_array=masks,
        segmentation_type=highdicom.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=[_description(highdicom, place + 1, label, __version__) for place, label in enumerate(present)],
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


def _description(highdicom: Any, number: int, label: int, version: str) -> Any:
    from spinemr.imaging.terminology import term_of

    term = term_of(label)
    code = lambda one: highdicom.sr.CodedConcept(one.value, one.scheme, one.meaning[:64])  # noqa: E731
    return highdicom.seg.SegmentDescription(
        segment_number=number,
        segment_label=term.name,
        segmented_property_category=code(term.category),
        segmented_property_type=code(term.type),
        algorithm_type=highdicom.seg.SegmentAlgorithmTypeValues.SEMIAUTOMATIC,
        algorithm_identification=highdicom.AlgorithmIdentificationSequence(
            name="SpineMR", family=highdicom.sr.CodedConcept("123110", "DCM", "Artificial Intelligence"), version=version
        ),
        anatomic_regions=None if term.region is None else [code(term.region)],
        display_color=highdicom.color.CIELabColor.from_rgb(*term.colour),
    )
