"""Where the patient is in an image, without knowing what is what: methods look at tissue, not at air."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from spinemr.imaging.errors import InputError
from spinemr.imaging.geometry import WorkingFrame
from spinemr.imaging.intensity import refuse_non_finite, stretch

AIR_SHARE = 0.2
"""Air lies below this share of Otsu's threshold between dark and bright tissue."""
SKIN_MM, FAT_MM = 2.0, 9.0
"""Depth below the skin of the back at which fat is looked for."""

Mask = NDArray[np.bool_]


def body_mask(working: NDArray[np.generic]) -> Mask:
    """The patient on working slices ``[slice][row][column]``: above air, the largest piece of each slice, holes filled."""
    refuse_non_finite(working)
    clipped = stretch(working, 0.5, 99.5, 255.0)
    threshold = AIR_SHARE * _otsu(clipped)
    mask = np.stack([_filled(ndimage.uniform_filter(plane, 3) > threshold) for plane in clipped])
    if not mask.any():
        raise InputError("The image shows no tissue.", "Look at it: is it empty?")
    return mask


def tissue(image: sitk.Image) -> NDArray[np.float64]:
    """The intensities of the patient, one after the other."""
    working = WorkingFrame.of(image).forward_array(sitk.GetArrayViewFromImage(image))
    return np.asarray(working, dtype=np.float64)[body_mask(working)]


def back_fat_mask(mask: Mask, column_mm: float) -> Mask:
    """A band below the skin of the back (columns run front to back), where fat is all there is."""
    columns = mask.shape[2]
    last = columns - 1 - np.argmax(mask[:, :, ::-1], axis=2)
    depth_mm = (last[:, :, None] - np.arange(columns)) * column_mm
    cut = (last == columns - 1)[:, :, None]  # the skin lies outside of the view: nobody knows how deep this is
    return np.asarray(mask & (depth_mm >= SKIN_MM) & (depth_mm <= FAT_MM) & ~cut, dtype=np.bool_)


def _otsu(values: NDArray[np.float32]) -> float:
    """Otsu's threshold: the one with most variance between the two sides."""
    counts, edges = np.histogram(values, 256)
    centres = (edges[:-1] + edges[1:]) / 2
    below, weighted = np.cumsum(counts), np.cumsum(counts * centres)
    above = below[-1] - below
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (weighted / below - (weighted[-1] - weighted) / above) ** 2
    return float(centres[int(np.nanargmax(np.where(np.isfinite(between), between, -1.0)))])


def _filled(plane: Mask) -> Mask:
    pieces, count = ndimage.label(plane)
    if count > 1:
        plane = pieces == 1 + int(np.argmax(ndimage.sum_labels(plane, pieces, range(1, count + 1))))
    return np.asarray(ndimage.binary_fill_holes(plane), dtype=np.bool_)
