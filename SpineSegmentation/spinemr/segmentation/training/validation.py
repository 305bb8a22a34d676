"""Dice of a network on images nobody trained on: per subject over all slices of the stack, at the slices' own pixels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spinemr.imaging.progress import Progress, ProgressCallback, silent, within
from spinemr.imaging.resample import NetworkGrid
from spinemr.segmentation.classes import STRUCTURES, ByteArray, certainly, possibly
from spinemr.segmentation.inference.patches import VolumeGrid, slide
from spinemr.segmentation.inference.runtime import Runtime, TorchRuntime
from spinemr.segmentation.overlap import Overlap
from spinemr.segmentation.training.config import GridSettings, PatchSettings, View
from spinemr.segmentation.training.sources import LabelledSlice, SliceSet
from spinemr.segmentation.training.volumes import Volume, volumes_of

if TYPE_CHECKING:
    from torch import nn

BOOTSTRAP_ROUNDS = 2000


@dataclass(frozen=True)
class SetDice:
    """The Dice of each structure of one set, subject by subject."""

    name: str
    of_subjects: Mapping[str, tuple[float, ...]]

    def mean(self) -> float:
        """The mean over structures of the mean over subjects; NaN where nothing was measured."""
        means = [float(np.mean(values)) for values in self.of_subjects.values() if values]
        return float(np.mean(means)) if means else float("nan")

    def sentences(self) -> Iterable[str]:
        """For each structure "spider_t2space disc 0.871 (95 % CI 0.850 to 0.890, n = 6)"."""
        for structure, values in self.of_subjects.items():
            if values:
                low, high = confidence_interval(values)
                mean = float(np.mean(values))
                yield f"{self.name} {structure} {mean:.3f} (95 % CI {low:.3f} to {high:.3f}, n = {len(values)})"


def confidence_interval(values: Iterable[float], seed: int = 0) -> tuple[float, float]:
    """95 % interval of the mean by the percentile bootstrap over subjects."""
    found = np.array(list(values), dtype=float)
    chosen = np.random.default_rng(seed).integers(found.size, size=(BOOTSTRAP_ROUNDS, found.size))
    low, high = np.percentile(found[chosen].mean(axis=1), (2.5, 97.5))
    return float(low), float(high)


def dice_of(
    network: nn.Module | Runtime,
    sets: Iterable[SliceSet],
    view: View,
    device: str = "cpu",
    progress: ProgressCallback = silent,
) -> tuple[SetDice, ...]:
    """Judge a network of PyTorch, or what runs one, on each set.

    Pixels are counted over all slices of a subject, those left open are not counted.
    """
    runtime = _running(network, device)
    return tuple(_judged(runtime, found, view, progress) for found in sets)


def _judged(runtime: Runtime, found: SliceSet, view: View, progress: ProgressCallback) -> SetDice:
    overlaps = overlaps_of(runtime, found, view, progress=progress)
    return SetDice(found.name, {structure: tuple(o.dsc for o in own.values()) for structure, own in overlaps.items()})


def overlaps_of(
    network: nn.Module | Runtime, found: SliceSet, view: View, device: str = "cpu", progress: ProgressCallback = silent
) -> dict[str, dict[str, Overlap]]:
    """For each judged structure, each subject that has it: pixels counted over all of the subject's slices."""
    runtime = _running(network, device)
    counts: dict[tuple[str, str], NDArray[np.int64]] = {}
    for subject, classes, codes in _seen(runtime, found, view, progress):
        predicted, truth = np.left_shift(np.uint8(1), classes), found.sets[codes]
        for structure in found.judged:
            key = (structure, subject)
            counts[key] = counts.get(key, np.zeros(3, np.int64)) + _counted(predicted, truth, STRUCTURES[structure])
    overlaps: dict[str, dict[str, Overlap]] = {structure: {} for structure in found.judged}
    for (structure, subject), (mine, true, both) in counts.items():
        if true:
            overlaps[structure][subject] = Overlap(int(mine), int(true), int(both))
    return overlaps


def _counted(predicted: NDArray[Any], truth: NDArray[Any], region: int) -> NDArray[np.int64]:
    """Pixels predicted, true, and both, where the truth is known."""
    true = certainly(truth, region)
    mine = possibly(predicted, region) & (true | ~possibly(truth, region))
    return np.array([np.count_nonzero(mine), np.count_nonzero(true), np.count_nonzero(mine & true)], np.int64)


def _seen(
    runtime: Runtime, found: SliceSet, view: View, progress: ProgressCallback
) -> Iterator[tuple[str, ByteArray, ByteArray]]:
    """Whose, the classes predicted and the codes, of each slice; of each volume for a network of volumes."""
    if isinstance(view, PatchSettings):
        stacks = volumes_of(found)
        for number, volume in enumerate(stacks):
            part = within(progress, number / len(stacks), (number + 1) / len(stacks))
            yield volume.subject, predict_volume(runtime, volume, view, part), volume.codes
        return
    for number, slice_ in enumerate(found.slices):
        progress(Progress("validate", number / len(found.slices), f"{found.name}: slice {number + 1} of {len(found.slices)}"))
        yield slice_.subject, predict(runtime, slice_, view), slice_.codes


def predict(runtime: Runtime, slice_: LabelledSlice, grid: GridSettings) -> ByteArray:
    """The likeliest class of each of a slice's pixels; the network looks at all of it at its own pixel size."""
    laid = _laid((slice_.image.shape[0], slice_.image.shape[1]), slice_.pixel_mm, grid.pixel_mm)
    image = np.clip(laid.to_grid(slice_.image) / np.float32(255), 0, 1)
    return laid.probabilities_back(runtime(image[None, None])[0])


def predict_volume(runtime: Runtime, volume: Volume, view: PatchSettings, progress: ProgressCallback = silent) -> ByteArray:
    """The likeliest class of each of a volume's voxels; patches slide over all of it."""
    grid = VolumeGrid(volume.size, volume.spacing_mm, view.pixel_mm, view.slice_mm)
    image = np.clip(grid.to_grid(volume.image) / np.float32(255), 0, 1)
    return np.stack([classes for classes, _ in grid.back(slide(image, view.size, runtime, progress))])


def thinned(found: SliceSet, view: View, count: int) -> SliceSet:
    """At most so many slices of a set, or whole stacks of about as many."""
    return found.thinned_stacks(count) if isinstance(view, PatchSettings) else found.thinned(count)


def _running(network: nn.Module | Runtime, device: str) -> Runtime:
    """A network of PyTorch on a device; what runs one already stays what it is."""
    import torch

    return TorchRuntime(network, device) if isinstance(network, torch.nn.Module) else network


@lru_cache(maxsize=64)
def _laid(size: tuple[int, int], pixel_mm: float, network_pixel_mm: float) -> NetworkGrid:
    """The network's pixels over a whole slice, in multiples of 32."""
    wanted = [int(np.ceil(n * pixel_mm / network_pixel_mm / 32)) * 32 for n in size]
    return NetworkGrid(size, (pixel_mm, pixel_mm), (wanted[0], wanted[1]), (network_pixel_mm, network_pixel_mm))
