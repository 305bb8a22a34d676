"""Is the harmonized image nearer to the truth than the image was? Judged on images of two scanners, one at least simulated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spinemr.harmonization.training.rescan import rescanned
from spinemr.harmonization.training.settings import Grid, ImageSource, Pairs
from spinemr.harmonization.training.stacks import Stack, anatomy_seed, imaged, on_scale, read_stacks, tissue_stack
from spinemr.radiomics.preservation.similarity import ssim
from spinemr.segmentation.training.sources import VALIDATION
from spinemr.synthesis.augmentation.labelled import Sample
from spinemr.synthesis.augmentation.spatial import Crop

FloatArray = NDArray[np.float32]
COLUMNS = ("pairs mae", "pairs mae before", "pairs ssim", "pairs ssim before")


@dataclass(frozen=True)
class TruePairs:
    """Images ``[image][slice][row][column]`` of source scanners and the truth ``[image][row][column]`` of the target's."""

    images: FloatArray
    truth: FloatArray
    anatomies: int
    """So many different ones; the images of one lie side by side."""


def true_pairs(pairs: Pairs, grid: Grid, inputs: int, scale: str = "") -> TruePairs | None:
    """What a run validates on, if it says so; on the scale of the run, if it has one."""
    if pairs.path:
        return _rescanned_pairs(pairs, grid, inputs, scale)
    return draw_true_pairs(pairs, grid, inputs, scale) if pairs.target else None


def _rescanned_pairs(pairs: Pairs, grid: Grid, inputs: int, scale: str) -> TruePairs:
    """Held-out images as other scanners would have stored them, and as they are."""
    source = ImageSource("packed", path=pairs.path, group=pairs.group)
    stacks = read_stacks(source, grid.pixel_mm, VALIDATION)
    chosen = [stacks[place] for place in np.unique(np.linspace(0, len(stacks) - 1, pairs.anatomies).astype(int))]
    seeds = [(anatomy_seed("validation rescanned"), number) for number in range(len(chosen))]
    other = [rescanned(stack, 1.0, grid.pixel_mm, seed) for stack, seed in zip(chosen, seeds, strict=True)]
    images, truth = (tuple(on_scale(stack, grid.pixel_mm, scale) for stack in stacks) for stacks in (other, chosen))
    return TruePairs(
        np.stack([_cut(stack.pixels, grid, inputs) for stack in images]),
        np.stack([_cut(stack.pixels, grid, 1)[0] for stack in truth]),
        len(chosen),
    )


def draw_true_pairs(pairs: Pairs, grid: Grid, inputs: int, scale: str = "") -> TruePairs:
    """The middle slices of anatomies that no training draws, planned by the target scanner and imaged by it and each source."""
    images, truth = [], []
    for number in range(pairs.anatomies):
        seed = anatomy_seed("validation", number)
        tissue = tissue_stack(seed, pairs.target)
        seen = [Stack(imaged(tissue, seed, name, grid.pixel_mm), name) for name in (pairs.target, *pairs.sources)]
        own, *others = (on_scale(stack, grid.pixel_mm, scale).pixels for stack in seen)
        for pixels in others:
            images.append(_cut(pixels, grid, inputs))
            truth.append(_cut(own, grid, 1)[0])
    return TruePairs(np.stack(images), np.stack(truth), pairs.anatomies)


def _cut(pixels: NDArray[np.uint8], grid: Grid, inputs: int) -> FloatArray:
    middle, reach = len(pixels) // 2, inputs // 2
    chosen = pixels[np.clip(np.arange(middle - reach, middle + reach + 1), 0, len(pixels) - 1)]
    sample = Sample(chosen.astype(np.float32) / np.float32(255), np.zeros_like(chosen), (1.0, grid.pixel_mm, grid.pixel_mm))
    return Crop(None, grid.rows, grid.columns, centred=True)(sample, np.random.default_rng(0)).image


def nearness(pairs: TruePairs, harmonize: Callable[[FloatArray], FloatArray]) -> dict[str, float]:
    """Mean absolute error (0..1) and structural similarity to the truth, after harmonization and before it."""
    before = pairs.images[:, pairs.images.shape[1] // 2]
    after = harmonize(pairs.images)
    values = (_error(after, pairs.truth), _error(before, pairs.truth), _ssim(after, pairs.truth), _ssim(before, pairs.truth))
    return dict(zip(COLUMNS, values, strict=True))


def _error(one: FloatArray, other: FloatArray) -> float:
    return float(np.abs(one - other).mean(dtype=np.float64))


def _ssim(one: FloatArray, other: FloatArray) -> float:
    return float(np.mean([ssim(a, b, 1.0) for a, b in zip(one, other, strict=True)]))
