"""The depth of the spinal canal, across its own direction, in the midline."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from spinemr.imaging.anatomy import Anatomy
from spinemr.segmentation.measurements.outlines import LabelArray, Spacing
from spinemr.segmentation.measurements.profiles import Reals

WINDOW_MM = 12.0
"""Up and down from the disc, the stretch that gives the canal's direction."""
BAND_MM = 3.0
"""Thickness of the band whose area gives the depth."""


def canal_depth_mm(labels: LabelArray, spacing_mm: Spacing, slices: list[int], behind: Reals) -> float:
    """Largest front-to-back diameter over the middle slices, at the height of a point ``(y, h)`` on its front wall."""
    depths = [_depth_in(labels[index], spacing_mm, behind) for index in slices]
    finite = [depth for depth in depths if math.isfinite(depth)]
    return max(finite) if finite else math.nan


def middle_slices(labels: LabelArray, spacing_mm: Spacing, height_mm: float) -> list[int]:
    """The slices in the middle third of the canal's width at a height."""
    rows = slice(max(0, int((height_mm - WINDOW_MM) / spacing_mm[1])), int((height_mm + WINDOW_MM) / spacing_mm[1]) + 1)
    area = _canal(labels[:, rows]).sum(axis=(1, 2))
    if not area.any():
        return []
    seen = np.flatnonzero(area > 0.5 * area.max())
    middle = float(np.average(seen, weights=area[seen]))
    reach = max(0.5, seen.size / 6)
    return [int(index) for index in seen if abs(index - middle) <= reach] or [round(middle)]


def _canal(labels: LabelArray) -> NDArray[np.bool_]:
    inside: NDArray[np.bool_] = (labels == Anatomy.CANAL) | (labels == Anatomy.CORD)
    return inside


def _depth_in(plane: LabelArray, spacing_mm: Spacing, behind: Reals) -> float:
    rows, columns = np.nonzero(_canal(plane))
    y, h = columns * spacing_mm[2], rows * spacing_mm[1]
    near = (np.abs(h - behind[1]) < WINDOW_MM) & (y - behind[0] < 35.0) & (y - behind[0] > -15.0)
    if near.sum() < 30:
        return math.nan
    y, h = y[near], h[near]
    slope = _lean(y, h)
    down = np.array([slope, 1.0]) / math.hypot(slope, 1.0)
    along = (y - behind[0]) * down[0] + (h - behind[1]) * down[1]
    inside = np.abs(along) < BAND_MM / 2
    return float(inside.sum() * spacing_mm[1] * spacing_mm[2] / BAND_MM) if inside.any() else math.nan


def _lean(y: Reals, h: Reals) -> float:
    """How far the middle of the canal moves back per mm down."""
    heights, inverse = np.unique(h, return_inverse=True)
    middle = np.bincount(inverse, weights=y) / np.bincount(inverse)
    return float(np.polyfit(heights, middle, 1)[0]) if heights.size > 3 else 0.0
