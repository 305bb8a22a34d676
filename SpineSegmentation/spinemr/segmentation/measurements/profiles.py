"""The outline of one bone in one slice: end plates as functions of depth, corners, heights.

In a frame whose first axis runs along the end plates (front to back) and whose second runs down, the amount of bone in each
narrow strip gives the height of that strip without the bias of counting edge pixels, and its centre gives where it lies.
End plates are curves of second or third degree through the strips (they are hollow, deepest behind the middle), with strips
far off (osteophytes, Schmorl nodes) left out; corners are the curves' ends. In the midline the back wall of a body is hollow
too, so that depths measured there are 2 to 3 mm less than between its outermost corners.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.float64]

STRIP_MM = 1.0
MIN_STRIPS = 6
USED = 0.9
"""Share of the depth, around its middle, whose strips define an end plate: beyond, corners are round or lipped."""
MIDDLE = 0.14


@dataclass(frozen=True)
class Frame2D:
    """A turned frame in a sagittal slice; points are ``(y, h)``: to the back and to the feet, in mm."""

    centre: Reals
    back: Reals

    @property
    def down(self) -> Reals:
        """The axis across the end plates, toward the feet."""
        return np.array([-self.back[1], self.back[0]])

    def local(self, points: Reals) -> tuple[Reals, Reals]:
        """Coordinates along and across the end plates."""
        moved = points - self.centre
        return moved @ self.back, moved @ self.down

    def world(self, along: float, across: float) -> Reals:
        """The point with given local coordinates."""
        point: Reals = self.centre + along * self.back + across * self.down
        return point


@dataclass(frozen=True)
class Plate:
    """One end plate in a slice: its corners, and its middle on the (hollow) surface."""

    front: Reals
    middle: Reals
    back: Reals

    @property
    def lean_deg(self) -> float:
        """How far the line from back to front falls forward."""
        y, h = self.back - self.front
        return float(np.degrees(np.arctan2(-h, y)))

    @property
    def forward(self) -> Reals:
        """Unit vector from the back to the front corner."""
        vector = self.front - self.back
        unit: Reals = vector / np.linalg.norm(vector)
        return unit


@dataclass(frozen=True)
class Outline:
    """Upper and lower end plate of one bone in one slice."""

    upper: Plate
    lower: Plate
    depth_mm: float


def frame_of(points: Reals, back_hint: Reals, rounds: int = 2, part_mm2: float = 1.0) -> Frame2D | None:
    """The frame of a bone: starts along a hint and turns to the mean direction of the two end plates."""
    frame = Frame2D(points.mean(axis=0), back_hint / np.linalg.norm(back_hint))
    for _ in range(rounds):
        outline = outline_in(points, frame, part_mm2)
        if outline is None:
            return None
        mean = -(outline.upper.forward + outline.lower.forward)
        frame = Frame2D(frame.centre, mean / np.linalg.norm(mean))
    return frame


def outline_in(points: Reals, frame: Frame2D, part_mm2: float, degree: int = 2) -> Outline | None:
    """Both end plates of a bone, or None where too little of it is seen."""
    along, across = frame.local(points)
    strips = Strips.of(along, across, part_mm2)
    if strips is None:
        return None
    upper = strips.plate(frame, strips.centre - 0.5 * strips.height, degree)
    lower = strips.plate(frame, strips.centre + 0.5 * strips.height, degree)
    return Outline(upper, lower, strips.depth)


@dataclass(frozen=True)
class Strips:
    """Narrow strips across a bone: where they lie, where their middle is, how high they are."""

    place: Reals
    centre: Reals
    height: Reals
    front: float
    depth: float

    @classmethod
    def of(cls, along: Reals, across: Reals, part_mm2: float) -> Strips | None:
        """Strips of a bone from its pixels in its own frame."""
        if along.size < 20:
            return None
        front, depth = _extent(along, across, part_mm2)
        count = int(depth / STRIP_MM)
        if count < MIN_STRIPS:
            return None
        width = depth / count
        number = np.floor((along - front) / width).astype(np.intp)
        inside = (number >= 0) & (number < count)
        amount = np.bincount(number[inside], minlength=count)
        centre = np.bincount(number[inside], weights=across[inside], minlength=count) / np.maximum(amount, 1)
        full = amount > 0
        place = front + (np.arange(count) + 0.5) * width
        height = amount * (part_mm2 / width)
        return cls(_reals(place[full]), _reals(centre[full]), _reals(height[full]), front, depth)

    def plate(self, frame: Frame2D, surface: Reals, degree: int = 2) -> Plate:
        """An end plate from the height of its surface in each strip."""
        middle = self.front + 0.5 * self.depth
        unit = (self.place - middle) / (0.5 * self.depth)
        used = np.abs(unit) < USED
        curve = _curve(unit[used], surface[used], degree)
        front, back = float(np.polyval(curve, -1.0)), float(np.polyval(curve, 1.0))
        core = np.abs(unit) < MIDDLE
        central = float(np.median(surface[core])) if core.any() else float(np.polyval(curve, 0.0))
        return Plate(frame.world(self.front, front), frame.world(middle, central), frame.world(self.front + self.depth, back))


def _reals(values: NDArray[Any]) -> Reals:
    return np.asarray(values, dtype=np.float64)


def _extent(along: Reals, across: Reals, part_mm2: float) -> tuple[float, float]:
    """Front and depth of a bone: the median over its layers, which waist and lips change but little."""
    low, high = np.percentile(across, (10, 90))
    layers = max(3, int((high - low) / STRIP_MM))
    number = np.floor((across - low) / max(high - low, 1e-6) * layers).astype(np.intp)
    inside = (number >= 0) & (number < layers)
    amount = np.bincount(number[inside], minlength=layers)
    middle = np.bincount(number[inside], weights=along[inside], minlength=layers) / np.maximum(amount, 1)
    length = amount * part_mm2 / ((high - low) / layers)
    # The ends of a body are wider than its waist, and end plates are measured there.
    depth = float(np.percentile(length, 75))
    return float(np.median(middle)) - 0.5 * depth, depth


def _curve(place: Reals, surface: Reals, degree: int) -> Reals:
    """Least squares, twice repeated without strips more than 1.5 mm (or 2.5 deviations) off."""
    chosen = np.ones(place.size, dtype=bool)
    fit = np.polyfit(place, surface, degree)
    for _ in range(2):
        residual = np.abs(surface - np.polyval(fit, place))
        limit = max(1.5, 2.5 * float(np.median(residual)) * 1.48)
        chosen = residual < limit
        if chosen.sum() < MIN_STRIPS - 1:
            break
        fit = np.polyfit(place[chosen], surface[chosen], degree)
    result: Reals = np.asarray(fit, dtype=float)
    return result
