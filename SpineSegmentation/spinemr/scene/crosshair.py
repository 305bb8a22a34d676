"""One point marked in all slice views, which show the slices through it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from spinemr.scene.markups import ras_of
from spinemr.scene.modification import one_event
from spinemr.scene.placement import RAS_LPS, matrix_of
from spinemr.scene.views import jump_to

if TYPE_CHECKING:
    import slicer

Point = tuple[float, float, float]
Way = Literal["left", "right", "up", "down", "nearer", "farther"]
_WAYS = {"right": (0, 1), "left": (0, -1), "up": (1, 1), "down": (1, -1), "nearer": (2, 1), "farther": (2, -1)}
"""Column of a slice's own directions, and the sign."""


def crosshair_of(scene: slicer.vtkMRMLScene) -> slicer.vtkMRMLCrosshairNode:
    """The crosshair of a scene, made where there is none."""
    node = scene.GetFirstNodeByClass("vtkMRMLCrosshairNode")
    return node if node is not None else scene.AddNewNodeByClass("vtkMRMLCrosshairNode")


def show_crosshair(scene: slicer.vtkMRMLScene, slices: Sequence[slicer.vtkMRMLSliceNode], point_mm: Sequence[float]) -> None:
    """Mark a point (LPS) in all slice views and show the slices through it."""
    node = crosshair_of(scene)
    with one_event(node):
        node.SetCrosshairRAS(*ras_of([point_mm], "LPS")[0].tolist())
        node.SetCrosshairMode(node.ShowBasic)
        node.SetCrosshairToFine()
    jump_to(slices, point_mm)


def hide_crosshair(scene: slicer.vtkMRMLScene) -> None:
    """Mark no point."""
    node = crosshair_of(scene)
    node.SetCrosshairMode(node.NoCrosshair)


def crosshair_mm(scene: slicer.vtkMRMLScene) -> Point:
    """The point (LPS) that is marked, or was last."""
    return _point(RAS_LPS * crosshair_of(scene).GetCrosshairRAS())


def common_point_mm(slices: Sequence[slicer.vtkMRMLSliceNode]) -> Point:
    """Where the slices that are shown meet (LPS); of many such points the one nearest to the middle of the first view."""
    planes = [matrix_of(view.GetSliceToRAS()) for view in slices]
    normals = np.array([plane[:3, 2] for plane in planes])
    middle = planes[0][:3, 3]
    away = np.array([plane[:3, 2] @ (plane[:3, 3] - middle) for plane in planes])
    return _point(RAS_LPS * (middle + np.linalg.lstsq(normals, away, rcond=None)[0]))


def point_under_mm(view: slicer.vtkMRMLSliceNode, x: float, y: float) -> Point:
    """The point (LPS) that a view shows at its pixel (x, y), counted from below."""
    return _point(RAS_LPS * (matrix_of(view.GetXYToRAS()) @ (x, y, 0.0, 1.0))[:3])


def moved_mm(view: slicer.vtkMRMLSliceNode, point_mm: Sequence[float], way: Way, distance_mm: float) -> Point:
    """A point (LPS) moved the way a view shows as left, right, up and down, or through its slices."""
    column, sign = _WAYS[way]
    direction = RAS_LPS * matrix_of(view.GetSliceToRAS())[:3, column]
    return _point(np.asarray(point_mm) + sign * distance_mm * direction)


def _point(values: NDArray[np.float64]) -> Point:
    x, y, z = np.asarray(values, dtype=float).tolist()
    return x, y, z
