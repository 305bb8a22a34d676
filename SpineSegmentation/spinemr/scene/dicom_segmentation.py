"""A DICOM segmentation object of the structures of a spine, referring to the images it was drawn on (highdicom).

The object takes patient and study from those images, as the standard asks: no other file that is written here names somebody.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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
_GROUPS = ("PlanePositionSequence", "PlaneOrientationSequence", "PixelMeasuresSequence")
"""Where the frames of a multi-frame object say the first three of these."""
_MAY_BE_EMPTY = (
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyID", "StudyDate", "StudyTime", "AccessionNumber",
    "ReferringPhysicianName", "PositionReferenceIndicator",
)  # fmt: skip
"""What a DICOM file has to have, if only empty; tools that take names away leave some of it out."""


@dataclass(frozen=True)
class Plane:
    """Where the pixels of a slice lie."""

    position_mm: tuple[float, ...]
    orientation: tuple[float, ...]
    spacing_mm: tuple[float, ...]
    """Between rows, between columns."""
    rows: int
    columns: int


def write_dicom_segmentation(labels: sitk.Image, files: Sequence[Path], target: Path) -> None:
    """Write labels (anatomy numbers) as segments of one DICOM SEG.

    ``files`` are the slices of the study, one a file, or its one multi-frame file, whose frames are referred to by number.
    """
    pydicom, highdicom = _packages()
    if not files or not all(path.is_file() for path in files):
        raise InputError("The DICOM files of this volume are no longer there.", "Load the study again.")
    slices = _read(files, pydicom)
    numbers = np.stack([_on_plane(labels, plane) for dataset in slices for plane in _planes(dataset)])
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


def _read(files: Sequence[Path], pydicom: Any) -> list[Any]:  # noqa: ANN401
    """The slices of a study, one a file, or its only file with all of them as frames."""
    found = [pydicom.dcmread(path, stop_before_pixels=True) for path in files]
    frames = [int(dataset.get("NumberOfFrames") or 1) for dataset in found]
    if len(found) > 1 and max(frames) > 1:
        raise InputError("DICOM SEG refers to the slices of one series or to one multi-frame object.", "Save .seg.nrrd.")
    for dataset in found:
        for name in _MAY_BE_EMPTY:
            if name not in dataset:
                setattr(dataset, name, "")
    return found


def _planes(dataset: Any) -> list[Plane]:  # noqa: ANN401 - a data set of pydicom
    """Where the slice of a file lies, or each frame of a multi-frame object; refused where it is not said."""
    if int(dataset.get("NumberOfFrames") or 1) == 1 and "PerFrameFunctionalGroupsSequence" not in dataset:
        return [_plane(dataset, [dataset] * 3)]
    if not dataset.get("PerFrameFunctionalGroupsSequence"):
        raise InputError("The frames of the DICOM image do not say where they lie, which a DICOM SEG needs.", "Save .seg.nrrd.")
    shared = (dataset.get("SharedFunctionalGroupsSequence") or [None])[0]
    frames = [[_part(name, frame, shared) for name in _GROUPS] for frame in dataset.PerFrameFunctionalGroupsSequence]
    planes = [_plane(dataset, parts) for parts in frames]
    lies = np.array([(*one.orientation, *one.spacing_mm) for one in planes])
    if not np.allclose(lies, lies[0], atol=1e-3):
        raise InputError("The frames of the DICOM image do not lie in one stack, which a DICOM SEG needs.", "Save .seg.nrrd.")
    _say_once(dataset, frames[0])
    return planes


def _part(name: str, frame: Any, shared: Any) -> Any:  # noqa: ANN401
    """A functional group of a frame, its own or that of all frames; ``None`` where there is neither."""
    return next((group[name].value[0] for group in (frame, shared) if group is not None and group.get(name)), None)


def _say_once(dataset: Any, parts: list[Any]) -> None:  # noqa: ANN401
    """Let the groups of all frames hold what highdicom looks for there only, where each frame has said the same."""
    if not dataset.get("SharedFunctionalGroupsSequence"):
        dataset.SharedFunctionalGroupsSequence = [type(parts[0])()]
    for name, part in list(zip(_GROUPS, parts, strict=True))[1:]:
        if not dataset.SharedFunctionalGroupsSequence[0].get(name):
            setattr(dataset.SharedFunctionalGroupsSequence[0], name, [part])


def _plane(dataset: Any, parts: list[Any]) -> Plane:  # noqa: ANN401
    """A plane from what says its position, its orientation and its pixel size, and from the data set of all frames."""
    sources = zip(_GEOMETRY, [*parts, dataset, dataset, dataset], strict=True)
    values: dict[str, Any] = {name: None if part is None else part.get(name) for name, part in sources}
    missing = [name for name, value in values.items() if not value]
    if missing:
        raise InputError(f"The DICOM images do not say their {missing[0]}, which a DICOM SEG needs.", "Save .seg.nrrd.")
    place, turn, size = (tuple(float(one) for one in values[name]) for name in _GEOMETRY[:3])
    return Plane(place, turn, size, int(values["Rows"]), int(values["Columns"]))


def _on_plane(labels: sitk.Image, plane: Plane) -> NDArray[np.uint8]:
    """The labels on the pixels of one DICOM slice, wherever the label map keeps them."""
    row, column = (np.array(part) for part in np.split(np.array(plane.orientation), 2))
    down, across = plane.spacing_mm
    pixels = sitk.Image(plane.columns, plane.rows, 1, sitk.sitkUInt8)
    pixels.SetOrigin(plane.position_mm)
    pixels.SetSpacing((across, down, 1.0))
    pixels.SetDirection(np.stack([row, column, np.cross(row, column)], axis=1).ravel().tolist())
    found = sitk.Resample(sitk.Cast(labels, sitk.sitkUInt8), pixels, sitk.Transform(), sitk.sitkNearestNeighbor, 0)
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
