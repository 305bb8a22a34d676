"""PNG, JPEG and TIFF slices: pictures without geometry become one sagittal slice of the usual display.

Radiological display of a sagittal slice: head up, the patient's front at the left. Columns therefore run
from front to back (LPS +y), rows from head to foot (-z), and the third axis to the patient's right (-x).
"""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from spinemr.imaging import tiff
from spinemr.imaging.door import check_header, check_spacing
from spinemr.imaging.errors import GeometryError, ImagingWarning, InputError
from spinemr.imaging.itk_files import read_header, read_pixels

NOMINAL_SPACING_MM = 1.0
"""Taken where a picture comes without a pixel size; millimetres then mean pixels."""
NOMINAL_THICKNESS_MM = 4.0
"""Extent of a lone slice across: the usual slice thickness of a lumbar study."""
SAGITTAL_DIRECTION = (0.0, 0.0, -1.0, 1.0, 0.0, 0.0, 0.0, -1.0, 0.0)
"""Columns to the back, rows to the feet, slices to the right: a right-handed sagittal grid in LPS."""

_PNG_GREY_ALPHA = 4


def read_picture(path: Path, spacing_mm: tuple[float, ...] | None = None) -> sitk.Image:
    """Read a picture as a one-slice sagittal volume; resolution tags (screen dpi) are not believed."""
    content = path.read_bytes()
    _check_complete(content, path)
    _check_samples(content, path)
    header = read_header(path)
    check_header(header, str(path))
    if len(header.size) > 2 and header.size[2] > 1:
        raise InputError(
            f"{path} holds {header.size[2]} pages.", "Give one page, or convert the stack to NIfTI with its spacing."
        )
    image: sitk.Image = read_pixels(path)
    if image.GetDimension() == 3:
        image = image[:, :, 0]
    if spacing_mm is None:
        warnings.warn(
            f"{path.name} has no pixel size: {NOMINAL_SPACING_MM:g} mm is assumed, so lengths are in pixels; "
            "head up and front at the left are assumed too.",
            ImagingWarning,
            stacklevel=2,
        )
    return lifted(image, spacing_mm or (NOMINAL_SPACING_MM, NOMINAL_SPACING_MM))


def lifted(image: sitk.Image, spacing_mm: tuple[float, ...] | None = None) -> sitk.Image:
    """A 2D image as a one-slice sagittal volume, with its own spacing or the given one (in-plane, or all three)."""
    steps = spacing_mm or image.GetSpacing()
    if len(steps) == 2:
        steps = (*steps, NOMINAL_THICKNESS_MM)
    check_spacing(steps, "The slice")
    volume: sitk.Image = sitk.JoinSeries(image)
    volume.SetOrigin((0.0, 0.0, 0.0))
    volume.SetDirection(SAGITTAL_DIRECTION)
    volume.SetSpacing(steps)
    return volume


def written_slice(image: sitk.Image) -> sitk.Image:
    """The 2D image a one-slice volume becomes in a picture file; more slices do not fit into one."""
    if image.GetDimension() == 2:
        return image
    single = [axis for axis in range(3) if image.GetSize()[axis] == 1]
    if not single:
        raise GeometryError(f"A picture holds one slice, this image has {min(image.GetSize())}.", "Write .nii.gz instead.")
    written: sitk.Image = sitk.GetImageFromArray(np.squeeze(sitk.GetArrayViewFromImage(image), axis=2 - single[-1]))
    return written


def _check_complete(content: bytes, path: Path) -> None:
    """JPEG decoders paint the missing part of a truncated file grey in silence: look for the end mark (FFD9)."""
    if content[:2] == b"\xff\xd8" and content.rfind(b"\xff\xd9") < content.rfind(b"\xff\xda"):
        raise InputError(f"Cannot read {path}: the picture is truncated.", "Copy or export it again.")
    if tiff.leads_in_a_circle(content):
        raise InputError(f"Cannot read {path}: the picture is damaged.", "Copy or export it again.")


def _check_samples(content: bytes, path: Path) -> None:
    """ITK mistakes grey with opacity for grey alone (TIFF) or cannot read it (PNG)."""
    png_kind = content[25] if content[:8] == b"\x89PNG\r\n\x1a\n" and len(content) > 25 else 0
    if png_kind == _PNG_GREY_ALPHA or tiff.samples_of_first_page(content) == 2:
        raise InputError(f"{path} is a grey picture with transparency.", "Save it without transparency (alpha channel).")

