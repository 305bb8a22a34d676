"""What is measured of a way to harmonize: segmentation, nearness to the truth, texture features, anatomy kept in place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk
from harmonization_images import image_of
from numpy.typing import NDArray

from spinemr.radiomics.extraction import extract
from spinemr.radiomics.features.families import NAMES
from spinemr.radiomics.preservation.preservation import preservation
from spinemr.radiomics.preservation.similarity import delta_ssim, ssim
from spinemr.radiomics.settings import Settings
from spinemr.segmentation.classes import STRUCTURES, certainly
from spinemr.segmentation.overlap import Overlap
from spinemr.segmentation.training.sources import LabelledSlice, SliceSet
from spinemr.segmentation.training.validation import overlaps_of

if TYPE_CHECKING:
    from torch import nn

    from spinemr.segmentation.training.config import GridSettings

TARGET = "alder-1.5t-t2"
TRAINED = ("birch-3t-t2", "cedar-1.5t-t2", "cedar-1.5t-pd", "alder-1.5t-t1", "birch-3t-t1")
UNSEEN = ("cedar-1.5t-t1",)
SOURCES = (*TRAINED, *UNSEEN)


@dataclass(frozen=True)
class Comparison:
    """What is compared: the sources of a target, all of the same anatomies."""

    target: str
    sources: tuple[str, ...]
    structures: tuple[str, ...]
    """Whose Dice is shown; the first is the one whose gap is to be closed."""
    region: str
    """The structure whose textures are measured."""


DRAWN = Comparison(TARGET, SOURCES, ("disc", "body", "canal"), "body")
TEXTURES = {"glcm": (), "glrlm": (), "glszm": (), "gldm": (), "ngtdm": ()}
COMPARED = Settings(force_2d=True, bin_count=64, feature_classes=TEXTURES)
"""75 texture features of 64 bins, as HarMOnAE compares them."""
SMALLEST = 50
"""Pixels of a structure; of less no textures are measured."""


@dataclass(frozen=True)
class Judged:
    """What was measured of one way to harmonize."""

    overlaps: Mapping[str, Mapping[str, Mapping[str, Overlap]]]
    """By scanner, structure and subject."""
    features: Mapping[str, NDArray[np.float64]]
    """Of each scanner ``[subject][feature]``."""
    slices: Mapping[str, NDArray[np.float64]]
    """The columns of :func:`compared`, each ``[source][subject]``."""


def judged(
    what: Comparison, after: Mapping[str, SliceSet], sets: Mapping[str, SliceSet], network: nn.Module, view: GridSettings
) -> Judged:
    """Everything about one way to harmonize, from the slices it made; the target's own slices are harmonized too."""
    overlaps = {name: overlaps_of(network, after[name], view) for name in what.sources}
    features = {name: textures_of(found, what.region) for name, found in after.items()}
    truth = sets[what.target].slices
    rows = [
        [list(compared(*three).values()) for three in zip(sets[name].slices, after[name].slices, truth, strict=True)]
        for name in what.sources
    ]
    means = np.stack([by_subject(np.array(row), sets[what.target]) for row in rows])
    return Judged(overlaps, features, {name: means[..., column] for column, name in enumerate(COLUMNS)})


def by_subject(values: NDArray[np.float64], found: SliceSet) -> NDArray[np.float64]:
    """Means over the slices of each subject."""
    subjects = np.array([one.subject for one in found.slices])
    return np.stack([np.nanmean(values[subjects == subject], axis=0) for subject in found.subjects])


COLUMNS = ("ssim", "psnr", "dssim", "moved p95", "moved max")


def compared(before: LabelledSlice, made: LabelledSlice, truth: LabelledSlice) -> dict[str, float]:
    """A harmonized slice beside the target's own image of the same anatomy, and beside the slice it was made from."""
    source, image, wanted = (one.image.astype(np.float64) for one in (before, made, truth))
    error = float(np.mean((image - wanted) ** 2))
    moved = preservation(image_of(before), image_of(made), _mask(before, before.codes > 0))
    return {
        "ssim": ssim(image, wanted, 255.0),
        "psnr": 10 * float(np.log10(255.0**2 / max(error, 1e-9))),
        "dssim": delta_ssim(source, image, 255.0).harmonized,
        "moved p95": moved.moved_p95_mm / before.pixel_mm,
        "moved max": moved.moved_max_mm / before.pixel_mm,
    }


def _mask(one: LabelledSlice, inside: NDArray[np.bool_]) -> sitk.Image:
    """Pixels of a slice, in its place."""
    mask = sitk.GetImageFromArray(inside[None].astype(np.uint8))
    mask.CopyInformation(image_of(one))
    return mask


def textures_of(found: SliceSet, region: str) -> NDArray[np.float64]:
    """The textures ``[subject][feature]`` of a structure, means over the slices that show it."""
    rows = []
    for one in found.slices:
        inside = certainly(found.sets[one.codes], STRUCTURES[region])
        if inside.sum() < SMALLEST:
            rows.append(np.full(len(feature_names()), np.nan))
            continue
        values = extract(image_of(one), _mask(one, inside), COMPARED, labels=[1])[1]
        rows.append(np.array([values[name] for name in sorted(values)]))
    return by_subject(np.array(rows), found)


def feature_names() -> list[str]:
    """The columns of :func:`textures_of`."""
    return sorted(f"original_{family}_{name}" for family in TEXTURES for name in NAMES[family].default)
