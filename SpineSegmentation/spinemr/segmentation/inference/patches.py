"""Networks of volumes: patches slide over a study at the network's own spacing, their overlaps fused with Gaussian weights.

As Arias Martinez 2024 does it (II.F): patches half a patch apart, each voxel the mean of all that saw it, weighted so that what
lies in the middle of a patch counts most.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinemr.imaging.network_file import FloatArray
from spinemr.imaging.progress import Progress, ProgressCallback, silent
from spinemr.imaging.resample import AxisMap, NetworkGrid
from spinemr.segmentation.inference.runtime import Runtime

Triple = tuple[int, int, int]

SIGMA_SHARE = 1 / 8
"""Standard deviation of the weights, as a share of the patch along each axis."""


@dataclass(frozen=True)
class VolumeGrid:
    """The voxels a network sees, laid over a whole stack (slices, rows, columns) with its middle in the same place."""

    source_size: Triple
    source_spacing_mm: tuple[float, float, float]
    pixel_mm: float
    slice_mm: float

    @cached_property
    def plane(self) -> NetworkGrid:
        """The grid within each slice."""
        rows, columns = self.source_size[1:]
        row_mm, column_mm = self.source_spacing_mm[1:]
        size = (_covering(rows * row_mm, self.pixel_mm), _covering(columns * column_mm, self.pixel_mm))
        return NetworkGrid((rows, columns), (row_mm, column_mm), size, (self.pixel_mm, self.pixel_mm))

    @cached_property
    def slices(self) -> int:
        """How many slices the network sees."""
        return _covering(self.source_size[0] * self.source_spacing_mm[0], self.slice_mm)

    def to_grid(self, image: NDArray[Any]) -> FloatArray:
        """An image ``[slice][row][column]`` on the network's voxels."""
        count = self.source_size[0]
        planes = self.plane.to_grid(image).reshape(count, -1)
        seen = AxisMap.tent(self._positions(self.slices, count, self.slice_mm / self.source_spacing_mm[0]), count)
        return np.ascontiguousarray(seen.weights @ planes, dtype=np.float32).reshape(self.slices, *self.plane.size)

    def labels_to_grid(self, labels: NDArray[Any]) -> NDArray[Any]:
        """A label map on the network's voxels: the nearest voxel of the source."""
        count = self.source_size[0]
        seen = self._positions(self.slices, count, self.slice_mm / self.source_spacing_mm[0])
        nearest = np.clip(np.floor(seen + 0.5 + 1e-9), 0, count - 1).astype(np.intp)
        return self.plane.labels_to_grid(labels[nearest])

    def back(self, shares: FloatArray) -> Iterator[tuple[NDArray[np.uint8], FloatArray]]:
        """For each slice of the source its likeliest classes and how likely they are, from ``[class][slice][row][column]``."""
        count = self.source_size[0]
        found = AxisMap.tent(self._positions(count, self.slices, self.source_spacing_mm[0] / self.slice_mm), self.slices)
        for index in range(count):
            row = found.weights[[index]].tocoo()
            mixed = sum(shares[:, place] * weight for place, weight in zip(row.coords[1], row.data, strict=True))
            plane = np.asarray(mixed, dtype=np.float32)
            yield self.plane.probabilities_back(plane), self.plane.image_back(plane.max(axis=0), fill=1.0)

    @staticmethod
    def _positions(wanted: int, there: int, step: float) -> NDArray[np.float64]:
        positions: NDArray[np.float64] = (there - 1) / 2 + (np.arange(wanted, dtype=np.float64) - (wanted - 1) / 2) * step
        return positions


def slide(volume: FloatArray, patch: Triple, runtime: Runtime, progress: ProgressCallback = silent) -> FloatArray:
    """Probabilities ``[class][slice][row][column]`` of a volume, patch by patch; zeros lie around one smaller than a patch."""
    padded, inside = _padded(volume, patch)
    weights = gaussian_weights(patch)
    places = list(product(*(starts(length, size) for length, size in zip(padded.shape, patch, strict=True))))
    fused: FloatArray | None = None
    total = np.zeros(padded.shape, np.float32)
    for number, place in enumerate(places, start=1):
        window = tuple(slice(start, start + size) for start, size in zip(place, patch, strict=True))
        shares = runtime(np.ascontiguousarray(padded[window])[None, None])[0]
        if fused is None:
            fused = np.zeros((len(shares), *padded.shape), np.float32)
        fused[(slice(None), *window)] += shares * weights
        total[window] += weights
        progress(Progress("segment", number / len(places), f"patch {number} of {len(places)}"))
    assert fused is not None  # there is always a first patch
    fused /= total
    return fused[(slice(None), *inside)]


def starts(length: int, size: int) -> list[int]:
    """Where patches begin along an axis: half a patch apart, the last one at the end."""
    return [*range(0, length - size, max(1, size // 2)), length - size]


def gaussian_weights(patch: Triple) -> FloatArray:
    """``exp(-d^2 / 2)`` of the distance from the middle in standard deviations; in the corners still above 1e-11."""
    weights = np.ones(patch)
    for axis, size in enumerate(patch):
        distance = (np.arange(size) - (size - 1) / 2) / (SIGMA_SHARE * size)
        weights *= np.exp(-(distance**2) / 2).reshape([-1 if a == axis else 1 for a in range(3)])
    return weights.astype(np.float32)


def _padded(volume: FloatArray, patch: Triple) -> tuple[FloatArray, tuple[slice, ...]]:
    """A volume at least as large as a patch, and where the given one lies in it."""
    missing = [max(0, size - length) for length, size in zip(volume.shape, patch, strict=True)]
    inside = tuple(slice(gap // 2, gap // 2 + length) for gap, length in zip(missing, volume.shape, strict=True))
    return np.pad(volume, [(gap // 2, gap - gap // 2) for gap in missing]), inside


def _covering(extent_mm: float, spacing_mm: float) -> int:
    return max(1, math.ceil(extent_mm / spacing_mm - 1e-6))
