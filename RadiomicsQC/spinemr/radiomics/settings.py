"""How features are taken: pyradiomics' settings with pyradiomics' defaults, read from pyradiomics' parameter files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

FEATURE_CLASSES = ("firstorder", "shape", "glcm", "glrlm", "glszm", "gldm", "ngtdm")
"""Those computed by default; ``shape2D`` and ``spinetk`` on demand."""

Aggregation = Literal["default", "2d_average", "2d_merged", "2.5d_average", "2.5d_merged", "3d_average", "3d_merged"]
"""How directions and slices are united (IBSI, section 3.6); ``default`` is what pyradiomics does."""


@dataclass(frozen=True)
class Settings:
    """One extraction. Each field says its name in pyradiomics' parameter files where that differs in more than the case."""

    bin_width: float = 25.0
    bin_count: int | None = None
    discretization: Literal["pyradiomics", "ibsi"] = "pyradiomics"
    """Where the first bin starts: at a multiple of the width (pyradiomics) or at the region's minimum (IBSI)."""
    aggregation: Aggregation = "default"
    normalize: bool = False
    normalize_scale: float = 1.0
    remove_outliers: float | None = None
    resampled_pixel_spacing_mm: tuple[float, float, float] | None = None
    """x, y, z; 0 keeps an axis as it is (resampledPixelSpacing)."""
    interpolator: str = "sitkBSpline"
    pad_distance: int = 5
    pre_crop: bool = False
    """Cut the image to the structure and ``pad_distance`` voxels around it before filters see it."""
    resegment_range: tuple[float, ...] | None = None
    resegment_mode: Literal["absolute", "relative", "sigma"] = "absolute"
    resegment_shape: bool = False
    force_2d: bool = False
    force_2d_dimension: int = 0
    distances: tuple[int, ...] = (1,)
    symmetrical_glcm: bool = True
    weighting_norm: str | None = None
    gldm_alpha: float = 0.0
    """gldm_a."""
    voxel_array_shift: float = 0.0
    label: int = 1
    minimum_roi_dimensions: int = 2
    minimum_roi_size: int | None = None
    geometry_tolerance: float | None = None
    correct_mask: bool = False
    image_types: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: {"Original": {}})
    """Filters by pyradiomics' names (Original, LoG, Wavelet, Gradient, Square, ...) with their own settings."""
    feature_classes: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: dict.fromkeys(FEATURE_CLASSES, ()))
    """Feature classes and of each the wanted features; an empty tuple means all (that pyradiomics enables by default)."""
