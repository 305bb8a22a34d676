"""Outlines of all bones of a label map, slice by slice, computed once and averaged over the middle of each structure."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spinemr.imaging.anatomy import Anatomy
from spinemr.segmentation.measurements.profiles import Frame2D, Outline, Plate, Reals, Strips, frame_of, outline_in

LabelArray = NDArray[np.unsignedinteger[Any]]
Spacing = tuple[float, float, float]

FULL_SHARE = 0.5
"""Slices with less than this share of a structure's largest area are its flanks."""
SACRAL_DEPTH_MM = 14.0
"""How deep below its end plate the sacrum is looked at: the body of S1."""
SACRAL_MARGIN_MM = 5.0
FINAL_DEGREE = 3
"""Degree of the curves in the final frame; while the frame still turns, parabolas are steadier."""
SACRAL_REACH_MM = 40.0
PARTS = 4
"""Each pixel is taken as so many parts along rows and columns."""
_UPRIGHT = np.array([1.0, 0.0])


class Outlines:
    """The end plates of every bone of a label map ``[slice][row][column]``."""

    def __init__(self, labels: LabelArray, spacing_mm: Spacing) -> None:
        self.labels, self.spacing_mm = labels, spacing_mm
        self.part_mm2 = spacing_mm[1] * spacing_mm[2] / PARTS**2
        self._outlines: dict[tuple[int, int], Outline | None] = {}
        self._plates: dict[tuple[int, int], Plate | None] = {}

    @cached_property
    def boxes(self) -> dict[int, tuple[slice, ...]]:
        """The box around each label that is there."""
        found: Sequence[tuple[slice, ...] | None] = ndimage.find_objects(self.labels.astype(np.int32, copy=False))
        return {label: box for label, box in enumerate(found, start=1) if box is not None}

    def middle_slices(self, label: int) -> list[int]:
        """The central third of the slices that show a structure fully (at least one)."""
        box = self.boxes[label]
        area = (self.labels[box] == label).sum(axis=(1, 2))
        full = np.flatnonzero(area >= FULL_SHARE * area.max())
        centre = float(np.average(full, weights=area[full]))
        count = max(1, round((full[-1] - full[0] + 1) / 3))
        first = round(centre - (count - 1) / 2)
        return [box[0].start + index for index in range(first, first + count) if area[min(max(index, 0), area.size - 1)] > 0]

    def cut_by_view(self, label: int) -> bool:
        """Whether a structure reaches the edge of its slices or of a stack of several."""
        box, shape = self.boxes[label], self.labels.shape
        axes = range(3) if shape[0] > 1 else range(1, 3)
        return any(box[axis].start == 0 or box[axis].stop == shape[axis] for axis in axes)

    def cut_in_slice(self, label: int) -> bool:
        """Whether a structure reaches the upper, lower, front or back edge: its end plates may be out of view."""
        box, shape = self.boxes[label], self.labels.shape
        return any(box[axis].start == 0 or box[axis].stop == shape[axis] for axis in (1, 2))

    def volume_mm3(self, label: int) -> float:
        """Number of voxels times their volume."""
        return float(np.count_nonzero(self.labels[self.boxes[label]] == label) * np.prod(self.spacing_mm))

    def points(self, label: int, slice_: int) -> Reals:
        """The largest area of a structure in a slice as points ``(y, h)`` in mm."""
        box = self.boxes[label]
        areas, count = ndimage.label(self.labels[slice_][box[1:]] == label)
        if count > 1:
            areas = areas == 1 + int(np.bincount(areas.ravel())[1:].argmax())
        rows, columns = np.nonzero(areas)
        return self._parts(rows + box[1].start, columns + box[2].start)

    def _parts(self, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> Reals:
        """The middles of the parts of pixels: whole pixels would beat against strips of nearly their size."""
        offsets = (np.arange(PARTS) + 0.5) / PARTS - 0.5
        h = (rows[:, None, None] + offsets[None, :, None]) * self.spacing_mm[1]
        y = (columns[:, None, None] + offsets[None, None, :]) * self.spacing_mm[2]
        return np.stack([part.ravel() for part in np.broadcast_arrays(y, h)], axis=1)

    def outline(self, label: int, slice_: int) -> Outline | None:
        """Both end plates of a body (or surfaces of a disc) in a slice."""
        key = (label, slice_)
        if key not in self._outlines:
            self._outlines[key] = self._measure(label, slice_)
        return self._outlines[key]

    def sacral_plate(self, disc: int, slice_: int) -> Plate | None:
        """The upper end plate of the sacrum under a disc, in a slice."""
        key = (disc, slice_)
        if key not in self._plates:
            self._plates[key] = self._measure_sacrum(disc, slice_)
        return self._plates[key]

    def _measure(self, label: int, slice_: int) -> Outline | None:
        points = self.points(label, slice_)
        if len(points) < 20 * PARTS**2:
            return None
        frame = frame_of(points, _flat_axis(points) if label > 100 else _UPRIGHT, 3, self.part_mm2)
        return None if frame is None else outline_in(points, frame, self.part_mm2, FINAL_DEGREE)

    def _measure_sacrum(self, disc: int, slice_: int) -> Plate | None:
        above = self.outline(disc, slice_)
        if above is None or Anatomy.SACRUM not in self.boxes:
            return None
        rows, columns = np.nonzero(self.labels[slice_] == Anatomy.SACRUM)
        plate = above.lower
        y, h = columns * self.spacing_mm[2], rows * self.spacing_mm[1]
        near = np.hypot(y - plate.middle[0], h - plate.middle[1]) < SACRAL_REACH_MM
        sacrum = self._parts(rows[near], columns[near])
        for _ in range(3):
            found = self._sacral_round(sacrum, plate, above.depth_mm)
            if found is None:
                return None
            plate = found
        return plate

    def _sacral_round(self, sacrum: Reals, plate: Plate, depth_mm: float) -> Plate | None:
        frame = Frame2D(0.5 * (plate.front + plate.back), -plate.forward)
        along, across = frame.local(sacrum)
        near = (np.abs(along) < 0.5 * depth_mm + SACRAL_MARGIN_MM) & (np.abs(across) < SACRAL_DEPTH_MM)
        strips = Strips.of(along[near], across[near], self.part_mm2)
        return None if strips is None else strips.plate(frame, SACRAL_DEPTH_MM - strips.height)


def _flat_axis(points: Reals) -> Reals:
    """The direction of largest extent, pointing to the back: a disc is wider than it is high."""
    _, vectors = np.linalg.eigh(np.cov(points.T))
    axis: Reals = vectors[:, 1] * (np.sign(vectors[0, 1]) or 1.0)
    return axis if axis[0] > 0.5 else _UPRIGHT
