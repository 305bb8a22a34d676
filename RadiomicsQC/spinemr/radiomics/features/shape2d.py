"""Size and shape of a structure of one slice, under pyradiomics' names.

``A`` and ``P`` are area and perimeter of the outline (:mod:`spinemr.radiomics.features.outline`), ``l_major >= l_minor`` the
principal variances of the pixel centres. The IBSI defines no such features.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from spinemr.imaging.errors import InputError
from spinemr.radiomics.features.diameters import diameter, vertices_of
from spinemr.radiomics.features.evaluation import chosen
from spinemr.radiomics.features.outline import Outline, outline_of
from spinemr.radiomics.features.principal_axes import principal_variances
from spinemr.radiomics.region import Mask, Region
from spinemr.radiomics.settings import Settings


def shape2d_features(region: Region, settings: Settings, wanted: tuple[str, ...] = ()) -> dict[str, float]:
    """The wanted features, or the nine that pyradiomics computes by default.

    The settings have to ask for it (``force2D``) and the region to be one voxel thick across ``force2Ddimension``.
    """
    names = chosen("shape2D", wanted, NAMES, ON_REQUEST)
    figure = _figure(region, settings)
    return {name: _FORMULAS[name](figure) for name in names}


class Figure:
    """A mask ``[row][column]`` and what several features are made from, each computed once and only when asked for."""

    def __init__(self, mask: Mask, spacing_mm: tuple[float, float]) -> None:
        self.mask = mask
        self.spacing_mm = spacing_mm

    @cached_property
    def outline(self) -> Outline:
        """Perimeter and area."""
        return outline_of(self.mask, self.spacing_mm)

    @cached_property
    def variances(self) -> NDArray[np.float64]:
        """``l_minor, l_major``."""
        return principal_variances(self.mask, self.spacing_mm)


def _figure(region: Region, settings: Settings) -> Figure:
    across = settings.force_2d_dimension
    if not settings.force_2d:
        raise InputError("Features of two-dimensional shape need force2D.", "Set force2D: true, or take the class shape.")
    if across not in (0, 1, 2):
        raise InputError(f"force2Ddimension is 0, 1 or 2, not {across}.")
    if region.mask.shape[across] != 1:
        raise InputError(
            f"The mask is {region.mask.shape[across]} slices thick; a two-dimensional shape needs exactly one.",
            "Set force2Ddimension to the axis across the slices (0: z, 1: y, 2: x), or take the class shape.",
        )
    row, column = (spacing for axis, spacing in enumerate(region.spacing_mm) if axis != across)
    return Figure(region.mask.squeeze(axis=across), (row, column))


def mesh_surface(figure: Figure) -> float:
    """``A``, the area inside the outline, in mm^2."""
    return figure.outline.area_mm2


def pixel_surface(figure: Figure) -> float:
    """``N`` pixels times the area of one, in mm^2."""
    return float(np.count_nonzero(figure.mask) * np.prod(figure.spacing_mm))


def perimeter(figure: Figure) -> float:
    """``P``, the length of the outline, in mm."""
    return figure.outline.perimeter_mm


def perimeter_surface_ratio(figure: Figure) -> float:
    """``P / A``, in 1/mm."""
    return perimeter(figure) / mesh_surface(figure)


def sphericity(figure: Figure) -> float:
    """``2 sqrt(pi A) / P``; 1 for a circle."""
    return 2 * float(np.sqrt(np.pi * mesh_surface(figure))) / perimeter(figure)


def spherical_disproportion(figure: Figure) -> float:
    """``P / (2 sqrt(pi A))``."""
    return 1 / sphericity(figure)


def maximum_diameter(figure: Figure) -> float:
    """The largest distance between two vertices of the outline, in mm."""
    return diameter(vertices_of(figure.mask) * (np.array(figure.spacing_mm) / 2))


def major_axis_length(figure: Figure) -> float:
    """``4 sqrt(l_major)``, in mm."""
    return 4 * float(np.sqrt(figure.variances[1]))


def minor_axis_length(figure: Figure) -> float:
    """``4 sqrt(l_minor)``, in mm."""
    return 4 * float(np.sqrt(figure.variances[0]))


def elongation(figure: Figure) -> float:
    """``sqrt(l_minor / l_major)``; NaN for a single pixel."""
    longest = major_axis_length(figure)
    return minor_axis_length(figure) / longest if longest > 0 else float("nan")


_FORMULAS: dict[str, Callable[[Figure], float]] = {
    "Elongation": elongation,
    "MajorAxisLength": major_axis_length,
    "MaximumDiameter": maximum_diameter,
    "MeshSurface": mesh_surface,
    "MinorAxisLength": minor_axis_length,
    "Perimeter": perimeter,
    "PerimeterSurfaceRatio": perimeter_surface_ratio,
    "PixelSurface": pixel_surface,
    "Sphericity": sphericity,
}
NAMES = tuple(_FORMULAS)
"""The nine that pyradiomics computes by default, in the order in which it gives them."""

_FORMULAS["SphericalDisproportion"] = spherical_disproportion
ON_REQUEST = ("SphericalDisproportion",)
"""The inverse of the sphericity, computed when asked for by name."""
