"""The cases a segmentation is measured on: held-out subjects of the real sets, and a drawn study of every simulated scanner."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from spinemr.imaging.errors import ImagingWarning
from spinemr.imaging.files import read_labels
from spinemr.segmentation.classes import class_table
from spinemr.segmentation.training.pack import SETS
from spinemr.segmentation.training.sources import VALIDATION, SliceSet
from spinemr.synthesis.scanners import SCANNERS
from spinemr.synthesis.study import draw_study

STACK_MM = {"spider_t2space": 0.9}
PHANTOM_SEED = 9000
"""Drawn validation studies have seeds from here on; training draws its own from another stream."""
Labels = NDArray[np.uint8]


@dataclass(frozen=True)
class Case:
    """One image and, for each voxel, the set of classes it may have."""

    origin: str
    subject: str
    image: sitk.Image
    truth: Labels
    judged: tuple[str, ...]
    numbered: Labels | None = None
    """Anatomy numbers where the truth has them."""


def real_cases(data: Path) -> Iterator[Case]:
    """The held-out subjects of every set that is there."""
    for name, read in SETS.items():
        if (data / name).is_dir():
            found = read(data / name).only(VALIDATION)
            yield from stacks(found) if name in STACK_MM else slices(found, data / name)


def stacks(found: SliceSet) -> Iterator[Case]:
    """A subject's slices as one volume."""
    for subject in dict.fromkeys(s.subject for s in found.slices):
        own = [s for s in found.slices if s.subject == subject]
        image = volume(np.stack([s.image for s in own]), own[0].pixel_mm, STACK_MM[found.name])
        codes = np.stack([s.codes for s in own])
        yield Case(found.name, subject, image, found.sets[codes], found.judged, counted_up(codes))


def slices(found: SliceSet, folder: Path) -> Iterator[Case]:
    """Each slice as a study of its own."""
    for own in found.slices:
        image = volume(own.image[None], own.pixel_mm, 4.0)
        yield Case(
            found.name, own.subject, image, found.sets[own.codes[None]], found.judged, t1_numbers(found, folder, own.subject)
        )


def t1_numbers(found: SliceSet, folder: Path, subject: str) -> Labels | None:
    """L1 to L5 of the T1 set under their numbers."""
    if found.name != "t1_midsagittal":
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ImagingWarning)
        raw = sitk.GetArrayFromImage(read_labels(folder / "labels" / f"{subject}.png")).reshape(1, *found.slices[0].codes.shape)
    return np.where((raw >= 1) & (raw <= 5), raw + 19, 0).astype(np.uint8)


def counted_up(codes: Labels) -> Labels:
    """Discs numbered from the lowest (L5-S1) upward; only those of a size to be sure of."""
    pieces, count = ndimage.label(codes == 2)
    sizes = ndimage.sum_labels(codes == 2, pieces, range(1, count + 1))
    large = [index + 1 for index, size in enumerate(sizes) if size > 0.25 * np.median(sizes[sizes > 50])]
    heights = {piece: float(np.nonzero(pieces == piece)[1].mean()) for piece in large}
    numbered = np.zeros_like(codes)
    for step, piece in enumerate(sorted(large, key=lambda p: -heights[p])):
        if step < 6:
            numbered[pieces == piece] = 124 - step
    return numbered


def drawn_cases() -> Iterator[Case]:
    """A study of every simulated scanner."""
    for number, name in enumerate(SCANNERS):
        study = draw_study(PHANTOM_SEED + number, scanner=name)
        labels = sitk.GetArrayFromImage(study.labels)
        known = np.left_shift(np.uint8(1), class_table()[labels])
        judged = ("disc", "vertebra", "body", "posterior elements", "canal", "sacrum")
        yield Case("drawn", name, study.image, known, judged, np.where(labels < 200, labels, 0).astype(np.uint8))


def volume(array: NDArray[np.uint8], pixel_mm: float, distance_mm: float) -> sitk.Image:
    """A sagittal stack."""
    image = sitk.GetImageFromArray(array)
    image.SetSpacing((pixel_mm, pixel_mm, distance_mm))
    image.SetDirection((0, 0, 1, 1, 0, 0, 0, -1, 0))
    return image
