"""Where intensities change: Laplacian of Gaussian at several scales, and the gradient's magnitude."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import SimpleITK as sitk

from spinemr.imaging.errors import ImagingWarning, InputError

LEAST_VOXELS = 4
"""Along each axis, for the recursive filter."""


def laplacian_images(image: sitk.Image, options: Mapping[str, Any]) -> Iterator[tuple[str, sitk.Image]]:
    """``sigma^2 laplace(G_sigma * image)`` for each ``sigma`` (mm) of the options; with a warning, none where it does not fit.

    Recursive Gaussian filters, normalized across scales. The image has to have ``ceil(sigma / spacing) + 1`` voxels along every
    axis, and four.
    """
    size, spacing_mm = np.array(image.GetSize()), np.array(image.GetSpacing())
    sigmas_mm = _sigmas(options)
    if size.min() < LEAST_VOXELS:
        _warn(f"The image has fewer than {LEAST_VOXELS} voxels along an axis: no Laplacian of Gaussian.")
        return
    for sigma_mm in sigmas_mm:
        if np.any(size < np.ceil(sigma_mm / spacing_mm) + 1):
            _warn(f"The image is too small for a Laplacian of Gaussian of {sigma_mm:g} mm; it is left out.")
            continue
        yield f"log-sigma-{str(sigma_mm).replace('.', '-')}-mm-3D", sitk.LaplacianRecursiveGaussian(image, float(sigma_mm), True)


def gradient_image(image: sitk.Image, options: Mapping[str, Any]) -> sitk.Image:
    """``|grad image|`` by central differences, per mm or, with ``gradientUseSpacing: false``, per voxel."""
    gradient: sitk.Image = sitk.GradientMagnitude(image, bool(options.get("gradientUseSpacing", True)))
    return gradient


def _sigmas(options: Mapping[str, Any]) -> list[float]:
    given = options.get("sigma", [])
    sigmas = list(given) if isinstance(given, (list, tuple)) else [given]
    if not sigmas:
        _warn("No sigma is set for the Laplacian of Gaussian: it gives no image.")
    for sigma in sigmas:
        if isinstance(sigma, bool) or not isinstance(sigma, (int, float)) or not 0 < sigma < np.inf:
            raise InputError(f"A sigma of the Laplacian of Gaussian is a number of mm above 0, not {sigma}.")
    return sigmas


def _warn(text: str) -> None:
    warnings.warn(text, ImagingWarning, stacklevel=3)
