"""The slices of a study as a reader sees them, whatever the order of its file, and where in them something lies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from spinemr.imaging.errors import GeometryError
from spinemr.imaging.geometry import Grid, WorkingFrame

AnyArray = NDArray[Any]


@dataclass(frozen=True)
class Place:
    """A voxel to look at."""

    slice: int
    """Along the axis the slices were stacked on, counted from 0 in the file's own order."""
    voxel: tuple[int, int, int]
    """Index in the image (ITK's order: x, y, z)."""
    point_mm: tuple[float, float, float]
    """Position in the patient, LPS."""
    plane: str
    """The plane of the slices: sagittal, axial or coronal."""

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Viewing:
    """The slices of an image, rows and columns in the order of the working frame (head above, front at the left)."""

    frame: WorkingFrame
    axis: int
    """Axis of the working array that slices follow each other along: 0 sagittal, 1 axial, 2 coronal."""

    @classmethod
    def of(cls, image: sitk.Image) -> Viewing:
        """Slices as they were acquired; sagittal ones where no axis stands out."""
        frame = WorkingFrame.of(image)
        return cls(frame, 0 if frame.is_isotropic else 2 - frame.axes.index(frame.thickness_axis))

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Between slices, rows and columns."""
        distances = list(self.frame.working_grid.spacing_mm[::-1])
        slices = distances.pop(self.axis)
        return slices, distances[0], distances[1]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Slices, rows and columns."""
        sizes = list(self.frame.working_size[::-1])
        slices = sizes.pop(self.axis)
        return slices, sizes[0], sizes[1]

    def slices(self, image: sitk.Image) -> AnyArray:
        """An image on this grid as ``[slice][row][column]``: a copy, which outlives the image."""
        if not Grid.of(image).matches(self.frame.grid):
            raise GeometryError(f"The images lie on different grids: {Grid.of(image).difference(self.frame.grid)}.")
        return np.moveaxis(self.frame.forward_array(sitk.GetArrayFromImage(image)), self.axis, 0)

    def back(self, slices: AnyArray) -> sitk.Image:
        """An array ``[slice][row][column]`` as an image on the study's own grid."""
        return self.frame.back_from_array(np.moveaxis(slices, 0, self.axis))

    def place(self, index: Sequence[float | np.integer[Any]]) -> Place:
        """Where the voxel ``(slice, row, column)`` of these slices lies; fractions are rounded."""
        working = list(index[1:])
        working.insert(self.axis, index[0])
        return self.place_in_frame(working)

    def place_in_frame(self, index: Sequence[float | np.integer[Any]]) -> Place:
        """Where the voxel ``(right to left, head to foot, front to back)`` of the working frame lies; fractions are rounded."""
        voxel = [0, 0, 0]
        for step, axis, flip in zip(reversed(index), self.frame.axes, self.frame.flips, strict=True):
            whole = min(max(round(float(step)), 0), self.frame.size[axis] - 1)
            voxel[axis] = self.frame.size[axis] - 1 - whole if flip else whole
        grid = self.frame.grid
        matrix = np.asarray(grid.direction).reshape(3, 3) * np.asarray(grid.spacing_mm)
        x, y, z = (round(float(value), 2) for value in np.asarray(grid.origin_mm) + matrix @ voxel)
        stacked = self.frame.axes[2 - self.axis]
        plane = ("sagittal", "axial", "coronal")[self.axis]
        return Place(voxel[stacked], (voxel[0], voxel[1], voxel[2]), (x, y, z), plane)
