"""One study harmonized: the method's result at a strength, and slices whose anatomy it would change returned as they were."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from spinemr.harmonization.body import body_mask
from spinemr.harmonization.method import Method, outcome_of
from spinemr.imaging.errors import InputError
from spinemr.imaging.geometry import WorkingFrame
from spinemr.imaging.progress import Progress, ProgressCallback, silent, within

FloatArray = NDArray[np.float32]


@dataclass(frozen=True)
class Harmonized:
    """The harmonized image on the original's grid, and what is to be said about it."""

    image: sitk.Image
    method: str
    units: str
    strength: float
    notes: tuple[str, ...] = ()
    """Sentences for people: which reference was chosen, and why."""
    details: Mapping[str, Any] = field(default_factory=dict)
    """The same for programs, and where a network was used what its check found in each slice."""


def harmonize(image: sitk.Image, method: Method, *, strength: float = 1.0, progress: ProgressCallback = silent) -> Harmonized:
    """Harmonize a study of any orientation.

    ``strength`` blends from the original (0), brought to the result's scale by mean and standard deviation of the tissue, to
    the method's full result (1). Slices that a network would have changed in their anatomy are returned as they were; a warning
    says so, and the details which.
    """
    if not 0 <= strength <= 1:
        raise InputError(f"The strength has to be from 0 to 1, not {strength:g}.")
    outcome = outcome_of(method, image, progress=within(progress, 0.0, 0.9))
    result = outcome.image
    if strength < 1:
        result = _blended(rescaled_like(image, result), result, strength)
    progress(Progress("harmonize", 1.0, "Done"))
    return Harmonized(result, outcome.method.name, outcome.method.units, strength, outcome.notes, outcome.details)


def rescaled_like(image: sitk.Image, result: sitk.Image) -> sitk.Image:
    """The original, its contrast untouched, with the mean and standard deviation of the result's tissue."""
    frame = WorkingFrame.of(image)
    before = np.asarray(frame.forward_array(sitk.GetArrayViewFromImage(image)), dtype=np.float64)
    after = np.asarray(frame.forward_array(sitk.GetArrayViewFromImage(result)), dtype=np.float64)
    mask = body_mask(before)
    old, new = before[mask], after[mask]
    slope = float(new.std() / old.std()) if old.std() > 0 else 1.0
    values = sitk.GetArrayViewFromImage(image).astype(np.float64)
    return _like(image, new.mean() + slope * (values - old.mean()))


def _blended(original: sitk.Image, result: sitk.Image, strength: float) -> sitk.Image:
    first, second = sitk.GetArrayViewFromImage(original), sitk.GetArrayViewFromImage(result)
    return _like(result, (1 - strength) * first + strength * second)


def _like(image: sitk.Image, values: NDArray[np.floating]) -> sitk.Image:
    made = sitk.GetImageFromArray(values.astype(np.float32))
    made.CopyInformation(image)
    return made
