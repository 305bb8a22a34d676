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
    longest, edge = max(lattice.size), len(lattice.values)
    counts = np.empty((len(directions), edge, longest))
    for row, direction in zip(counts, directions, strict=True):
        codes = _run_codes(lattice, direction.stride, longest)
        row[:] = np.bincount(codes, minlength=edge * longest).reshape(edge, longest)
    occurring = np.flatnonzero(counts.any(axis=(0, 1)))
    return counts[:, :, : occurring[-1] + 1] if len(occurring) else counts


def _run_codes(lattice: Lattice, stride: int, longest: int) -> NDArray[np.intp]:
    """Of every run along a stride ``(rank - 1) * longest + length - 1``.

    Cut into columns of the stride, the lattice becomes one sequence in which the next voxel in that direction is the next number;
    the margins stand between lines.
    """
    rows = -(-lattice.length // stride)
    sequence = np.zeros(rows * stride + 2, lattice.ranks.dtype)
    sequence[1:-1].reshape(stride, rows)[:] = lattice.ranks[: rows * stride].reshape(rows, stride).T
    before, after = sequence[:-1], sequence[1:]
    change = before != after
    ends = np.flatnonzero(change & (before != 0))
    codes = before[ends].astype(np.intp)
    codes *= longest
    codes += ends
    codes -= np.flatnonzero(change & (after != 0))
    codes -= longest + 1
    return codes


def _forget_lonely(counts: Array, lattice: Lattice, directions: list[Direction]) -> None:
    """As pyradiomics does: a direction in which no line holds two voxels of the mask has no runs."""
    inside: NDArray[np.bool_] = lattice.ranks[: lattice.length] > 0
    for matrix, direction in zip(counts, directions, strict=True):
        if not matrix[:, 1:].any() and not _lines_share(np.flatnonzero(inside), lattice, direction):
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
