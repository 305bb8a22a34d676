"""Which weighting an image has, by what the spine itself shows: CSF beside the marrow of the vertebral bodies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from spinemr.imaging.anatomy import Anatomy
from spinemr.imaging.errors import GeometryError
from spinemr.imaging.geometry import same_grid

T1_LIKE, T2_LIKE = "t1", "t2"
FLUID_BRIGHT = 1.0
"""The canal counts as bright from this multiple of the marrow on."""


@dataclass(frozen=True)
class Contrast:
    """The weighting an image looks like, and by how much."""

    kind: str
    canal_to_marrow: float

    @property
    def sentence(self) -> str:
        """For people."""
        word = "brighter" if self.kind == T2_LIKE else "darker"
        ratio = self.canal_to_marrow
        return f"looks {self.kind.upper()}-weighted: the canal is {word} than the vertebral bodies ({ratio:.2f} of their signal)"


def contrast_of(image: sitk.Image, labels: sitk.Image) -> Contrast | None:
    """T1-like or T2-like, from the medians of canal and vertebral bodies; ``None`` where one of them is not there.

    In T1 weighting CSF is darker than marrow; in T2, STIR and fat-saturated images it is brighter.
    """
    if not same_grid(image, labels):
        raise GeometryError("The labels lie on another grid than the image.")
    values, found = sitk.GetArrayViewFromImage(image), sitk.GetArrayViewFromImage(labels)
    canal, marrow = _median(values, found == Anatomy.CANAL), _median(values, (found >= 8) & (found <= 25))
    floor = float(np.percentile(values, 0.5))
    if canal is None or marrow is None or marrow <= floor:
        return None
    ratio = (canal - floor) / (marrow - floor)
    return Contrast(T2_LIKE if ratio > FLUID_BRIGHT else T1_LIKE, ratio)


def _median(values: NDArray[Any], mask: NDArray[np.bool_]) -> float | None:
    return float(np.median(values[mask])) if np.count_nonzero(mask) >= 50 else None
