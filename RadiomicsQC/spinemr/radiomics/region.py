"""A region of an image as plain arrays, cut to the box around its mask: what every feature is computed from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from spinemr.imaging.errors import GeometryError, InputError

Values = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Region:
    """Intensities and mask, ``[z][y][x]``, both cut to the smallest box that holds the mask, and the spacing in that order."""

    values: Values
    mask: Mask
    spacing_mm: tuple[float, float, float]

    def __post_init__(self) -> None:
        if self.values.shape != self.mask.shape or self.values.ndim != 3:
            raise GeometryError("Intensities and mask of a region need the same three axes.")
        if not self.mask.any():
            raise InputError("The mask is empty.")

    @property
    def inside(self) -> Values:
        """The intensities under the mask, one after the other."""
        return self.values[self.mask]

    @classmethod
    def of(cls, image: sitk.Image, mask: sitk.Image, label: int = 1) -> Region:
        """The region of one label; image and mask have to lie on one grid (:func:`spinemr.imaging.geometry.same_grid`)."""
        column, row, slice_ = image.GetSpacing()
        labels = sitk.GetArrayViewFromImage(mask)
        return cls.cut(sitk.GetArrayViewFromImage(image), labels == label, (slice_, row, column))

    @classmethod
    def cut(cls, values: NDArray[Any], mask: Mask, spacing_mm: tuple[float, float, float]) -> Region:
        """The region of a mask, from whole arrays."""
        if values.shape != mask.shape:
            raise GeometryError("The mask lies on another grid than the image.")
        if not mask.any():
            raise InputError("The mask is empty.")
        box = tuple(_extent(mask, axis) for axis in range(mask.ndim))
        return cls(np.array(values[box], dtype=np.float64), np.array(mask[box]), spacing_mm)


def _extent(mask: Mask, axis: int) -> slice:
    others = tuple(other for other in range(mask.ndim) if other != axis)
    places = np.flatnonzero(np.any(mask, axis=others))
    return slice(int(places[0]), int(places[-1]) + 1)
