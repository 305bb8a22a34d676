"""Images and masks on other spacings, voxel for voxel as pyradiomics lays them out.

The new grid begins at the outer corner of the mask's grid, so that both cover the same space whatever the spacing. Only the
box around a structure is resampled, and ``padDistance`` new voxels around it for the filters to look at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from spinemr.imaging.errors import GeometryError, InputError
from spinemr.radiomics.settings import Settings

INTERPOLATORS = (
    "sitkNearestNeighbor", "sitkLinear", "sitkBSpline", "sitkGaussian", "sitkLabelGaussian", "sitkHammingWindowedSinc",
    "sitkCosineWindowedSinc", "sitkWelchWindowedSinc", "sitkLanczosWindowedSinc", "sitkBlackmanWindowedSinc",
)  # fmt: skip
"""Names in pyradiomics' files, SimpleITK's own."""
_TOLERANCE_VOXELS = 1e-3
"""By how much a structure may stick out of the image before it is refused."""

Triple = tuple[int, int, int]


@dataclass(frozen=True)
class Extent:
    """The box around a structure, in ITK's order: the index of its first voxel and how many it has along each axis."""

    first: Triple
    size: Triple

    @classmethod
    def of(cls, mask: sitk.Image, label: int) -> Extent:
        """The box around one label of a mask of whole numbers."""
        shapes = sitk.LabelShapeStatisticsImageFilter()
        shapes.ComputePerimeterOff()
        shapes.Execute(mask == label)
        if not shapes.HasLabel(1):
            raise InputError(f"Label {label} is not in the mask.")
        box = shapes.GetBoundingBox(1)
        return cls(box[:3], box[3:])

    def padded(self, voxels: int, limit: Sequence[int]) -> Extent:
        """The box with so many more voxels on each side, cut off where the image ends."""
        first = np.maximum(np.subtract(self.first, voxels), 0)
        last = np.minimum(np.add(self.first, self.size) + voxels, limit)
        return Extent(_triple(first), _triple(last - first))

    def cut(self, image: sitk.Image) -> sitk.Image:
        """This part of an image, where it lay."""
        part: sitk.Image = sitk.RegionOfInterest(image, self.size, self.first)
        return part


@dataclass(frozen=True)
class Source:
    """An image to be resampled many times: the coefficients of its splines are computed once."""

    image: sitk.Image
    coefficients: sitk.Image | None
    interpolator: int

    @classmethod
    def of(cls, image: sitk.Image, interpolator: str) -> Source:
        """Make an image ready for an interpolator by SimpleITK's name."""
        if interpolator not in INTERPOLATORS:
            raise InputError(f"There is no interpolator {interpolator}.", f"Known are: {', '.join(INTERPOLATORS)}.")
        if interpolator != "sitkBSpline":
            return cls(image, None, getattr(sitk, interpolator))
        return cls(image, sitk.BSplineDecomposition(sitk.Cast(image, sitk.sitkFloat64)), sitk.sitkBSplineResampler)

    def on(self, grid: sitk.ResampleImageFilter) -> sitk.Image:
        """The image on a grid, in its own pixel type."""
        grid.SetOutputPixelType(self.image.GetPixelID())
        grid.SetInterpolator(self.interpolator)
        resampled: sitk.Image = grid.Execute(self.coefficients or self.image)
        return resampled


def resampled(source: Source, mask: sitk.Image, label: int, settings: Settings) -> tuple[sitk.Image, sitk.Image]:
    """Image and mask around one structure, at the spacing the settings ask for; a mask may lie on a grid of its own."""
    extent = Extent.of(mask, label)
    check_inside(source.image, mask, extent)
    spacing_mm = np.array(mask.GetSpacing())
    wanted_mm = _wanted_spacing(spacing_mm, extent, settings)
    if np.allclose(source.image.GetSpacing(), wanted_mm):
        return _cropped(source.image, mask, label, settings)
    grid = _grid_around(mask, extent, spacing_mm, wanted_mm, settings.pad_distance)
    return source.on(grid), _nearest(mask, grid)


def check_inside(image: sitk.Image, mask: sitk.Image, extent: Extent) -> None:
    """Refuse a structure of which a part lies where the image shows nothing."""
    first, last = np.array(extent.first) - 0.5, np.add(extent.first, extent.size) - 0.5
    corners = [
        image.TransformPhysicalPointToContinuousIndex(mask.TransformContinuousIndexToPhysicalPoint(corner.tolist()))
        for corner in (first, last)
    ]
    end = np.array(image.GetSize()) - 0.5 + _TOLERANCE_VOXELS
    if np.min(corners) < -0.5 - _TOLERANCE_VOXELS or (np.max(corners, axis=0) > end).any():
        raise GeometryError("A part of the mask lies outside of the image.", "Was it drawn on another image?")


def _wanted_spacing(spacing_mm: NDArray[np.float64], extent: Extent, settings: Settings) -> NDArray[np.float64]:
    """The spacing asked for; where that is 0 or the structure is one voxel thick, the mask's own."""
    asked = np.array(settings.resampled_pixel_spacing_mm, dtype=np.float64)
    if asked.shape != (3,) or not np.isfinite(asked).all() or (asked < 0).any():
        raise InputError("A spacing to resample to is three numbers in mm, 0 for an axis to leave alone.")
    return np.where((asked == 0) | (np.array(extent.size) == 1), spacing_mm, asked)


def _grid_around(
    mask: sitk.Image, extent: Extent, spacing_mm: NDArray[np.float64], wanted_mm: NDArray[np.float64], pad: int
) -> sitk.ResampleImageFilter:
    """The new voxels that cover the structure, and ``pad`` more on each side as far as the mask's grid reaches."""
    ratio = spacing_mm / wanted_mm
    outer, size = np.array(extent.first) - 0.5, np.array(extent.size)
    first = np.maximum(np.floor(outer * ratio - pad), 0)
    last = np.minimum(np.ceil((outer + size) * ratio + pad), np.ceil(np.array(mask.GetSize()) * ratio) - 1)
    origin_index = 0.5 * (wanted_mm - spacing_mm) / spacing_mm + first / ratio
    grid = sitk.ResampleImageFilter()
    grid.SetOutputSpacing(wanted_mm.tolist())
    grid.SetOutputDirection(mask.GetDirection())
    grid.SetSize((last - first + 1).astype(int).tolist())
    grid.SetOutputOrigin(mask.TransformContinuousIndexToPhysicalPoint(origin_index.tolist()))
    return grid


def _nearest(mask: sitk.Image, grid: sitk.ResampleImageFilter) -> sitk.Image:
    grid.SetOutputPixelType(mask.GetPixelID())
    grid.SetInterpolator(sitk.sitkNearestNeighbor)
    nearest: sitk.Image = grid.Execute(mask)
    return nearest


def _cropped(image: sitk.Image, mask: sitk.Image, label: int, settings: Settings) -> tuple[sitk.Image, sitk.Image]:
    """An image that has the wanted spacing already keeps its voxels; the mask joins its grid."""
    on_image = sitk.Resample(mask, image, sitk.Transform(), sitk.sitkNearestNeighbor, 0)
    box = Extent.of(on_image, label).padded(settings.pad_distance, image.GetSize())
    return box.cut(image), box.cut(on_image)


def _triple(values: NDArray[np.int64]) -> Triple:
    return int(values[0]), int(values[1]), int(values[2])
