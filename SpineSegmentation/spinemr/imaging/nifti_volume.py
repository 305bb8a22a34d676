"""NIfTI volumes: read with ITK, and with what ITK repairs in silence or refuses said and done properly."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from spinemr.imaging import door
from spinemr.imaging.errors import GeometryError, ImagingWarning
from spinemr.imaging.itk_files import permissive_orientation, read_header, read_pixels
from spinemr.imaging.nifti_header import NiftiHeader, check_complete, non_finite, read_nifti_header


def read_nifti(path: Path, *, spacing_known: bool = False) -> sitk.Image:
    """Read a NIfTI file that is complete and whose axes are (all but) perpendicular.

    ``spacing_known``: the caller sets the spacing, so a missing one needs no warning.
    """
    nifti = read_nifti_header(path)
    _check_spacing(nifti, path, spacing_known)
    if not nifti.has_orientation and len(nifti.size) > 2:
        warn_orientation(path)
    door.check_skew(nifti.skew_deg, str(path))
    with permissive_orientation():
        door.check_header(read_header(path), str(path))
        check_complete(path, nifti)
        image = _with_non_finite(read_pixels(path), *non_finite(path, nifti))
    if nifti.sform is not None and nifti.skew_deg > door.SKEW_NOISE_DEG and image.GetDimension() == 3:
        _straighten(image, nifti.sform)
    return image


def warn_orientation(path: Path) -> None:
    """Say that a file does not tell which way its axes point."""
    warnings.warn(
        f"{path.name} does not say how it is oriented: axial slices in the usual order are assumed.",
        ImagingWarning,
        stacklevel=5,
    )


def _check_spacing(nifti: NiftiHeader, path: Path, spacing_known: bool) -> None:
    """ITK takes 1 mm for a spacing of zero or NaN and mirrors the image for a negative one, both without a word."""
    if any(step < 0 for step in nifti.spacing_mm):
        raise GeometryError(f"{path} has a negative spacing.", "Correct the header, or convert the image again.")
    if nifti.missing_spacing and not spacing_known:
        warnings.warn(
            f"{path.name} has no valid voxel spacing: 1 mm is used where it is missing, so lengths are not in millimetres.",
            ImagingWarning,
            stacklevel=5,
        )


def _with_non_finite(image: sitk.Image, places: NDArray[np.intp], values: NDArray[np.float64]) -> sitk.Image:
    """The image with the NaN and infinite voxels its file holds, so that the door sees and tells them."""
    if places.size == 0 or not np.issubdtype(sitk.GetArrayViewFromImage(image).dtype, np.floating):
        return image
    array = sitk.GetArrayFromImage(image)
    array.flat[places] = values
    restored = sitk.GetImageFromArray(array, isVector=False)
    restored.CopyInformation(image)
    return restored


def _straighten(image: sitk.Image, sform: NDArray[np.float64]) -> None:
    """Take spacing, origin and the nearest straight axes from a skewed sform (RAS to LPS: x and y change sign)."""
    to_lps = np.diag([-1.0, -1.0, 1.0]) @ sform
    steps = np.linalg.norm(to_lps[:, :3], axis=0)
    image.SetDirection(door.nearest_rotation(to_lps[:, :3] / steps).ravel().tolist())
    image.SetSpacing(steps.tolist())
    image.SetOrigin(to_lps[:, 3].tolist())
