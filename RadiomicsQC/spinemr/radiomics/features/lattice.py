"""Grey levels as one row of numbers in which every neighbour lies a fixed stride away, and what counts as a neighbour.

Each axis gets a margin of zeros behind its last voxel, as wide as the furthest neighbour asked for. In the row that margin also
stands before the next line's first voxel: the neighbour in a direction is always at ``p + stride``, and is 0 outside the mask.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from spinemr.imaging.errors import InputError
from spinemr.radiomics.settings import Settings

MOST_LEVELS = 8192
"""A square matrix of as many levels takes half a gigabyte."""

Ranks = NDArray[np.unsignedinteger[Any]]


class Direction(NamedTuple):
    """From a voxel to one of its neighbours; the opposite direction is left out."""

    steps: tuple[int, int, int]
    """In voxels along z, y, x of the image."""
    stride: int
    """In the row of the lattice; above 0."""


@dataclass(frozen=True, eq=False)
class Lattice:
    """The row, and how it was laid out. In a planar lattice slices have no neighbours in other slices."""

    ranks: Ranks
    """0 outside the mask, else the level's place among the levels that occur: 1 for the lowest."""
    values: NDArray[np.float64]
    """The level of each rank, beginning with rank 1."""
    highest: int
    """The highest level of the region, a slice of which this may be."""
    axes: tuple[int, int, int]
    """Which axes of the image the lattice's own axes are; the slice axis comes first."""
    size: tuple[int, int, int]
    margin: tuple[int, int, int]

    @property
    def strides(self) -> tuple[int, int, int]:
        """One step along each of the lattice's axes."""
        row = self.size[2] + self.margin[2]
        return (row * (self.size[1] + self.margin[1]), row, 1)

    @cached_property
    def inside(self) -> NDArray[np.bool_]:
        """Where the row holds a voxel of the mask."""
        inside: NDArray[np.bool_] = self.ranks > 0
        return inside

    @cached_property
    def places(self) -> NDArray[np.intp]:
        """The voxels of the mask."""
        return np.flatnonzero(self.inside)

    @cached_property
    def voxels(self) -> NDArray[np.intp]:
        """How many voxels each rank has, beginning with rank 1."""
        return np.bincount(self.ranks, minlength=len(self.values) + 1)[1:]

    @property
    def length(self) -> int:
        """Voxels of the box with its margins; behind them stand as many zeros as the longest stride has."""
        return self.strides[0] * (self.size[0] + self.margin[0])

    @property
    def longest_stride(self) -> int:
        """To the furthest neighbour."""
        return sum(stride * width for stride, width in zip(self.strides, self.margin, strict=True))

    def directions(self, distances: tuple[int, ...] = (1,)) -> list[Direction]:
        """Half of all neighbours at the given distances by the infinity norm that fit into the box (13 of 26 at distance 1)."""
        found = []
        for steps in product(*(range(-most, most + 1) for most in self.margin)):
            first = next((step for step in steps if step), 0)
            if first > 0 and max(map(abs, steps)) in distances:
                stride = sum(step * stride for step, stride in zip(steps, self.strides, strict=True))
                image = dict(zip(self.axes, steps, strict=True))
                found.append(Direction((image[0], image[1], image[2]), stride))
        return found

    def slices(self) -> Iterator[Lattice]:
        """Each slice of a planar lattice that holds a voxel of the mask, as a lattice of its own."""
        length = self.strides[0]
        tail = np.zeros(self.longest_stride, self.ranks.dtype)
        for index in range(self.size[0]):
            ranks = self.ranks[index * length : (index + 1) * length]
            if ranks.any():
                yield replace(self, ranks=np.concatenate([ranks, tail]), size=(1, *self.size[1:]))


def lay_out(levels: NDArray[np.int32], present: NDArray[np.intp], reach: int, slice_axis: int | None = None) -> Lattice:
    """The lattice of levels ``[z][y][x]`` of which those ``present`` occur; planar where ``slice_axis`` is given."""
    axes = ((0, 1, 2), (1, 0, 2), (2, 0, 1))[slice_axis or 0]
    block = levels.transpose(axes)
    size = (block.shape[0], block.shape[1], block.shape[2])
    reaches = (reach if slice_axis is None else 0, reach, reach)
    margin = (min(reaches[0], size[0] - 1), min(reaches[1], size[1] - 1), min(reaches[2], size[2] - 1))
    highest = int(present[-1])
    if len(present) > MOST_LEVELS:
        raise InputError(f"The region has {len(present)} grey levels; at most {MOST_LEVELS} can be.", "Set a wider binWidth.")
    rank: Ranks = np.zeros(highest + 1, dtype=np.uint8 if len(present) < 256 else np.uint16)
    rank[present] = np.arange(1, len(present) + 1)
    lattice = Lattice(rank, present.astype(np.float64), highest, axes, size, margin)
    row: Ranks = np.zeros(lattice.length + lattice.longest_stride, rank.dtype)
    box = row[: lattice.length].reshape([extent + width for extent, width in zip(size, margin, strict=True)])
    box[: size[0], : size[1], : size[2]] = block if len(present) == highest else rank[block]
    return replace(lattice, ranks=row)


class Uniting(NamedTuple):
    """How directions and slices come together (IBSI, sections 3.6 to 3.11)."""

    slice_axis: int | None
    """Neighbours within slices across this axis only; ``None``: in three dimensions."""
    by_slice: bool
    """One matrix a slice, features averaged over slices (2D); else one matrix of all slices (2.5D)."""
    merged: bool
    """All directions in one matrix; else features averaged over directions."""


def uniting(settings: Settings) -> Uniting:
    """What the settings ask for; by default what pyradiomics does: directions averaged, slices (``force_2d``) merged."""
    if settings.force_2d_dimension not in (0, 1, 2):
        raise InputError(f"force2Ddimension is 0, 1 or 2, not {settings.force_2d_dimension}.")
    if not settings.distances or min(settings.distances) < 1:
        raise InputError("Distances of neighbours are whole voxels, 1 or more.", "Set distances, for example to [1].")
    dimension, _, how = settings.aggregation.partition("_")
    planar = settings.force_2d if dimension == "default" else dimension != "3d"
    return Uniting(settings.force_2d_dimension if planar else None, dimension == "2d", how == "merged")
