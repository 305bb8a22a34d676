"""Voxels as points in millimetres, the curve the spine follows, and planes across it.

Points are ``(x, y, h)``: from right to left, from front to back, from head to foot, as the working axes run.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ByteArray = NDArray[np.uint8]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.intp]
Points = NDArray[np.float64]
Spacing = tuple[float, float, float]
"""Distance of slices, rows and columns in mm."""

_HUBER_MM = 6.0
_KNOT_MM = 1.0
_END_MM = 35.0


def points_of(index: tuple[IntArray, ...], spacing_mm: Spacing) -> Points:
    """Where voxels ``(slice, row, column)`` lie: one ``(x, y, h)`` a row."""
    slice_, row, column = index
    return np.stack([slice_ * spacing_mm[0], column * spacing_mm[2], row * spacing_mm[1]], axis=1)


def mask_points(mask: BoolArray, spacing_mm: Spacing) -> Points:
    """The points of a mask's voxels."""
    return points_of(np.nonzero(mask), spacing_mm)


@dataclass(frozen=True)
class SpineCurve:
    """The middle line of bodies and discs as polynomials of height, straight beyond its ends."""

    top_mm: float
    bottom_mm: float
    x_of_h: tuple[float, ...]
    y_of_h: tuple[float, ...]

    @classmethod
    def fit(cls, points: Points) -> SpineCurve:
        """Polynomials through the middles of all heights; middles far off the rest count less (Huber weights)."""
        height = points[:, 2]
        step = max(_KNOT_MM, float(np.ptp(height)) / 400)
        bins = ((height - height.min()) / step).astype(np.intp)
        count = np.bincount(bins).astype(float)
        seen = count > 0
        middles = [np.bincount(bins, weights=points[:, axis])[seen] / count[seen] for axis in range(3)]
        top, bottom = float(height.min()), float(height.max())
        degree = 4 if bottom - top > 120 else 2 if bottom - top > 45 else 1
        unit = _unit(middles[2], top, bottom)
        flat = np.ptp(points[:, 0]) == 0
        x = _robust_polynomial(unit, middles[0], count[seen], 0 if flat else min(degree, 3))
        return cls(top, bottom, x, _robust_polynomial(unit, middles[1], count[seen], degree))

    def at(self, height_mm: NDArray[np.float64]) -> Points:
        """Points of the curve at some heights."""
        inside = np.clip(height_mm, self.top_mm, self.bottom_mm)
        beyond = height_mm - inside
        columns = []
        for polynomial in (self.x_of_h, self.y_of_h):
            value, _ = self._value_and_slope(polynomial, inside)
            columns.append(value + np.where(beyond < 0, *self._end_slopes(polynomial)) * beyond)
        return np.stack([*columns, height_mm], axis=1)

    def direction(self, height_mm: NDArray[np.float64]) -> Points:
        """Unit vectors along the curve, toward the feet."""
        inside = np.clip(height_mm, self.top_mm, self.bottom_mm)
        slopes = []
        for polynomial in (self.x_of_h, self.y_of_h):
            upper, lower = self._end_slopes(polynomial)
            within = self._value_and_slope(polynomial, inside)[1]
            slopes.append(np.where(height_mm < self.top_mm, upper, np.where(height_mm > self.bottom_mm, lower, within)))
        vectors = np.stack([*slopes, np.ones_like(inside)], axis=1)
        unit: Points = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return unit

    def foot(self, points: Points) -> NDArray[np.float64]:
        """Height of the curve's point nearest to each point."""
        height = points[:, 2].astype(float)
        for _ in range(4):
            along = self.direction(height)
            height = height + np.einsum("ij,ij->i", points - self.at(height), along) * along[:, 2]
        return height

    def along(self, points: Points) -> NDArray[np.float64]:
        """Length of the curve from its top to the foot of each point, in mm."""
        feet = self.foot(points)
        knots = np.arange(min(self.top_mm, feet.min()) - 1, max(self.bottom_mm, feet.max()) + 2, _KNOT_MM)
        length = np.cumsum(np.linalg.norm(np.diff(self.at(knots), axis=0, prepend=self.at(knots[:1])), axis=1))
        result: NDArray[np.float64] = np.interp(feet, knots, length) - np.interp(self.top_mm, knots, length)
        return result

    def distance(self, points: Points) -> NDArray[np.float64]:
        """Distance of each point from the curve in mm."""
        gap: NDArray[np.float64] = np.linalg.norm(points - self.at(self.foot(points)), axis=1)
        return gap

    def _end_slopes(self, polynomial: tuple[float, ...]) -> tuple[float, float]:
        """Mean slopes of the upper and lower end: the derivative of a polynomial is least sure there."""
        reach = min(_END_MM, 0.5 * (self.bottom_mm - self.top_mm)) or 1.0
        heights = np.array([self.top_mm, self.top_mm + reach, self.bottom_mm - reach, self.bottom_mm])
        value, _ = self._value_and_slope(polynomial, heights)
        return float(value[1] - value[0]) / reach, float(value[3] - value[2]) / reach

    def _value_and_slope(
        self, polynomial: tuple[float, ...], height_mm: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        unit = _unit(height_mm, self.top_mm, self.bottom_mm)
        per_mm = 2.0 / max(self.bottom_mm - self.top_mm, 1.0)
        value = np.asarray(np.polyval(polynomial, unit), dtype=np.float64)
        slope = np.asarray(np.polyval(np.polyder(np.array(polynomial)), unit), dtype=np.float64)
        return value, slope * per_mm


@dataclass(frozen=True)
class Plane:
    """A plane across the spine; its normal points to the feet."""

    centre: Points
    normal: Points

    def below(self, points: Points) -> NDArray[np.float64]:
        """Signed distance in mm, positive toward the feet."""
        distance: NDArray[np.float64] = (points - self.centre) @ self.normal
        return distance

    @property
    def lean_deg(self) -> float:
        """How far the plane falls forward in the sagittal plane."""
        return float(np.degrees(np.arctan2(self.normal[1], self.normal[2])))


def plane_of(points: Points, tangent: Points, widest_turn_deg: float = 40.0) -> Plane:
    """The plane a disc lies in: across its direction of least spread, or across the spine where the disc is no plate."""
    centre = points.mean(axis=0)
    flat = np.ptp(points[:, 0]) == 0
    axes = [1, 2] if flat else [0, 1, 2]
    spread, vectors = np.linalg.eigh(np.cov(points[:, axes].T) + 1e-6 * np.eye(len(axes)))
    normal = np.zeros(3)
    normal[axes] = vectors[:, 0] * np.sign(vectors[:, 0] @ tangent[axes] or 1.0)
    is_plate = spread[1] > 2.5 * spread[0]
    turned = np.degrees(np.arccos(np.clip(normal @ tangent, -1.0, 1.0)))
    return Plane(centre, normal if is_plate and turned < widest_turn_deg else tangent)


def _unit(height_mm: NDArray[np.float64], top_mm: float, bottom_mm: float) -> NDArray[np.float64]:
    return 2.0 * (height_mm - top_mm) / max(bottom_mm - top_mm, 1.0) - 1.0


def _robust_polynomial(
    unit: NDArray[np.float64], values: NDArray[np.float64], count: NDArray[np.float64], degree: int
) -> tuple[float, ...]:
    degree = min(degree, max(unit.size - 1, 0))
    weight = np.sqrt(np.minimum(count, np.median(count)))
    polynomial = np.polyfit(unit, values, degree, w=weight)
    for _ in range(3):
        residual = np.abs(values - np.polyval(polynomial, unit))
        polynomial = np.polyfit(unit, values, degree, w=weight * np.sqrt(np.minimum(1.0, _HUBER_MM / np.maximum(residual, 1e-6))))
    return tuple(float(c) for c in polynomial)
