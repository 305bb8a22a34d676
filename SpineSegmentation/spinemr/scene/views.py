"""What slice views show, set on their nodes: two volumes with a fade, linked, sagittal, at a slice."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from spinemr.imaging.errors import InputError
from spinemr.imaging.geometry import Grid, WorkingFrame
from spinemr.scene.markups import Coordinates, ras_of
from spinemr.scene.modification import one_event
from spinemr.scene.placement import RAS_LPS, grid_of

if TYPE_CHECKING:
    import slicer


def show_volumes(
    composites: Iterable[slicer.vtkMRMLSliceCompositeNode], background: slicer.vtkMRMLVolumeNode, *,
    foreground: slicer.vtkMRMLVolumeNode | None = None, fade: float = 0.0, linked: bool = True,
) -> None:  # fmt: skip
    """One volume, or one over another: at ``fade`` 0 only the background is seen, at 1 only the foreground."""
    for composite in composites:
        with one_event(composite):
            composite.SetBackgroundVolumeID(background.GetID())
            composite.SetForegroundVolumeID(None if foreground is None else foreground.GetID())
            composite.SetForegroundOpacity(_share(fade))
            composite.SetLinkedControl(linked)
            composite.SetHotLinkedControl(linked)


def set_fade(composites: Iterable[slicer.vtkMRMLSliceCompositeNode], fade: float) -> None:
    """How much of the foreground is seen, 0 to 1."""
    for composite in composites:
        composite.SetForegroundOpacity(_share(fade))


def show_sagittal(slices: Iterable[slicer.vtkMRMLSliceNode], volume: slicer.vtkMRMLVolumeNode) -> None:
    """Sagittal views along the volume's own slices, so that oblique studies are seen as they were acquired."""
    for view in slices:
        with one_event(view):
            view.SetOrientation("Sagittal")
            view.RotateToVolumePlane(volume)


def jump_to(
    slices: Iterable[slicer.vtkMRMLSliceNode], point_mm: Sequence[float], *, coordinates: Coordinates = "LPS",
    centred: bool = False,
) -> None:  # fmt: skip
    """Show the slice through a point; ``centred`` moves the point into the middle of the view, too."""
    point = ras_of([point_mm], coordinates)[0].tolist()
    for view in slices:
        if centred:
            view.JumpSliceByCentering(*point)
        else:
            view.JumpSliceByOffsetting(*point)


def jump_to_slice(slices: Iterable[slicer.vtkMRMLSliceNode], volume: slicer.vtkMRMLVolumeNode, index: int) -> None:
    """Show a slice of the volume by its number in the file, counted from 0 along the axis slices were stacked on."""
    jump_to(slices, slice_centre_mm(volume, index))


def slice_centre_mm(volume: slicer.vtkMRMLVolumeNode, index: int) -> tuple[float, float, float]:
    """The middle of a slice in LPS."""
    grid = grid_of(volume)
    axis = _stacked_axis(grid)
    if not 0 <= index < grid.size[axis]:
        raise InputError(f"There is no slice {index}: the volume has {grid.size[axis]}, counted from 0.")
    place = (np.array(grid.size) - 1) / 2
    place[axis] = index
    step = np.reshape(grid.direction, (3, 3)) * grid.spacing_mm
    x, y, z = (np.array(grid.origin_mm) + step @ place).tolist()
    return x, y, z


def slice_shown(view: slicer.vtkMRMLSliceNode, volume: slicer.vtkMRMLVolumeNode) -> int:
    """The number of the volume's slice nearest to what a view shows, within the volume."""
    grid = grid_of(volume)
    axis = _stacked_axis(grid)
    shown = view.GetSliceToRAS()
    point = RAS_LPS * [shown.GetElement(row, 3) for row in range(3)]
    step = np.reshape(grid.direction, (3, 3)) * grid.spacing_mm
    place = np.linalg.solve(step, point - np.array(grid.origin_mm))
    return int(np.clip(round(float(place[axis])), 0, grid.size[axis] - 1))


def _stacked_axis(grid: Grid) -> int:
    """The axis slices were stacked on, by the working frame's rule, which needs size and spacing only."""
    (x, y, z), (dx, dy, dz), origin = grid.size, grid.spacing_mm, (0.0, 0.0, 0.0)
    unturned = WorkingFrame((x, y, z), (dx, dy, dz), origin, grid.direction, (0, 1, 2), (False, False, False))
    return unturned.thickness_axis


def _share(fade: float) -> float:
    return min(1.0, max(0.0, float(fade)))
