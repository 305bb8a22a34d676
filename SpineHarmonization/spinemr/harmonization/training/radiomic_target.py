"""The radiomic-feature loss of Kim 2024 in training: which features, where they are taken, and what the target's are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from spinemr.harmonization.training.settings import RadiomicTerm
from spinemr.radiomics.differentiable.features import AVAILABLE, DifferentiableFeatures
from spinemr.radiomics.differentiable.loss import RadiomicReference, radiomic_feature_loss
from spinemr.radiomics.statistics.selection import KIM_COUNT, select_features

if TYPE_CHECKING:
    from torch import Tensor

HIGHEST = 255.0
LEAST_RANGE = 1e-3
"""Regions of less contrast (of 0..1) are not stretched further."""


@dataclass(frozen=True)
class RadiomicTarget:
    """The features of the target, and the loss that wants an image to have them."""

    settings: RadiomicTerm
    reference: RadiomicReference

    def loss(self, images: Tensor, masks: Tensor) -> Tensor:
        """The mean of the scaled differences (section II-D-5) of images ``[image][1][row][column]`` inside of masks."""
        features = extractor(self.settings, self.reference.names)
        return radiomic_feature_loss(features(stretched(images.float(), masks), masks), self.reference)

    def as_dict(self) -> dict[str, Any]:
        """What a checkpoint remembers."""
        return {name: list(getattr(self.reference, name)) for name in ("names", "mean", "scale")}

    @classmethod
    def remembered(cls, settings: RadiomicTerm, content: dict[str, Any]) -> RadiomicTarget:
        """From a checkpoint."""
        return cls(settings, RadiomicReference(*(tuple(content[name]) for name in ("names", "mean", "scale"))))


def extractor(settings: RadiomicTerm, names: tuple[str, ...]) -> DifferentiableFeatures:
    """The features with gradients; intensities are clamped to 0..255 as writing them would do."""
    return DifferentiableFeatures(
        names, bin_width=settings.bin_width, temperature=settings.temperature, value_range=(0.0, HIGHEST)
    )


def stretched(images: Tensor, masks: Tensor) -> Tensor:
    """The region of each image from 0 to 255 by its own extremes (Kim 2024, section III-A)."""
    import torch

    inside = masks > 0.5
    low = images.masked_fill(~inside, torch.inf).amin(dim=(1, 2, 3), keepdim=True)
    high = images.masked_fill(~inside, -torch.inf).amax(dim=(1, 2, 3), keepdim=True)
    return (images - low) / (high - low).clamp(min=LEAST_RANGE) * HIGHEST


def centre_masks(images: Tensor, columns_share: float) -> Tensor:
    """All rows and the middle columns: the 120 of 320 columns in which the spine lies."""
    import torch

    columns = images.shape[-1]
    width = max(1, round(columns * columns_share))
    first = (columns - width) // 2
    masks = torch.zeros_like(images, dtype=torch.float32)
    masks[..., first : first + width] = 1
    return masks


def boxes(classes: Tensor) -> Tensor:
    """The box around every class but the background of ``[image][row][column]``; the whole image where there is none."""
    import torch

    masks = torch.zeros(classes.shape, device=classes.device)
    for mask, found in zip(masks, classes > 0, strict=True):
        rows, columns = (found.any(dim=axis).nonzero().flatten() for axis in (1, 0))
        if len(rows):
            mask[int(rows[0]) : int(rows[-1]) + 1, int(columns[0]) : int(columns[-1]) + 1] = 1
        else:
            mask.fill_(1)
    return masks[:, None]


def measured(settings: RadiomicTerm, batches: Iterable[tuple[Tensor, Tensor]]) -> RadiomicTarget:
    """The target's features from its images and their masks; which features, they say themselves unless they are named."""
    names = settings.features or AVAILABLE
    features = extractor(settings, tuple(names))
    rows = np.concatenate([_rows(features, images, masks) for images, masks in batches])
    chosen = settings.features or select_features(rows, names, count=KIM_COUNT).selected
    kept = rows[:, [list(names).index(name) for name in chosen]]
    scale_by = cast(Literal["mean", "spread", "nothing"], settings.scale_by)
    return RadiomicTarget(settings, RadiomicReference.of(chosen, kept, scale_by))


def _rows(features: DifferentiableFeatures, images: Tensor, masks: Tensor) -> NDArray[np.float64]:
    import torch

    with torch.no_grad():
        return np.asarray(features(stretched(images, masks), masks).double().cpu().numpy())
