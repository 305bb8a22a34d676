"""Grey levels: intensities put into bins, as pyradiomics does it and as the IBSI reference manual does it.

The two differ in where the first bin of a given width begins. pyradiomics: at the last multiple of the width at or below the
minimum, so that bins lie at the same intensities in every region. IBSI (section 2.7): at the minimum itself, or at the lower
limit of an absolute re-segmentation range.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from spinemr.imaging.errors import InputError
from spinemr.radiomics.features.lattice import Lattice, lay_out
from spinemr.radiomics.region import Region, Values
from spinemr.radiomics.settings import Settings

MOST_BINS = 1_000_000
"""More than this is a unit taken for another, not a question about texture."""

NEAR = 1e-6
"""Closer than this share of a bin to an edge, a value is compared with the edge itself."""


@dataclass(frozen=True, eq=False)
class Levels:
    """The grey levels of a region."""

    levels: NDArray[np.int32]
    """``[z][y][x]``: 1 to ``count`` inside the mask, 0 outside."""
    count: int
    """The highest level; lower ones may be missing."""
    edges: Values
    """Where bin 1 begins, bin 2 begins, and so on; the last one is the end of the last bin."""
    _lattices: dict[tuple[int, int], Lattice] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def occurring(self) -> NDArray[np.intp]:
        """The levels that some voxel has, ascending."""
        there = np.zeros(self.count + 1, dtype=bool)
        there[self.levels.ravel()] = True
        return np.flatnonzero(there[1:]) + 1

    def lattice(self, reach: int = 1, slice_axis: int | None = None) -> Lattice:
        """The levels laid out for neighbours up to ``reach`` voxels away; made once, shared by all feature classes."""
        key = (reach, -1 if slice_axis is None else slice_axis)
        if key not in self._lattices:
            self._lattices[key] = lay_out(self.levels, self.occurring, reach, slice_axis)
        return self._lattices[key]


def discretize(region: Region, settings: Settings) -> Levels:
    """The grey levels of a region: by number of bins where ``bin_count`` is set, else by width of bins."""
    values = region.inside
    if not np.isfinite(values).all():
        raise InputError("Some intensities under the mask are not numbers.", "Look for NaN or infinite voxels in the image.")
    edges, bins = _count_bins(values, settings) if settings.bin_count is not None else _width_bins(values, settings)
    levels = np.zeros(region.mask.shape, dtype=np.int32)
    levels[region.mask] = bins
    return Levels(levels, int(bins.max()), edges)


def _width_bins(values: Values, settings: Settings) -> tuple[Values, NDArray[np.int32]]:
    width = settings.bin_width
    if not width > 0:
        raise InputError(f"A bin width has to be above 0, not {width:g}.", "Set binWidth, or binCount instead.")
    lowest, highest = float(values.min()), float(values.max())
    if (highest - lowest) / width > MOST_BINS:
        raise InputError(
            f"Intensities from {lowest:g} to {highest:g} make too many bins of width {width:g}.",
            "Set a wider binWidth, or binCount.",
        )
    if settings.discretization == "ibsi":
        return _ibsi_width_bins(values, settings)
    edges = np.arange(lowest - lowest % width, highest + 2 * width, width)
    return edges, _digitized(values, edges, width)


def _ibsi_width_bins(values: Values, settings: Settings) -> tuple[Values, NDArray[np.int32]]:
    """Fixed bin size (IBSI 2.7.2): ``floor((x - x_min) / width) + 1``."""
    limited = settings.resegment_range is not None and settings.resegment_mode == "absolute"
    start = float(settings.resegment_range[0]) if limited and settings.resegment_range else float(values.min())
    if values.min() < start:
        raise InputError("Some intensities lie below the re-segmentation range.", "Re-segment the mask before taking features.")
    bins = np.floor((values - start) / settings.bin_width).astype(np.int32) + 1
    edges: Values = start + settings.bin_width * np.arange(int(bins.max()) + 1, dtype=np.float64)
    return edges, bins


def _count_bins(values: Values, settings: Settings) -> tuple[Values, NDArray[np.int32]]:
    """Fixed bin number (IBSI 2.7.1): ``floor(count (x - x_min) / (x_max - x_min)) + 1``, the maximum in the last bin."""
    count = settings.bin_count or 0
    if not 0 < count <= MOST_BINS:
        raise InputError(f"A number of bins has to be above 0 and at most {MOST_BINS}, not {settings.bin_count}.")
    lowest, highest = float(values.min()), float(values.max())
    if settings.discretization == "ibsi":
        span = highest - lowest
        bins = np.minimum(np.floor(count * (values - lowest) / (span or 1.0)), count - 1).astype(np.int32) + 1
        return np.linspace(lowest, highest, count + 1), bins
    try:
        edges = np.histogram_bin_edges(values, count).astype(np.float64)
    except ValueError:  # the values differ by less than bins can be told apart: as one value, which numpy puts into the middle
        edges = np.linspace(lowest - 0.5, highest + 0.5, count + 1)
    width = float(edges[1] - edges[0])
    edges[-1] += 1  # pyradiomics: so that the maximum falls into the last bin
    return edges, _digitized(values, edges, width)


def _digitized(values: Values, edges: Values, width: float) -> NDArray[np.int32]:
    """``numpy.digitize`` for edges that are evenly spaced but for rounding and the last one.

    A guess by division, put right by comparing where the value lies so near an edge that rounding decides.
    """
    places = (values - edges[0]) / width
    bins: NDArray[np.int32] = np.minimum(places, len(edges) - 2).astype(np.int32)
    places -= bins
    near = np.flatnonzero((places < NEAR) | (places > 1 - NEAR))
    close, guess = values[near], bins[near]
    guess += close >= edges[guess + 1]
    guess -= close < edges[guess]
    bins[near] = guess
    bins += 1
    return bins
