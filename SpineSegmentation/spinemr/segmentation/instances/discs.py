"""Discs as instances: pieces of one disc put together, discs grown together taken apart, splinters left out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spinemr.segmentation.instances.geometry import BoolArray, IntArray, Plane, Points, Spacing, SpineCurve, plane_of, points_of

SAME_DISC_MM = 8.0
"""Pieces whose middles lie closer along the spine belong to one disc."""
FRAGMENT_MM = 14.0
"""A small piece (sequester, torn part) belongs to the nearest disc within this distance."""
SMALL_SHARE = 0.15
"""A piece with less than this share of the median disc is a fragment, not a level of its own."""
LEVEL_MM = (22.0, 60.0)
"""Least and largest distance of neighbouring discs that are believed."""
USUAL_LEVEL_MM = 35.0
GROWTH_PER_MM = 0.0016


@dataclass(frozen=True)
class Disc:
    """One disc: its voxels (index arrays), the plane it lies in, and its place along the spine."""

    voxels: tuple[IntArray, ...]
    plane: Plane
    along_mm: float
    depth_mm: float
    """Extent from front to back."""
    height_mm: float
    """Volume over area: mean thickness."""

    @property
    def size(self) -> int:
        """Number of voxels."""
        return int(self.voxels[0].size)


def find_discs(mask: BoolArray, curve: SpineCurve, spacing_mm: Spacing) -> tuple[list[Disc], BoolArray]:
    """The discs from head to foot, and the voxels that belong to none."""
    index = np.nonzero(mask)
    if not index[0].size:
        return [], mask
    points = points_of(index, spacing_mm)
    labels, _ = ndimage.label(mask, np.ones((3, 3, 3)))
    groups = _split_long(np.asarray(labels[index], dtype=np.intp), curve.along(points))
    groups = _joined(groups, points, curve)
    discs, loose = [], np.zeros_like(mask)
    for number in np.unique(groups):
        chosen = groups == number
        voxels = tuple(axis[chosen] for axis in index)
        if number < 0:
            loose[voxels] = True
        else:
            discs.append(disc_of(voxels, curve, spacing_mm))
    return sorted(discs, key=lambda disc: disc.along_mm), loose


def disc_of(voxels: tuple[IntArray, ...], curve: SpineCurve, spacing_mm: Spacing) -> Disc:
    """A disc from its voxels."""
    points = points_of(voxels, spacing_mm)
    centre = points.mean(axis=0, keepdims=True)
    plane = plane_of(points, curve.direction(curve.foot(centre))[0])
    forward = np.cross(plane.normal, (1.0, 0.0, 0.0))
    depth = float(np.ptp(np.percentile(points @ forward, (1, 99)))) + spacing_mm[2]
    columns = np.unique(np.round((points @ forward) / spacing_mm[2]).astype(int) + 10000 * voxels[0]).size
    height = len(points) * spacing_mm[1] / max(columns, 1)
    return Disc(voxels, plane, float(curve.along(centre)[0]), depth, height)


@dataclass(frozen=True)
class LevelScale:
    """The usual distance from disc to disc in this spine; it grows from T11 (about 27 mm) to L4 (about 37 mm)."""

    level_mm: float
    middle_mm: float

    @classmethod
    def of(cls, discs: list[Disc]) -> LevelScale:
        """From the lower half of the believable gaps: a missing disc doubles a gap."""
        along = np.array([disc.along_mm for disc in discs])
        middle = float(along.mean())
        gaps, centres = np.diff(along), 0.5 * (along[1:] + along[:-1])
        believable = (gaps > LEVEL_MM[0]) & (gaps < LEVEL_MM[1])
        if not believable.any():
            return cls(USUAL_LEVEL_MM, middle)
        even = np.sort(gaps[believable] / _growth(centres[believable] - middle))
        return cls(float(np.clip(np.median(even[: even.size // 2 + 2]), *LEVEL_MM)), middle)

    def at(self, along_mm: float) -> float:
        """The usual distance at a place along the spine."""
        return self.level_mm * float(_growth(np.array(along_mm - self.middle_mm)))


def _growth(offset_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    growth: NDArray[np.float64] = np.clip(1.0 + GROWTH_PER_MM * offset_mm, 0.7, 1.3)
    return growth


def _split_long(labels: IntArray, along: NDArray[np.float64]) -> IntArray:
    """Take discs that grew together apart, where their amount along the spine has a valley."""
    result, fresh = labels.copy(), int(labels.max()) + 1
    for number in np.unique(labels):
        chosen = np.flatnonzero(labels == number)
        s = along[chosen]
        if np.ptp(s) < 26.0:
            continue
        amount = ndimage.gaussian_filter1d(np.bincount((s - s.min()).astype(np.intp)).astype(float), 2.5)
        for valley in _valleys(amount):
            result[chosen[s - s.min() > valley + 0.5]] = fresh
            fresh += 1
    return result


def _valleys(amount: NDArray[np.float64]) -> list[int]:
    """Deepest places between peaks at least 15 mm apart that fall below a third of the smaller peak."""
    padded = np.concatenate([[0.0], amount, [0.0]])
    peaks = [i for i in range(amount.size) if padded[i] < padded[i + 1] >= padded[i + 2] and amount[i] > 0.1 * amount.max()]
    found: list[int] = []
    last: int | None = None
    for peak in peaks:
        if last is not None:
            valley = last + int(np.argmin(amount[last : peak + 1]))
            if peak - last >= 15 and amount[valley] < min(amount[last], amount[peak]) / 3:
                found.append(valley)
            elif amount[peak] < amount[last]:
                continue
        last = peak
    return found


def _joined(groups: IntArray, points: Points, curve: SpineCurve) -> IntArray:
    """Put pieces of one disc together; fragments go to the nearest disc, or nowhere (-1)."""
    numbers, inverse, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    centres = np.stack([np.bincount(inverse, weights=points[:, axis]) / sizes for axis in range(3)], axis=1)
    along = curve.along(centres)
    target = np.full(numbers.size, -1, dtype=np.intp)
    order = np.argsort(-sizes)
    usual = float(np.median(sizes[order][: max(1, min(6, int((sizes > 0.25 * sizes.max()).sum())))]))
    for piece in order:
        leaders = np.flatnonzero(target == np.arange(numbers.size))
        gaps = np.abs(along[leaders] - along[piece]) if leaders.size else np.array([np.inf])
        if gaps.min() < SAME_DISC_MM:
            target[piece] = leaders[gaps.argmin()]
        elif sizes[piece] >= SMALL_SHARE * usual:
            target[piece] = piece
        elif gaps.min() < FRAGMENT_MM:
            target[piece] = leaders[gaps.argmin()]
    return target[inverse]
