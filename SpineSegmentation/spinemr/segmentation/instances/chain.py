"""From discs and bone to a chain of vertebrae, and where it ends at the sacrum."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from spinemr.segmentation.instances.discs import Disc, LevelScale
from spinemr.segmentation.instances.geometry import IntArray, Points
from spinemr.segmentation.instances.vertebrae import (
    TWO_BODIES_INSIDE,
    Chain,
    Vertebra,
    axis_of,
    count_in_bone,
    count_inside,
    extent_mm,
    interval_of,
    part_at_waists,
)

VISIBLE_SHARE = 0.05
"""Less bone than this share of the usual body does not count as seen."""
VERTEBRA_SHARE = 0.45
SACRUM_SHARE = 0.15
SEGMENT_SHARE = 0.4
"""Between two discs, less sacral bone than this share of a body is a wing beside L5, not a segment."""
CONTACT_MM = 3.5
LUMBOSACRAL_LEAN_DEG = 15.0
"""Of 450 patients lying in a scanner, 86 % had L5-S1 discs that fall forward by more (median 24), 85 % L4-5 discs by less (7)."""


class LowerEnd(Enum):
    """What lies under the last counted vertebra."""

    SACRUM = "sacrum"
    DISC = "lowest disc"
    VERTEBRA = "lowest vertebra"


@dataclass(frozen=True)
class Ending:
    """Where the mobile spine stops."""

    kind: LowerEnd
    interval: int
    """The first interval between discs that is sacrum (or below everything)."""
    renamed: bool = False
    """Whether bone the network took for a vertebra is counted as sacrum."""
    extra_vertebra: bool = False
    """Whether a vertebra lies between the last disc and the sacrum: the disc below it was not seen."""


@dataclass(frozen=True)
class Bone:
    """Voxels of vertebral bodies and of the sacrum as points, with the interval between discs they lie in."""

    body: Points
    sacrum: Points
    body_interval: IntArray
    sacrum_interval: IntArray
    usual: float
    """Number of voxels of a usual body."""

    @classmethod
    def between(cls, discs: list[Disc], body: Points, sacrum: Points) -> Bone:
        """Sort bone by the planes of discs."""
        inside = interval_of(body, discs)
        amount = np.bincount(inside, minlength=len(discs) + 1)
        usual = float(np.median(amount[amount > 0.25 * max(amount.max(), 1)])) if len(body) else 0.0
        return cls(body, sacrum, inside, interval_of(sacrum, discs), usual)


def find_ending(discs: list[Disc], bone: Bone, level_mm: float) -> Ending:
    """Decide from bone, discs and their lean where the sacrum starts."""
    count = len(discs)
    bodies = np.bincount(bone.body_interval, minlength=count + 1)
    sacral = np.bincount(bone.sacrum_interval, minlength=count + 1)
    if sacral.sum() < max(SACRUM_SHARE * bone.usual, 1):
        return _without_sacrum(discs, bone, bodies)
    first = count + 1
    while first > 1 and sacral[first - 1] >= max(bodies[first - 1], (SEGMENT_SHARE if first <= count else 0.0) * bone.usual):
        first -= 1
    if first > count and sacral[count] < SACRUM_SHARE * bone.usual:
        return _without_sacrum(discs, bone, bodies)
    first = min(first, count)
    stretch = bone.body[bone.body_interval == first]
    start, axis = axis_of(first, discs)
    if len(stretch) < VERTEBRA_SHARE * bone.usual or extent_mm((stretch - start) @ axis) < 0.4 * level_mm:
        return Ending(LowerEnd.SACRUM, first)
    if _touches(stretch, (stretch - start) @ axis, bone.sacrum):
        return Ending(LowerEnd.SACRUM, first, renamed=True)
    return Ending(LowerEnd.SACRUM, first, extra_vertebra=True)


def build_chain(discs: list[Disc], bone: Bone, ending: Ending, scale: LevelScale) -> Chain:
    """Vertebrae from head to foot; unseen bodies and discs keep their place in the count."""
    chain, level_mm = Chain([]), scale.level_mm
    for interval in range(ending.interval + int(_has_bone_below(ending))):
        members = np.flatnonzero(bone.body_interval == interval)
        start, axis = axis_of(interval, discs)
        depth = (bone.body[members] - start) @ axis
        if len(members) < VISIBLE_SHARE * bone.usual:
            members, depth = members[:0], depth[:0]
        inner = 0 < interval < len(discs)
        if inner:
            upper_mm, lower_mm = discs[interval - 1].along_mm, discs[interval].along_mm
            usual_mm = scale.at(0.5 * (upper_mm + lower_mm))
            number = max(
                count_inside(lower_mm - upper_mm, usual_mm), count_in_bone(extent_mm(depth), usual_mm, TWO_BODIES_INSIDE)
            )
        else:
            number = count_in_bone(extent_mm(depth), level_mm)
        part = part_at_waists(depth, number) if number > 1 and len(members) >= number else np.zeros(len(members), dtype=np.intp)
        for place in range(number):
            own = members[part == place]
            centre = bone.body[own].mean(axis=0) if own.size else _middle(discs, interval, place, number, level_mm)
            is_last = place == number - 1
            below = discs[interval] if is_last and interval < min(len(discs), ending.interval) else None
            chain.vertebrae.append(Vertebra(own, centre, below))
        chain.inserted += number - 1
    return chain


def _has_bone_below(ending: Ending) -> bool:
    return ending.extra_vertebra or ending.kind is LowerEnd.VERTEBRA


def _without_sacrum(discs: list[Disc], bone: Bone, bodies: IntArray) -> Ending:
    count = len(discs)
    if bodies[count] < 0.3 * bone.usual:
        return Ending(LowerEnd.DISC, count)
    if discs[-1].plane.lean_deg > LUMBOSACRAL_LEAN_DEG:
        return Ending(LowerEnd.DISC, count, renamed=True)
    return Ending(LowerEnd.VERTEBRA, count)


def _touches(body: Points, depth: NDArray[np.float64], sacrum: Points) -> bool:
    """Whether the lower end of a body lies on sacral bone: then it is the first sacral segment itself."""
    lowest = body[depth > np.percentile(depth, 90)]
    step = max(1, len(lowest) // 500)
    distance, _ = cKDTree(sacrum).query(lowest[::step])
    return float(np.median(distance)) < CONTACT_MM


def _middle(discs: list[Disc], interval: int, place: int, number: int, level_mm: float) -> Points:
    """Where a vertebra nobody saw should lie."""
    share = (place + 0.5) / number
    if 0 < interval < len(discs):
        upper, lower = discs[interval - 1].plane.centre, discs[interval].plane.centre
        middle: Points = upper + share * (lower - upper)
        return middle
    near, sign = (discs[0].plane, -1.0) if interval == 0 else (discs[-1].plane, 1.0)
    outside: Points = near.centre + sign * 0.5 * level_mm * near.normal
    return outside
