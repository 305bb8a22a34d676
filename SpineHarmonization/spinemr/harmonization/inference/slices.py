"""The slices of a study through a network and back: resampled, shown between their neighbours, checked, and put together.

Networks look at pixels of one size. What they change is brought back to the study's own pixels and added to its own slices, so
that detail finer than the network's pixels stays and nothing is blurred by the way there and back. (Where the network turns
bright into dark, that finest detail keeps its own sense.)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spinemr.harmonization.inference.runtime import Runtime
from spinemr.harmonization.inference.safety import Limits, SliceCheck, check
from spinemr.imaging.errors import InputError
from spinemr.imaging.geometry import WorkingFrame
from spinemr.imaging.model_card import ModelInput
from spinemr.imaging.processors import fair_share
from spinemr.imaging.progress import Progress, ProgressCallback
from spinemr.imaging.resample import NetworkGrid

FloatArray = NDArray[np.float32]
BATCH = 4
"""Slices looked at together."""
LEAST_MM = 40.0
"""Slices that show less than this in either direction are no picture of a spine to a network."""


@dataclass(frozen=True)
class SliceReport:
    """What became of one working slice."""

    index: int
    """From the patient's right, from 0."""
    found: SliceCheck
    refused: str
    """Why it was returned as it was; empty where it was harmonized."""


def grid_for(frame: WorkingFrame, settings: ModelInput) -> NetworkGrid:
    """Whole slices at the network's pixel size, padded to the multiple it needs."""
    columns, rows, _ = frame.working_size
    column_mm, row_mm, _ = frame.working_grid.spacing_mm
    if least_extent_mm(frame) < LEAST_MM:
        raise InputError(
            f"The image shows less than {LEAST_MM:.0f} mm of the sagittal plane, too little for a network.",
            "Use --method zscore.",
        )
    size = (_padded(rows * row_mm, settings), _padded(columns * column_mm, settings))
    return NetworkGrid((rows, columns), (row_mm, column_mm), size, (settings.pixel_mm, settings.pixel_mm))


def least_extent_mm(frame: WorkingFrame) -> float:
    """The smaller side of a sagittal slice."""
    columns, rows, _ = frame.working_size
    column_mm, row_mm, _ = frame.working_grid.spacing_mm
    return min(rows * row_mm, columns * column_mm)


def harmonized_slices(
    pixels: FloatArray,
    grid: NetworkGrid,
    runtime: Runtime,
    neighbours: int,
    limits: Limits,
    progress: ProgressCallback,
) -> tuple[SliceReport, ...]:
    """Harmonize slices ``[slice][row][column]`` of 0..1 in place, ``neighbours`` at a time; what became of each."""
    count, reports, own = len(pixels), list[SliceReport](), _own_part(grid)

    def compared(before: FloatArray, after: FloatArray) -> SliceCheck:
        return check(before[own], after[own], grid.spacing_mm[0])

    shown = _shown(grid.to_grid, pixels, neighbours // 2)
    with fair_share() as threads, ThreadPoolExecutor(threads) as pool:
        for start in range(0, count, BATCH):
            stop = min(start + BATCH, count)
            images = np.stack([next(shown) for _ in range(start, stop)])
            seen, made = images[:, neighbours // 2], runtime(images)
            found = list(pool.map(compared, seen, made))
            for index, before, after, result in zip(range(start, stop), seen, made, found, strict=True):
                reports.append(SliceReport(index, result, limits.refuse(result)))
                if not reports[-1].refused:
                    np.clip(pixels[index] + grid.image_back(after - before), 0.0, 1.0, out=pixels[index])
            progress(Progress("harmonize", stop / count, f"slice {stop} of {count}"))
    return tuple(reports)


def _shown(to_grid: Callable[[FloatArray], FloatArray], pixels: FloatArray, reach: int) -> Iterator[FloatArray]:
    """Each slice between its neighbours on the network's grid; the outermost stand in for those beyond.

    A slice is resampled once and before it is overwritten.
    """
    held: dict[int, FloatArray] = {}
    for index in range(len(pixels)):
        wanted = np.clip(np.arange(index - reach, index + reach + 1), 0, len(pixels) - 1)
        held = {int(one): held[int(one)] if int(one) in held else to_grid(pixels[one]) for one in wanted}
        yield np.stack([held[int(one)] for one in wanted])


def _padded(extent_mm: float, settings: ModelInput) -> int:
    return max(1, math.ceil(extent_mm / settings.pixel_mm / settings.multiple - 1e-6)) * settings.multiple


def _own_part(grid: NetworkGrid) -> tuple[slice, slice]:
    """The part of the network's grid that shows the image and not what was padded."""
    parts = []
    for axis in (0, 1):
        extent = grid.source_size[axis] * grid.source_spacing_mm[axis] / grid.spacing_mm[axis]
        margin = max(0, math.floor((grid.size[axis] - extent) / 2))
        parts.append(slice(margin, grid.size[axis] - margin))
    return parts[0], parts[1]
