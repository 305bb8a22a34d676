"""Arrays ``[z][y][x]`` and VTK's image data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import vtk

AnyArray = NDArray[Any]


def array_of(data: vtk.vtkImageData) -> AnyArray:
    """The voxels as an array; a view, so copy before the node changes."""
    from vtk.util.numpy_support import vtk_to_numpy

    array: AnyArray = vtk_to_numpy(data.GetPointData().GetScalars())
    return array.reshape(data.GetDimensions()[::-1])


def fill(data: vtk.vtkImageData, array: AnyArray) -> None:
    """Give image data the shape and a copy of the values of an array."""
    from vtk.util.numpy_support import numpy_to_vtk

    depth, height, width = array.shape
    data.SetDimensions(width, height, depth)
    scalars = numpy_to_vtk(np.ascontiguousarray(array).reshape(-1), deep=True)
    scalars.SetName("ImageScalars")
    data.GetPointData().SetScalars(scalars)
