"""Any grid to the working frame and back, by permuting and flipping axes only: no voxel is ever interpolated.

In the working frame an array is ``[slice right->left][row head->foot][column front->back]``; in the LPS
coordinates of ITK slices run along +x (left), rows along -z (foot) and columns along +y (back).
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from spinemr.imaging.errors import GeometryError

GRID_TOLERANCE_MM = 0.01
"""Corners closer than this coincide: wider than what float32 headers lose, far below any voxel."""

_ANISOTROPIC = 1.2
"""An axis whose spacing exceeds both others by this factor is the one slices were stacked along."""

_WORKING_AXES = ((1, 1.0), (2, -1.0), (0, 1.0))
"""LPS axis and sense of a working image's columns, rows and slices (ITK's index order)."""

_PLANES = ("coronal", "axial", "sagittal")
"""The plane of a stack whose slices follow each other along working columns, rows, slices."""

Triple = tuple[float, float, float]
AnyArray = NDArray[Any]


@dataclass(frozen=True)
class WorkingFrame:
    """The input's grid, copied bit by bit, and which of its axes become working columns, rows and slices."""

    size: tuple[int, int, int]
    spacing_mm: Triple
    origin_mm: Triple
    direction: tuple[float, ...]
    axes: tuple[int, int, int]
    """Input axis (ITK's order) behind the working columns, rows and slices."""
    flips: tuple[bool, bool, bool]
    """Which working axes run against their input axis."""

    @classmethod
    def of(cls, image: sitk.Image) -> WorkingFrame:
        """The frame of an image: the assignment of axes with the largest sum of absolute direction cosines."""
        if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 1:
            raise GeometryError("The image is not a three-dimensional volume of single values.")
        direction = np.asarray(image.GetDirection(), dtype=float).reshape(3, 3)
        if not np.isfinite(direction).all() or abs(np.linalg.det(direction)) < 1e-6:
            raise GeometryError("The direction in the image's header is impossible.")
        axes, flips = _assign(direction)
        return cls(image.GetSize(), image.GetSpacing(), image.GetOrigin(), image.GetDirection(), axes, flips)

    @property
    def thickness_axis(self) -> int:
        """The input axis slices were stacked along: of one voxel, else of the widest spacing, else the file's last."""
        single = [axis for axis in range(3) if self.size[axis] == 1]
        if len(single) == 1:
            return single[0]
        widest = max(range(3), key=lambda axis: self.spacing_mm[axis])
        rest = max(self.spacing_mm[axis] for axis in range(3) if axis != widest)
        return widest if self.spacing_mm[widest] > _ANISOTROPIC * rest else 2

    @property
    def plane(self) -> str:
        """The plane the slices were acquired in: "sagittal", "axial" or "coronal" (the nearest, if oblique)."""
        return _PLANES[self.axes.index(self.thickness_axis)]

    @property
    def is_sagittal(self) -> bool:
        """Whether working slices are the slices as they were acquired."""
        return self.plane == "sagittal"

    @property
    def is_isotropic(self) -> bool:
        """Whether no axis stands out as the slice axis (3D sequences): the plane is then only that of storage."""
        return 1 not in self.size and max(self.spacing_mm) <= _ANISOTROPIC * min(self.spacing_mm)

    @property
    def obliquity_deg(self) -> float:
        """The largest angle between an axis of the grid and the axis of the body it stands for."""
        matrix = np.asarray(self.direction).reshape(3, 3)
        cosines = []
        for working, (body, _) in enumerate(_WORKING_AXES):
            axis = matrix[:, self.axes[working]]
            cosines.append(abs(axis[body]) / float(np.linalg.norm(axis)))
        return math.degrees(math.acos(min(1.0, min(cosines))))

    @property
    def working_size(self) -> tuple[int, int, int]:
        """Columns, rows and slices of the working image."""
        column, row, slice_ = self.axes
        return self.size[column], self.size[row], self.size[slice_]

    def forward(self, image: sitk.Image) -> sitk.Image:
        """An image on the input's grid, brought to the working frame; every voxel keeps its physical position."""
        self._refuse_other_grid(image, self.grid)
        working = _image_of(self.forward_array(sitk.GetArrayViewFromImage(image)))
        _place(working, self.working_grid)
        return working

    def back(self, working: sitk.Image) -> sitk.Image:
        """A working image on the input's own grid, with the very bits of its spacing, origin and direction."""
        self._refuse_other_grid(working, self.working_grid)
        return self.back_from_array(sitk.GetArrayViewFromImage(working))

    def forward_array(self, array: AnyArray) -> AnyArray:
        """An array in the input's order (ITK's slowest axis first) as ``[slice][row][column]``; a view where possible."""
        order = tuple(2 - self.axes[working] for working in (2, 1, 0))
        return np.flip(np.transpose(array, order), self._flipped_array_axes())

    def back_from_array(self, array: AnyArray) -> sitk.Image:
        """A working array ``[slice][row][column]`` as an image on the input's own grid."""
        if array.shape != self.working_size[::-1]:
            raise GeometryError(f"An array of {_times(array.shape)} does not fit a volume of {_times(self.working_size[::-1])}.")
        order = tuple(2 - self.axes[working] for working in (2, 1, 0))
        restored = np.transpose(np.flip(array, self._flipped_array_axes()), np.argsort(order))
        image = _image_of(restored)
        _place(image, self.grid)
        return image

    def _flipped_array_axes(self) -> tuple[int, ...]:
        return tuple(2 - working for working in range(3) if self.flips[working])

    @property
    def grid(self) -> Grid:
        """The input's own grid."""
        return Grid(self.size, self.spacing_mm, self.origin_mm, self.direction)

    @property
    def working_grid(self) -> Grid:
        """The same voxels in the order of the working frame."""
        matrix = np.asarray(self.direction).reshape(3, 3)[:, self.axes]
        signs = np.where(self.flips, -1.0, 1.0)
        first = [self.size[axis] - 1 if flip else 0 for axis, flip in zip(self.axes, self.flips, strict=True)]
        spacing = np.asarray(self.spacing_mm)[list(self.axes)]
        origin = np.asarray(self.origin_mm) + matrix @ (spacing * first)
        return Grid(self.working_size, _triple(spacing), _triple(origin), tuple((matrix * signs).ravel().tolist()))

    @staticmethod
    def _refuse_other_grid(image: sitk.Image, wanted: Grid) -> None:
        found = Grid.of(image)
        if not found.matches(wanted):
            raise GeometryError(f"The image does not lie on the grid of the input: {found.difference(wanted)}.")


@dataclass(frozen=True)
class Grid:
    """Where voxels lie: size, spacing, origin and direction in ITK's order and LPS coordinates."""

    size: tuple[int, ...]
    spacing_mm: tuple[float, ...]
    origin_mm: tuple[float, ...]
    direction: tuple[float, ...]

    @classmethod
    def of(cls, image: sitk.Image) -> Grid:
        """The grid of an image."""
        return cls(image.GetSize(), image.GetSpacing(), image.GetOrigin(), image.GetDirection())

    def corners_mm(self) -> NDArray[np.float64]:
        """Physical positions of the corner voxels' centres, one a row."""
        dimension = len(self.size)
        index = np.array(list(itertools.product(*[(0, n - 1) for n in self.size])), dtype=float)
        matrix = np.asarray(self.direction).reshape(dimension, dimension) * np.asarray(self.spacing_mm)
        corners: NDArray[np.float64] = np.asarray(self.origin_mm) + index @ matrix.T
        return corners

    def matches(self, other: Grid, tolerance_mm: float = GRID_TOLERANCE_MM) -> bool:
        """Same size, same spacing, and every corner within the tolerance (so that every voxel is)."""
        if self.size != other.size:
            return False
        if np.abs(np.subtract(self.spacing_mm, other.spacing_mm)).max() > tolerance_mm:
            return False
        return bool(np.linalg.norm(self.corners_mm() - other.corners_mm(), axis=1).max() <= tolerance_mm)

    def difference(self, other: Grid) -> str:
        """What tells this grid from another, for a person; an empty text where nothing does."""
        said = []
        if self.size != other.size:
            said.append(f"size {_times(self.size)} against {_times(other.size)}")
        if not np.allclose(self.spacing_mm, other.spacing_mm, atol=1e-4, rtol=0):
            said.append(f"spacing {_millimetres(self.spacing_mm)} against {_millimetres(other.spacing_mm)}")
        if not np.allclose(self.direction, other.direction, atol=1e-4, rtol=0):
            said.append(f"axes {_axis_codes(self.direction)} against {_axis_codes(other.direction)}{self._turned(other)}")
        if not np.allclose(self.origin_mm, other.origin_mm, atol=1e-2, rtol=0):
            said.append(f"origin {_millimetres(self.origin_mm)} against {_millimetres(other.origin_mm)}")
        return ", ".join(said)

    def _turned(self, other: Grid) -> str:
        turn = np.reshape(self.direction, (3, 3)).T @ np.reshape(other.direction, (3, 3))
        degrees = math.degrees(math.acos(float(np.clip((np.trace(turn) - 1) / 2, -1, 1))))
        proper = np.linalg.det(turn) > 0
        return f" (turned by {degrees:.3g} degrees)" if proper and degrees < 45 else ""


def same_grid(a: sitk.Image, b: sitk.Image, tolerance_mm: float = GRID_TOLERANCE_MM) -> bool:
    """Whether two images share every voxel's position to within a tolerance."""
    return Grid.of(a).matches(Grid.of(b), tolerance_mm)


def match_grid(mask: sitk.Image, image: sitk.Image, *, resample: bool = False) -> sitk.Image:
    """A mask on the image's grid: as it is, with axes reordered without loss, or (when asked) by nearest neighbour.

    Anything else is refused with a sentence that says what differs.
    """
    if same_grid(mask, image):
        return mask
    mask_frame, image_frame = WorkingFrame.of(mask), WorkingFrame.of(image)
    if mask_frame.working_grid.matches(image_frame.working_grid):
        return image_frame.back_from_array(mask_frame.forward_array(sitk.GetArrayViewFromImage(mask)))
    if resample:
        return sitk.Resample(mask, image, sitk.Transform(), sitk.sitkNearestNeighbor, 0)
    difference = Grid.of(mask).difference(Grid.of(image))
    raise GeometryError(f"The mask lies on another grid than the image: {difference}.")


def _assign(direction: NDArray[np.float64]) -> tuple[tuple[int, int, int], tuple[bool, bool, bool]]:
    cosines = np.abs(direction / np.linalg.norm(direction, axis=0))
    bodies = [body for body, _ in _WORKING_AXES]
    # Rounded, so that at exactly 45 degrees the last bits of a header do not decide.
    column, row, slice_ = max(itertools.permutations(range(3)), key=lambda axes: round(float(cosines[bodies, axes].sum()), 6))
    flips = [direction[body, axis] * sense < 0 for (body, sense), axis in zip(_WORKING_AXES, (column, row, slice_), strict=True)]
    return (column, row, slice_), (bool(flips[0]), bool(flips[1]), bool(flips[2]))


def _image_of(array: AnyArray) -> sitk.Image:
    values = array.astype(np.uint8) if array.dtype == bool else array
    return sitk.GetImageFromArray(np.ascontiguousarray(values))


def _place(image: sitk.Image, grid: Grid) -> None:
    image.SetSpacing(grid.spacing_mm)
    image.SetOrigin(grid.origin_mm)
    image.SetDirection(grid.direction)


def _triple(values: NDArray[np.float64]) -> Triple:
    return float(values[0]), float(values[1]), float(values[2])


def _times(size: tuple[int, ...]) -> str:
    return "x".join(str(n) for n in size)


def _millimetres(values: tuple[float, ...]) -> str:
    return " x ".join(f"{value:.4g}" for value in values) + " mm"


def _axis_codes(direction: tuple[float, ...]) -> str:
    matrix = np.reshape(direction, (3, 3))
    nearest = np.abs(matrix).argmax(axis=0)
    return "".join("LPS"[body] if matrix[body, axis] > 0 else "RAI"[body] for axis, body in enumerate(nearest))
