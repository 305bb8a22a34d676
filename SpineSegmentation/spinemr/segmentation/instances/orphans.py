"""Pieces that belong to nothing: the three rules of Markhali 2024 (section 2.6), for every class and any spacing.

There, a separate area of a slice is an orphan if it (1) has fewer than 10 pixels, (2) meets no pixel of its class in the
central slice when superimposed, or (3) meets none in a neighbouring slice. Here "central slice" is the central third of the
slices in which the class is seen, so that an empty or damaged middle slice does not erase a spine; rule 2 holds only for
classes that lie in the midline (the wings of the sacrum and the transverse processes do not); and rules 2 and 3 rest where
there is nothing to compare with.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spinemr.segmentation.classes import NetworkClass
from spinemr.segmentation.instances.geometry import BoolArray, ByteArray, Spacing

MIDLINE_CLASSES = (NetworkClass.BODY, NetworkClass.DISC, NetworkClass.CANAL, NetworkClass.CORD)
FILLED_CLASSES = (NetworkClass.BODY, NetworkClass.DISC, NetworkClass.CANAL, NetworkClass.SACRUM)
_EIGHT = np.ones((3, 3), dtype=bool)


@dataclass(frozen=True)
class OrphanRules:
    """Limits of the three rules."""

    min_pixels: int = 10
    """Rule 1 as published."""
    min_area_mm2: float = 4.0
    """Rule 1 for small pixels."""
    reach_mm: float = 2.0
    """How far, within the slice, an area may lie from one it should meet: structures lean between thick slices."""


def remove_orphans(classes: ByteArray, spacing_mm: Spacing, rules: OrphanRules | None = None) -> ByteArray:
    """A class volume without areas that are too small, off the midline or alone in their slice."""
    rules = rules or OrphanRules()
    cleaned = classes.copy()
    for member in NetworkClass:
        if member is NetworkClass.BACKGROUND:
            continue
        box = _box(classes == member)
        if box is None:
            continue
        mask = classes[box] == member
        part = cleaned[box]
        part[mask & ~kept_areas(mask, spacing_mm, rules, midline=member in MIDLINE_CLASSES)] = NetworkClass.BACKGROUND
    return cleaned


def kept_areas(mask: BoolArray, spacing_mm: Spacing, rules: OrphanRules, *, midline: bool) -> BoolArray:
    """The areas of one class that none of the three rules removes."""
    reach = _disc(rules.reach_mm, spacing_mm)
    smallest = max(rules.min_pixels, int(np.ceil(rules.min_area_mm2 / (spacing_mm[1] * spacing_mm[2]))))
    wide = np.stack([ndimage.binary_dilation(plane, reach) for plane in mask]) if len(mask) > 1 else mask
    centre = _central_third(wide) if midline else None
    kept = np.zeros_like(mask)
    for index, plane in enumerate(mask):
        areas, count = ndimage.label(plane, _EIGHT)
        if not count:
            continue
        good = np.bincount(areas.ravel(), minlength=count + 1) >= smallest
        if centre is not None and centre.any():
            good &= _meets(areas, centre, count)
        beside = [wide[other] for other in (index - 1, index + 1) if 0 <= other < len(mask)]
        if any(other.any() for other in beside):
            good &= _meets(areas, np.logical_or.reduce(beside), count)
        good[0] = False
        kept[index] = good[areas]
    return kept


def fill_between_slices(classes: ByteArray) -> ByteArray:
    """Background between two slices that agree on a class takes that class (a slice the network missed)."""
    if len(classes) < 3:
        return classes
    filled = classes.copy()
    before, middle, after = classes[:-2], filled[1:-1], classes[2:]
    missing = (middle == NetworkClass.BACKGROUND) & (before == after) & np.isin(before, [int(c) for c in FILLED_CLASSES])
    middle[missing] = before[missing]
    return filled


def _central_third(mask: BoolArray) -> BoolArray:
    seen = np.flatnonzero(mask.any(axis=(1, 2)))
    first, last = int(seen[0]), int(seen[-1])
    third = (last - first + 1) / 3
    start, stop = int(np.floor(first + third)), int(np.ceil(last + 1 - third))
    return np.asarray(mask[start : max(stop, start + 1)].any(axis=0), dtype=bool)


def _meets(areas: NDArray[np.signedinteger[Any]], other: BoolArray, count: int) -> BoolArray:
    met = np.zeros(count + 1, dtype=bool)
    met[areas[other]] = True
    return met


def _disc(radius_mm: float, spacing_mm: Spacing) -> BoolArray:
    rows, columns = int(radius_mm / spacing_mm[1]), int(radius_mm / spacing_mm[2])
    y, x = np.ogrid[-rows : rows + 1, -columns : columns + 1]
    inside: BoolArray = (y * spacing_mm[1]) ** 2 + (x * spacing_mm[2]) ** 2 <= radius_mm**2
    return inside


def _box(mask: BoolArray) -> tuple[slice, ...] | None:
    """The box around a mask; all slices between its first and last are in it, so neighbours stay neighbours."""
    if not mask.any():
        return None
    ranges = []
    for axis in range(3):
        seen = np.flatnonzero(mask.any(axis=tuple(other for other in range(3) if other != axis)))
        ranges.append(slice(int(seen[0]), int(seen[-1]) + 1))
    return tuple(ranges)
