"""From the classes a network gives to every pixel to a label map of named structures, and a report on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spinemr.imaging.anatomy import Anatomy, disc_below, posterior_of
from spinemr.imaging.errors import InputError
from spinemr.segmentation.classes import CLASS_COUNT, NetworkClass
from spinemr.segmentation.instances.chain import Bone, Ending, LowerEnd, build_chain, find_ending
from spinemr.segmentation.instances.column import Column, find_column
from spinemr.segmentation.instances.discs import Disc, LevelScale, find_discs
from spinemr.segmentation.instances.geometry import BoolArray, ByteArray, IntArray, Points, Spacing, points_of
from spinemr.segmentation.instances.levels import NOTES, Doubts, judge, judge_conus, numbers_of
from spinemr.segmentation.instances.orphans import OrphanRules, fill_between_slices, remove_orphans
from spinemr.segmentation.instances.posterior import Levels, assign_posterior
from spinemr.segmentation.instances.report import NoLumbarSpineError, SpineReport
from spinemr.segmentation.instances.structures import describe
from spinemr.segmentation.instances.vertebrae import Chain, drop_false_discs

MIN_STRUCTURES = 3
"""Fewer vertebrae and discs together are no lumbar spine."""
NOTABLE_SHARE = 0.04
"""More bone or disc off the spine than this share of it is worth a sentence."""
_SMALL_CANAL_SHARE = 0.02


@dataclass(frozen=True)
class LabelledSpine:
    """A label map with the numbers of :mod:`spinemr.imaging.anatomy` (parts told apart), and what is to say about it."""

    labels: ByteArray
    report: SpineReport


def label_spine(
    classes: NDArray[Any],
    spacing_mm: Spacing,
    confidence: NDArray[Any] | None = None,
    *,
    shift: int = 0,
    rules: OrphanRules | None = None,
) -> LabelledSpine:
    """Name every structure of a class volume ``[slice][row][column]`` in the working frame.

    ``shift`` moves all names down the spine by so many levels (+1: the vertebra counted as L5 becomes L6). Raises
    :class:`NoLumbarSpineError` where there is no chain of vertebrae and discs.
    """
    volume = _checked(classes, spacing_mm, confidence)
    box = _box(volume)
    cropped = volume[box]
    cleaned = remove_orphans(fill_between_slices(cropped), spacing_mm, rules)
    column = find_column(cleaned, spacing_mm)
    labels = np.zeros_like(volume)
    margins = (box[1].start * spacing_mm[1], (volume.shape[1] - box[1].stop) * spacing_mm[1])
    labels[box], doubts, ending, missing = _label(cleaned, column, spacing_mm, shift, margins[1])
    report = SpineReport(
        structures=describe(labels, spacing_mm, confidence),
        level_confidence=doubts.confidence,
        counted_from=ending.kind.value,
        shift=shift,
        flags=tuple(doubts.flags),
        notes=NOTES,
        missing=missing,
    )
    return LabelledSpine(labels, report)


def _label(
    classes: ByteArray, column: Column, spacing_mm: Spacing, shift: int, below_mm: float
) -> tuple[ByteArray, Doubts, Ending, tuple[int, ...]]:
    discs, _ = find_discs((classes == NetworkClass.DISC) & column.member, column.curve, spacing_mm)
    if not discs:
        raise NoLumbarSpineError("no disc was recognised")
    body_index, sacrum_index = (
        np.nonzero((classes == member) & column.member) for member in (NetworkClass.BODY, NetworkClass.SACRUM)
    )
    discs, false = drop_false_discs(discs, points_of(body_index, spacing_mm))
    body_index = tuple(np.concatenate(axes) for axes in zip(body_index, *(disc.voxels for disc in false), strict=True))
    scale = LevelScale.of(discs)
    level_mm = scale.level_mm
    bone = Bone.between(discs, points_of(body_index, spacing_mm), points_of(sacrum_index, spacing_mm))
    ending = find_ending(discs, bone, level_mm)
    chain = build_chain(discs, bone, ending, scale)
    seen = sum(vertebra.members.size > 0 for vertebra in chain.vertebrae)
    if seen == 0 or seen + len(discs) < MIN_STRUCTURES:
        raise NoLumbarSpineError("too few vertebrae and discs in a row were recognised")
    numbers = numbers_of(chain, shift)
    doubts = judge(chain, ending, discs, numbers, _room_below(discs[-1], classes, spacing_mm, below_mm), _upside_down(bone))
    if false:
        doubts.add(0.8, f"{len(false)} recognised disc(s) lie too close to others to be discs and were counted as bone.")
    if column.left_out_share > NOTABLE_SHARE:
        doubts.add(0.8, f"{column.left_out_share:.0%} of the recognised bone and disc lies off the spine and was left out.")
    owners = _owners(classes.shape, chain, body_index)
    centres = np.stack([np.asarray(vertebra.centre_mm) for vertebra in chain.vertebrae])
    centres[0] = _whole_centre(chain, level_mm)
    labels = _painted(classes, chain, numbers, discs, ending, bone, body_index)
    _add_posterior(labels, classes, owners, centres, numbers, column, level_mm, spacing_mm, discs, ending)
    judge_conus(doubts, _add_canal(labels, classes, spacing_mm, centres, numbers))
    return labels, doubts, ending, _missing(chain, numbers)


def _whole_centre(chain: Chain, level_mm: float) -> Points:
    """Where the middle of the uppermost vertebra lies, even if the view cuts it: half a level above its disc."""
    first = chain.vertebrae[0]
    if first.disc_below is None:
        return np.asarray(first.centre_mm)
    plane = first.disc_below.plane
    middle: Points = plane.centre - 0.5 * level_mm * plane.normal
    return middle


def _painted(
    classes: ByteArray,
    chain: Chain,
    numbers: list[Anatomy],
    discs: list[Disc],
    ending: Ending,
    bone: Bone,
    body_index: tuple[IntArray, ...],
) -> ByteArray:
    """Bodies, discs and sacrum under their numbers."""
    labels = np.zeros(classes.shape, dtype=np.uint8)
    labels[classes == NetworkClass.SACRUM] = Anatomy.SACRUM
    if ending.kind is LowerEnd.SACRUM or ending.renamed:
        below = np.flatnonzero(bone.body_interval >= ending.interval)
        labels[tuple(axis[below] for axis in body_index)] = Anatomy.SACRUM
    for disc in discs[ending.interval :]:
        labels[disc.voxels] = Anatomy.SACRUM
    for vertebra, number in zip(chain.vertebrae, numbers, strict=True):
        labels[tuple(axis[vertebra.members] for axis in body_index)] = number
        if vertebra.disc_below is not None:
            labels[vertebra.disc_below.voxels] = disc_below(number)
    return labels


def _owners(shape: tuple[int, ...], chain: Chain, body_index: tuple[IntArray, ...]) -> ByteArray:
    owners = np.zeros(shape, dtype=np.uint8)
    for place, vertebra in enumerate(chain.vertebrae, start=1):
        owners[tuple(axis[vertebra.members] for axis in body_index)] = place
    return owners


def _add_posterior(
    labels: ByteArray,
    classes: ByteArray,
    owners: ByteArray,
    centres: Points,
    numbers: list[Anatomy],
    column: Column,
    level_mm: float,
    spacing_mm: Spacing,
    discs: list[Disc],
    ending: Ending,
) -> None:
    """Posterior elements under the numbers of their vertebrae; those of the sacrum are part of the sacrum."""
    mask = classes == NetworkClass.POSTERIOR
    curve = column.curve
    above = [number for number in (numbers[0] - 2, numbers[0] - 1) if number >= Anatomy.C1]
    up = curve.direction(curve.foot(centres[:1]))[0]
    unseen = [centres[0] - step * level_mm * up for step in range(len(above), 0, -1)]
    by_place = [0, *(posterior_of(number) for number in (*above, *numbers))]
    if ending.kind is not LowerEnd.VERTEBRA:
        by_place.append(int(Anatomy.SACRUM))
        last = discs[ending.interval - 1].plane
        centres = np.concatenate([centres, (last.centre + 0.45 * level_mm * last.normal)[None]])
    levels = Levels(np.concatenate([np.reshape(unseen, (-1, 3)), centres]), curve, level_mm)
    shifted = np.where(owners > 0, owners + np.uint8(len(above)), np.uint8(0))
    canal = (classes == NetworkClass.CANAL) | (classes == NetworkClass.CORD)
    place = assign_posterior(mask, shifted, canal, levels, spacing_mm)
    labels[mask] = np.array(by_place, dtype=np.uint8)[place[mask]]


def _add_canal(
    labels: ByteArray, classes: ByteArray, spacing_mm: Spacing, centres: Points, numbers: list[Anatomy]
) -> Anatomy | None:
    """Canal and cord without pieces far from the rest; returns the level the cord ends at, where it is seen to end."""
    whole = (classes == NetworkClass.CANAL) | (classes == NetworkClass.CORD)
    pieces, count = ndimage.label(whole, np.ones((3, 3, 3)))
    size = np.bincount(pieces.ravel(), minlength=count + 1)
    size[0] = 0
    large = size >= _SMALL_CANAL_SHARE * size.max()
    large[0] = False
    kept = large[pieces]
    cord = _largest_piece(kept & (classes == NetworkClass.CORD))
    labels[kept] = Anatomy.CANAL
    labels[cord] = Anatomy.CORD
    rows = np.flatnonzero(cord.any(axis=(0, 2)))
    if rows.size * spacing_mm[1] < 15.0 or not (kept[:, rows[-1] + 1 :]).any():
        return None
    gap = np.abs(centres[:, 2] - rows[-1] * spacing_mm[1])
    return numbers[int(gap.argmin())]


def _largest_piece(mask: BoolArray) -> BoolArray:
    """The one connected piece a cord is: other pieces are roots of the cauda equina, which belong to the canal."""
    pieces, count = ndimage.label(mask, np.ones((3, 3, 3)))
    if count < 2:
        return mask
    size = np.bincount(pieces.ravel())
    size[0] = 0
    largest: BoolArray = pieces == int(size.argmax())
    return largest


def _missing(chain: Chain, numbers: list[Anatomy]) -> tuple[int, ...]:
    missing = []
    for place, (vertebra, number) in enumerate(zip(chain.vertebrae, numbers, strict=True)):
        if vertebra.members.size == 0 and place > 0:
            missing.append(int(number))
        if vertebra.disc_below is None and place < len(numbers) - 1:
            missing.append(disc_below(number))
    return tuple(missing)


def _room_below(disc: Disc, classes: ByteArray, spacing_mm: Spacing, below_mm: float) -> float:
    """How far the view goes on below a disc."""
    return float((classes.shape[1] - 1 - int(disc.voxels[1].max())) * spacing_mm[1]) + below_mm


def _upside_down(bone: Bone) -> bool:
    return bool(len(bone.sacrum) > bone.usual > 0 and bone.sacrum[:, 2].mean() < np.percentile(bone.body[:, 2], 25))


def _checked(classes: NDArray[Any], spacing_mm: Spacing, confidence: NDArray[Any] | None) -> ByteArray:
    if classes.ndim != 3 or classes.size == 0:
        raise InputError("A class volume has three dimensions: slices, rows and columns.")
    if np.shape(spacing_mm) != (3,) or not all(np.isfinite(spacing) and spacing > 0 for spacing in spacing_mm):
        raise InputError("The spacing of slices, rows and columns has to be three positive numbers.")
    if classes.max() >= CLASS_COUNT or classes.min() < 0:
        raise InputError(f"A class volume holds the numbers 0 to {CLASS_COUNT - 1} only.")
    if confidence is not None and confidence.shape != classes.shape:
        raise InputError("Confidence and classes differ in size.")
    if not classes.any():
        raise NoLumbarSpineError("nothing was recognised")
    return classes.astype(np.uint8, copy=False)


def _box(volume: BoolArray | ByteArray) -> tuple[slice, ...]:
    ranges = []
    for axis in range(3):
        seen = np.flatnonzero(volume.any(axis=tuple(other for other in range(3) if other != axis)))
        ranges.append(slice(int(seen[0]), int(seen[-1]) + 1))
    return tuple(ranges)
