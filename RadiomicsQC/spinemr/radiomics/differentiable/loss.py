"""The radiomic-feature (RF) loss of Kim 2024, with gradients that reach the image.

The paper describes it in words (section II-D-5 and figure 5; no equation): the mean of each selected feature over 1000 slices of
the target domain is taken beforehand, and the L1 difference between it and the feature of every harmonized image is added to
the other losses with weight 10 (section III-C-3). It does not say how a gradient gets through binning; here it does by
:mod:`spinemr.radiomics.differentiable.soft_levels`. Features differ in size by orders of magnitude, so each difference can be
divided by a scale; ``scale_by="nothing"`` is the paper's plain L1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike

from spinemr.imaging.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

LEAST_SCALE = 1e-6
"""A feature whose scale is smaller has none, and is compared as it is."""


@dataclass(frozen=True)
class RadiomicReference:
    """What the features of the target domain are: plain numbers, to be stored beside a model."""

    names: tuple[str, ...]
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    """What a difference of each feature is divided by."""

    def __post_init__(self) -> None:
        if not len(self.names) == len(self.mean) == len(self.scale) > 0:
            raise InputError("A reference of radiomic features needs one mean and one scale for each name.")
        if not (np.isfinite(self.mean).all() and np.isfinite(self.scale).all() and min(self.scale) > 0):
            raise InputError("Means and scales of a reference of radiomic features have to be finite, scales above zero.")

    @classmethod
    def of(
        cls, names: Sequence[str], rows: ArrayLike, scale_by: Literal["mean", "spread", "nothing"] = "mean"
    ) -> RadiomicReference:
        """From the features of target slices, ``[slice][feature]``: differences become relative, or multiples of the spread."""
        table = np.asarray(rows, dtype=np.float64)
        if table.ndim != 2 or not table.size or table.shape[1] != len(names):
            raise InputError("The features of a reference have to be a table: a row for each slice, a column for each name.")
        mean = table.mean(axis=0)
        scale = {"mean": np.abs(mean), "spread": table.std(axis=0), "nothing": np.ones_like(mean)}[scale_by]
        return cls(tuple(names), tuple(mean.tolist()), tuple(np.where(scale > LEAST_SCALE, scale, 1.0).tolist()))


def radiomic_feature_loss(
    features: Tensor, target: Tensor | RadiomicReference, scale: Tensor | None = None, of_mean: bool = False
) -> Tensor:
    """The mean of ``|feature - target| / scale`` over a batch's features ``[batch][feature]``.

    The target is one row for all (a reference, as in Kim 2024) or one row for each image (paired images). With ``of_mean`` the
    batch's mean is compared instead of every image, which lets images differ among themselves as those of the target do.
    """
    if isinstance(target, RadiomicReference):
        scale = features.new_tensor(target.scale) if scale is None else scale
        target = features.new_tensor(target.mean)
    if features.ndim != 2 or target.shape[-1] != features.shape[1] or target.shape not in (features.shape, features.shape[1:]):
        raise InputError(f"A target of shape {tuple(target.shape)} does not fit features of shape {tuple(features.shape)}.")
    target = target.detach()
    if of_mean:
        features, target = features.mean(dim=0), target.reshape(-1, target.shape[-1]).mean(dim=0)
    differences = (features - target).abs()
    return (differences if scale is None else differences / scale).mean()
