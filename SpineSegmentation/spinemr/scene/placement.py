"""Where nodes lie: MRML's matrices in RAS and parent transforms as grids in LPS, and back.

Rigid and scaling parent transforms are applied, so that what leaves MRML lies where the user sees it; transforms that bend or
shear are refused, because a grid of voxels has no such shape.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from spinemr.imaging.errors import GeometryError, InputError
from spinemr.imaging.geometry import Grid

if TYPE_CHECKING:
    import slicer
    import vtk

Matrix = NDArray[np.float64]

RAS_LPS = np.array([-1.0, -1.0, 1.0])
"""Signs between MRML's coordinates (right, anterior, superior) and ITK's (left, posterior, superior); its own inverse."""

_SHEARED = 1e-3
"""Cosine between two axes of a grid from which on they are not at right angles."""


def grid_of(volume: slicer.vtkMRMLVolumeNode) -> Grid:
    """The grid of a volume node in LPS with its parent transforms applied; without any, bit by bit that of the node."""
    data = filled(volume)
    if volume.GetParentTransformNode() is None and not any(data.GetExtent()[::2]):
        direction = RAS_LPS[:, None] * direction_of(volume)
        origin = RAS_LPS * volume.GetOrigin()
        return Grid(data.GetDimensions(), volume.GetSpacing(), _floats(origin), _floats(direction))
    return grid_from(data.GetDimensions(), parent_to_world(volume) @ index_to_ras(volume))


def filled(volume: slicer.vtkMRMLVolumeNode) -> vtk.vtkImageData:
    """The voxels of a volume node; refused where there are none, or several values a voxel."""
    data = volume.GetImageData()
    if data is None or data.GetNumberOfPoints() == 0:
        raise InputError("The volume holds no image.", "Load one, or choose another volume.")
    if data.GetNumberOfScalarComponents() != 1:
        raise InputError("The volume holds colours or vectors, not single values.", "Choose a scalar volume.")
    return data


def index_to_ras(volume: slicer.vtkMRMLVolumeNode) -> Matrix:
    """From the array's own index (counted from 0) to the node's RAS, before parent transforms."""
    import vtk

    elements = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(elements)
    return from_first_voxel(matrix_of(elements), volume.GetImageData())


def from_first_voxel(matrix: Matrix, data: vtk.vtkImageData) -> Matrix:
    """A matrix for indices of VTK's extent as one for indices that count from 0."""
    shifted = matrix.copy()
    shifted[:3, 3] += matrix[:3, :3] @ np.array(data.GetExtent()[::2], dtype=float)
    return shifted


def parent_to_world(node: slicer.vtkMRMLTransformableNode) -> Matrix:
    """The parent transforms of a node as one matrix in RAS."""
    import vtk

    parent = node.GetParentTransformNode()
    if parent is None:
        return np.eye(4)
    if not parent.IsTransformToWorldLinear():
        raise GeometryError(
            "The data lie under a transform that bends space.", "Harden it in Slicer's Transforms module, or take it away."
        )
    elements = vtk.vtkMatrix4x4()
    parent.GetMatrixTransformToWorld(elements)
    return matrix_of(elements)


def grid_from(size: tuple[int, ...], matrix_ras: Matrix) -> Grid:
    """A grid in LPS from its size and the matrix of index to RAS; refused where axes are not at right angles."""
    columns = RAS_LPS[:, None] * matrix_ras[:3, :3]
    spacing = np.linalg.norm(columns, axis=0)
    if not np.isfinite(matrix_ras).all() or spacing.min() <= 0:
        raise GeometryError("The position of the data is impossible: an axis has no length.", "Check the transforms above it.")
    direction = columns / spacing
    if np.abs(direction.T @ direction - np.eye(3)).max() > _SHEARED:
        raise GeometryError(
            "The data lie under a transform that shears them.", "Resample them in Slicer, or take the transform away."
        )
    return Grid(tuple(size), _floats(spacing), _floats(RAS_LPS * matrix_ras[:3, 3]), _floats(direction))


def place(volume: slicer.vtkMRMLVolumeNode, grid: Grid, like: slicer.vtkMRMLVolumeNode | None = None) -> None:
    """Put a volume node on a grid: under the transforms of ``like`` where that lies on the same grid, else in the world."""
    if like is not None and grid.matches(grid_of(like)):
        if any(like.GetImageData().GetExtent()[::2]):
            volume.SetIJKToRASMatrix(vtk_matrix(index_to_ras(like)))
        else:  # a matrix would cost the last bits of spacing and direction
            volume.SetSpacing(like.GetSpacing())
            volume.SetOrigin(like.GetOrigin())
            _set_directions(volume, direction_of(like))
        volume.SetAndObserveTransformNodeID(like.GetTransformNodeID())
        return
    volume.SetSpacing(grid.spacing_mm)
    volume.SetOrigin(_floats(RAS_LPS * grid.origin_mm))
    _set_directions(volume, RAS_LPS[:, None] * np.reshape(grid.direction, (3, 3)))
    volume.SetAndObserveTransformNodeID(None)


def put_on(image: sitk.Image, grid: Grid) -> sitk.Image:
    """The same image with a grid's spacing, origin and direction."""
    image.SetSpacing(grid.spacing_mm)
    image.SetOrigin(grid.origin_mm)
    image.SetDirection(grid.direction)
    return image


def direction_of(volume: slicer.vtkMRMLVolumeNode) -> Matrix:
    """The directions of a volume node's axes in its own RAS, one a column."""
    import vtk

    elements = vtk.vtkMatrix4x4()
    volume.GetIJKToRASDirectionMatrix(elements)
    return matrix_of(elements)[:3, :3]


def matrix_of(elements: vtk.vtkMatrix4x4) -> Matrix:
    """A VTK matrix as an array."""
    return np.array([[elements.GetElement(row, column) for column in range(4)] for row in range(4)])


def vtk_matrix(matrix: Matrix) -> vtk.vtkMatrix4x4:
    """An array as a VTK matrix."""
    import vtk

    elements = vtk.vtkMatrix4x4()
    elements.DeepCopy(matrix.ravel().tolist())
    return elements


def _set_directions(volume: slicer.vtkMRMLVolumeNode, directions: Matrix) -> None:
    matrix = np.eye(4)
    matrix[:3, :3] = directions
    volume.SetIJKToRASDirectionMatrix(vtk_matrix(matrix))


def _floats(values: NDArray[Any]) -> tuple[float, ...]:
    # Adding zero turns -0.0 into 0.0: header texts and comparisons by eye stay clean.
    return tuple((np.ravel(values) + 0.0).tolist())
