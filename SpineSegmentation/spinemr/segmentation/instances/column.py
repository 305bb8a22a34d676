"""Which of the voxels belong to the spine: the largest column of bodies and discs, and what lies on its curve."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spinemr.segmentation.classes import NetworkClass
from spinemr.segmentation.instances.geometry import BoolArray, ByteArray, Points, Spacing, SpineCurve, mask_points, points_of
from spinemr.segmentation.instances.report import NoLumbarSpineError

ON_CURVE_MM = 18.0
"""How far the middle of a separate piece may lie from the curve."""
WIDENING, LARGE_SHARE = 0.3, 0.05
"""Beyond the ends of the curve, large pieces may lie farther off, by this much a mm: the spine bends."""
MIN_COLUMN_MM3 = 4000.0
"""Less than this (a quarter of one vertebral body) in several slices is no spine."""
MIN_COLUMN_MM2 = 600.0
"""The same for one slice."""
_COARSE_MM = 1.5
_BRIDGE_MM = 4.0


@dataclass(frozen=True)
class Column:
    """Bodies and discs of the spine, and the curve through them."""

    member: BoolArray
    """Voxels of bodies, discs and sacrum that belong to the spine."""
    curve: SpineCurve
    left_out_share: float
    """Bodies and discs that lie elsewhere, as a share of those on the spine."""


def find_column(classes: ByteArray, spacing_mm: Spacing) -> Column:
    """The column with the most body and disc, and every other piece on its curve."""
    core = (classes == NetworkClass.BODY) | (classes == NetworkClass.DISC)
    _refuse_too_little(core, spacing_mm)
    pieces, count = _pieces(core | (classes == NetworkClass.SACRUM), spacing_mm)
    size = np.bincount(pieces[core], minlength=count + 1)
    size[0] = 0
    chosen = size == size.max()
    for _ in range(4):
        curve = SpineCurve.fit(mask_points(core & chosen[pieces], spacing_mm))
        chosen |= _on_curve(pieces, core, curve, spacing_mm, count)
    curve = SpineCurve.fit(mask_points(core & chosen[pieces], spacing_mm))
    left_out = float(size[~chosen].sum() / max(size[chosen].sum(), 1))
    return Column(chosen[pieces] | (classes == NetworkClass.SACRUM), curve, left_out)


def _refuse_too_little(core: BoolArray, spacing_mm: Spacing) -> None:
    areas = core.sum(axis=(1, 2)) * spacing_mm[1] * spacing_mm[2]
    if areas.max(initial=0.0) < MIN_COLUMN_MM2 or (len(core) > 1 and areas.sum() * spacing_mm[0] < MIN_COLUMN_MM3):
        raise NoLumbarSpineError("hardly any vertebral body or disc was recognised")


def _pieces(mask: BoolArray, spacing_mm: Spacing) -> tuple[NDArray[np.signedinteger[Any]], int]:
    """Connected pieces, bridged over small gaps, found on a coarse grid."""
    steps = [max(1, int(_COARSE_MM / spacing)) for spacing in spacing_mm]
    coarse = _any_of_blocks(mask, steps)
    reach = [int(np.ceil(_BRIDGE_MM / 2 / (step * spacing))) for step, spacing in zip(steps[1:], spacing_mm[1:], strict=True)]
    bridge = np.ones((1, 2 * reach[0] + 1, 2 * reach[1] + 1), dtype=bool)
    labels, count = ndimage.label(ndimage.binary_dilation(coarse, bridge), np.ones((3, 3, 3)))
    for axis, step in enumerate(steps):
        labels = np.repeat(labels, step, axis=axis) if step > 1 else labels
    whole = labels[tuple(slice(0, size) for size in mask.shape)]
    return np.where(mask, whole, 0), int(count)


def _any_of_blocks(mask: BoolArray, steps: list[int]) -> BoolArray:
    padded = np.pad(mask, [(0, -size % step) for size, step in zip(mask.shape, steps, strict=True)])
    shape = [part for size, step in zip(padded.shape, steps, strict=True) for part in (size // step, step)]
    return np.asarray(padded.reshape(shape).any(axis=(1, 3, 5)), dtype=bool)


def _on_curve(
    pieces: NDArray[np.signedinteger[Any]], core: BoolArray, curve: SpineCurve, spacing_mm: Spacing, count: int
) -> BoolArray:
    index = np.nonzero(core)
    label = pieces[index]
    number = np.bincount(label, minlength=count + 1)
    centres = np.zeros((count + 1, 3))
    points = points_of(index, spacing_mm)
    for axis in range(3):
        centres[:, axis] = np.bincount(label, weights=points[:, axis], minlength=count + 1) / np.maximum(number, 1)
    beyond = np.maximum(np.maximum(curve.top_mm - centres[:, 2], centres[:, 2] - curve.bottom_mm), 0.0)
    large = number > LARGE_SHARE * number.max()
    limit = ON_CURVE_MM + np.where(large, np.minimum(WIDENING * beyond, ON_CURVE_MM), 0.0)
    near: BoolArray = (number > 0) & (_lateral_free_distance(curve, centres) < limit)
    near[0] = False
    return near


def _lateral_free_distance(curve: SpineCurve, centres: Points) -> NDArray[np.float64]:
    """Distance from the curve within the sagittal plane: a piece seen only on one side is still on the spine."""
    on_curve = centres.copy()
    on_curve[:, 0] = curve.at(centres[:, 2])[:, 0]
    return curve.distance(on_curve)
