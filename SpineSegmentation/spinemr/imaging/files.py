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
from spinemr.imaging.dicom_headers import is_dicom
from spinemr.imaging.errors import ImagingWarning, InputError, OutputError
from spinemr.imaging.formats import (
    DETACHED_SUFFIXES,
    WRITABLE,
    Format,
    format_of,
    split_suffix,
    unknown_format,
)
from spinemr.imaging.itk_files import anonymous, read_pixels, read_tags, spelled, write_pixels
from spinemr.imaging.nifti_header import check_complete, read_nifti_header
from spinemr.imaging.nifti_volume import read_nifti, warn_orientation
from spinemr.imaging.pictures import lifted, read_picture, written_slice
from spinemr.imaging.progress import Progress, ProgressCallback, silent
from spinemr.imaging.schemes import to_scheme
from spinemr.imaging.text_headers import check_meta, check_nrrd

PathLike = str | os.PathLike[str]


def read_image(
    path: PathLike,
    *,
    spacing_mm: tuple[float, ...] | None = None,
    series: str | int | None = None,
    min_pixels: int = door.MIN_PIXELS,
    progress: ProgressCallback = silent,
) -> sitk.Image:
    """Read an image of any supported kind as a sound 3D volume.

    ``spacing_mm`` (x, y or x, y, z in the file's axes) overrides what the file says; ``series`` chooses one of a
    DICOM folder's series by its number or id. An image with fewer than ``min_pixels`` along two axes is refused.
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
    image = door.sound(_respaced(image, spacing_mm), str(source), min_pixels=min_pixels)
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
        spelled(target)
        with atomic_path(target) as temporary:
            segmentation_file.write_segmentation(whole, temporary)
        return
    write_image(to_scheme(whole, scheme), target)


def _write(image: sitk.Image, target: Path) -> None:
    spelled(target)
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
    if is_dicom(path):
        return Format.DICOM
    raise unknown_format(path)


def _read_volume(path: Path, kind: Format, spacing_mm: tuple[float, ...] | None) -> sitk.Image:
    if kind is Format.NIFTI:
        return door.straight(read_nifti(path, spacing_known=spacing_mm is not None), str(path))
    (check_meta if kind is Format.META else check_nrrd)(path)
    header, tags = read_tags(path, "")
    door.check_header(header, str(path))
    if spacing_mm is None or min(header.spacing_mm) <= 0:
        door.check_spacing(header.spacing_mm, str(path))
    if kind is Format.NRRD and "NRRD_space" not in tags:
        warn_orientation(path)
    return door.straight(read_pixels(path), str(path))


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
    whole: sitk.Image = sitk.Cast(labels, sitk.sitkUInt8 if values.max() <= 255 else sitk.sitkUInt16)
    return whole
