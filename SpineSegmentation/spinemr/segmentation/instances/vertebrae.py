"""Vertebral bodies as instances: bone lies between two disc planes, whatever touches whatever.

Assigning bone by the planes of the discs takes fused bodies apart and puts bodies together that were cut in two. Where
neighbouring discs lie two levels apart, a disc is missing: the bone between them is parted at its waist, and the level counts.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spinemr.segmentation.instances.discs import Disc, LevelScale
from spinemr.segmentation.instances.geometry import IntArray, Points

TWO_LEVELS = 1.55
"""Neighbouring discs farther apart than this many usual distances have a vertebra too much between them."""
TWO_BODIES = 1.35
"""The same for the extent of bone above the first or below the last disc, a body being shorter than a level."""
TWO_BODIES_INSIDE = 1.2
"""The same for bone between two discs, whose view nothing cuts."""


@dataclass
class Vertebra:
    """A place in the count: which of the bone voxels are its body (none: it was not seen)."""

    members: IntArray
    centre_mm: Points | None = None
    disc_below: Disc | None = None
    confidence: float = 1.0


@dataclass
class Chain:
    """Vertebrae from head to foot, each with the disc below it, and what the bone below the last disc is."""

    vertebrae: list[Vertebra]
    flags: list[str] = field(default_factory=list)
    inserted: int = 0
    """Discs that were counted without having been seen."""


def interval_of(points: Points, discs: list[Disc]) -> IntArray:
    """How many discs lie above each point."""
    below = np.zeros(len(points), dtype=np.intp)
    for disc in discs:
        below += disc.plane.below(points) > 0
    return below


def axis_of(interval: int, discs: list[Disc]) -> tuple[Points, Points]:
    """Where an interval between discs starts, and its direction toward the feet."""
    around = [disc.plane for disc in discs[max(interval - 1, 0) : interval + 1]]
    normal = np.sum([plane.normal for plane in around], axis=0)
    return around[0].centre, normal / np.linalg.norm(normal)


def count_inside(gap_mm: float, level_mm: float) -> int:
    """How many vertebrae lie between two discs at a distance."""
    return max(1, round(gap_mm / level_mm)) if gap_mm > TWO_LEVELS * level_mm else 1


def count_in_bone(extent_mm: float, level_mm: float, limit: float = TWO_BODIES) -> int:
    """How many vertebrae a stretch of bone holds; one, unless it is longer than a number of levels."""
    return max(1, round((extent_mm + 0.25 * level_mm) / level_mm)) if extent_mm > limit * level_mm else 1


def extent_mm(depth: NDArray[np.float64]) -> float:
    """Extent of bone along the spine, without its outermost splinters."""
    return float(np.ptp(np.percentile(depth, (2, 98)))) if depth.size else 0.0


def part_at_waists(depth: NDArray[np.float64], count: int) -> IntArray:
    """Part bone along the spine into vertebrae: the least amount within a quarter of a level of even parts."""
    low, high = np.percentile(depth, (1, 99))
    bins = max(int(np.ceil(high - low)), count)
    amount, edges = np.histogram(depth, bins=bins, range=(low, high))
    smooth = ndimage.gaussian_filter1d(amount.astype(float), 1.5)
    part = (high - low) / count
    cuts = []
    for number in range(1, count):
        around = np.flatnonzero(np.abs(edges[:-1] - (low + number * part)) < 0.25 * part)
        cuts.append(edges[around[smooth[around].argmin()]] + 0.5 * (edges[1] - edges[0]))
    return np.searchsorted(np.array(cuts), depth)


def drop_false_discs(discs: list[Disc], points: Points) -> tuple[list[Disc], list[Disc]]:
    """Leave out discs that are none; returns kept and false ones.

    A disc half-way between two that lie one level apart is a line through a vertebra. Of two discs less than half a level apart
    with hardly any bone between them, the smaller is a piece.
    """
    kept, false = list(discs), []
    while len(kept) > 1:
        wrong = _half_way(kept)
        if wrong is None:
            wrong = _too_close(kept, points)
        if wrong is None:
            break
        false.append(kept.pop(wrong))
    return kept, false


def _half_way(discs: list[Disc]) -> int | None:
    scale = LevelScale.of(discs)
    for place in range(1, len(discs) - 1):
        before, here, after = (discs[place + step].along_mm for step in (-1, 0, 1))
        usual = scale.at(here)
        if max(here - before, after - here) < 0.72 * usual and after - before < 1.3 * usual:
            return place
    return None


def _too_close(discs: list[Disc], points: Points) -> int | None:
    gaps = np.diff([disc.along_mm for disc in discs])
    close = int(gaps.argmin())
    if gaps[close] > 0.5 * LevelScale.of(discs).at(discs[close].along_mm) or _is_flat_vertebra(discs, close, points):
        return None
    return close if discs[close].size < discs[close + 1].size else close + 1


def _is_flat_vertebra(discs: list[Disc], upper: int, points: Points) -> bool:
    """Whether two close discs of usual size enclose a plate of bone as wide as they are: a collapsed vertebra."""
    pair = discs[upper : upper + 2]
    between = (pair[0].plane.below(points) > 0) & (pair[1].plane.below(points) < 0)
    inside = points[between]
    usual = float(np.median([disc.size for disc in discs]))
    if len(inside) == 0 or min(disc.size for disc in pair) < 0.35 * usual:
        return False
    depth = float(np.ptp(np.percentile(inside[:, 1], (2, 98))))
    thick = extent_mm(inside @ pair[0].plane.normal)
    return depth > 0.7 * min(disc.depth_mm for disc in pair) and thick > 5.0
