"""Features of the grey level run length matrix: runs of voxels of one level along a direction (IBSI 3.7).

Names are pyradiomics', codes in brackets the IBSI reference manual's. By default each feature is the mean over directions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from spinemr.radiomics.features.discretization import Levels
from spinemr.radiomics.features.evaluation import Array, averaged, chosen, lengths_mm
from spinemr.radiomics.features.lattice import Direction, Lattice, uniting
from spinemr.radiomics.features.size_matrix import SizeMatrices
from spinemr.radiomics.region import Region
from spinemr.radiomics.settings import Settings

MANY = 0.2
"""Share of voxels that repeat the one before, from which on following them costs more than cutting out runs."""


def glrlm_features(levels: Levels, region: Region, settings: Settings, wanted: tuple[str, ...] = ()) -> dict[str, float]:
    """The wanted features, or all 16; NaN where no line in any direction has two voxels of the mask."""
    return averaged(run_lengths(levels, region, settings), _FORMULAS, chosen("glrlm", wanted, NAMES))


def run_lengths(levels: Levels, region: Region, settings: Settings) -> Iterator[SizeMatrices]:
    """The run length matrices of a region, united as the settings say."""
    how = uniting(settings)
    whole = levels.lattice(1, how.slice_axis)
    directions = whole.directions()
    weights = _weights(directions, region, settings)
    for lattice in whole.slices() if how.by_slice else (whole,):
        counts = _counts(lattice, directions)
        if not how.by_slice:
            _forget_lonely(counts, lattice, directions)
        if how.merged or weights is not None:
            counts = np.tensordot(np.ones(len(directions)) if weights is None else weights, counts, axes=1)[None]
        found = counts[counts.any(axis=(1, 2))]
        if len(found):
            yield SizeMatrices(found, lattice.values, np.arange(1.0, found.shape[2] + 1))


def _weights(directions: list[Direction], region: Region, settings: Settings) -> Array | None:
    """Each direction's length, 1 where lengths do not matter."""
    lengths = lengths_mm([direction.steps for direction in directions], region, settings)
    return None if lengths is None else np.where(np.isnan(lengths), 1.0, lengths)


def _counts(lattice: Lattice, directions: list[Direction]) -> Array:
    """``[direction][level][length]``, up to the longest run that occurs."""
    found = [_counts_along(lattice, direction.stride) for direction in directions]
    longest = max((counts.shape[1] for counts in found), default=1)
    united = np.zeros((len(directions), len(lattice.values), longest))
    for row, counts in zip(united, found, strict=True):
        row[:, : counts.shape[1]] = counts
    return united


def _counts_along(lattice: Lattice, stride: int) -> NDArray[np.intp]:
    """``[level][length]`` along a stride: from places that repeat where those are few, else from whole runs."""
    edge, length = len(lattice.values), lattice.length
    repeats = lattice.ranks[:length] == lattice.ranks[stride : stride + length]
    repeats &= lattice.inside[:length]
    if np.count_nonzero(repeats) > MANY * len(lattice.places):
        return _counts_of_runs(lattice, stride)
    stretches, places = [lattice.voxels], np.flatnonzero(repeats)
    while len(places):
        stretches.append(np.bincount(lattice.ranks[places], minlength=edge + 1)[1:])
        places = places[repeats[places + (len(stretches) - 1) * stride]]
    stretches += 2 * [np.zeros(edge, dtype=np.intp)]
    counts = np.array(stretches)  # a run of n voxels holds n - k stretches of k + 1 voxels
    return (counts[:-2] - 2 * counts[1:-1] + counts[2:]).T


def _counts_of_runs(lattice: Lattice, stride: int) -> NDArray[np.intp]:
    """``[level][length]`` along a stride.

    Cut into columns of the stride, the lattice becomes one sequence in which the next voxel in that direction is the next number;
    the margins stand between lines, as runs of rank 0.
    """
    rows, longest = -(-lattice.length // stride), max(lattice.size)
    sequence = np.empty(rows * stride + 1, lattice.ranks.dtype)
    sequence[:-1].reshape(stride, rows)[:] = lattice.ranks[: rows * stride].reshape(rows, stride).T
    sequence[-1] = 0
    ends = np.flatnonzero(sequence[:-1] != sequence[1:])
    codes = sequence.take(ends).astype(np.intp)
    codes *= longest
    ends[1:] -= ends[:-1].copy()
    ends[:1] += 1
    codes += np.minimum(ends, longest)
    codes -= 1
    edge = len(lattice.values) + 1
    counts = np.bincount(codes, minlength=edge * longest).reshape(edge, longest)[1:]
    return counts[:, : int(np.flatnonzero(counts.any(axis=0))[-1]) + 1]


def _forget_lonely(counts: Array, lattice: Lattice, directions: list[Direction]) -> None:
    """As pyradiomics does: a direction in which no line holds two voxels of the mask has no runs."""
    for matrix, direction in zip(counts, directions, strict=True):
        if not matrix[:, 1:].any() and not _lines_share(lattice.places, lattice, direction):
            matrix[:] = 0


def _lines_share(places: NDArray[np.intp], lattice: Lattice, direction: Direction) -> bool:
    """Whether two of the voxels lie on one line of the direction."""
    deep, high, _ = lattice.strides
    position = np.stack([places // deep, places % deep // high, places % high])
    steps = np.array([direction.steps[axis] for axis in lattice.axes])
    leading = int(np.flatnonzero(steps)[0])
    foot = position - steps[:, None] * position[leading]  # where the line meets the first plane
    return len(np.unique(foot, axis=1).T) < len(places)


_FORMULAS: dict[str, Callable[[SizeMatrices], Array]] = {
    "GrayLevelNonUniformity": SizeMatrices.level_non_uniformity,  # [R5YN]
    "GrayLevelNonUniformityNormalized": SizeMatrices.level_non_uniformity_normalized,  # [OVBL]
    "GrayLevelVariance": SizeMatrices.level_variance,  # [8CE5]
    "HighGrayLevelRunEmphasis": SizeMatrices.high,  # [G3QZ]
    "LongRunEmphasis": SizeMatrices.large,  # [W4KF]
    "LongRunHighGrayLevelEmphasis": SizeMatrices.large_high,  # [3KUM]
    "LongRunLowGrayLevelEmphasis": SizeMatrices.large_low,  # [IVPO]
    "LowGrayLevelRunEmphasis": SizeMatrices.low,  # [V3SW]
    "RunEntropy": SizeMatrices.entropy,  # [HJ9O]
    "RunLengthNonUniformity": SizeMatrices.size_non_uniformity,  # [W92Y]
    "RunLengthNonUniformityNormalized": SizeMatrices.size_non_uniformity_normalized,  # [IC23]
    "RunPercentage": SizeMatrices.percentage,  # [9ZK5]
    "RunVariance": SizeMatrices.size_variance,  # [SXLW]
    "ShortRunEmphasis": SizeMatrices.small,  # [22OV]
    "ShortRunHighGrayLevelEmphasis": SizeMatrices.small_high,  # [GD3A]
    "ShortRunLowGrayLevelEmphasis": SizeMatrices.small_low,  # [HTZT]
}
NAMES = tuple(_FORMULAS)
"""All that pyradiomics computes, in the order in which it gives them."""
