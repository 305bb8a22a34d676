"""White stripe (Shinohara 2014, doi:10.1016/j.nicl.2014.08.008) where there is no brain: the stripe is fat, CSF or muscle.

In a sagittal lumbar view the band below the skin of the back is fat and nothing else, so its peak is found without a guess
wherever fat shines. Where fat is suppressed it is dark there, and where an image was cut off at its bright end (8-bit pictures)
its peak has no width: there muscle, the largest peak of what is left, takes its place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from spinemr.harmonization.body import back_fat_mask, body_mask
from spinemr.harmonization.method import mapped
from spinemr.imaging.errors import InputError
from spinemr.imaging.geometry import WorkingFrame
from spinemr.imaging.progress import ProgressCallback, silent

TISSUES = ("auto", "fat", "csf", "muscle")
STRIPE = 0.05
"""The stripe holds this share of the tissue on either side of the peak (the paper's tau)."""
LEVELS = {"fat": 190.0, "csf": 190.0, "muscle": 60.0}
"""Where the peak comes to lie on 0..255, so that results of one reference tissue can be seen side by side."""
SCALE = 20.0
"""How many units a standard deviation of the stripe becomes."""
FAT_SHINES = 1.3
"""Fat is not suppressed where the band below the skin is so many times as bright as the median of the patient."""
CUT_OFF = 0.02
"""Fat is cut off where a larger share of the band has the highest intensity of the image."""
FAT_PEAK = 0.3
"""A peak of the band counts as large from this share of the highest on."""
FEWEST_FAT_VOXELS = 200

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Stripe:
    """The reference tissue found in an image."""

    tissue: str
    peak: float
    deviation: float


@dataclass(frozen=True)
class WhiteStripe:
    """``level + scale (x - peak) / deviation``, peak and standard deviation of the reference tissue."""

    tissue: str = "auto"
    name: str = field(default="whitestripe")

    def __post_init__(self) -> None:
        if self.tissue not in TISSUES:
            raise InputError(f"'{self.tissue}' is no reference tissue.", f"Choose from: {', '.join(TISSUES)}.")

    @property
    def units(self) -> str:
        """What the numbers mean."""
        levels = ", ".join(f"{name} {level:g}" for name, level in LEVELS.items())
        return f"the reference tissue lies at its level ({levels}), {SCALE:g} are one standard deviation of it; not clipped"

    def transform(self, image: sitk.Image, *, progress: ProgressCallback = silent) -> sitk.Image:  # noqa: ARG002 - it is quick
        """The image in standard deviations of its reference tissue."""
        stripe = find_stripe(image, self.tissue)
        level = LEVELS[stripe.tissue]
        return mapped(image, lambda x: level + SCALE * (x - stripe.peak) / stripe.deviation)

    def as_dict(self) -> dict[str, Any]:
        """The choice."""
        return {"name": self.name, "tissue": self.tissue}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> WhiteStripe:
        """From :meth:`as_dict`."""
        return cls(str(content["tissue"]))


def find_stripe(image: sitk.Image, tissue: str = "auto") -> Stripe:
    """The reference tissue of an image; ``auto`` takes fat where it shines and is not cut off, else muscle."""
    frame = WorkingFrame.of(image)
    values = np.asarray(frame.forward_array(sitk.GetArrayViewFromImage(image)), dtype=np.float64)
    mask = body_mask(values)
    inside = values[mask]
    fat = values[back_fat_mask(mask, frame.working_grid.spacing_mm[0])]
    if tissue == "auto":
        tissue = "fat" if _shines(fat, inside) else "muscle"
    return _stripe(tissue, _peak(tissue, inside, fat), inside)


def _shines(fat: Values, inside: Values) -> bool:
    """Whether the fat of the back is a reference: bright, and with a peak of its own."""
    if fat.size < FEWEST_FAT_VOXELS or np.median(fat) <= FAT_SHINES * np.median(inside):
        return False
    return float(np.mean(fat >= inside.max())) <= CUT_OFF


def _peak(tissue: str, inside: Values, fat: Values) -> float:
    if tissue == "fat" and fat.size >= FEWEST_FAT_VOXELS:
        found = modes(fat)
        # Muscle and fascia may reach into the band; fat is the brightest of its large peaks.
        return max(position for position, height in found if height > FAT_PEAK * found[0][1])
    found = modes(inside)
    if tissue == "muscle":
        # The largest peak of the darker half: muscle fills more of a lumbar view than any other dark tissue.
        darker = [mode for mode in found if mode[0] <= np.median(inside) * 1.2] or found
        return float(darker[0][0])
    return float(max(position for position, _ in found))


def _stripe(tissue: str, peak: float, inside: Values) -> Stripe:
    """Voxels within :data:`STRIPE` of all tissue on either side of the peak."""
    at = float(np.mean(inside <= peak))
    low, high = np.quantile(inside, [max(0.0, at - STRIPE), min(1.0, at + STRIPE)])
    deviation = float(inside[(inside >= low) & (inside <= high)].std())
    if deviation == 0:
        raise InputError("The reference tissue has one intensity only.", "White stripe needs an image with noise; use zscore.")
    return Stripe(tissue, peak, deviation)


def modes(values: Values) -> list[tuple[float, float]]:
    """The peaks of the smoothed histogram as (position, height), the highest first; small ripples do not count."""
    low, high = np.percentile(values, (0.1, 99.9))
    if high <= low:
        raise InputError("All tissue of the image has one intensity.")
    counts, edges = np.histogram(values, 200, (low, high))
    smooth = ndimage.gaussian_filter1d(counts.astype(np.float64), 3, mode="constant")
    centres = (edges[:-1] + edges[1:]) / 2
    bounded = np.concatenate([[-1.0], smooth, [-1.0]])
    tops = np.flatnonzero((smooth > bounded[:-2]) & (smooth >= bounded[2:]) & (smooth > 0.02 * smooth.max()))
    return sorted(((float(centres[top]), float(smooth[top])) for top in tops), key=lambda mode: -mode[1])
