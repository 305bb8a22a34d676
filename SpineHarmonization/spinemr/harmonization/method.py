"""What every harmonization method is: fitted or not, it turns an image into one of the same grid."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar, runtime_checkable

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


@dataclass(frozen=True)
class Outcome:
    """An image with other intensities, the method behind it, and what is to be said about it."""

    image: sitk.Image
    method: Method
    notes: tuple[str, ...] = ()
    """Sentences for people."""
    details: Mapping[str, Any] = field(default_factory=dict)
    """The same for programs."""


@runtime_checkable
class TellingMethod(Method, Protocol):
    """A method that has more to say than the image it makes, or that leaves the work to one it chooses."""

    def outcome(self, image: sitk.Image, *, progress: ProgressCallback = silent) -> Outcome:
        """The image as :meth:`Method.transform` makes it, and what is to be said about it."""
        ...


def outcome_of(method: Method, image: sitk.Image, *, progress: ProgressCallback = silent) -> Outcome:
    """What a method makes of an image."""
    if isinstance(method, TellingMethod):
        return method.outcome(image, progress=progress)
    return Outcome(method.transform(image, progress=progress), method)


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
