"""Lines and angles in the views, from points in millimetres."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from spinemr.imaging.errors import InputError
from spinemr.scene.hierarchy import place_beside
from spinemr.scene.modification import one_event
from spinemr.scene.placement import RAS_LPS

if TYPE_CHECKING:
    import slicer

Point = Sequence[float]
Coordinates = Literal["LPS", "RAS"]


def add_line(
    scene: slicer.vtkMRMLScene, name: str, start: Point, end: Point, *, coordinates: Coordinates = "LPS",
    colour: tuple[int, int, int] | None = None, beside: slicer.vtkMRMLNode | None = None,
) -> slicer.vtkMRMLMarkupsLineNode:  # fmt: skip
    """A locked line between two points, with its length in millimetres; for example a disc's height."""
    return _add(scene, "vtkMRMLMarkupsLineNode", name, ras_of([start, end], coordinates), colour, beside)


def add_angle(
    scene: slicer.vtkMRMLScene, name: str, first: Point, vertex: Point, last: Point, *, coordinates: Coordinates = "LPS",
    colour: tuple[int, int, int] | None = None, beside: slicer.vtkMRMLNode | None = None,
) -> slicer.vtkMRMLMarkupsAngleNode:  # fmt: skip
    """A locked angle at a vertex, in degrees."""
    return _add(scene, "vtkMRMLMarkupsAngleNode", name, ras_of([first, vertex, last], coordinates), colour, beside)


def add_lordosis(
    scene: slicer.vtkMRMLScene, upper_plate: tuple[Point, Point], lower_plate: tuple[Point, Point], *,
    coordinates: Coordinates = "LPS", name: str = "Lordosis L1-S1", colour: tuple[int, int, int] | None = None,
    beside: slicer.vtkMRMLNode | None = None,
) -> slicer.vtkMRMLMarkupsAngleNode:  # fmt: skip
    """The Cobb angle between two end plates, each from its front to its back point.

    Where the plates' own lines would meet lies far outside of the image. The angle is drawn at the back of the lower
    plate, between that plate and a parallel to the upper one, which is the same angle.
    """
    front, back, low_front, low_back = ras_of([*upper_plate, *lower_plate], coordinates)
    points = np.array([low_front, low_back, low_back + (front - back)])
    return _add(scene, "vtkMRMLMarkupsAngleNode", name, points, colour, beside)


def ras_of(points: Sequence[Point], coordinates: Coordinates) -> NDArray[np.float64]:
    """Points in MRML's coordinates, one a row."""
    array = np.asarray(points, dtype=float)
    if array.ndim != 2 or array.shape[1] != 3 or not np.isfinite(array).all():
        raise InputError("A point needs three coordinates in millimetres.")
    if coordinates not in ("LPS", "RAS"):
        raise InputError(f"There are no coordinates named {coordinates}.", "Use LPS or RAS.")
    return array * RAS_LPS if coordinates == "LPS" else array


def _add(
    scene: slicer.vtkMRMLScene, kind: str, name: str, points_ras: NDArray[np.float64], colour: tuple[int, int, int] | None,
    beside: slicer.vtkMRMLNode | None,
) -> slicer.vtkMRMLMarkupsNode:  # fmt: skip
    if np.linalg.norm(np.diff(points_ras, axis=0), axis=1).min() == 0:
        raise InputError("Two points of a line or an angle are the same.")
    node = scene.AddNewNodeByClass(kind, name)
    with one_event(node):
        for point in points_ras:
            node.AddControlPoint(*point.tolist())
        node.SetLocked(True)
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    if display is not None and colour is not None:
        display.SetSelectedColor(*(channel / 255 for channel in colour))
    place_beside(scene, node, beside)
    return node
