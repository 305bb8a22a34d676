"""Nyul's standardisation (Nyul and Udupa 1999, doi:10.1002/(SICI)1522-2594(199912)42:6<1072::AID-MRM11>3.0.CO;2-M).

Percentiles of each training image are brought to one scale and averaged; an image is then mapped so that its percentiles
become those averages, linearly in between. Beyond the outer percentiles the curve goes on with the slope of the nearest
stretch and is clamped, so that a few bright voxels neither disappear nor run away.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from spinemr.harmonization.body import tissue
from spinemr.harmonization.method import mapped, number_list
from spinemr.imaging.errors import InputError
from spinemr.imaging.progress import Progress, ProgressCallback, silent

PERCENTILES = (1.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0, 99.0)
LOW, HIGH = 5.0, 220.0
"""Where the outer percentiles come to lie on the scale 0..255."""
CLAMP = (0.0, 255.0)


@dataclass(frozen=True)
class Nyul:
    """A fitted scale: the landmark of each percentile."""

    landmarks: tuple[float, ...]
    percentiles: tuple[float, ...] = PERCENTILES
    clamp: tuple[float, float] = CLAMP
    images: int = 0
    """How many it was fitted on."""
    name: str = field(default="nyul")

    def __post_init__(self) -> None:
        if len(self.landmarks) != len(self.percentiles) or len(self.landmarks) < 2:
            raise InputError("A Nyul scale needs a landmark for each of at least two percentiles.")
        if not (np.diff(self.landmarks) > 0).all():
            raise InputError("The landmarks of a Nyul scale have to rise.", "Fit it on other images or with fewer percentiles.")

    @property
    def units(self) -> str:
        """What the numbers mean."""
        return f"{self.clamp[0]:g} to {self.clamp[1]:g}, on the scale of {self.images} reference images"

    def transform(self, image: sitk.Image, *, progress: ProgressCallback = silent) -> sitk.Image:  # noqa: ARG002 - it is quick
        """The image on the standard scale."""
        own = percentiles_of(image, self.percentiles)
        kept = np.concatenate([[True], np.diff(own) > 0])  # percentiles that coincide count once
        if kept.sum() < 2:
            raise InputError("All tissue of the image has one intensity.")
        return mapped(image, lambda x: np.clip(piecewise(x, own[kept], np.array(self.landmarks)[kept]), *self.clamp))

    def as_dict(self) -> dict[str, Any]:
        """The fitted scale."""
        return {
            "name": self.name, "landmarks": list(self.landmarks), "percentiles": list(self.percentiles),
            "clamp": list(self.clamp), "images": self.images,
        }  # fmt: skip

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Nyul:
        """From :meth:`as_dict`."""
        low, high = number_list(content, "clamp")
        landmarks, percentiles = number_list(content, "landmarks"), number_list(content, "percentiles")
        return cls(landmarks, percentiles, (low, high), int(content["images"]))


def fit_nyul(
    images: Iterable[sitk.Image],
    *,
    percentiles: tuple[float, ...] = PERCENTILES,
    scale: tuple[float, float] = (LOW, HIGH),
    progress: ProgressCallback = silent,
) -> Nyul:
    """Average the landmarks of a set of images, taken one by one."""
    if len(percentiles) < 2 or not (np.diff(percentiles) > 0).all() or not 0 <= percentiles[0] < percentiles[-1] <= 100:
        raise InputError("Percentiles have to rise from 0 or more to 100 or less.")

    def measured() -> Iterator[NDArray[np.float64]]:
        for count, image in enumerate(images, start=1):
            yield percentiles_of(image, percentiles)
            progress(Progress("fit", 0.0, f"{count} images"))

    return fit_nyul_percentiles(measured(), percentiles=percentiles, scale=scale)


def fit_nyul_percentiles(
    measured: Iterable[NDArray[np.float64]],
    *,
    percentiles: tuple[float, ...] = PERCENTILES,
    scale: tuple[float, float] = (LOW, HIGH),
) -> Nyul:
    """The same from the percentiles of each image's tissue, where those were kept and the images were not."""
    found = [scale[0] + (own - own[0]) * (scale[1] - scale[0]) / (own[-1] - own[0]) for own in measured if own[-1] > own[0]]
    if not found:
        raise InputError("There is no image to fit a Nyul scale on.")
    return Nyul(tuple(float(v) for v in np.mean(found, axis=0)), percentiles, images=len(found))


def percentiles_of(image: sitk.Image, percentiles: tuple[float, ...]) -> NDArray[np.float64]:
    """Percentiles of the tissue."""
    return np.percentile(tissue(image), percentiles)


def piecewise(x: NDArray[np.float64], sources: NDArray[np.float64], targets: NDArray[np.float64]) -> NDArray[np.float64]:
    """Linear between the points, and beyond them with the slope of the outer stretches."""
    inside = np.interp(x, sources, targets)
    first, last = ((targets[i + 1] - targets[i]) / (sources[i + 1] - sources[i]) for i in (0, len(sources) - 2))
    below, above = np.minimum(x - sources[0], 0), np.maximum(x - sources[-1], 0)
    return np.asarray(inside + first * below + last * above)
