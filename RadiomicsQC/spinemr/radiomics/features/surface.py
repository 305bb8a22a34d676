"""Area and volume of the surface around a mask: marching cubes without building a single triangle.

What a cube adds to the area depends on its code alone, what it adds to the volume on its code and, linearly, on its place.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spinemr.radiomics.features.cube_table import cube_table
from spinemr.radiomics.region import Mask


@dataclass(frozen=True)
class Surface:
    """Sums over the triangles of the surface."""

    area_mm2: float
    volume_mm3: float


def surface_of(mask: Mask, spacing_mm: tuple[float, float, float]) -> Surface:
    """The surface of a mask ``[z][y][x]``, closed at its borders.

    Area ``A = sum 1/2 |(b - a) x (c - a)|`` and volume ``V = sum a . (b x c) / 6`` over all triangles. The volume is taken from
    the voxel before the first one: this matters only where the surface has holes, and is where pyradiomics takes it from.
    """
    table = cube_table()
    codes = cube_codes(np.pad(mask, 1))
    depth, height, width = spacing_mm
    scaled = table.normals * (height * width, depth * width, depth * height)
    areas = np.bincount(table.codes, np.sqrt(np.sum(scaled**2, axis=1)) / 2, 256)
    crossed = np.flatnonzero((codes != 0) & (codes != 255))
    of_crossed = codes.ravel()[crossed]
    counts = np.bincount(of_crossed, minlength=256)
    places = np.stack(np.unravel_index(crossed, codes.shape), axis=1)
    volume = counts @ table.volumes + np.sum(places * table.fluxes[of_crossed])
    return Surface(float(counts @ areas), float(volume * depth * height * width / 6))


def cube_codes(mask: Mask) -> NDArray[np.uint8]:
    """For every 2 x 2 x 2 neighbourhood its code: bit ``4 z + 2 y + x`` says whether its corner (z, y, x) is in the mask."""
    voxels = mask.astype(np.uint8)
    pairs = voxels[:, :, :-1] + 2 * voxels[:, :, 1:]
    squares = pairs[:, :-1] + 4 * pairs[:, 1:]
    cubes: NDArray[np.uint8] = squares[:-1] + 16 * squares[1:]
    return cubes
