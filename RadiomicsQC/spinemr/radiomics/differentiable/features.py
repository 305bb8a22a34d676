"""Differentiable radiomic features of a batch of slices, by pyradiomics' names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from spinemr.imaging.errors import InputError
from spinemr.radiomics.differentiable.batch import cut_batch
from spinemr.radiomics.differentiable.cooccurrence import cooccurrence
from spinemr.radiomics.differentiable.first_order import FIRST_ORDER_FEATURES, OF_LEVELS, Intensities
from spinemr.radiomics.differentiable.glcm import GLCM_FEATURES
from spinemr.radiomics.differentiable.glrlm import GLRLM_FEATURES, RunShares, needed_length
from spinemr.radiomics.differentiable.run_lengths import run_lengths
from spinemr.radiomics.differentiable.soft_levels import Binning, SoftLevels, soft_levels

if TYPE_CHECKING:
    from torch import Tensor

CLASSES: Mapping[str, Mapping[str, Callable[[Any], Any]]] = {
    "firstorder": FIRST_ORDER_FEATURES,
    "glcm": GLCM_FEATURES,
    "glrlm": GLRLM_FEATURES,
}
AVAILABLE = tuple(f"original_{kind}_{name}" for kind, features in CLASSES.items() for name in features)
"""Every feature there is, by its full name."""

SELECTED = (
    "original_glcm_Idmn",
    "original_glcm_Correlation",
    "original_glcm_SumEntropy",
    "original_glrlm_ShortRunEmphasis",
    "original_glcm_DifferenceEntropy",
)
"""The five of Kim 2024 (section III-B, table 6), in the paper's order."""


@dataclass(frozen=True)
class DifferentiableFeatures:
    """A function from images and masks to features; it has no parameters of its own to train.

    Textures are those of the plane (pyradiomics' force2D), symmetric, each feature the mean over directions.
    """

    names: Sequence[str] = SELECTED
    bin_width: float = 25.0
    bin_count: int | None = None
    temperature: float = 0.004
    """Softness of the levels in bins; see :func:`spinemr.radiomics.differentiable.soft_levels.annealed_temperature`. 0 measures
    exactly, without gradients through levels."""
    intensity_step: float = 0.0
    """1 where intensities are, or will be rounded to, whole numbers; 0 where they are not."""
    value_range: tuple[float, float] | None = None
    """Clamp intensities into it first, such as (0, 255); what lies beyond has no gradient."""
    distances: tuple[int, ...] = (1,)
    """Between the pixels of a GLCM's pair; runs are always of neighbours."""
    merged: bool = False
    """One matrix of all directions instead of the mean of a feature over them (pyradiomics' weightingNorm "no_weighting")."""
    pixel_volume_mm3: float = 1.0
    """Of a pixel with its slice thickness; only TotalEnergy asks for it."""

    def __post_init__(self) -> None:
        unknown = [name for name in self.names if name not in AVAILABLE]
        if unknown or not self.names:
            what = f"There is no differentiable feature '{unknown[0]}'." if unknown else "No feature is asked for."
            raise InputError(what, f"Names are such as {', '.join(SELECTED[:3])}; AVAILABLE lists all {len(AVAILABLE)}.")
        self.binning  # noqa: B018 - wrong binning is to fail here, not in the first training step

    @property
    def binning(self) -> Binning:
        """The levels."""
        return Binning(self.bin_width, self.bin_count, self.temperature, self.intensity_step)

    def at(self, temperature: float) -> DifferentiableFeatures:
        """The same features of harder or softer levels."""
        return replace(self, temperature=temperature)

    def __call__(self, images: Tensor, masks: Tensor) -> Tensor:
        """``[batch][feature]`` of images ``[batch][1][y][x]`` or ``[batch][y][x]`` and their masks, in float32 or double."""
        import torch

        with torch.autocast(device_type=images.device.type, enabled=False):
            values, inside = cut_batch(images, masks, self.value_range)
            columns = self._by_name(values, inside)
            return torch.stack([columns[name] for name in self.names], dim=1)

    def _wanted(self, kind: str) -> list[str]:
        return [short for prefix, short in (name.split("_")[1:] for name in self.names) if prefix == kind]

    def _by_name(self, values: Tensor, inside: Tensor) -> dict[str, Tensor]:
        first, pairs, runs = (self._wanted(kind) for kind in CLASSES)
        found: dict[str, Tensor] = {}
        levels = None
        if pairs or runs or OF_LEVELS & set(first):
            levels = soft_levels(values, inside, self.binning, max(self.distances))
            found |= self._of_textures(levels, pairs, runs, max(values.shape[1:]))
        region = Intensities(values.flatten(1), inside.flatten(1), levels, self.pixel_volume_mm3)
        return found | {f"original_firstorder_{name}": FIRST_ORDER_FEATURES[name](region) for name in first}

    def _of_textures(self, levels: SoftLevels, pairs: list[str], runs: list[str], extent: int) -> dict[str, Tensor]:
        found: dict[str, Tensor] = {}
        if pairs:
            matrix = cooccurrence(levels, self.distances, self.merged)
            directions = matrix.filled.sum(dim=1)
            for name in pairs:
                by_direction = GLCM_FEATURES[name](matrix).masked_fill(~matrix.filled, 0.0)
                found[f"original_glcm_{name}"] = by_direction.sum(dim=1) / directions
        if runs:
            shares = RunShares(run_lengths(levels, needed_length(runs, extent), self.merged))
            found |= {f"original_glrlm_{name}": GLRLM_FEATURES[name](shares).mean(dim=1) for name in runs}
        return found
