"""What every harmonization method is: fitted or not, it turns an image into one of the same grid."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from spinemr.imaging.intensity import refuse_non_finite
from spinemr.imaging.progress import ProgressCallback, silent

FloatArray = NDArray[np.float32]
T = TypeVar("T", bound="Method")


class Method(Protocol):
    """A method ready to use."""

    @property
    def name(self) -> str:
        """As the command line knows it."""
        ...

    @property
    def units(self) -> str:
        """What the intensities of a result mean, in a sentence."""
        ...

    def transform(self, image: sitk.Image, *, progress: ProgressCallback = silent) -> sitk.Image:
        """The image with other intensities (32 bit floating point), on its own grid."""
        ...

    def as_dict(self) -> dict[str, Any]:
        """Everything that was fitted or chosen, as plain values."""
        ...


def mapped(image: sitk.Image, curve: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> sitk.Image:
    """An image whose intensities went through a curve."""
    values = sitk.GetArrayViewFromImage(image).astype(np.float64)
    refuse_non_finite(values)
    result = sitk.GetImageFromArray(curve(values).astype(np.float32))
    result.CopyInformation(image)
    return result


def number_list(content: Mapping[str, Any], name: str) -> tuple[float, ...]:
    """A list of finite numbers in what :meth:`Method.as_dict` once gave."""
    values = tuple(float(value) for value in content[name])
    if not values or not np.isfinite(values).all():
        raise ValueError(f"{name} holds no finite numbers")
    return values
