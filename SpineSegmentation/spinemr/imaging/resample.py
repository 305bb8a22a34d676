"""Working slices onto the grid of a network and back, in the plane only and one slice at a time.

Images are interpolated with a tent as wide as the coarser of the two pixels (linear when refining, smoothing when
coarsening, so that nothing aliases). Labels travel by nearest neighbour or as probabilities: ids are never interpolated.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from spinemr.imaging.errors import GeometryError

AnyArray = NDArray[Any]
FloatArray = NDArray[np.float32]
Pair = tuple[float, float]


@dataclass(frozen=True)
class NetworkGrid:
    """The pixels a network sees, laid over slices of a given size and spacing: cropped or padded around a centre.

    All pairs are (rows, columns). ``centre`` is the source pixel (continuous index) that lies in the middle of the grid;
    without it the middles coincide.
    """

    source_size: tuple[int, int]
    source_spacing_mm: Pair
    size: tuple[int, int]
    spacing_mm: Pair
    centre: Pair | None = None

    def __post_init__(self) -> None:
        if min(*self.source_size, *self.size) < 1:
            raise GeometryError("A grid needs at least one row and one column.")
        if not all(0 < spacing < math.inf for spacing in (*self.source_spacing_mm, *self.spacing_mm)):
            raise GeometryError("The spacing of a grid has to be positive.")

    def to_grid(self, image: AnyArray, fill: float = 0.0) -> FloatArray:
        """An image ``[row][column]`` or ``[slice][row][column]`` on the network's grid; ``fill`` outside of it."""
        return _each_slice(image, self.source_size, lambda plane: self._interpolate(plane, self._towards, fill))

    def labels_to_grid(self, labels: AnyArray) -> AnyArray:
        """A label map on the network's grid: the nearest source pixel, background outside."""
        return _each_slice(labels, self.source_size, lambda plane: _nearest(plane, self._nearest_towards))

    def labels_back(self, labels: AnyArray) -> AnyArray:
        """A label map of the network's grid on the source's: the nearest network pixel, background outside."""
        return _each_slice(labels, self.size, lambda plane: _nearest(plane, self._nearest_backwards))

    def image_back(self, image: AnyArray, fill: float = 0.0) -> FloatArray:
        """An image of the network's grid (a harmonized slice) on the source's; ``fill`` where the network saw nothing."""
        return _each_slice(image, self.size, lambda plane: self._interpolate(plane, self._backwards, fill))

    def probabilities_back(self, probabilities: AnyArray) -> NDArray[np.uint8]:
        """The likeliest class of each source pixel, from ``[class][row][column]`` or ``[class][slice][row][column]``.

        Each class is interpolated by itself and the largest wins (the first of equals); class 0 where the network saw nothing.
        """
        if probabilities.ndim not in (3, 4) or probabilities.shape[0] > 256:
            raise ValueError("expected up to 256 classes on [class][row][column] or [class][slice][row][column]")
        if probabilities.ndim == 3:
            return self._likeliest(probabilities)
        labels = np.empty((probabilities.shape[1], *self.source_size), dtype=np.uint8)
        for index in range(probabilities.shape[1]):
            labels[index] = self._likeliest(probabilities[:, index])
        return labels

    def _likeliest(self, probabilities: AnyArray) -> NDArray[np.uint8]:
        _refuse_other_size(probabilities.shape[1:], self.size)
        best = self._interpolate(probabilities[0], self._backwards, fill=np.inf)
        labels = np.zeros(self.source_size, dtype=np.uint8)
        for index in range(1, probabilities.shape[0]):
            score = self._interpolate(probabilities[index], self._backwards, fill=0.0)
            higher = score > best
            labels[higher] = index
            best[higher] = score[higher]
        return labels

    @staticmethod
    def _interpolate(plane: AnyArray, maps: tuple[AxisMap, AxisMap], fill: float) -> FloatArray:
        rows, columns = maps
        result: FloatArray = (columns.weights @ (rows.weights @ plane.astype(np.float32)).T).T
        result[~rows.inside, :] = fill
        result[:, ~columns.inside] = fill
        return result

    @cached_property
    def _offsets(self) -> Pair:
        """Source index of the network's first row and column; whole pixels where both spacings agree (then nothing blurs)."""
        first = []
        for axis in (0, 1):
            middle = (self.source_size[axis] - 1) / 2 if self.centre is None else self.centre[axis]
            scale = self._scale(axis)
            start = middle - (self.size[axis] - 1) / 2 * scale
            first.append(float(np.floor(start + 0.5)) if scale == 1.0 else start)
        return first[0], first[1]

    def _scale(self, axis: int) -> float:
        """Source pixels a network pixel, exactly 1 where the spacings agree to 1e-6."""
        scale = self.spacing_mm[axis] / self.source_spacing_mm[axis]
        return 1.0 if abs(scale - 1) < 1e-6 else scale

    @cached_property
    def _towards(self) -> tuple[AxisMap, AxisMap]:
        return AxisMap.tent(self._seen(0), self.source_size[0]), AxisMap.tent(self._seen(1), self.source_size[1])

    @cached_property
    def _backwards(self) -> tuple[AxisMap, AxisMap]:
        return AxisMap.tent(self._found(0), self.size[0]), AxisMap.tent(self._found(1), self.size[1])

    @cached_property
    def _nearest_towards(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        return _round(self._seen(0), self.source_size[0]), _round(self._seen(1), self.source_size[1])

    @cached_property
    def _nearest_backwards(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        return _round(self._found(0), self.size[0]), _round(self._found(1), self.size[1])

    def _seen(self, axis: int) -> NDArray[np.float64]:
        """Where the network's pixels lie in the source."""
        return self._offsets[axis] + self._scale(axis) * np.arange(self.size[axis], dtype=np.float64)

    def _found(self, axis: int) -> NDArray[np.float64]:
        """Where the source's pixels lie in the network's grid."""
        return (np.arange(self.source_size[axis], dtype=np.float64) - self._offsets[axis]) / self._scale(axis)


@dataclass(frozen=True)
class AxisMap:
    """Interpolation along one axis: a sparse row of weights for each wanted position, and which lie inside."""

    weights: sparse.csr_array
    inside: NDArray[np.bool_]

    @classmethod
    def tent(cls, positions: NDArray[np.float64], length: int) -> AxisMap:
        """Weights ``max(0, 1 - |x - i| / width)`` normalised to sum 1, width the step of the positions but at least 1."""
        width = max(1.0, float(positions[1] - positions[0])) if positions.size > 1 else 1.0
        inside = (positions > -0.5 - 1e-9) & (positions < length - 0.5 + 1e-9)
        held = np.clip(positions, 0, length - 1)
        first = np.ceil(held - width).astype(int)
        taps = first[:, None] + np.arange(int(np.floor(2 * width)) + 1)
        weights = np.clip(1 - np.abs(held[:, None] - taps) / width, 0, None)
        weights[(taps < 0) | (taps >= length) | ~inside[:, None]] = 0
        total = weights.sum(axis=1, keepdims=True)
        weights = np.divide(weights, total, out=np.zeros_like(weights), where=total > 0).astype(np.float32)
        rows, columns = np.nonzero(weights)
        entries = (weights[rows, columns], (rows, taps[rows, columns]))
        return cls(sparse.csr_array(entries, shape=(positions.size, length)), inside)


def _round(positions: NDArray[np.float64], length: int) -> NDArray[np.intp]:
    """The nearest index (halves upwards), -1 outside of the image."""
    # A hair is added so that halves that lost their last bit go the same way as their neighbours.
    nearest = np.floor(positions + 0.5 + 1e-9).astype(np.intp)
    nearest[(nearest < 0) | (nearest >= length)] = -1
    return nearest


def _nearest(plane: AnyArray, indices: tuple[NDArray[np.intp], NDArray[np.intp]]) -> AnyArray:
    rows, columns = indices
    result = plane[np.ix_(rows, columns)]
    result[rows < 0, :] = 0
    result[:, columns < 0] = 0
    return result


def _each_slice(array: AnyArray, size: tuple[int, int], transform: Callable[[AnyArray], AnyArray]) -> AnyArray:
    _refuse_other_size(array.shape[-2:], size)
    if array.ndim == 2:
        return transform(array)
    if array.ndim != 3 or array.shape[0] == 0:
        raise ValueError("expected [row][column] or [slice][row][column]")
    first = transform(array[0])
    result = np.empty((array.shape[0], *first.shape), dtype=first.dtype)
    result[0] = first
    for index in range(1, array.shape[0]):
        result[index] = transform(array[index])
    return result


def _refuse_other_size(found: tuple[int, ...], expected: tuple[int, int]) -> None:
    if tuple(found) != tuple(expected):
        raise GeometryError(f"A slice of {found[0]} x {found[1]} pixels was given where {expected[0]} x {expected[1]} belong.")
