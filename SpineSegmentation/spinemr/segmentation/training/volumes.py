"""Volumes to train on: stacks of labelled slices, and pieces of drawn spines as scanners or SynthSeg would show them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spinemr.imaging.errors import InputError
from spinemr.segmentation.classes import ByteArray
from spinemr.segmentation.inference.patches import VolumeGrid
from spinemr.segmentation.training.config import PatchSettings
from spinemr.segmentation.training.sources import LabelledSlice, SliceSet
from spinemr.synthesis.acquisition import acquire
from spinemr.synthesis.anatomy.assemble import draw_spine
from spinemr.synthesis.anatomy.render import SagittalGrid, render
from spinemr.synthesis.anatomy.spine import LumbarSpine
from spinemr.synthesis.augmentation import Sample
from spinemr.synthesis.random_contrast import random_contrast
from spinemr.synthesis.scanners import random_scanner

MARGIN = 1.25
"""Pieces are so much larger within the slices than the patch, so that a rotation brings in no black corners."""

LABELLED_SHARE = 2 / 3
"""Share of pieces that lie around a labelled voxel; the others lie anywhere."""

LABELLED_PLACES = 4096
"""Of the labelled voxels of a volume so many, evenly spread, are remembered."""

PIECES_PER_ANATOMY = 4
MIXTURE_SHARE = 0.5
"""Share of drawn pieces in SynthSeg's random intensities; the others are imaged by a random scanner."""


@dataclass(frozen=True)
class Volume:
    """A stack, 8 bit, its label codes ``[slice][row][column]``, whose it is, and slice, row and column spacing."""

    image: ByteArray
    codes: ByteArray
    subject: str
    spacing_mm: tuple[float, float, float]

    @property
    def size(self) -> tuple[int, int, int]:
        """Number of slices, rows and columns."""
        slices, rows, columns = self.image.shape
        return slices, rows, columns

    def at_voxels(self, view: PatchSettings) -> Volume:
        """The volume on a network's voxels."""
        grid = VolumeGrid(self.size, self.spacing_mm, view.pixel_mm, view.slice_mm)
        image = np.clip(np.rint(grid.to_grid(self.image)), 0, 255).astype(np.uint8)
        spacing_mm = (view.slice_mm, view.pixel_mm, view.pixel_mm)
        return Volume(image, grid.labels_to_grid(self.codes), self.subject, spacing_mm)


def volumes_of(found: SliceSet) -> tuple[Volume, ...]:
    """The stacks of a set as volumes."""
    return tuple(_volume(stack, found.name) for stack in found.stacks)


def _volume(stack: tuple[LabelledSlice, ...], name: str) -> Volume:
    first = stack[0]
    if not first.slice_mm > 0:
        raise InputError(f"The set {name} does not say how far its slices are apart.", "Say it with slice_mm of the source.")
    if len({(s.image.shape, s.pixel_mm, s.slice_mm, s.split) for s in stack}) > 1:
        raise InputError(f"In {name}, the slices of a stack differ in size and make no volume.", "Choose another set.")
    image, codes = np.stack([s.image for s in stack]), np.stack([s.codes for s in stack])
    return Volume(image, codes, first.subject, (first.slice_mm, first.pixel_mm, first.pixel_mm))


@dataclass(frozen=True)
class RealPieces:
    """Takes pieces of volumes: a subject by chance, one of its volumes, a place in it."""

    by_subject: tuple[tuple[Volume, ...], ...]
    labelled: tuple[tuple[NDArray[np.intp], ...], ...]
    """For each volume flat indices of labelled voxels."""
    view: PatchSettings

    @classmethod
    def of(cls, found: SliceSet, view: PatchSettings) -> RealPieces:
        """From a set, on a network's voxels."""
        volumes = [volume.at_voxels(view) for volume in volumes_of(found)]
        by_subject = tuple(tuple(v for v in volumes if v.subject == subject) for subject in found.subjects)
        return cls(by_subject, tuple(tuple(_labelled_places(v.codes) for v in own) for own in by_subject), view)

    def __call__(self, count: int, rng: np.random.Generator) -> Iterator[Sample]:
        """So many pieces."""
        for _ in range(count):
            subject = int(rng.integers(len(self.by_subject)))
            index = int(rng.integers(len(self.by_subject[subject])))
            volume, labelled = self.by_subject[subject][index], self.labelled[subject][index]
            yield _piece(volume, _middle(volume, labelled, rng), self.view)


def _labelled_places(codes: ByteArray) -> NDArray[np.intp]:
    places = np.flatnonzero(codes)
    return places[:: 1 + places.size // LABELLED_PLACES]


def _middle(volume: Volume, labelled: NDArray[np.intp], rng: np.random.Generator) -> tuple[int, ...]:
    if labelled.size and rng.random() < LABELLED_SHARE:
        return tuple(int(i) for i in np.unravel_index(labelled[int(rng.integers(labelled.size))], volume.size))
    return tuple(int(rng.integers(length)) for length in volume.size)


def _piece(volume: Volume, middle: tuple[int, ...], view: PatchSettings) -> Sample:
    """The part around a voxel, moved inwards where it would reach out, smaller where the volume is."""
    parts = []
    for place, wanted, length in zip(middle, _piece_size(view), volume.size, strict=True):
        start = min(max(0, place - wanted // 2), max(0, length - wanted))
        parts.append(slice(start, start + wanted))
    box = tuple(parts)
    image = volume.image[box].astype(np.float32) / np.float32(255)
    return Sample(image, np.ascontiguousarray(volume.codes[box]), volume.spacing_mm)


def _piece_size(view: PatchSettings) -> tuple[int, int, int]:
    return view.slices, math.ceil(view.rows * MARGIN), math.ceil(view.columns * MARGIN)


@dataclass(frozen=True)
class DrawnPieces:
    """Takes pieces of drawn spines, another spine every few of them."""

    view: PatchSettings

    def __call__(self, count: int, rng: np.random.Generator) -> Iterator[Sample]:
        """So many pieces."""
        for number in range(count):
            if number % PIECES_PER_ANATOMY == 0:
                spine = draw_spine(int(rng.integers(1 << 62)), None)
            yield drawn_piece(spine, rng, self.view)


def drawn_piece(spine: LumbarSpine, rng: np.random.Generator, view: PatchSettings) -> Sample:
    """A piece of an anatomy somewhere along the column, in the contrast of a random scanner or in random intensities."""
    slices, rows, columns = _piece_size(view)
    across, back, up = rng.normal(0, 12), rng.normal(0, 20), rng.uniform(-90, 90)
    centre = (float(spine.centre[0] + across), float(spine.centre[1] + back), float(spine.centre[2] + up))
    spacing_mm = (view.slice_mm, view.pixel_mm, view.pixel_mm)
    tissue_map = render(spine, SagittalGrid(centre, slices, rows, columns, spacing_mm, view.slice_mm))
    mixture = rng.random() < MIXTURE_SHARE
    pixels = random_contrast(tissue_map, rng) if mixture else acquire(tissue_map, random_scanner(rng), rng)
    top = float(pixels.max())
    image = (pixels / np.float32(top if top > 0 else 1.0)).astype(np.float32)
    return Sample(image, tissue_map.slice_labels(), spacing_mm)
