"""Signed distances (mm, negative inside) of the few shapes bones and soft parts are built from.

All take coordinates as arrays of one shape; distances are exact or close to it near the surface,
which is all that soft edges one pixel wide need.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.floating[Any]]
"""Coordinates, distances and shares: float32 where speed counts."""


def ellipsoid(x: Reals, y: Reals, z: Reals, radii: tuple[float, float, float]) -> Reals:
    """Ellipsoid at the origin: ``(|p/r| - 1)`` scaled by the gradient, exact on the surface to first order."""
    a, b, c = radii
    qx, qy, qz = x / a, y / b, z / c
    near = np.sqrt(qx * qx + qy * qy + qz * qz)
    qx, qy, qz = qx / a, qy / b, qz / c
    slope = np.sqrt(qx * qx + qy * qy + qz * qz)
    result: Reals = near * (near - 1.0) / np.maximum(slope, 1e-6)
    return result


def capsule(
    x: Reals,
    y: Reals,
    z: Reals,
    start: tuple[float, float, float],
    end: tuple[float, float, float],
    radius: tuple[float, float],
) -> Reals:
    """Round bar from start to end whose radius changes evenly from one end to the other."""
    ax, ay, az = end[0] - start[0], end[1] - start[1], end[2] - start[2]
    px, py, pz = x - start[0], y - start[1], z - start[2]
    along = np.clip((px * ax + py * ay + pz * az) / (ax * ax + ay * ay + az * az), 0.0, 1.0)
    dx, dy, dz = px - along * ax, py - along * ay, pz - along * az
    result: Reals = np.sqrt(dx * dx + dy * dy + dz * dz) - (radius[0] + along * (radius[1] - radius[0]))
    return result


def rounded_box(x: Reals, y: Reals, z: Reals, half: tuple[float, float, float], rounding: float) -> Reals:
    """Box at the origin with rounded edges; ``half`` are its half extents."""
    qx, qy, qz = np.abs(x) - (half[0] - rounding), np.abs(y) - (half[1] - rounding), np.abs(z) - (half[2] - rounding)
    return rounded_corner(rounded_corner(qx, qy, 0.0), qz, rounding)


def rounded_corner(a: Reals, b: Reals, rounding: float) -> Reals:
    """Intersection of two half spaces whose common edge is rounded; distances are those of the shrunk parts."""
    pa, pb = np.maximum(a, np.float32(0.0)), np.maximum(b, np.float32(0.0))
    result: Reals = np.sqrt(pa * pa + pb * pb)
    result += np.minimum(np.maximum(a, b), np.float32(0.0))
    result -= np.float32(rounding)
    return result


def smooth_union(a: Reals, b: Reals, blend: float) -> Reals:
    """Union of two shapes with a fillet of about ``blend`` mm where they meet (quadratic blend)."""
    gap = np.maximum(blend - np.abs(a - b), 0.0) / blend
    result: Reals = np.minimum(a, b) - gap * gap * (blend / 4.0)
    return result
