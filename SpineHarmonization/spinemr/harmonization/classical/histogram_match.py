"""Histogram match to one image: quantile by quantile, the patient's intensities become those of the reference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import SimpleITK as sitk

from spinemr.harmonization.body import tissue
from spinemr.harmonization.classical.nyul import piecewise
from spinemr.harmonization.method import mapped, number_list
from spinemr.imaging.errors import InputError
from spinemr.imaging.progress import ProgressCallback, silent

QUANTILES = 128


@dataclass(frozen=True)
class HistogramMatch:
    """The quantiles of a reference's tissue, evenly spaced from 0.5 to 99.5 %; beyond them results are clamped."""

    quantiles: tuple[float, ...]
    name: str = field(default="histogram")

    def __post_init__(self) -> None:
        if len(self.quantiles) < 2 or not (np.diff(self.quantiles) >= 0).all() or self.quantiles[0] == self.quantiles[-1]:
            raise InputError("A reference for histogram matching needs rising quantiles.")

    @property
    def units(self) -> str:
        """What the numbers mean."""
        return f"those of the reference image, {self.quantiles[0]:g} to {self.quantiles[-1]:g}"

    @classmethod
    def fit(cls, reference: sitk.Image) -> HistogramMatch:
        """Remember a reference."""
        return cls(tuple(float(v) for v in np.percentile(tissue(reference), _shares(QUANTILES))))

    def transform(self, image: sitk.Image, *, progress: ProgressCallback = silent) -> sitk.Image:  # noqa: ARG002 - it is quick
        """The image with the reference's histogram."""
        own = np.percentile(tissue(image), _shares(len(self.quantiles)))
        kept = np.concatenate([[True], np.diff(own) > 0])
        if kept.sum() < 2:
            raise InputError("All tissue of the image has one intensity.")
        targets = np.array(self.quantiles)[kept]
        return mapped(image, lambda x: np.clip(piecewise(x, own[kept], targets), self.quantiles[0], self.quantiles[-1]))

    def as_dict(self) -> dict[str, Any]:
        """The quantiles."""
        return {"name": self.name, "quantiles": list(self.quantiles)}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> HistogramMatch:
        """From :meth:`as_dict`."""
        return cls(number_list(content, "quantiles"))


def _shares(count: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.linspace(0.5, 99.5, count)
