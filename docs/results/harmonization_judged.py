"""What is measured of a way to harmonize: segmentation, nearness to the truth, texture features, anatomy kept in place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk
from harmonization_images import Harmonized, image_of
from numpy.typing import NDArray

from spinemr.harmonization.networks.style_blind import MULTIPLE
from spinemr.radiomics.extraction import extract
from spinemr.radiomics.features.families import NAMES
from spinemr.radiomics.preservation.preservation import preservation
from spinemr.radiomics.preservation.similarity import DeltaSsim, delta_ssim, ssim
from spinemr.radiomics.settings import Settings
from spinemr.segmentation.classes import STRUCTURES, certainly
from spinemr.segmentation.inference.model import open_model
from spinemr.segmentation.overlap import Overlap
from spinemr.segmentation.training.sources import LabelledSlice, SliceSet
from spinemr.segmentation.training.validation import overlaps_of, predict

if TYPE_CHECKING:
    from torch import nn

    from spinemr.harmonization.inference.runtime import Runtime as HarmonizerRuntime
    from spinemr.segmentation.inference.runtime import Runtime
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
    """Of the network that knows only the target, by scanner, structure and subject."""
    robust: Mapping[str, Mapping[str, Mapping[str, Overlap]]]
    """Of the default model of SpineMR, which has seen every contrast."""
    agreement: Mapping[str, tuple[float, ...]]
    """By structure: Dice of the default model's masks before and after, over scanners and slices that show it."""
    features: Mapping[str, NDArray[np.float64]]
    """Of each scanner ``[subject][feature]``."""
    slices: Mapping[str, NDArray[np.float64]]
    """The columns of :func:`compared`, each ``[source][subject]``."""
    returned: float
    """The share of slices that the safety net gave back as they were."""


@dataclass(frozen=True)
class Judges:
    """Two networks: one that knows only the target, and the default model."""

    network: nn.Module
    view: GridSettings
    model: Runtime
    model_view: GridSettings

    @classmethod
    def with_default(cls, network: nn.Module, view: GridSettings) -> Judges:
        """Beside the model that ``spinemr segment`` takes unless told otherwise."""
        opened = open_model(device="cpu", precision="fp32")
        return cls(network, view, opened.runtime, replace(view, pixel_mm=opened.card.input.pixel_mm))


def judged(what: Comparison, after: Mapping[str, Harmonized], sets: Mapping[str, SliceSet], judges: Judges) -> Judged:
    """Everything about one way to harmonize, from the slices it made; the target's own slices are harmonized too."""
    overlaps = {name: overlaps_of(judges.network, after[name].slices, judges.view) for name in what.sources}
    robust = {name: overlaps_of(judges.model, after[name].slices, judges.model_view) for name in what.sources}
    features = {name: textures_of(found.slices, what.region) for name, found in after.items()}
    truth = sets[what.target].slices
    rows = [
        [list(compared(*three).values()) for three in zip(sets[name].slices, after[name].slices.slices, truth, strict=True)]
        for name in what.sources
    ]
    means = np.stack([by_subject(np.array(row), sets[what.target]) for row in rows])
    columns = {name: means[..., column] for column, name in enumerate(COLUMNS)}
    returned = float(np.mean([after[name].returned for name in what.sources]))
    return Judged(overlaps, robust, agreement(what, after, sets, judges), features, columns, returned)


def agreement(
    what: Comparison, after: Mapping[str, Harmonized], sets: Mapping[str, SliceSet], judges: Judges
) -> dict[str, tuple[float, ...]]:
    """How well the default model's masks of a slice agree before and after."""
    found: dict[str, list[float]] = {"disc": [], "vertebra": []}
    for name in what.sources:
        for before, made in zip(sets[name].slices, after[name].slices.slices, strict=True):
            one, other = (np.left_shift(1, predict(judges.model, each, judges.model_view)) for each in (before, made))
            for structure, values in found.items():
                region = STRUCTURES[structure]
                values.append(Overlap.of((one & region) > 0, (other & region) > 0).dsc)
    return {structure: tuple(values) for structure, values in found.items()}


def by_subject(values: NDArray[np.float64], found: SliceSet) -> NDArray[np.float64]:
    """Means over the slices of each subject."""
    subjects = np.array([one.subject for one in found.slices])
    return np.stack([np.nanmean(values[subjects == subject], axis=0) for subject in found.subjects])


COLUMNS = ("ssim", "psnr", "dssim", "moved", "off")


def compared(before: LabelledSlice, made: LabelledSlice, truth: LabelledSlice) -> dict[str, float]:
    """A harmonized slice beside the target's own image of the same anatomy, and beside the slice it was made from.

    Movement is against both: the target's own image lies where the source does and has the wanted contrast.
    """
    source, image, wanted = (one.image.astype(np.float64) for one in (before, made, truth))
    error = float(np.mean((image - wanted) ** 2))
    moved, off = (preservation(image_of(one), image_of(made), _mask(one, one.codes > 0)) for one in (before, truth))
    return {
        "ssim": ssim(image, wanted, 255.0),
        "psnr": 10 * float(np.log10(255.0**2 / max(error, 1e-9))),
        "dssim": delta_ssim(source, image, 255.0).harmonized,
        "moved": moved.moved_max_mm / before.pixel_mm,
        "off": off.moved_max_mm / before.pixel_mm,
    }


def cut(one: LabelledSlice) -> LabelledSlice:
    """A slice of the size that a network alone takes, without what brings any size to it."""
    rows, columns = (MULTIPLE * (size // MULTIPLE) for size in one.image.shape)
    return replace(one, image=one.image[:rows, :columns], codes=one.codes[:rows, :columns])


def there_and_back(own: HarmonizerRuntime, other: HarmonizerRuntime, slices: Iterable[LabelledSlice]) -> list[DeltaSsim]:
    """dSSIM-h and dSSIM-c of HarMOnAE: slices with another appearance and with their own again, without the safety net."""
    found = []
    for one in slices:
        image = cut(one).image[None, None].astype(np.float32) / np.float32(255)
        decoded, made = own(image), other(image)
        back = own(made[:, None])
        found.append(delta_ssim(image[0, 0], made[0], 1.0, autoencoded=decoded[0], cycled=back[0]))
    return found


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
