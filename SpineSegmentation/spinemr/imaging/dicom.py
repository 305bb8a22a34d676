"""DICOM in: the series of a folder, which of them to take, and its slices as one volume.

Reading is GDCM's (through SimpleITK); what GDCM leaves to the caller is done here: grouping, order by
position rather than by name or instance number, and a check that no slice is missing.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from spinemr.imaging.dicom_headers import SliceHeader, is_dicom, read_slice_header
from spinemr.imaging.dicom_pixels import check_pixels
from spinemr.imaging.dicom_series import SeriesInfo, series_table, slice_distances_mm, sorted_into_series
from spinemr.imaging.door import check_header
from spinemr.imaging.errors import GeometryError, ImagingWarning, InputError
from spinemr.imaging.itk_files import read_pixels, read_stack
from spinemr.imaging.pictures import SAGITTAL_DIRECTION
from spinemr.imaging.progress import Progress, ProgressCallback, silent, within

MIN_SAGITTAL_SLICES = 3
MIN_EXTENT_MM = 150.0
"""A lumbar study shows five vertebrae with discs: about 150 mm from top to bottom."""
UNEVEN_WARNING = 0.05
UNEVEN_LIMIT = 0.25
"""Relative departure of a slice distance from the median; beyond it a slice is missing or out of place."""


def list_series(folder: str | os.PathLike[str], progress: ProgressCallback = silent) -> list[SeriesInfo]:
    """Every stack of images in a folder and its sub-folders; other files are passed over."""
    paths = list(_files(Path(folder)))
    headers = []
    for place, path in enumerate(paths):
        progress(Progress("read DICOM headers", place / len(paths), f"{place} of {len(paths)} files"))
        header = read_slice_header(path)
        if header is not None:
            headers.append(header)
    return sorted_into_series(headers)


def read_dicom(path: Path, *, series: str | int | None = None, progress: ProgressCallback = silent) -> sitk.Image:
    """Read a folder's chosen series, or a single file (one slice, or the stack of a multi-frame object)."""
    if path.is_dir():
        found = list_series(path, within(progress, 0.0, 0.6))
        return read_series(choose_series(found, path, series), str(path))
    header = read_slice_header(path)
    if header is None:
        raise InputError(f"Cannot read {path}: it is not a DICOM image, or it is damaged.", "Give the folder of the series.")
    _note_lone_slice(header)
    return read_series(sorted_into_series([header])[0], str(path))


def choose_series(found: list[SeriesInfo], folder: Path, wanted: str | int | None = None) -> SeriesInfo:
    """The wanted series; without a wish the only one, or the only sagittal MR stack that can show a lumbar spine."""
    if not found:
        raise InputError(f"There are no DICOM images in {folder}.", "Choose the folder that holds the series.")
    if wanted is not None:
        return _wanted(found, folder, str(wanted))
    magnetic = [info for info in found if info.modality in ("MR", "")]
    if not magnetic:
        kinds = ", ".join(sorted({info.modality for info in found}))
        raise InputError(
            f"{folder} holds {kinds} images; this software is made for MR.",
            f"To try nevertheless, choose one with --series.\n{series_table(found)}",
        )
    plausible = [info for info in magnetic if shows_lumbar_spine(info)]
    if len(plausible) == 1:
        return plausible[0]
    if len(found) == 1:
        return _lone(found[0], folder)
    what = f"{len(plausible)} of them could be the lumbar spine" if plausible else "none is clearly a sagittal lumbar spine"
    raise InputError(f"{folder} holds {len(found)} series, and {what}.", f"Choose one with --series N.\n{series_table(found)}")


def shows_lumbar_spine(info: SeriesInfo) -> bool:
    """Sagittal, a stack rather than a scout, and tall enough for five vertebrae."""
    return info.plane == "sagittal" and info.slices >= MIN_SAGITTAL_SLICES and info.extent_mm >= MIN_EXTENT_MM


def read_series(info: SeriesInfo, name: str) -> sitk.Image:
    """Read a stack with the geometry of its slices' own tags."""
    if info.modality not in ("MR", ""):
        warnings.warn(f"{name} is {info.modality}, not MR: results are not validated.", ImagingWarning, stacklevel=4)
    check_header(info.files[0].header, name)
    for file in info.files:
        check_pixels(file, name)
    if len(info.files) == 1:
        return _read_single(info.files[0], name)
    _check_steps(info, name)
    image = read_stack([file.path for file in info.files], name)
    _place(image, info)
    return image


def _read_single(file: SliceHeader, name: str) -> sitk.Image:
    image = read_pixels(file.path, "GDCMImageIO", name)
    if file.frames > 1:
        return image
    if not file.has_pixel_size:
        warnings.warn(f"{name} has no pixel size: 1 mm is used.", ImagingWarning, stacklevel=5)
    if file.orientation is None:
        warnings.warn(f"{name} has no orientation: head up and front at the left are assumed.", ImagingWarning, stacklevel=5)
        image.SetDirection(SAGITTAL_DIRECTION)
    return image


def _check_steps(info: SeriesInfo, name: str) -> None:
    steps = np.array(slice_distances_mm(info.files))
    usual = float(np.median(steps))
    uneven = float(np.abs(steps / usual - 1).max())
    if uneven > UNEVEN_LIMIT:
        place = int(np.abs(steps / usual - 1).argmax()) + 1
        raise GeometryError(
            f"Series {info.number} of {name} has uneven slices: {steps[place - 1]:.2f} mm between slices {place} and "
            f"{place + 1}, {usual:.2f} mm elsewhere; a slice seems to be missing.",
            "Export the series again.",
        )
    if uneven > UNEVEN_WARNING:
        warnings.warn(
            f"The slices of series {info.number} are {steps.min():.2f} to {steps.max():.2f} mm apart; the mean is used.",
            ImagingWarning,
            stacklevel=4,
        )


def _place(image: sitk.Image, info: SeriesInfo) -> None:
    """Set the grid from the tags: ITK derives it from the first and last position only."""
    first, last = info.files[0], info.files[-1]
    assert first.orientation is not None and first.normal is not None and first.position_mm is not None
    axes = np.column_stack([first.orientation[:3], first.orientation[3:], first.normal])
    image.SetDirection(axes.ravel().tolist())
    image.SetOrigin(first.position_mm)
    distance = (last.depth_mm - first.depth_mm) / (len(info.files) - 1)
    image.SetSpacing((*first.header.spacing_mm[:2], distance))


def _wanted(found: list[SeriesInfo], folder: Path, wanted: str) -> SeriesInfo:
    chosen = [info for info in found if wanted in (info.number, info.id)]
    if len(chosen) == 1:
        return chosen[0]
    raise InputError(f"{folder} has no single series {wanted}.", f"Choose one of these with --series N.\n{series_table(found)}")


def _lone(info: SeriesInfo, folder: Path) -> SeriesInfo:
    warnings.warn(
        f"The only series in {folder.name} is {info.plane}, {info.slices} slices, {info.extent_mm:.0f} mm long: not a usual "
        "sagittal lumbar study.",
        ImagingWarning,
        stacklevel=4,
    )
    return info


def _note_lone_slice(header: SliceHeader) -> None:
    if header.frames > 1:
        return
    siblings = sum(1 for path in _files(header.path.parent, recursive=False) if path != header.path and is_dicom(path))
    if siblings:
        warnings.warn(
            f"{header.path.name} is one slice; give its folder to read the whole series ({siblings} more DICOM files there).",
            ImagingWarning,
            stacklevel=4,
        )


def _files(folder: Path, recursive: bool = True) -> Iterator[Path]:
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if recursive and not name.startswith("."))
        yield from (Path(root) / name for name in sorted(names) if not name.startswith("."))
