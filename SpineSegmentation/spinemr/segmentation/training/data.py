"""Batches for training: a stated mix of sources, each batch a function of the seed and its step alone.

Because nothing but the step number decides what a batch holds, a run that was killed goes on with the very batch that was next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from spinemr.imaging.errors import InputError
from spinemr.segmentation.classes import STRUCTURES, ByteArray, set_table
from spinemr.segmentation.training.config import PatchSettings, SourceSettings, TrainingConfig, View
from spinemr.segmentation.training.sources import (
    TRAIN,
    VALIDATION,
    LabelledSlice,
    SliceSet,
    read_folder,
    read_packed,
    refuse_shared_subjects,
)
from spinemr.segmentation.training.volumes import DrawnPieces, RealPieces
from spinemr.synthesis.augmentation import Augmentation, Crop, MinMax, Sample, anatomy_groups, training_augmentation
from spinemr.synthesis.sample import draw_samples

if TYPE_CHECKING:
    from numpy.typing import NDArray

SLICE_MM = 4.0
"""Said of single slices, whose thickness plays no part in what is done to them."""


@dataclass(frozen=True)
class Batch:
    """Images ``[sample][1][row][column]`` of 0..1 and, for each pixel, the set of classes it may have.

    Of volumes ``[sample][1][slice][row][column]``.
    """

    images: NDArray[np.float32]
    sets: ByteArray


@dataclass(frozen=True)
class Source:
    """One source of samples: its share, what its codes mean, and how one is taken by random numbers."""

    name: str
    share: float
    sets: ByteArray
    take: Callable[[int, np.random.Generator], Iterator[Sample]]
    augmentation: Augmentation


class Mixture:
    """Batches of a run; also the map-style data set that PyTorch's loader wants."""

    def __init__(
        self, sources: tuple[Source, ...], view: View, batch_size: int, seed: int, steps: int, rank: int = 0
    ) -> None:
        if not sources:
            raise InputError("There is nothing to train on.")
        self._sources, self._view, self._size, self._steps = sources, view, batch_size, steps
        self._seed, self._rank = seed, [rank] if rank else []

    def __len__(self) -> int:
        return self._steps

    def __getitem__(self, step: int) -> Batch:
        """The batch of a step."""
        rng = np.random.default_rng([self._seed, step, *self._rank])
        images, sets = [], []
        for source, count in zip(self._sources, self.counts(rng), strict=True):
            for sample in source.take(count, rng):
                changed = self._fitted(source.augmentation(sample, rng), rng)
                whole = isinstance(self._view, PatchSettings)
                images.append(changed.image[None] if whole else changed.image)
                sets.append(source.sets[changed.labels if whole else changed.labels[0]])
        return Batch(np.stack(images), np.stack(sets))

    def counts(self, rng: np.random.Generator) -> list[int]:
        """How many samples each source gives: its share to within one, exactly the share in the long run."""
        shares = np.array([source.share for source in self._sources])
        edges = np.cumsum(shares / shares.sum())
        places = (np.arange(self._size) + rng.random()) / self._size
        chosen = np.searchsorted(edges[:-1], places, side="right")
        return [int(count) for count in np.bincount(chosen, minlength=len(self._sources))]

    def _fitted(self, sample: Sample, rng: np.random.Generator) -> Sample:
        slices = self._view.slices if isinstance(self._view, PatchSettings) else None
        return Crop(slices, self._view.rows, self._view.columns)(sample, rng)


@dataclass(frozen=True)
class TrainingData:
    """Everything a run learns from and is judged on."""

    mixture: Mixture
    validation: tuple[SliceSet, ...]


@dataclass
class DataOf:
    """Opens the files of a configuration, each once."""

    config: TrainingConfig

    @cached_property
    def _sets(self) -> dict[SourceSettings, tuple[SliceSet, ...]]:
        packed: dict[str, tuple[SliceSet, ...]] = {}
        found = {}
        for source in self.config.sources:
            if source.kind == "packed" and source.path not in packed:
                packed[source.path] = read_packed(Path(source.path))
            if source.kind != "drawn":
                sets = _chosen(source, packed.get(source.path) or (read_folder(Path(source.path), source.labelled),))
                found[source] = tuple(one.spaced(source.slice_mm) for one in sets)
        return found

    def open(self, rank: int = 0) -> TrainingData:
        """Read everything; refuse a subject on both sides of the split. Processes of another rank get other batches."""
        refuse_shared_subjects(found for sets in self._sets.values() for found in sets)
        config = self.config
        sources = tuple(s for settings in self.config.sources if settings.share > 0 for s in self._sources_of(settings))
        mixture = Mixture(sources, config.view, config.batch_size, config.seed, config.steps, rank)
        return TrainingData(mixture, self.validation())

    def validation(self) -> tuple[SliceSet, ...]:
        """The slices of each set that are only judged on, at their own pixels."""
        held = {found.name: found.only(VALIDATION) for sets in self._sets.values() for found in sets}
        return tuple(found for found in held.values() if found.slices)

    def _sources_of(self, settings: SourceSettings) -> Iterator[Source]:
        if settings.kind == "drawn":
            yield drawn_source(settings.share, self.config)
            return
        sets = [self._prepared(found, settings) for found in self._sets[settings]]
        total = sum(len(found.slices) for found in sets)
        if not total:
            raise InputError(f"{settings.path} holds no slices to train on.")
        for found in sets:
            if found.slices:
                share = settings.share * len(found.slices) / total
                patch, augment = self.config.patch, self.config.augment
                yield volume_source(found, share, patch, augment) if patch else slice_source(found, share, augment)

    def _prepared(self, found: SliceSet, settings: SourceSettings) -> SliceSet:
        kept = found.only(TRAIN)
        kept = kept.without_blanks() if settings.remove_blank_slices else kept
        kept = kept.stretched() if settings.contrast_stretch else kept
        return kept if self.config.patch else kept.at_pixel(self.config.grid.pixel_mm)


def _chosen(settings: SourceSettings, sets: tuple[SliceSet, ...]) -> tuple[SliceSet, ...]:
    if not settings.group:
        return sets
    chosen = tuple(found for found in sets if found.name == settings.group)
    if not chosen:
        names = ", ".join(found.name for found in sets)
        raise InputError(f"{settings.path} holds no set named '{settings.group}'.", f"It holds: {names}.")
    return chosen


def slice_source(found: SliceSet, share: float, augment: bool) -> Source:
    """Real slices: a subject by chance, then one of its slices."""
    by_subject = tuple(tuple(s for s in found.slices if s.subject == subject) for subject in found.subjects)
    return Source(found.name, share, found.sets, _RealSlices(by_subject), training_augmentation() if augment else MinMax())


def volume_source(found: SliceSet, share: float, view: PatchSettings, augment: bool) -> Source:
    """Pieces of the stacks of a set."""
    return Source(found.name, share, found.sets, RealPieces.of(found, view), training_augmentation() if augment else MinMax())


def drawn_source(share: float, config: TrainingConfig) -> Source:
    """Slices or pieces of drawn spines, another spine every few of them; every class is labelled."""
    augmentation = training_augmentation(anatomy_groups()) if config.augment else MinMax()
    take = DrawnPieces(config.patch) if config.patch else _DrawnSlices(config.grid.rows, config.grid.columns)
    return Source("drawn", share, set_table(STRUCTURES), take, augmentation)


@dataclass(frozen=True)
class _RealSlices:
    """Takes slices of subjects; a class, so that it can travel to another process."""

    by_subject: tuple[tuple[LabelledSlice, ...], ...]

    def __call__(self, count: int, rng: np.random.Generator) -> Iterator[Sample]:
        for _ in range(count):
            own = self.by_subject[int(rng.integers(len(self.by_subject)))]
            chosen = own[int(rng.integers(len(own)))]
            image = chosen.image.astype(np.float32) / np.float32(255)
            yield Sample(image[None], chosen.codes[None], (SLICE_MM, chosen.pixel_mm, chosen.pixel_mm))


@dataclass(frozen=True)
class _DrawnSlices:
    """Takes slices of drawn spines."""

    rows: int
    columns: int

    def __call__(self, count: int, rng: np.random.Generator) -> Iterator[Sample]:
        stream = draw_samples(int(rng.integers(1 << 31)), rows=self.rows, columns=self.columns)
        for drawn in islice(stream, count):
            yield Sample(drawn.image[None], drawn.labels[None], (SLICE_MM, *drawn.spacing_mm))
