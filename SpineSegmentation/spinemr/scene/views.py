"""What slice views show, set on their nodes: two volumes with a fade, linked, sagittal, at a slice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

from spinemr.imaging.errors import InputError
from spinemr.imaging.geometry import Grid, WorkingFrame
from spinemr.scene.markups import Coordinates, ras_of
from spinemr.scene.modification import one_event
from spinemr.scene.placement import RAS_LPS, grid_of, put_on
from spinemr.scene.selection import centre_mm

if TYPE_CHECKING:
    import slicer


@dataclass(frozen=True)
class SliceView:
    """A slice view: where it cuts, and what it shows there."""

    slice: slicer.vtkMRMLSliceNode
    composite: slicer.vtkMRMLSliceCompositeNode


def slice_views(scene: slicer.vtkMRMLScene) -> dict[str, SliceView]:
    """The slice views of a scene by their names in layouts ("Red", "Yellow", "Green")."""
    composites = {node.GetLayoutName(): node for node in _nodes(scene, "vtkMRMLSliceCompositeNode")}
    found = {node.GetLayoutName(): node for node in _nodes(scene, "vtkMRMLSliceNode")}
    return {name: SliceView(node, composites[name]) for name, node in found.items() if name in composites}


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


def show_side_by_side(
    left: slicer.vtkMRMLSliceCompositeNode, right: slicer.vtkMRMLSliceCompositeNode, before: slicer.vtkMRMLVolumeNode,
    after: slicer.vtkMRMLVolumeNode,
) -> None:  # fmt: skip
    """One volume in each of two views.

    Linked views take over each other's volumes, so the link is cut while they change and put back as it was: slices and zoom
    go together, volumes stay apart.
    """
    with one_event(left, right):
        links = [(node, node.GetLinkedControl(), node.GetHotLinkedControl()) for node in (left, right)]
        for node in (left, right):
            node.SetLinkedControl(False)
        show_volumes([left], before, linked=False)
        show_volumes([right], after, linked=False)
        for node, linked, hot in links:
            node.SetLinkedControl(linked)
            node.SetHotLinkedControl(hot)


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


def set_contrast_by_mouse(scene: slicer.vtkMRMLScene, on: bool) -> None:
    """Let a drag in a slice view change window (sideways) and level (up and down) of its image, or give the mouse back."""
    for node in _nodes(scene, "vtkMRMLInteractionNode"):
        node.SetCurrentInteractionMode(node.AdjustWindowLevel if on else node.ViewTransform)


def jump_to_slice(slices: Iterable[slicer.vtkMRMLSliceNode], volume: slicer.vtkMRMLVolumeNode, index: int) -> None:
    """Show a slice of the volume by its number in the file, counted from 0 along the axis slices were stacked on."""
    jump_to(slices, slice_centre_mm(volume, index))


def jump_to_structure(
    slices: Iterable[slicer.vtkMRMLSliceNode], segmentation: slicer.vtkMRMLSegmentationNode, volume: slicer.vtkMRMLVolumeNode,
    label: int,
) -> None:  # fmt: skip
    """Show the slices through the middle of a structure."""
    jump_to(slices, centre_mm(segmentation, volume, label), centred=True)


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
    """The axis slices were stacked on; where none stands out, the one nearest to left and right, as verdicts count."""
    voxel = put_on(sitk.Image([1, 1, 1], sitk.sitkUInt8), replace(grid, size=(1, 1, 1)))
    x, y, z = grid.size
    frame = replace(WorkingFrame.of(voxel), size=(x, y, z))
    return frame.axes[2] if frame.is_isotropic else frame.thickness_axis


def _nodes(scene: slicer.vtkMRMLScene, kind: str) -> Iterator[slicer.vtkMRMLNode]:
    for index in range(scene.GetNumberOfNodesByClass(kind)):
        yield scene.GetNthNodeByClass(index, kind)


def _share(fade: float) -> float:
    return min(1.0, max(0.0, float(fade)))
