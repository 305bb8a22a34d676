"""Contrast by anatomy: each label gets another place on the grey scale, the background by its intensities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spinemr.imaging.anatomy import StructureKind, all_structures
from spinemr.imaging.errors import InputError
from spinemr.synthesis.augmentation.labelled import Sample
from spinemr.synthesis.augmentation.strength import Strength, drawn, refuse_outside
from spinemr.synthesis.tissue_map import ByteArray, FloatArray

Groups = tuple[tuple[int, ...], ...]
"""Labels that share a contrast, for instance all vertebrae; a label in no group stands for itself."""

STEEPEST_SHIFT = 3.0
"""Largest change of the background's shift per intensity, so that its noise grows fourfold at most."""

MEAN_MARGIN = 0.08
"""No label's mean is shifted closer to black or white than this, or its texture would be lost."""


@dataclass(frozen=True)
class PerLabelRedistribution:
    """``m + shift + scale (v - m)`` on the pixels of each label with mean m, then held within 0..1.

    ``shift`` (0..1) and ``spread`` (0..1, scale is ``2^(+-spread)``) are the largest changes of a label. The
    background (label 0) is one continuous curve through ``clusters`` (1..64) quantiles of its intensities, each
    shifted for itself as far as :data:`STEEPEST_SHIFT` lets neighbours differ. Changes blend over the pixels along
    a boundary, as partial volume does (``hard_edges`` turns that off).
    """

    shift: Strength = (0.1, 0.5)
    spread: Strength = (0.0, 1.0)
    clusters: int = 4
    groups: Groups = ()
    hard_edges: bool = False

    def __post_init__(self) -> None:
        """Refuse shifts out of the grey scale, fewer than one cluster and labels in two groups."""
        refuse_outside("The shift of a label", self.shift, 0, 1)
        refuse_outside("The spread of a label", self.spread, 0, 1)
        _refuse_clusters(self.clusters)
        group_table(self.groups)

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Draw a shift and a scale for each label, and a curve for the background."""
        shift, spread = drawn(self.shift, rng), drawn(self.spread, rng)
        shifts = (shift * rng.uniform(-1, 1, 256)).astype(np.float32)
        scales = (2 ** (spread * rng.uniform(-1, 1, 256))).astype(np.float32)
        curve = shift * rng.uniform(-1, 1, self.clusters)
        groups = np.take(group_table(self.groups), sample.labels)
        means = group_means(sample.image, groups)
        offsets = means * (1 - scales) + _within_grey_scale(means, shifts, MEAN_MARGIN)
        scales[0], offsets[0] = 1, 0
        scale, offset = np.take(scales, groups), np.take(offsets, groups)
        self._bend_background(offset, sample.image, groups == 0, curve)
        if not self.hard_edges:
            scale, offset = _softened(scale), _softened(offset)
        scale *= sample.image
        scale += offset
        return sample.with_image(np.clip(scale, 0, 1, out=scale))

    def _bend_background(
        self, offset: FloatArray, image: FloatArray, outside: NDArray[np.bool_], shifts: NDArray[np.float64]
    ) -> None:
        """Write the shift of every background pixel, linear between the cluster medians, into ``offset``."""
        values = image[outside]
        if values.size:
            centres = quantiles(values, (np.arange(self.clusters) + 0.5) / self.clusters)
            steps = np.diff(centres) * STEEPEST_SHIFT
            shifts = _within_grey_scale(centres, shifts, 0.0)
            bent = shifts[0] + np.concatenate(([0.0], np.cumsum(np.clip(np.diff(shifts), -steps, steps))))
            offset[outside] = np.interp(values, centres, bent)


@dataclass(frozen=True)
class RandomMixture:
    """SynthSeg (Billot et al. 2023, Arias Martinez 2024 II.C): every region becomes one Gaussian of random mean and deviation.

    Regions are the labels, each split into ``clusters_inside`` quantiles of its (slightly smoothed) intensities, and the
    background split into ``clusters`` (1..64 each). Means are uniform in 0..1, deviations in ``deviation`` (0..1);
    the result is held within 0..1.
    """

    clusters: int = 6
    clusters_inside: int = 2
    deviation: Strength = (0.01, 0.12)
    groups: Groups = ()

    def __post_init__(self) -> None:
        """Refuse negative deviations and fewer than one cluster."""
        refuse_outside("The deviation of a region", self.deviation, 0, 1)
        _refuse_clusters(self.clusters)
        _refuse_clusters(self.clusters_inside)
        group_table(self.groups)

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Draw a mean and a deviation for each region."""
        groups = np.take(group_table(self.groups), sample.labels)
        regions, count = self._regions(ndimage.gaussian_filter(sample.image, (0, 1, 1), truncate=2.0), groups)
        means = rng.random(count, dtype=np.float32)
        deviations = np.array([drawn(self.deviation, rng) for _ in range(count)], dtype=np.float32)
        image = rng.standard_normal(sample.shape, dtype=np.float32)
        image *= np.take(deviations, regions)
        image += np.take(means, regions)
        return sample.with_image(np.clip(image, 0, 1, out=image))

    def _regions(self, image: FloatArray, groups: ByteArray) -> tuple[NDArray[np.intp], int]:
        """The region number of each pixel, and how many there are."""
        regions, count = np.empty(image.size, np.intp), 0
        order = np.argsort(groups, axis=None, kind="stable")
        for inside in np.split(order, np.cumsum(np.bincount(groups.ravel()))[:-1]):
            if inside.size:
                values = image.ravel()[inside]
                wanted = self.clusters_inside if groups.ravel()[inside[0]] else self.clusters
                edges = quantiles(values, np.arange(1, wanted) / wanted)
                regions[inside] = count + np.searchsorted(edges, values, side="right")
                count += wanted
        return regions.reshape(image.shape), count


def group_table(groups: Groups) -> ByteArray:
    """For each label 0..255 the smallest label of its group, or itself; 0 is the background and belongs to none."""
    table = np.arange(256, dtype=np.uint8)
    members = [label for group in groups for label in group]
    if len(set(members)) != len(members) or any(not 1 <= label <= 255 for label in members):
        raise InputError("Groups of labels hold numbers from 1 to 255, each in one group only.")
    for group in groups:
        table[list(group)] = min(group)
    return table


def anatomy_groups() -> Groups:
    """Groups for label maps with the numbers of :mod:`spinemr.imaging.anatomy`: bodies, posterior elements, discs.

    The sacrum belongs to the bodies; cord and canal stand for themselves.
    """
    kinds = ((StructureKind.BODY, StructureKind.SACRUM), (StructureKind.POSTERIOR,), (StructureKind.DISC,))
    return tuple(tuple(s.label for s in all_structures() if s.kind in kind) for kind in kinds)


def quantiles(values: FloatArray, shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Quantiles of some 20000 evenly spread values: a hundredth of the time, and near enough to split a background."""
    return np.asarray(np.quantile(values[:: 1 + values.size // 20000], shares), dtype=np.float64)


def group_means(image: FloatArray, groups: ByteArray) -> FloatArray:
    """Mean intensity of each of 256 groups; 0 where a group has no pixel."""
    flat = groups.ravel()
    counts = np.bincount(flat, minlength=256)
    sums = np.bincount(flat, weights=image.ravel(), minlength=256)
    return (sums / np.maximum(counts, 1)).astype(np.float32)


def _within_grey_scale(means: NDArray[Any], shifts: NDArray[Any], margin: float) -> NDArray[Any]:
    """Shifts cut so that means end up within 0..1 less a margin; a mean that lies outside may stay."""
    ends: NDArray[Any] = np.clip(means + shifts, np.minimum(means, margin), np.maximum(means, 1 - margin))
    return np.asarray(ends - means)


def _softened(plane: FloatArray) -> FloatArray:
    """The binomial filter 1-2-1 along rows and columns, the edge repeated outwards."""
    for axis in (1, 2):
        padded = np.pad(plane, [(1, 1) if a == axis else (0, 0) for a in range(3)], mode="edge")
        low, middle, high = (np.moveaxis(padded, axis, 0)[i : i + plane.shape[axis]] for i in range(3))
        plane = np.moveaxis((low + high + 2 * middle) * np.float32(0.25), 0, axis)
    return np.ascontiguousarray(plane)


def _refuse_clusters(count: int) -> None:
    """Raise unless there is at least one cluster."""
    if not 1 <= count <= 64:
        raise InputError(f"The number of clusters must be from 1 to 64, not {count}.")
