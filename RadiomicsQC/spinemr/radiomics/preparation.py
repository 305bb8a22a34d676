"""What happens to an image and a mask before features are taken: checks, normalization, resampling, re-segmentation.

The steps, their order and their meaning are pyradiomics': normalize the whole image, resample it around each structure,
check the structure, re-segment it. What can be done once for all structures of an image is done once.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from spinemr.imaging.errors import GeometryError, ImagingWarning, InputError
from spinemr.imaging.geometry import Grid, match_grid
from spinemr.radiomics.region import Mask, Region
from spinemr.radiomics.resampling import Extent, Source, check_inside, resampled
from spinemr.radiomics.settings import Settings

Box = tuple[slice, slice, slice]
AnyArray = NDArray[Any]
_MANY_LABELS = 1 << 16
TOO_SMALL = "Its mask may be damaged, or the structure is cut by the edge of the image."


@dataclass(frozen=True)
class Structure:
    """One structure, ready: where its box lies ``[z][y][x]``, and its masks cut to that box."""

    label: int
    box: Box
    mask: Mask
    """Whose intensities count."""
    outline: Mask
    """Whose shape is measured: not re-segmented, unless the settings say so."""

    def region(self, values: AnyArray, spacing_mm: tuple[float, float, float]) -> Region:
        """The intensities of an image of the same grid, under the mask."""
        return Region(np.array(values[self.box], dtype=np.float64), self.mask, spacing_mm)


@dataclass(frozen=True)
class Scene:
    """What filters work on, and the structures in it."""

    image: sitk.Image
    mask: sitk.Image
    structures: tuple[Structure, ...]

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """z, y, x."""
        column, row, slice_ = self.image.GetSpacing()
        return slice_, row, column


def labels_of(mask: sitk.Image) -> tuple[int, ...]:
    """The labels a mask holds, without the background."""
    numbers = sitk.GetArrayViewFromImage(mask)
    if np.issubdtype(numbers.dtype, np.integer) and numbers.min() >= 0 and numbers.max() < _MANY_LABELS:
        found = np.flatnonzero(np.bincount(numbers.ravel()))  # much faster than sorting
    else:
        found = np.unique(numbers)
    return tuple(int(label) for label in found if label != 0)


def prepare(image: sitk.Image, mask: sitk.Image, settings: Settings, labels: Sequence[int]) -> Iterator[Scene]:
    """The scenes in which the structures are to be measured: one for all of them, or one each where each has its own grid.

    A structure that cannot be measured is an :class:`InputError` where it is the only one asked for; among several it is left
    out with a warning.
    """
    image, mask = lifted(image), whole_numbers(lifted(mask))
    if len(labels) != 1 or 0 in labels:  # one label that is missing is found out where its box is looked for
        check_labels(mask, labels)
    found = 0
    for scene in _scenes(normalized(image, settings), mask, settings, labels):
        found += len(scene.structures)
        yield scene
    if not found:
        raise InputError("None of the structures in the mask can be measured.", "The notes above say why.")


def lifted(image: sitk.Image) -> sitk.Image:
    """A 2D image as a volume of one slice of 1 mm; volumes as they are."""
    if image.GetDimension() == 2:
        volume: sitk.Image = sitk.JoinSeries([image])
        return volume
    if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 1:
        raise InputError("Features are taken from volumes or slices with one value in each voxel.")
    return image


def whole_numbers(mask: sitk.Image) -> sitk.Image:
    """A mask of whole numbers; one that holds fractions is refused."""
    values = sitk.GetArrayViewFromImage(mask)
    if np.issubdtype(values.dtype, np.integer):
        return mask
    if not bool((values == np.rint(values)).all()):
        raise InputError("The mask holds fractions; a mask holds whole numbers.", "Is it the image instead of its mask?")
    labels: sitk.Image = sitk.Cast(mask, sitk.sitkUInt32)
    return labels


def check_labels(mask: sitk.Image, labels: Sequence[int]) -> None:
    """Refuse labels the mask does not hold, and a mask that holds none."""
    held = labels_of(mask)
    if not held:
        raise InputError("The mask is empty: nothing is labelled in it.")
    missing = [label for label in labels if label not in held]
    if missing or not labels:
        said = ", ".join(str(label) for label in missing) or "that is asked for"
        raise InputError(f"The mask holds no label {said}.", f"It holds: {', '.join(str(label) for label in held)}.")


def normalized(image: sitk.Image, settings: Settings) -> sitk.Image:
    """``scale (x - mean) / deviation`` of the whole image, held to +-outliers before it is scaled; if asked for."""
    if not settings.normalize:
        return image
    values = sitk.GetArrayViewFromImage(image)
    if not np.isfinite(values).all() or values.min() == values.max():
        raise InputError("The image cannot be normalized: it has NaN or infinite voxels, or the same value everywhere.")
    standard = sitk.Normalize(image)
    if settings.remove_outliers is not None:
        held = np.clip(sitk.GetArrayViewFromImage(standard), -settings.remove_outliers, settings.remove_outliers)
        clipped = sitk.GetImageFromArray(held)
        clipped.CopyInformation(standard)
        standard = clipped
    scaled: sitk.Image = standard * settings.normalize_scale
    return scaled


def on_image_grid(image: sitk.Image, mask: sitk.Image, settings: Settings, labels: Sequence[int]) -> sitk.Image:
    """The mask on the image's very grid; axes may be reordered, but nothing is resampled unless ``correctMask`` says so."""
    if settings.geometry_tolerance is not None and _within_tolerance(image, mask, settings.geometry_tolerance):
        matched = mask
    else:
        try:
            matched = match_grid(mask, image)
        except GeometryError as error:
            if not settings.correct_mask:
                raise GeometryError(error.message, "Resample it, or set correctMask to have that done.") from None
            for label in labels:
                check_inside(image, mask, Extent.of(mask, label))
            matched = sitk.Resample(mask, image, sitk.Transform(), sitk.sitkNearestNeighbor, 0)
    if Grid.of(matched) != Grid.of(image):
        matched = sitk.Image(matched)
        matched.CopyInformation(image)
    return matched


def _within_tolerance(image: sitk.Image, mask: sitk.Image, tolerance: float) -> bool:
    """ITK's rule: positions within the tolerance times the first spacing, directions within the tolerance."""
    if image.GetSize() != mask.GetSize():
        return False
    reach_mm = tolerance * image.GetSpacing()[0]
    return (
        np.allclose(image.GetOrigin(), mask.GetOrigin(), rtol=0, atol=reach_mm)
        and np.allclose(image.GetSpacing(), mask.GetSpacing(), rtol=0, atol=reach_mm)
        and np.allclose(image.GetDirection(), mask.GetDirection(), rtol=0, atol=tolerance)
    )


def _scenes(image: sitk.Image, mask: sitk.Image, settings: Settings, labels: Sequence[int]) -> Iterator[Scene]:
    if settings.resampled_pixel_spacing_mm is not None:
        check_labels(mask, labels)
        source = Source.of(image, settings.interpolator)
        yield from _own_scenes(lambda label: resampled(source, mask, label, settings), settings, labels)
        return
    matched = on_image_grid(image, mask, settings, labels)
    if settings.pre_crop:
        yield from _own_scenes(lambda label: _around(image, matched, label, settings.pad_distance), settings, labels)
        return
    yield Scene(image, matched, _structures(image, matched, settings, labels, alone=len(labels) == 1))


def _own_scenes(
    around: Callable[[int], tuple[sitk.Image, sitk.Image]], settings: Settings, labels: Sequence[int]
) -> Iterator[Scene]:
    for label in labels:
        image, mask = around(label)
        yield Scene(image, mask, _structures(image, mask, settings, [label], alone=len(labels) == 1))


def _around(image: sitk.Image, mask: sitk.Image, label: int, pad: int) -> tuple[sitk.Image, sitk.Image]:
    box = Extent.of(mask, label).padded(pad, image.GetSize())
    return box.cut(image), box.cut(mask)


def _structures(
    image: sitk.Image, mask: sitk.Image, settings: Settings, labels: Sequence[int], *, alone: bool
) -> tuple[Structure, ...]:
    values, numbers = sitk.GetArrayViewFromImage(image), sitk.GetArrayViewFromImage(mask)
    boxes = _boxes(numbers, labels)
    found = []
    for label in labels:
        try:
            if label not in boxes:
                check_labels(mask, labels)
                raise InputError(f"Label {label} vanished when the mask was resampled.", TOO_SMALL)
            found.append(_structure(values, numbers, label, boxes[label], settings))
        except InputError as error:
            if alone:
                raise
            warnings.warn(f"Left out: {error}", ImagingWarning, stacklevel=2)
    return tuple(found)


def _boxes(numbers: AnyArray, labels: Sequence[int]) -> dict[int, Box]:
    """The smallest box around each label, found in one pass."""
    if len(labels) > 1 and max(labels) < _MANY_LABELS:
        found = ndimage.find_objects(numbers.astype(np.int32), max(labels))
        boxes = {label: _three(found[label - 1]) for label in labels}
    else:
        boxes = {label: _box(numbers == label) for label in labels}
    return {label: box for label, box in boxes.items() if box is not None}


def _box(mask: Mask) -> Box | None:
    slices = np.flatnonzero(mask.reshape(len(mask), -1).any(axis=1))
    if not slices.size:
        return None
    depth = slice(int(slices[0]), int(slices[-1]) + 1)
    seen: Mask = np.any(mask[depth], axis=0)
    rows, columns = np.flatnonzero(np.any(seen, axis=1)), np.flatnonzero(np.any(seen, axis=0))
    return depth, slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _three(found: tuple[slice, ...] | None) -> Box | None:
    return None if found is None else (found[0], found[1], found[2])


def _structure(values: AnyArray, numbers: AnyArray, label: int, box: Box, settings: Settings) -> Structure:
    outline: Mask = numbers[box] == label
    check_size(outline, label, settings)
    if settings.resegment_range is None:
        return Structure(label, box, outline, outline)
    kept = resegmented(values[box], outline, label, settings)
    inner = _box(kept) or box
    check_size(kept[inner], label, settings)
    smaller = tuple(slice(o.start + i.start, o.start + i.stop) for o, i in zip(box, inner, strict=True))
    # Like pyradiomics, which cuts the outline to the box of what re-segmentation left of it.
    shape = kept[inner] if settings.resegment_shape else outline[inner]
    return Structure(label, (smaller[0], smaller[1], smaller[2]), kept[inner].copy(), shape.copy())


def check_size(mask: Mask, label: int, settings: Settings) -> None:
    """Refuse single voxels, too few dimensions of more than one voxel, and masks not above the least size."""
    thick = sum(extent > 1 for extent in mask.shape)
    if thick == 0:
        raise InputError(f"Label {label} is a single voxel, which has no texture.", TOO_SMALL)
    if thick < settings.minimum_roi_dimensions:
        raise InputError(
            f"Label {label} extends in {thick} dimension(s) instead of {settings.minimum_roi_dimensions} (minimumROIDimensions).",
            TOO_SMALL,
        )
    if settings.minimum_roi_size is not None and (count := int(np.count_nonzero(mask))) <= settings.minimum_roi_size:
        raise InputError(
            f"Label {label} has {count} voxels, more than {settings.minimum_roi_size} are asked for (minimumROISize).", TOO_SMALL
        )


def resegmented(values: AnyArray, mask: Mask, label: int, settings: Settings) -> Mask:
    """The voxels of a mask within the range: absolute, relative to the maximum, or in deviations from the mean."""
    limits = sorted(settings.resegment_range or ())
    if len(limits) not in (1, 2):
        raise InputError("A range to re-segment by is one or two numbers (resegmentRange).")
    inside = values[mask]
    if settings.resegment_mode == "relative":
        limits = [inside.max() * limit for limit in limits]
    elif settings.resegment_mode == "sigma":
        limits = [inside.mean() + inside.std() * limit for limit in limits]
    keep = inside >= limits[0]
    if len(limits) == 2:
        keep &= inside <= limits[1]
    kept: Mask = np.zeros_like(mask)
    kept[mask] = keep
    if np.count_nonzero(kept) <= 1:
        raise InputError(f"Re-segmentation leaves {np.count_nonzero(kept)} voxels of label {label}.", "Widen resegmentRange.")
    return kept
