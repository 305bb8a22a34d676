"""The images a harmonization is judged on: the same drawn anatomies as several simulated scanners image them, and real slices."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from spinemr.harmonization.method import Method, outcome_of
from spinemr.harmonization.training.stacks import anatomy_seed, imaged, tissue_stack
from spinemr.imaging.errors import ImagingWarning
from spinemr.imaging.intensity import stretch
from spinemr.imaging.resample import NetworkGrid
from spinemr.segmentation.classes import STRUCTURES, set_table
from spinemr.segmentation.training.sources import TRAIN, LabelledSlice, SliceSet, write_packed

PIXEL_MM = 1.4
SLICE_MM = 4.0
SAGITTAL = (0, 0, 1, 1, 0, 0, 0, -1, 0)
"""Columns to the back, rows to the feet: how a sagittal slice lies in a patient."""
TISSUE = "muscle"
"""The reference of white stripe: one for all images, or no two could be compared; in 8-bit pictures fat is cut off."""
JUDGED = ("body", "vertebra", "disc", "canal")
LOW, HIGH = 0.5, 99.5


@dataclass(frozen=True)
class Scale:
    """The straight line that brings a method's units to 0..255, so that the target domain fills them."""

    factor: float
    offset: float

    def __call__(self, values: NDArray[np.floating]) -> NDArray[np.uint8]:
        """Values as bytes."""
        return np.clip(np.rint(self.factor * values + self.offset), 0, 255).astype(np.uint8)


def drawn_sets(scanners: Sequence[str], planned_by: str, purpose: str, count: int, split: str) -> dict[str, SliceSet]:
    """For each scanner the middle slices of the same anatomies; a purpose has anatomies that no other has."""
    slices: dict[str, list[LabelledSlice]] = {name: [] for name in scanners}
    for number in range(count):
        seed = anatomy_seed("results", purpose, number)
        tissue = tissue_stack(seed, planned_by)
        middle = len(tissue.labels) // 2
        labels = tissue.labels[middle]
        for name in scanners:
            pixels = imaged(tissue, seed, name, PIXEL_MM)[middle]
            codes = _on_grid(labels, tissue.spacing_mm[1:], pixels.shape)
            slices[name].append(LabelledSlice(pixels, codes, f"{number}", PIXEL_MM, split))
    return {name: SliceSet(name, tuple(own), set_table(STRUCTURES), JUDGED) for name, own in slices.items()}


def _on_grid(labels: NDArray[np.uint8], spacing_mm: Sequence[float], shape: tuple[int, ...]) -> NDArray[np.uint8]:
    size = (labels.shape[0], labels.shape[1])
    grid = NetworkGrid(size, (spacing_mm[0], spacing_mm[1]), (shape[0], shape[1]), (PIXEL_MM, PIXEL_MM))
    return grid.labels_to_grid(labels)


def image_of(one: LabelledSlice) -> sitk.Image:
    """A slice as an image with its place in a patient."""
    image = sitk.GetImageFromArray(one.image[None].astype(np.float32))
    image.SetSpacing((one.pixel_mm, one.pixel_mm, SLICE_MM))
    image.SetDirection(SAGITTAL)
    return image


def scale_for(method: Method | None, reference: SliceSet) -> Scale:
    """The scale that a method's results on the target domain's own slices ask for."""
    if method is None:
        return Scale(1.0, 0.0)
    ends = np.array([np.percentile(_transformed(method, one), (LOW, HIGH)) for one in reference.slices])
    low, high = ends.mean(axis=0)
    return Scale(255.0 / (high - low), -255.0 * low / (high - low))


@dataclass(frozen=True)
class Harmonized:
    """Slices after a method, and the share of them that its safety net gave back as they were."""

    slices: SliceSet
    returned: float = 0.0


def harmonized(found: SliceSet, method: Method | None, scale: Scale) -> Harmonized:
    """The slices of a set after a method; ``None`` leaves them as they are."""
    if method is None:
        return Harmonized(found)
    made, returned = [], 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ImagingWarning)  # the share of slices that were returned is counted
        for one in found.slices:
            outcome = outcome_of(method, image_of(one))
            made.append(replace(one, image=scale(_pixels(outcome.image))))
            returned += len(outcome.details.get("returned_slices", ()))
    return Harmonized(replace(found, slices=tuple(made)), returned / len(made))


def _transformed(method: Method, one: LabelledSlice) -> NDArray[np.float32]:
    return _pixels(method.transform(image_of(one)))


def _pixels(image: sitk.Image) -> NDArray[np.float32]:
    return np.asarray(sitk.GetArrayFromImage(image)[0], np.float32)


def at_pixel(found: SliceSet, pixel_mm: float = PIXEL_MM) -> SliceSet:
    """A real set on the pixels of the comparison, from black to white as the drawn ones."""
    small = found.at_pixel(pixel_mm)
    whole = (replace(one, image=np.rint(stretch(one.image, LOW, HIGH, 255.0)).astype(np.uint8)) for one in small.slices)
    return replace(small, slices=tuple(whole))


def pack_training(sets: Iterable[SliceSet], path: Path) -> Path:
    """Slices to train on, in a file of their own (made once)."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_packed([replace(one, slices=tuple(replace(s, split=TRAIN) for s in one.slices)) for one in sets], path)
    return path
