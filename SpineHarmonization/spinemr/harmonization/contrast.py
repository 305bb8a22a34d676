"""Which weighting an image has, by what the spine itself shows: CSF beside the marrow of the vertebral bodies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from spinemr.imaging.anatomy import Anatomy
from spinemr.imaging.errors import GeometryError
from spinemr.imaging.geometry import WorkingFrame, same_grid

T1_LIKE, T2_LIKE = "t1", "t2"
FLUID_BRIGHT = 1.0
"""The canal counts as bright from this multiple of the marrow on."""

SLICES, REACH_MM = 3, 8.0
"""So many slices, up to so far from the middle of the stack, are looked at where there are no labels."""
SAGITTAL = (0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, -1.0, 0.0)


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
    return _compared(values, found == Anatomy.CANAL, (found >= 8) & (found <= 25))


def seen_contrast(image: sitk.Image) -> Contrast | None:
    """The same of an image without labels: the default segmentation model looks at a few slices about the middle."""
    from spinemr.segmentation.classes import NetworkClass
    from spinemr.segmentation.inference.model import open_model
    from spinemr.segmentation.inference.predict import predict

    frame = WorkingFrame.of(image)
    column, row, distance = frame.working_grid.spacing_mm
    values = frame.forward_array(sitk.GetArrayViewFromImage(image))
    offsets = np.round(np.linspace(-REACH_MM, REACH_MM, SLICES) / distance).astype(int) + len(values) // 2
    chosen = np.ascontiguousarray(values[np.unique(np.clip(offsets, 0, len(values) - 1))])
    few = sitk.GetImageFromArray(chosen)
    few.SetSpacing((column, row, distance))
    few.SetDirection(SAGITTAL)
    model = open_model(device="cpu")
    seen = predict(few, model.runtime, model.card.input).classes
    return _compared(chosen, (seen == NetworkClass.CANAL) | (seen == NetworkClass.CORD), seen == NetworkClass.BODY)


def _compared(values: NDArray[Any], inside: NDArray[np.bool_], bodies: NDArray[np.bool_]) -> Contrast | None:
    canal, marrow = _median(values, inside), _median(values, bodies)
    floor = float(np.percentile(values, 0.5))
    if canal is None or marrow is None or marrow <= floor:
        return None
    ratio = (canal - floor) / (marrow - floor)
    return Contrast(T2_LIKE if ratio > FLUID_BRIGHT else T1_LIKE, ratio)


def _median(values: NDArray[Any], mask: NDArray[np.bool_]) -> float | None:
    return float(np.median(values[mask])) if np.count_nonzero(mask) >= 50 else None
