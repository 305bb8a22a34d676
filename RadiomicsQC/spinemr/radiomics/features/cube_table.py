"""The triangles of marching cubes between the eight voxels of a cube, worked out from three rules instead of written down.

The rules are those pyradiomics' surface follows, so that both have the same triangles:

1. A vertex lies in the middle of each edge between a voxel of the mask and one outside.
2. Cubes are looked at so that the corner (z, y, x) = (1, 1, 0) is outside: where it is inside, inside and outside are exchanged.
   On a face whose inside corners lie diagonally, each line then cuts off one inside corner. (Two cubes with such a face in common
   may cut it in different ways: the surface of some masks has holes.)
3. A polygon is cut into a fan of triangles from one of its vertices. Of all fans in which neighbouring triangles turn by less
   than 120 degrees it is the one with the largest area, in a cube of equal sides.

Reference: Lorensen WE, Cline HE. Marching cubes. Comput Graph 21:163-169, 1987.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from math import hypot

import numpy as np
from numpy.typing import NDArray

Place = tuple[int, int, int]
Loop = list[Place]
Triangle = tuple[Place, Place, Place]
OUTER_CORNER: Place = (1, 1, 0)


@dataclass(frozen=True, eq=False)
class CubeTable:
    """What the triangles of the 256 different cubes of side 1 add to area and volume.

    A cube's code has bit ``4 z + 2 y + x`` set where its corner (z, y, x) is inside.
    """

    codes: NDArray[np.intp]
    """Of each triangle, the code of its cube."""
    normals: NDArray[np.float64]
    """``(b - a) x (c - a)`` of each triangle, outwards; z, y, x."""
    volumes: NDArray[np.float64]
    """By code, the sum of ``a . (b x c)`` over the cube's triangles, seen from the cube's corner (0, 0, 0)."""
    fluxes: NDArray[np.float64]
    """By code, the sum of the normals: what ``volumes`` grows by when the cube is moved one unit along z, y, x."""


@cache
def cube_table() -> CubeTable:
    """The table, made when it is first asked for."""
    found = [(code, triangle) for code in range(256) for triangle in triangles_of(code)]
    codes = np.array([code for code, _ in found])
    corners = np.array([triangle for _, triangle in found], dtype=np.float64) / 2
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    normals = np.cross(b - a, c - a)
    volumes, fluxes = np.zeros(256), np.zeros((256, 3))
    np.add.at(volumes, codes, np.sum(a * np.cross(b, c), axis=1))
    np.add.at(fluxes, codes, normals)
    return CubeTable(codes, normals, volumes, fluxes)


def triangles_of(code: int) -> list[Triangle]:
    """The triangles of one cube, in half units, anticlockwise where seen from outside the mask."""
    exchanged = bool(code >> _bit(OUTER_CORNER) & 1)
    triangles = [triangle for loop in _loops(code ^ 255 if exchanged else code) for triangle in _fan(loop)]
    return [(a, c, b) for a, b, c in triangles] if exchanged else triangles


def _bit(corner: Place) -> int:
    return 4 * corner[0] + 2 * corner[1] + corner[2]


@cache
def _faces() -> list[list[Place]]:
    """The corners of each of the six faces, anticlockwise seen from outside the cube."""
    square = ((0, 0), (0, 1), (1, 1), (1, 0))
    faces: list[list[Place]] = []
    for side in (0, 1):
        faces += [[(side, a, b) for a, b in square], [(a, side, b) for a, b in square], [(a, b, side) for a, b in square]]
    return [face if index in (0, 2, 4) else face[::-1] for index, face in enumerate(faces)]


def _loops(code: int) -> list[Loop]:
    """The closed polygons of one cube: on every face a line from where one enters the mask to where one next leaves it."""
    following: dict[Place, Place] = {}
    for ring in _faces():
        inside = [bool(code >> _bit(corner) & 1) for corner in ring]
        middles = [(a[0] + b[0], a[1] + b[1], a[2] + b[2]) for a, b in zip(ring, (*ring[1:], ring[0]), strict=True)]
        for start in range(4):
            if not inside[start] and inside[(start + 1) % 4]:
                steps = next(n for n in range(1, 4) if not inside[(start + n + 1) % 4])
                following[middles[start]] = middles[(start + steps) % 4]
    loops = []
    while following:
        first, place = following.popitem()
        loop = [first]
        while place != first:
            loop.append(place)
            place = following.pop(place)
        loops.append(loop)
    return loops


def _fan(loop: Loop) -> list[Triangle]:
    """The triangles between one vertex of the polygon and each edge it does not lie on."""
    fans = []
    for turn in range(len(loop) if len(loop) > 4 else 1):  # up to four vertices lie in one plane: all fans are the same
        apex, *others = loop[turn:] + loop[:turn]
        fans.append([(apex, b, c) for b, c in pairwise(others)])
    return max(fans, key=_smooth_area)


def _smooth_area(fan: list[Triangle]) -> float:
    """Twice the area of a fan, -1 where neighbouring triangles turn by 120 degrees or more; rounded, so that equals are equal."""
    normals = [_normal(triangle) for triangle in fan]
    lengths = [hypot(*normal) for normal in normals]
    for one, two in pairwise(range(len(fan))):
        if sum(a * b for a, b in zip(normals[one], normals[two], strict=True)) <= -0.5 * lengths[one] * lengths[two]:
            return -1.0
    return round(sum(lengths), 9)


def _normal(triangle: Triangle) -> Place:
    """``(b - a) x (c - a)``."""
    (az, ay, ax), (bz, by, bx), (cz, cy, cx) = triangle
    uz, uy, ux, vz, vy, vx = bz - az, by - ay, bx - ax, cz - az, cy - ay, cx - ax
    return (uy * vx - ux * vy, ux * vz - uz * vx, uz * vy - uy * vz)
