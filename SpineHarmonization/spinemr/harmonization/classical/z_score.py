"""z-score: the patient's mean and standard deviation become those of every other result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import SimpleITK as sitk

from spinemr.harmonization.body import tissue
from spinemr.harmonization.method import mapped
from spinemr.imaging.errors import InputError
from spinemr.imaging.progress import ProgressCallback, silent


@dataclass(frozen=True)
class ZScore:
    """``middle + scale (x - mean) / deviation``, mean and standard deviation of the patient without the air around."""

    middle: float = 127.5
    scale: float = 42.5
    name: str = "zscore"

    @property
    def units(self) -> str:
        """What the numbers mean."""
        low, high = self.middle - 3 * self.scale, self.middle + 3 * self.scale
        return f"{self.middle:g} is the mean of the tissue, {low:g} to {high:g} three standard deviations around; not clipped"

    def transform(self, image: sitk.Image, *, progress: ProgressCallback = silent) -> sitk.Image:  # noqa: ARG002 - it is quick
        """The image in standard deviations of its own tissue."""
        values = tissue(image)
        mean, deviation = float(values.mean()), float(values.std())
        if deviation == 0:
            raise InputError("All tissue of the image has one intensity.")
        return mapped(image, lambda x: self.middle + self.scale * (x - mean) / deviation)

    def as_dict(self) -> dict[str, Any]:
        """The scale."""
        return asdict(self)

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> ZScore:
        """From :meth:`as_dict`."""
        return cls(float(content["middle"]), float(content["scale"]))
