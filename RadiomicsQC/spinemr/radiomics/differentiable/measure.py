"""Exact features of many slices at once, on a GPU where there is one.

The features are those of :mod:`spinemr.radiomics.differentiable.features` with levels that are not softened, in double
precision where the device has it: what the exact engine gives with ``force2D``, for a whole batch in a few operations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from spinemr.imaging.errors import InputError
from spinemr.imaging.network_file import chosen_device
from spinemr.imaging.progress import Progress, ProgressCallback, silent
from spinemr.radiomics.differentiable.features import SELECTED, DifferentiableFeatures
from spinemr.radiomics.settings import Settings

if TYPE_CHECKING:
    from torch import Tensor

BATCH = 16
"""Slices at a time, which bounds the memory."""


def measure_slices(
    images: NDArray[np.floating] | NDArray[np.integer],
    masks: NDArray[np.bool_] | NDArray[np.integer],
    names: Sequence[str] = SELECTED,
    settings: Settings | None = None,
    *,
    device: str = "auto",
    batch: int = BATCH,
    progress: ProgressCallback = silent,
) -> NDArray[np.float64]:
    """``[slice][feature]`` of slices ``[slice][y][x]`` and their masks, or one mask for all.

    Of the settings, those of levels and matrices count (``bin_width``, ``bin_count``, ``distances``). A slice whose mask holds
    no two neighbouring pixels is an :class:`InputError`.
    """
    import torch

    where = chosen_device(device)
    features = _features(names, settings or Settings())
    kind = torch.float32 if where == "mps" else torch.float64

    def on_device(values: NDArray[np.generic]) -> Tensor:
        return torch.as_tensor(np.array(values)).to(where, kind)

    shared = np.broadcast_to(masks, images.shape)
    found = []
    for first in range(0, len(images), batch):
        progress(Progress("features", first / len(images), f"Slice {first + 1} of {len(images)}"))
        part = slice(first, first + batch)
        try:
            with torch.no_grad():
                found.append(features(on_device(images[part]), on_device(shared[part])).cpu().numpy().astype(np.float64))
        except InputError as error:
            raise InputError(f"Of the slices from number {first}: {error.message}", error.hint) from None
    return np.concatenate(found) if found else np.empty((0, len(names)))


def _features(names: Sequence[str], settings: Settings) -> DifferentiableFeatures:
    plain = DifferentiableFeatures(names, temperature=0.0, distances=tuple(settings.distances))
    return replace(plain, bin_width=settings.bin_width, bin_count=settings.bin_count)
