"""All derived images that the settings ask for, one after the other, under pyradiomics' names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import SimpleITK as sitk

from spinemr.imaging.errors import InputError
from spinemr.radiomics.filters.edges import gradient_image, laplacian_images
from spinemr.radiomics.filters.pointwise import POINTWISE, pointwise_image
from spinemr.radiomics.filters.wavelet import wavelet_images
from spinemr.radiomics.settings import Settings

FILTERS = ("Original", "LoG", "Wavelet", "Gradient", *POINTWISE)
"""By pyradiomics' names."""
PYRADIOMICS_ONLY = ("LBP2D", "LBP3D")


def derived_images(image: sitk.Image, mask: sitk.Image, settings: Settings) -> Iterator[tuple[str, sitk.Image]]:  # noqa: ARG001
    """Name and image of everything in ``settings.image_types``, in its order.

    Each has the image's grid. No filter offered here looks at the mask. Names that are not known are refused before the first
    image is made.
    """
    for name in settings.image_types:
        _check(name)
    for name, own in settings.image_types.items():
        options = {"force2D": settings.force_2d, "force2Ddimension": settings.force_2d_dimension, **(own or {})}
        yield from _filtered(image, name, options)


def _filtered(image: sitk.Image, name: str, options: Mapping[str, Any]) -> Iterator[tuple[str, sitk.Image]]:
    if name == "Original":
        yield "original", image
    elif name == "LoG":
        yield from laplacian_images(image, options)
    elif name == "Wavelet":
        yield from wavelet_images(image, options)
    elif name == "Gradient":
        yield "gradient", gradient_image(image, options)
    else:
        yield name.lower(), pointwise_image(image, name)


def _check(name: str) -> None:
    if name in PYRADIOMICS_ONLY:
        raise InputError(f"The filter {name} is not offered.", "Take the engine pyradiomics, or leave it out of imageType.")
    if name not in FILTERS:
        raise InputError(f"There is no filter {name}.", f"Known are: {', '.join(FILTERS)}.")
