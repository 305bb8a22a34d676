"""Changes of shape and place, of image and labels alike: affine, elastic, crop and flip.

Deformations act within sagittal slices (rows and columns) and in millimetres, so that a rotation stays a
rotation on oblong pixels; an elastic field changes smoothly from slice to slice. Images are interpolated,
labels take their nearest neighbour; what comes from outside is 0 in both.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from spinemr.imaging.errors import InputError
from spinemr.synthesis.augmentation.labelled import Sample
from spinemr.synthesis.augmentation.strength import Strength, drawn, refuse_outside
from spinemr.synthesis.augmentation.warp import warped
from spinemr.synthesis.fields import blow_up
from spinemr.synthesis.tissue_map import FloatArray

FOLD_FREE_SHARE = 0.4
"""Nodes that move less than this share of their distance cannot fold a cubic B-spline (Choi & Lee 2000: .48 in 2D, .4 in 3D)."""


@dataclass(frozen=True)
class Affine:
    """Rotation about the middle (positive tips the head backwards), scale (2 shows things twice as large) and shift.

    ``scale`` (0.1..10) is drawn once, ``shift_mm`` for rows and columns each. ``order`` 1 is linear, 3 cubic.
    """

    rotation_deg: Strength = (-12.0, 12.0)
    scale: Strength = (0.6, 1.25)
    shift_mm: Strength = (-10.0, 10.0)
    order: int = 1

    def __post_init__(self) -> None:
        """Refuse scales near zero and unknown interpolation."""
        refuse_outside("The rotation in degrees", self.rotation_deg, -180, 180)
        refuse_outside("The scale", self.scale, 0.1, 10)
        refuse_outside("The shift in mm", self.shift_mm, -1000, 1000)
        _refuse_order(self.order)

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Deform alone; :class:`AffineElastic` does both with one interpolation."""
        return warped(sample, *self.sources(sample, rng), self.order)

    def sources(self, sample: Sample, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        """Row and column (in pixels) that each pixel of a slice takes its value from."""
        angle, scale = np.deg2rad(drawn(self.rotation_deg, rng)), drawn(self.scale, rng)
        shift_down, shift_back = drawn(self.shift_mm, rng), drawn(self.shift_mm, rng)
        _, rows, columns = sample.shape
        _, height, width = sample.spacing_mm
        down = (np.arange(rows) - (rows - 1) / 2) * height - shift_down
        back = (np.arange(columns) - (columns - 1) / 2) * width - shift_back
        cos, sin = np.cos(angle) / scale, np.sin(angle) / scale
        source_down = _pixels(down * cos, height, rows)[:, None] - (back * sin / height).astype(np.float32)
        source_back = (down * sin / width).astype(np.float32)[:, None] + _pixels(back * cos, width, columns)
        return source_down, source_back


@dataclass(frozen=True)
class Elastic:
    """A smooth random displacement: normal nodes ``node_spacing_mm`` apart, blown up by cubic B-splines.

    ``displacement_mm`` (0 and more) is the deviation of the nodes, about twice that of the pixels. Nodes are held below
    the fold-free share of their distance, so a structure can bend but never tear or fold.
    """

    displacement_mm: Strength = (0.0, 7.0)
    node_spacing_mm: float = 40.0
    order: int = 1

    def __post_init__(self) -> None:
        """Refuse negative displacements and a grid of nothing."""
        refuse_outside("The displacement in mm", self.displacement_mm, 0)
        refuse_outside("The node spacing in mm", self.node_spacing_mm, 1)
        _refuse_order(self.order)

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Deform alone."""
        rows, columns = (np.arange(n, dtype=np.float32) for n in sample.shape[1:])
        down, back = self.displacements(sample, rng)
        down += rows[:, None]
        back += columns
        return warped(sample, down, back, self.order)

    def displacements(self, sample: Sample, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        """Displacement of every pixel of every slice along rows and columns, in pixels."""
        deviation = np.float32(drawn(self.displacement_mm, rng))
        extents = [(n - 1) * spacing for n, spacing in zip(sample.shape, sample.spacing_mm, strict=True)]
        nodes = [1 + round(extent / self.node_spacing_mm) for extent in extents]
        nodes[1:] = [max(2, n) for n in nodes[1:]]
        limit = FOLD_FREE_SHARE * min(extent / (n - 1) for extent, n in zip(extents[1:], nodes[1:], strict=True))
        values = np.clip(rng.standard_normal((2, *nodes), dtype=np.float32) * deviation, -limit, limit)
        down, back = (blow_up(v / np.float32(s), sample.shape) for v, s in zip(values, sample.spacing_mm[1:], strict=True))
        return down, back


@dataclass(frozen=True)
class AffineElastic:
    """Both deformations with one interpolation (the affine part's order): faster and sharper than one after the other."""

    affine: Affine = field(default_factory=Affine)
    elastic: Elastic = field(default_factory=Elastic)

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Look where the affine part points, and from there where the elastic part moves it."""
        rows, columns = self.affine.sources(sample, rng)
        down, back = self.elastic.displacements(sample, rng)
        down += rows
        back += columns
        return warped(sample, down, back, self.affine.order)


@dataclass(frozen=True)
class Crop:
    """A window of given size at a random place, or in the middle; an axis left ``None`` stays whole.

    Where the sample is smaller than the window it lies in the middle, zeros around it.
    """

    slices: int | None = None
    rows: int | None = None
    columns: int | None = None
    centred: bool = False

    def __post_init__(self) -> None:
        """Refuse empty windows."""
        if any(n is not None and n < 1 for n in (self.slices, self.rows, self.columns)):
            raise InputError(f"A crop needs at least one slice, row and column, not {self.slices}, {self.rows}, {self.columns}.")

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Cut, and pad where there is too little."""
        sizes = [wanted or n for wanted, n in zip((self.slices, self.rows, self.columns), sample.shape, strict=True)]
        image, labels = np.zeros(sizes, np.float32), np.zeros(sizes, np.uint8)
        places = [self._place(n, wanted, rng) for n, wanted in zip(sample.shape, sizes, strict=True)]
        source, target = tuple(p[0] for p in places), tuple(p[1] for p in places)
        image[target], labels[target] = sample.image[source], sample.labels[source]
        return replace(sample, image=image, labels=labels)

    def _place(self, size: int, wanted: int, rng: np.random.Generator) -> tuple[slice, slice]:
        """Where one axis is read and where it is written."""
        spare, count = abs(size - wanted), min(size, wanted)
        start = int(rng.integers(spare + 1)) if size > wanted and not self.centred else spare // 2
        inside, whole = slice(start, start + count), slice(0, count)
        return (inside, whole) if size >= wanted else (whole, inside)


@dataclass(frozen=True)
class Flip:
    """Mirror with a probability (0..1) each: slices (left-right), columns (antero-posterior), rows (head-foot)."""

    left_right: float = 0.5
    antero_posterior: float = 0.5
    head_foot: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what is no probability."""
        if not all(0 <= p <= 1 for p in (self.left_right, self.antero_posterior, self.head_foot)):
            raise InputError("The probabilities of a flip must be from 0 to 1.")

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Toss once for each direction."""
        chances = (self.left_right, self.head_foot, self.antero_posterior)
        axes = tuple(axis for axis, p in enumerate(chances) if rng.random() < p)
        if not axes:
            return sample
        image, labels = np.flip(sample.image, axes), np.flip(sample.labels, axes)
        return replace(sample, image=np.ascontiguousarray(image), labels=np.ascontiguousarray(labels))


def _pixels(position_mm: NDArray[np.float64], spacing_mm: float, size: int) -> FloatArray:
    """Positions about the middle of an axis as pixels."""
    return (position_mm / spacing_mm + (size - 1) / 2).astype(np.float32)


def _refuse_order(order: int) -> None:
    """Raise unless the interpolation is linear or cubic."""
    if order not in (1, 3):
        raise InputError(f"The interpolation order must be 1 (linear) or 3 (cubic), not {order}.")
