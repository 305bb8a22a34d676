"""Images and label maps in and out of files: the only functions the rest of the software reads and writes with.

Reading ends at the door (:mod:`spinemr.imaging.door`), strips every piece of metadata that could name a
patient, and raises :class:`InputError` of one sentence for whatever is wrong. Writing is atomic.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from spinemr.imaging import dicom, door, segmentation_file
from spinemr.imaging.atomic import atomic_group, atomic_path
from spinemr.imaging.errors import GeometryError, ImagingWarning, InputError, OutputError
from spinemr.imaging.formats import (
    DETACHED_SUFFIXES,
    READABLE,
    WRITABLE,
    Format,
    format_of,
    looks_like_dicom,
    split_suffix,
    unknown_format,
)
from spinemr.imaging.itk_files import anonymous, permissive_orientation, read_header, read_pixels, write_pixels
from spinemr.imaging.nifti_header import NiftiHeader, check_complete, read_nifti_header
from spinemr.imaging.pictures import lifted, read_picture, written_slice
from spinemr.imaging.progress import Progress, ProgressCallback, silent
from spinemr.imaging.schemes import to_scheme

PathLike = str | os.PathLike[str]


def read_image(
    path: PathLike,
    *,
    spacing_mm: tuple[float, ...] | None = None,
    series: str | int | None = None,
    progress: ProgressCallback = silent,
) -> sitk.Image:
    """Read an image of any supported kind as a sound 3D volume.

    ``spacing_mm`` (x, y or x, y, z in the file's axes) overrides what the file says; ``series`` chooses one of a
    DICOM folder's series by its number or id.
    """
    source = _existing(Path(path))
    progress(Progress("read", 0.0, source.name))
    with _readable(source):
        kind = _kind(source)
        if kind is Format.DICOM:
            image = dicom.read_dicom(source, series=series, progress=progress)
        elif kind is Format.PICTURE:
            image = read_picture(source, spacing_mm)
        else:
            image = _read_volume(source, kind, spacing_mm)
    image = door.sound(_respaced(image, spacing_mm), str(source))
    if image.GetDimension() == 2:
        warnings.warn(f"{source.name} is a 2D image: head up and front at the left are assumed.", ImagingWarning, stacklevel=2)
        image = lifted(image)
    progress(Progress("read", 1.0, source.name))
    return image


def read_labels(path: PathLike) -> sitk.Image:
    """Read a label map of whole numbers >= 0 (unsigned 8 or 16 bit); ``.seg.nrrd`` comes back as anatomy numbers."""
    source = _existing(Path(path))
    with _readable(source):
        kind = _kind(source)
        if kind is Format.SEGMENTATION:
            return segmentation_file.read_segmentation(source)
        if kind is Format.DICOM:
            raise InputError(f"{source} is DICOM; label maps are read from .nii.gz, .nrrd, .mha or .seg.nrrd.")
        image = read_picture(source, None) if kind is Format.PICTURE else _read_volume(source, kind, None)
    if image.GetNumberOfComponentsPerPixel() > 1:
        raise InputError(f"{source} has several values in each voxel; a label map has one.")
    return _whole_numbers(lifted(image) if image.GetDimension() == 2 else image, str(source))


def write_image(image: sitk.Image, path: PathLike) -> None:
    """Write an image by the ending of its name, whole or not at all, without any metadata but the grid."""
    target = Path(path)
    kind = format_of(target)
    if kind is Format.PICTURE:
        _write(sitk.Cast(written_slice(image), _picture_type(image, target)), target)
    elif kind in (Format.NIFTI, Format.NRRD, Format.META):
        _write(image, target)
    else:
        raise _unwritable(target)


def write_labels(labels: sitk.Image, path: PathLike, *, scheme: str = "verse") -> None:
    """Write a label map of anatomy numbers in the numbering ``scheme``; ``.seg.nrrd`` gets named, coloured segments."""
    target = Path(path)
    whole = _whole_numbers(labels, "The label map")
    if format_of(target) is Format.SEGMENTATION:
        with atomic_path(target) as temporary:
            segmentation_file.write_segmentation(whole, temporary)
        return
    write_image(to_scheme(whole, scheme), target)


def _write(image: sitk.Image, target: Path) -> None:
    clean = anonymous(sitk.Image(image))
    detached = split_suffix(target)[1].lower() in DETACHED_SUFFIXES
    with (atomic_group if detached else atomic_path)(target) as temporary:
        write_pixels(clean, temporary)
        if format_of(target) is Format.NIFTI:
            _check_written(temporary, target)


def _check_written(temporary: Path, target: Path) -> None:
    # The NIfTI writer does not look whether the disk took everything.
    try:
        check_complete(temporary, read_nifti_header(temporary))
    except InputError:
        raise OutputError(f"Cannot write {target}: the disk did not take all of it.", "Make room and try again.") from None


def _unwritable(target: Path) -> OutputError:
    ending = split_suffix(target)[1]
    what = f"the ending {ending} cannot be written" if ending else "the name has no ending"
    return OutputError(f"Cannot write {target}: {what}.", f"Use one of {WRITABLE} (.seg.nrrd for segmentations).")


def _picture_type(image: sitk.Image, target: Path) -> int:
    """8 bit where the values fit, 16 bit where they do not; a picture cannot hold fractions or negative numbers."""
    pixels = sitk.GetArrayViewFromImage(image)
    whole = not np.issubdtype(pixels.dtype, np.floating) or bool((pixels == np.rint(pixels)).all())
    wide = 255 if split_suffix(target)[1].lower() in (".jpg", ".jpeg") else 65535
    if not whole or pixels.min() < 0 or pixels.max() > wide:
        raise OutputError(f"Cannot write {target}: a picture holds whole numbers from 0 to {wide}.", "Write .nii.gz instead.")
    return int(sitk.sitkUInt8 if pixels.max() <= 255 else sitk.sitkUInt16)


def _existing(path: Path) -> Path:
    try:
        if path.exists():
            return path
    except OSError as error:
        raise _unreadable(path, error) from error
    raise InputError(f"There is no file or folder {path}.", "Check the path.")


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> InputError:
    if isinstance(error, PermissionError):
        return InputError(f"Cannot read {path}: you have no permission to read it.")
    return InputError(f"Cannot read {path}: {error.strerror or 'the system refused'}.")


def _kind(path: Path) -> Format:
    """The format of an existing path: by its nature (folder), its ending, or the DICOM mark inside."""
    if path.is_dir():
        return Format.DICOM
    if path.stat().st_size == 0:
        raise InputError(f"Cannot read {path}: the file is empty.", "Copy or export it again.")
    kind = format_of(path)
    if kind is not None:
        return kind
    if looks_like_dicom(path) or dicom.is_dicom(path):
        return Format.DICOM
    raise unknown_format(path)


def _read_volume(path: Path, kind: Format, spacing_mm: tuple[float, ...] | None) -> sitk.Image:
    if kind is Format.NIFTI:
        return _read_nifti(path, spacing_mm)
    header = read_header(path)
    door.check_header(header, str(path))
    if kind is Format.META and any(step < 0 for step in header.spacing_mm):
        raise GeometryError(f"{path} has a negative spacing.", "Correct the header, or convert the image again.")
    door.check_spacing(header.spacing_mm, str(path))
    return read_pixels(path)


def _read_nifti(path: Path, spacing_mm: tuple[float, ...] | None) -> sitk.Image:
    nifti = read_nifti_header(path)
    _note_gaps(nifti, path, spacing_mm)
    skew = nifti.skew_deg
    door.check_skew(skew, str(path))
    with permissive_orientation():
        door.check_header(read_header(path), str(path))
        check_complete(path, nifti)
        image = read_pixels(path)
    if skew > door.SKEW_NOISE_DEG and nifti.sform is not None and image.GetDimension() == 3:
        _straighten(image, nifti)
    return image


def _note_gaps(nifti: NiftiHeader, path: Path, spacing_mm: tuple[float, ...] | None) -> None:
    """Say what ITK fills in without a word."""
    if nifti.missing_spacing and spacing_mm is None:
        warnings.warn(
            f"{path.name} has no valid voxel spacing: 1 mm is used where it is missing, so lengths are not in millimetres.",
            ImagingWarning,
            stacklevel=4,
        )
    if not nifti.has_orientation and len(nifti.size) > 2:
        warnings.warn(
            f"{path.name} does not say how it is oriented: axial slices in the usual order are assumed.", ImagingWarning, stacklevel=4
        )


def _straighten(image: sitk.Image, nifti: NiftiHeader) -> None:
    """Take spacing, origin and the nearest straight axes from a skewed sform (RAS to LPS: x and y change sign)."""
    assert nifti.sform is not None
    to_lps = np.diag([-1.0, -1.0, 1.0]) @ nifti.sform
    steps = np.linalg.norm(to_lps[:, :3], axis=0)
    image.SetDirection(door.nearest_rotation(to_lps[:, :3] / steps).ravel().tolist())
    image.SetSpacing(steps.tolist())
    image.SetOrigin(to_lps[:, 3].tolist())


def _respaced(image: sitk.Image, spacing_mm: tuple[float, ...] | None) -> sitk.Image:
    if spacing_mm is None:
        return image
    steps = (*spacing_mm, *image.GetSpacing()[len(spacing_mm) :])[: image.GetDimension()]
    door.check_spacing(steps, "The given spacing")
    image.SetSpacing(steps)
    return image


def _whole_numbers(labels: sitk.Image, name: str) -> sitk.Image:
    """Labels as unsigned 8 bit, or 16 bit where 8 do not suffice."""
    values = sitk.GetArrayViewFromImage(labels)
    if np.issubdtype(values.dtype, np.floating) and not bool((values == np.rint(values)).all()):
        raise InputError(f"{name} holds fractions; a label map holds whole numbers.", "Is it the image instead of its mask?")
    if values.size == 0 or values.min() < 0 or values.max() > 65535:
        raise InputError(f"{name} holds values outside of 0 to 65535; they cannot be labels.")
    return sitk.Cast(labels, sitk.sitkUInt8 if values.max() <= 255 else sitk.sitkUInt16)


__all__ = ["READABLE", "WRITABLE", "read_image", "read_labels", "write_image", "write_labels"]
