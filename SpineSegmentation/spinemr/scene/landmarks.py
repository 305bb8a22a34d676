"""Where measurements are drawn: points of a label map in LPS, in the slice through the middle of each structure.

What is measured averages several slices; what is drawn lies in one. So that both say the same number, lines and angles take
the measured value where it is given, and their place and direction from the label map.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from spinemr.imaging.anatomy import Anatomy, StructureKind, disc_below, structure
from spinemr.imaging.geometry import WorkingFrame

Reals = NDArray[np.float64]
Triple = tuple[float, float, float]
Line = tuple[Triple, Triple]

_STRIP = 0.2
"""The share of a disc's depth, around its middle, that its height is taken from."""
_SPAN = 0.7
"""The share of an end plate, around its middle, that a line is laid through: corners are round."""
_LOWEST = tuple(disc_below(bone) for bone in (Anatomy.L6, Anatomy.L5, Anatomy.L4))
_MAIN_PIECE = 0.2
"""A piece of a vertebra with this share of its largest one may be the body; the foremost such is."""


def disc_lines(labels: sitk.Image, heights_mm: Mapping[int, float] | None = None) -> dict[int, Line]:
    """Upper and lower end of each disc's height, through its middle and across its long axis.

    ``heights_mm`` are measured heights by label: only discs that have one are drawn, with that length. Without, it is the
    mean distance between the two surfaces there.
    """
    scan = _Scan.of(labels)
    found = {}
    for label in np.unique(scan.values).tolist():
        if label == 0 or structure(label).kind is not StructureKind.DISC:
            continue
        if heights_mm is not None and not _positive(heights_mm.get(label)):
            continue
        index, points = scan.middle(label)
        axis, normal = _axes(points)
        along = (points - points.mean(axis=0)) @ axis
        half = max(_STRIP * np.ptp(along) / 2, scan.pixel_mm)
        strip = points[np.abs(along) <= half]
        height = heights_mm[label] if heights_mm else _height(strip, axis, normal, scan.pixel_mm)
        centre = strip.mean(axis=0)
        found[label] = scan.lps(index, centre - normal * height / 2), scan.lps(index, centre + normal * height / 2)
    return found


def lordosis_plates(labels: sitk.Image, lordosis_deg: float | None = None) -> tuple[Line, Line] | None:
    """The upper end plates of L1 and of S1, each from front to back; ``None`` where one is not in view.

    With a measured ``lordosis_deg`` the first is turned against the second by that angle.
    """
    scan = _Scan.of(labels)
    lowest = next((label for label in _LOWEST if (scan.values == label).any()), None)
    sacrum, first = int(Anatomy.SACRUM), int(Anatomy.L1)
    if lowest is None or not (scan.values == sacrum).any() or not (scan.values == first).any():
        return None
    index, disc = scan.middle(lowest)
    axis, normal = _axes(disc)
    lower = _plate(disc, axis, normal, scan.pixel_mm)
    body_index, body = scan.middle(first, foremost=True)
    below = disc_below(Anatomy.L1)
    body_axis, body_normal = _axes(scan.middle(below)[1]) if (scan.values == below).any() else (_BACK, _DOWN)
    upper = _plate(body, body_axis, -body_normal, scan.pixel_mm)
    if lordosis_deg is not None:
        upper = _leaning(upper, _lean(lower) - math.radians(lordosis_deg))
    ends = [scan.lps(body_index, point) for point in upper], [scan.lps(index, point) for point in lower]
    return (ends[0][0], ends[0][1]), (ends[1][0], ends[1][1])


@dataclass(frozen=True)
class _Scan:
    """A label map in the working frame, and points (row, column) in mm of its slices."""

    values: NDArray[np.unsignedinteger]
    image: sitk.Image

    @classmethod
    def of(cls, labels: sitk.Image) -> _Scan:
        working = WorkingFrame.of(labels).forward(labels)
        return cls(sitk.GetArrayFromImage(working), working)

    @property
    def pixel_mm(self) -> float:
        column, row, _ = self.image.GetSpacing()
        return float((column + row) / 2)

    def middle(self, label: int, *, foremost: bool = False) -> tuple[int, Reals]:
        """The slice through the middle of a structure, and its points there; of a vertebra those of the body."""
        mask = self.values == label
        area = mask.sum(axis=(1, 2))
        shown = np.flatnonzero(area)
        centre = float(np.average(shown, weights=area[shown]))
        index = int(shown[np.abs(shown - centre).argmin()])
        section = _foremost(mask[index]) if foremost else mask[index]
        column, row, _ = self.image.GetSpacing()
        return index, np.argwhere(section) * (row, column)

    def lps(self, index: int, point: Reals) -> Triple:
        column, row, _ = self.image.GetSpacing()
        place = (float(point[1] / column), float(point[0] / row), float(index))
        x, y, z = self.image.TransformContinuousIndexToPhysicalPoint(place)
        return float(x), float(y), float(z)


_BACK, _DOWN = np.array([0.0, 1.0]), np.array([1.0, 0.0])


def _axes(points: Reals) -> tuple[Reals, Reals]:
    """Long axis (to the back) and the one across (downward) of flat things."""
    centred = points - points.mean(axis=0)
    _, vectors = np.linalg.eigh(centred.T @ centred)
    axis = vectors[:, 1] if vectors[1, 1] >= 0 else -vectors[:, 1]
    if np.linalg.matrix_rank(centred) < 2 or axis[1] < abs(axis[0]):
        axis = _BACK
    return axis, np.array([axis[1], -axis[0]])


def _height(strip: Reals, axis: Reals, normal: Reals, pixel_mm: float) -> float:
    """The mean extent of a strip across the long axis, step by step along it."""
    steps = np.round((strip @ axis) / pixel_mm).astype(int)
    across = strip @ normal
    return float(np.mean([np.ptp(across[steps == step]) for step in np.unique(steps)])) + pixel_mm


def _plate(points: Reals, axis: Reals, outward: Reals, pixel_mm: float) -> tuple[Reals, Reals]:
    """Front and back of a line through the surface of a structure on one side."""
    along, height = points @ axis, points @ outward
    steps = np.round((along - along.min()) / pixel_mm).astype(int)
    surface = np.full(steps.max() + 1, -np.inf)
    np.maximum.at(surface, steps, height)
    places = along.min() + np.arange(len(surface)) * pixel_mm
    margin = (1 - _SPAN) / 2 * np.ptp(along)
    inner = np.isfinite(surface) & (places >= along.min() + margin - 1e-9) & (places <= along.max() - margin + 1e-9)
    if inner.sum() < 2:
        inner = np.isfinite(surface)
    slope, offset = np.polyfit(places[inner], surface[inner] + pixel_mm / 2, 1) if inner.sum() > 1 else (0.0, surface[inner][0])
    front, back = ((at * axis + (offset + slope * at) * outward) for at in (along.min(), along.max() + pixel_mm))
    return front, back


def _lean(plate: tuple[Reals, Reals]) -> float:
    """How far the front of a plate lies below its back, as an angle in radians."""
    front, back = plate
    return math.atan2(front[0] - back[0], back[1] - front[1])


def _leaning(plate: tuple[Reals, Reals], lean: float) -> tuple[Reals, Reals]:
    """A plate turned about its middle to a lean."""
    front, back = plate
    half = np.linalg.norm(back - front) / 2 * np.array([-math.sin(lean), math.cos(lean)])
    middle = (front + back) / 2
    return middle - half, middle + half


def _foremost(section: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The piece of a vertebra that lies in front: its body, where posterior elements carry the same number."""
    pieces, count = ndimage.label(section)
    numbers = np.arange(1, count + 1)
    sizes = np.bincount(pieces.ravel(), minlength=count + 1)[1:]
    columns = np.array([np.nonzero(pieces == number)[1].mean() for number in numbers])
    columns[sizes < _MAIN_PIECE * sizes.max()] = np.inf
    return np.asarray(pieces == numbers[columns.argmin()])


def _positive(value: float | None) -> bool:
    return value is not None and math.isfinite(value) and value > 0
