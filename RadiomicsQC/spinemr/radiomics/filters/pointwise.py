"""Functions of each voxel's intensity by itself, scaled so that the largest magnitude stays what it was.

The order of operations is pyradiomics': a result that rounding puts beside the edge of a bin is on the same side for both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

Values = NDArray[np.float64]


def square(values: Values, largest: float) -> Values:
    """``x^2 / max|x|``."""
    squares: Values = ((1 / np.sqrt(largest)) * values) ** 2
    return squares


def square_root(values: Values, largest: float) -> Values:
    """``sign(x) sqrt(|x| max|x|)``."""
    roots: Values = np.copysign(np.sqrt(np.abs(values) * largest), values)
    return roots


def logarithm(values: Values, largest: float) -> Values:
    """``sign(x) log(|x| + 1) max|x| / log(max|x| + 1)``."""
    logarithms = np.copysign(np.log(np.abs(values) + 1), values)
    scaled: Values = logarithms * (largest / np.max(np.abs(logarithms)))
    return scaled


def exponential(values: Values, largest: float) -> Values:
    """``exp(x log(max|x|) / max|x|)``."""
    exponentials: Values = np.exp((np.log(largest) / largest) * values)
    return exponentials


POINTWISE: Mapping[str, Callable[[Values, float], Values]] = {
    "Square": square,
    "SquareRoot": square_root,
    "Logarithm": logarithm,
    "Exponential": exponential,
}
"""By pyradiomics' names."""


def pointwise_image(image: sitk.Image, name: str) -> sitk.Image:
    """The image after one of the functions; an image of nothing but zeros stays as it is."""
    values = sitk.GetArrayFromImage(image).astype(np.float64)
    largest = float(np.max(np.abs(values)))
    derived = sitk.GetImageFromArray(POINTWISE[name](values, largest) if largest > 0 else values)
    derived.CopyInformation(image)
    return derived
