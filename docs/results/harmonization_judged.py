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
from spinemr.segmentation.classes import NetworkClass, class_table
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
TEXTURES = {"glcm": (), "glrlm": (), "glszm": (), "gldm": (), "ngtdm": ()}
COMPARED = Settings(force_2d=True, bin_count=64, feature_classes=TEXTURES)
"""75 texture features of 64 bins, as HarMOnAE compares them."""


@dataclass(frozen=True)
class Judged:
    """What was measured of one way to harmonize."""

    overlaps: Mapping[str, Mapping[str, Mapping[str, Overlap]]]
    """By scanner, structure and anatomy."""
    features: Mapping[str, NDArray[np.float64]]
    """Of each scanner ``[anatomy][feature]``."""
    slices: Mapping[str, NDArray[np.float64]]
    """The columns of :func:`compared`, each ``[source][anatomy]``."""


def judged(after: Mapping[str, SliceSet], sets: Mapping[str, SliceSet], network: nn.Module, view: GridSettings) -> Judged:
    """Everything about one way to harmonize, from the slices it made; the target's own slices are harmonized too."""
    overlaps = {name: overlaps_of(network, after[name], view) for name in SOURCES}
    features = {name: textures_of(found) for name, found in after.items()}
    rows = [
        [compared(*three) for three in zip(sets[name].slices, after[name].slices, sets[TARGET].slices, strict=True)]
        for name in SOURCES
    ]
    return Judged(overlaps, features, {name: np.array([[one[name] for one in row] for row in rows]) for name in rows[0][0]})


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


def textures_of(found: SliceSet) -> NDArray[np.float64]:
    """The textures of the vertebral bodies of each slice."""
    rows = []
    for one in found.slices:
        bodies = _mask(one, class_table()[one.codes] == NetworkClass.BODY)
        values = extract(image_of(one), bodies, COMPARED, labels=[1])[1]
        rows.append([values[name] for name in sorted(values)])
    return np.array(rows)


def feature_names() -> list[str]:
    """The columns of :func:`textures_of`."""
    return sorted(f"original_{family}_{name}" for family in TEXTURES for name in NAMES[family].default)
