"""Checks at the door: what is not one finite scalar 3D image with a believable grid does not come in.

Each check says in one sentence what is wrong and what to do. What can be repaired without guessing is
repaired, and an :class:`ImagingWarning` says so.
"""

from __future__ import annotations

import math
import warnings

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from spinemr.imaging.errors import GeometryError, ImagingWarning, InputError
from spinemr.imaging.itk_files import ImageHeader
from spinemr.imaging.nifti_header import skew_deg

MAX_VOXELS = 50_000_000
"""Twice 512 x 512 x 100, five times a large lumbar study: the whole job on so many takes less than 2 GiB of memory."""
MAX_BYTES = 2**28
"""The same as memory, for images whose voxels take eight bytes."""
MIN_PIXELS = 8
"""Fewer pixels than this along a slice show no spine."""
SPACING_RANGE_MM = (0.01, 50.0)
"""Outside of this the numbers are not millimetres of a spine image (metres, micrometres, garbage)."""
MAX_SKEW_DEG = 2.0
"""Axes less perpendicular than this would distort angles and distances the user can see."""
MAX_VALUE, MIN_CONTRAST = 1e15, 1e-20
"""Beyond the one, squares leave the range of single precision; below the other, differences do."""
SKEW_NOISE_DEG = 0.05
"""What rounding in a header amounts to; put right without a word."""
GREY_TOLERANCE = 2
"""Colour channels that differ by no more (of 255) are grey that went through a lossy codec."""

GREY_HINT = "Save it as a greyscale image first."


def check_header(header: ImageHeader, name: str) -> None:
    """Refuse by the header alone what would be refused after a long read: several frames, complex, empty, huge."""
    if header.is_complex:
        raise InputError(f"{name} holds complex numbers, not an image.", "Give the magnitude image.")
    _check_frames(header.size, name)
    if 0 in header.size:
        raise InputError(f"{name} is empty: its size is {_times(header.size)}.")
    if header.voxels > MAX_VOXELS or header.voxels * header.voxel_bytes > MAX_BYTES:
        raise InputError(
            f"{name} is too large: {_times(header.size)} voxels; at most {MAX_VOXELS / 1e6:.0f} million are read,"
            f" in {MAX_BYTES >> 20} MiB.",
            "Crop it to the spine or resample it first.",
        )


def check_spacing(spacing_mm: tuple[float, ...], name: str) -> None:
    """Refuse spacings that are zero, negative, not a number or far from any scanner's."""
    low, high = SPACING_RANGE_MM
    for axis, step in zip("xyz", spacing_mm, strict=False):
        if not math.isfinite(step) or step <= 0:
            raise GeometryError(f"{name} has an impossible spacing along {axis}: {step:g} mm.", _SPACING_HINT)
        if not low <= step <= high:
            raise GeometryError(f"{name} has a spacing of {step:g} mm along {axis}, which no spine image has.", _SPACING_HINT)


_SPACING_HINT = "Correct the header, or convert the image again from its DICOM files."


def sound(image: sitk.Image, name: str = "The image", *, min_pixels: int = MIN_PIXELS) -> sitk.Image:
    """The image, fit to work on: 3D (or 2D, left to be lifted), scalar, finite, not constant, on a sane grid."""
    check_header(_header_of(image), name)
    image = _single_frame(image)
    if image.GetNumberOfComponentsPerPixel() > 1:
        image = _grey(image, name)
    check_spacing(image.GetSpacing(), name)
    image = straight(image, name)
    _check_extent(image, name, min_pixels)
    image = _finite(image, name)
    _check_contrast(image, name)
    return image


def _header_of(image: sitk.Image) -> ImageHeader:
    return ImageHeader(
        image.GetSize(),
        image.GetSpacing(),
        image.GetDirection(),
        image.GetNumberOfComponentsPerPixel(),
        image.GetPixelIDValue(),
    )


def _check_frames(size: tuple[int, ...], name: str) -> None:
    frames = math.prod(size[3:])
    if frames > 1:
        raise InputError(
            f"{name} is 4D ({_times(size)}): {frames} volumes in one file.",
            'Keep one, for example the first: python -c "import SimpleITK as s; '
            "s.WriteImage(s.ReadImage('FILE.nii.gz')[:, :, :, 0], 'FIRST.nii.gz')\"",
        )


def _times(size: tuple[int, ...]) -> str:
    return " x ".join(str(extent) for extent in size)


def _single_frame(image: sitk.Image) -> sitk.Image:
    size = image.GetSize()
    if len(size) <= 3:
        return image
    frame: sitk.Image = sitk.Extract(image, [*size[:3], *[0] * (len(size) - 3)], [0] * len(size))
    return frame


def _grey(image: sitk.Image, name: str) -> sitk.Image:
    """One channel of an image whose colour channels agree; a fourth channel is opacity and is left out."""
    channels = image.GetNumberOfComponentsPerPixel()
    if channels not in (3, 4):
        raise InputError(f"{name} has {channels} values in each pixel instead of one.", "Give a single channel.")
    pixels = sitk.GetArrayViewFromImage(image)
    first = pixels[..., 0].astype(np.float64)
    limit = GREY_TOLERANCE * max(float(pixels[..., :3].max()), 1.0) / 255
    if any(np.abs(pixels[..., place] - first).max() > limit for place in (1, 2)):
        raise InputError(f"{name} is a colour image.", GREY_HINT)
    warnings.warn(f"{name} is stored in colour but shows only grey; one channel is used.", ImagingWarning, stacklevel=3)
    channel: sitk.Image = sitk.VectorIndexSelectionCast(image, 1)
    return channel


def nearest_rotation(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """The orthonormal matrix closest to a given one: U V^T of its singular value decomposition."""
    left, _, right = np.linalg.svd(matrix)
    return np.asarray(left @ right, dtype=np.float64)


def check_skew(angle_deg: float, name: str) -> None:
    """Refuse axes far from perpendicular; say so where they are a little off."""
    if not angle_deg <= MAX_SKEW_DEG:
        raise GeometryError(
            f"{name} has skewed axes ({angle_deg:.1f} degrees off the right angle).", "Resample it to a straight grid first."
        )
    if angle_deg > SKEW_NOISE_DEG:
        warnings.warn(
            f"{name} has slightly skewed axes ({angle_deg:.2f} degrees); the nearest straight grid is used.",
            ImagingWarning,
            stacklevel=3,
        )


def straight(image: sitk.Image, name: str) -> sitk.Image:
    """The image on perpendicular axes: its own, or the nearest ones where rounding left them a little off."""
    rank = image.GetDimension()
    direction = np.array(image.GetDirection()).reshape(rank, rank)
    angle = skew_deg(direction)
    check_skew(angle, name)
    if angle < 1e-6:
        return image
    straight = sitk.Image(image)
    straight.SetDirection(nearest_rotation(direction).ravel().tolist())
    return straight


def _check_extent(image: sitk.Image, name: str, min_pixels: int) -> None:
    size = image.GetSize()
    if sorted(size)[-2] < min_pixels:
        raise InputError(f"{name} is too small to show anything: {_times(size)} pixels.")


def _finite(image: sitk.Image, name: str) -> sitk.Image:
    """NaN and -inf become the smallest finite value, +inf the largest; their counts are told."""
    pixels = sitk.GetArrayViewFromImage(image)
    if not np.issubdtype(pixels.dtype, np.floating):
        return image
    good = np.isfinite(pixels)
    if good.all():
        return image
    if not good.any():
        raise InputError(f"{name} holds no numbers: every voxel is NaN or infinite.")
    low, high = float(pixels[good].min()), float(pixels[good].max())
    nan, infinite = int(np.isnan(pixels).sum()), int(np.isinf(pixels).sum())
    warnings.warn(
        f"{name} has {nan} NaN and {infinite} infinite voxels; they were replaced by the lowest or highest value.",
        ImagingWarning,
        stacklevel=3,
    )
    repaired = sitk.GetImageFromArray(np.nan_to_num(pixels, nan=low, posinf=high, neginf=low).astype(pixels.dtype))
    repaired.CopyInformation(image)
    return repaired


def _check_contrast(image: sitk.Image, name: str) -> None:
    pixels = sitk.GetArrayViewFromImage(image)
    low, high = float(pixels.min()), float(pixels.max())
    if max(-low, high) > MAX_VALUE:
        raise InputError(f"{name} holds values from {low:.3g} to {high:.3g}, which no scanner gives.", "Convert it again.")
    if high - low < MIN_CONTRAST:
        raise InputError(f"{name} has the same value everywhere ({pixels.flat[0]:g}); there is nothing to see in it.")
