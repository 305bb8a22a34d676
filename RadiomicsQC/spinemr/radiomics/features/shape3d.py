"""Size and shape of a structure in three dimensions, under pyradiomics' names; codes of the IBSI reference manual in brackets.

``V`` and ``A`` are volume and area of the surface (:mod:`spinemr.radiomics.features.surface`), ``l_major >= l_minor >= l_least``
the principal variances of the voxel centres. Intensities play no part.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from spinemr.radiomics.features.diameters import Vertices, diameter, planar_diameter, vertices_of
from spinemr.radiomics.features.evaluation import chosen
from spinemr.radiomics.features.principal_axes import principal_variances
from spinemr.radiomics.features.surface import Surface, surface_of
from spinemr.radiomics.region import Region
from spinemr.radiomics.settings import Settings


def shape_features(region: Region, settings: Settings, wanted: tuple[str, ...] = ()) -> dict[str, float]:  # noqa: ARG001
    """The wanted features, or the 14 that pyradiomics computes by default. No setting changes a three-dimensional shape."""
    solid = Solid(region)
    return {name: _FORMULAS[name](solid) for name in chosen("shape", wanted, NAMES, ON_REQUEST)}


class Solid:
    """What several features are made from, each computed once and only when one of them is asked for."""

    def __init__(self, region: Region) -> None:
        self.region = region

    @cached_property
    def surface(self) -> Surface:
        """Area and volume."""
        return surface_of(self.region.mask, self.region.spacing_mm)

    @cached_property
    def vertices(self) -> Vertices:
        """The surface's vertices in half voxels."""
        return vertices_of(self.region.mask)

    @cached_property
    def variances(self) -> NDArray[np.float64]:
        """``l_least, l_minor, l_major``."""
        return principal_variances(self.region.mask, self.region.spacing_mm)


def mesh_volume(solid: Solid) -> float:
    """``V = sum a . (b x c) / 6`` over the triangles of the surface, in mm^3 [RNU0]."""
    return solid.surface.volume_mm3


def voxel_volume(solid: Solid) -> float:
    """``N`` voxels times the volume of one, in mm^3 [YEKZ]."""
    return float(np.count_nonzero(solid.region.mask) * np.prod(solid.region.spacing_mm))


def surface_area(solid: Solid) -> float:
    """``A = sum |(b - a) x (c - a)| / 2`` over the triangles of the surface, in mm^2 [C0JK]."""
    return solid.surface.area_mm2


def surface_volume_ratio(solid: Solid) -> float:
    """``A / V``, in 1/mm [2PR5]."""
    return surface_area(solid) / mesh_volume(solid)


def sphericity(solid: Solid) -> float:
    """``(36 pi V^2)^(1/3) / A`` [QCFX]; 1 for a ball."""
    return float(np.cbrt(36 * np.pi * mesh_volume(solid) ** 2)) / surface_area(solid)


def compactness_1(solid: Solid) -> float:
    """``V / sqrt(pi A^3)`` [SKGS]."""
    return mesh_volume(solid) / float(np.sqrt(np.pi * surface_area(solid) ** 3))


def compactness_2(solid: Solid) -> float:
    """``36 pi V^2 / A^3`` [BQWJ]."""
    return 36 * np.pi * mesh_volume(solid) ** 2 / surface_area(solid) ** 3


def spherical_disproportion(solid: Solid) -> float:
    """``A / (36 pi V^2)^(1/3)`` [KRCK]."""
    return 1 / sphericity(solid)


def asphericity(solid: Solid) -> float:
    """``A / (36 pi V^2)^(1/3) - 1`` [25C7]; 0 for a ball."""
    return spherical_disproportion(solid) - 1


def maximum_3d_diameter(solid: Solid) -> float:
    """The largest distance between two vertices of the surface, in mm [L0JK]."""
    return diameter(solid.vertices * (np.array(solid.region.spacing_mm) / 2))


def maximum_2d_diameter_slice(solid: Solid) -> float:
    """The largest distance between two vertices of one plane of rows and columns, in mm."""
    return planar_diameter(solid.vertices, solid.region.spacing_mm, axis=0)


def maximum_2d_diameter_column(solid: Solid) -> float:
    """The largest distance between two vertices of one plane of rows and slices, in mm."""
    return planar_diameter(solid.vertices, solid.region.spacing_mm, axis=1)


def maximum_2d_diameter_row(solid: Solid) -> float:
    """The largest distance between two vertices of one plane of columns and slices, in mm."""
    return planar_diameter(solid.vertices, solid.region.spacing_mm, axis=2)


def major_axis_length(solid: Solid) -> float:
    """``4 sqrt(l_major)``, in mm [TDIC]."""
    return 4 * float(np.sqrt(solid.variances[2]))


def minor_axis_length(solid: Solid) -> float:
    """``4 sqrt(l_minor)``, in mm [P9VJ]."""
    return 4 * float(np.sqrt(solid.variances[1]))


def least_axis_length(solid: Solid) -> float:
    """``4 sqrt(l_least)``, in mm [7J51]."""
    return 4 * float(np.sqrt(solid.variances[0]))


def of_sample(length: Callable[[Solid], float]) -> Callable[[Solid], float]:
    """The same length from variances with ``N - 1`` below, as the IBSI's reference values have them; NaN for one voxel."""

    def corrected(solid: Solid) -> float:
        count = int(np.count_nonzero(solid.region.mask))
        return length(solid) * float(np.sqrt(count / (count - 1))) if count > 1 else float("nan")

    return corrected


def elongation(solid: Solid) -> float:
    """``sqrt(l_minor / l_major)`` [Q3CK]; NaN for a single voxel."""
    return _ratio(minor_axis_length(solid), major_axis_length(solid))


def flatness(solid: Solid) -> float:
    """``sqrt(l_least / l_major)`` [N17B]; NaN for a single voxel."""
    return _ratio(least_axis_length(solid), major_axis_length(solid))


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0 else float("nan")


_FORMULAS: dict[str, Callable[[Solid], float]] = {
    "Elongation": elongation,
    "Flatness": flatness,
    "LeastAxisLength": least_axis_length,
    "MajorAxisLength": major_axis_length,
    "Maximum2DDiameterColumn": maximum_2d_diameter_column,
    "Maximum2DDiameterRow": maximum_2d_diameter_row,
    "Maximum2DDiameterSlice": maximum_2d_diameter_slice,
    "Maximum3DDiameter": maximum_3d_diameter,
    "MeshVolume": mesh_volume,
    "MinorAxisLength": minor_axis_length,
    "Sphericity": sphericity,
    "SurfaceArea": surface_area,
    "SurfaceVolumeRatio": surface_volume_ratio,
    "VoxelVolume": voxel_volume,
}
NAMES = tuple(_FORMULAS)
"""The 14 that pyradiomics computes by default, in the order in which it gives them."""

_FORMULAS |= {
    "Asphericity": asphericity,
    "Compactness1": compactness_1,
    "Compactness2": compactness_2,
    "LeastAxisLengthIBSI": of_sample(least_axis_length),
    "MajorAxisLengthIBSI": of_sample(major_axis_length),
    "MinorAxisLengthIBSI": of_sample(minor_axis_length),
    "SphericalDisproportion": spherical_disproportion,
}
ON_REQUEST = tuple(name for name in _FORMULAS if name not in NAMES)
"""Functions of the sphericity, and where IBSI differs from pyradiomics: the axes' lengths."""
