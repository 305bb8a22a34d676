"""Classes of every voxel of a study, slice by slice (memory grows with one batch, not with the study) or patch by patch."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from spinemr.imaging.geometry import WorkingFrame
from spinemr.imaging.intensity import stretch
from spinemr.imaging.model_card import ModelInput
from spinemr.imaging.network_file import FloatArray
from spinemr.imaging.progress import Progress, ProgressCallback, silent, within
from spinemr.imaging.resample import NetworkGrid
from spinemr.segmentation.inference.patches import VolumeGrid, slide
from spinemr.segmentation.inference.runtime import Runtime

BATCH = 4
"""Slices looked at together."""


@dataclass(frozen=True)
class ClassVolume:
    """What a network saw: a class and a confidence (0..1, the probability of that class) for each working voxel."""

    classes: NDArray[np.uint8]
    confidence: NDArray[np.float16]
    frame: WorkingFrame

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Slice distance, row and column spacing."""
        column, row, distance = self.frame.working_grid.spacing_mm
        return distance, row, column


def predict(
    image: sitk.Image,
    runtime: Runtime,
    settings: ModelInput,
    *,
    flip_average: bool = False,
    progress: ProgressCallback = silent,
) -> ClassVolume:
    """Look at each sagittal slice of an image, whatever its orientation; a network of volumes looks at patches.

    ``flip_average`` looks a second time at the slices mirrored front to back and averages the two.
    """
    frame = WorkingFrame.of(image)
    pixels = _normalised(frame.forward_array(sitk.GetArrayViewFromImage(image)), settings)
    if settings.patch is not None:
        return _in_patches(pixels, frame, runtime, settings, flip_average, progress)
    grid = network_grid(frame, settings)
    classes = np.empty(pixels.shape, dtype=np.uint8)
    confidence = np.empty(pixels.shape, dtype=np.float16)
    for start in range(0, len(pixels), BATCH):
        part = slice(start, min(start + BATCH, len(pixels)))
        probabilities = _looked_at(grid.to_grid(pixels[part]), runtime, flip_average)
        for index, slice_probabilities in enumerate(probabilities, start):
            classes[index] = grid.probabilities_back(slice_probabilities)
            confidence[index] = grid.image_back(slice_probabilities.max(axis=0), fill=1.0)
        progress(Progress("segment", part.stop / len(pixels), f"slice {part.stop} of {len(pixels)}"))
    return ClassVolume(classes, confidence, frame)


def _in_patches(
    pixels: FloatArray,
    frame: WorkingFrame,
    runtime: Runtime,
    settings: ModelInput,
    flip_average: bool,
    progress: ProgressCallback,
) -> ClassVolume:
    assert settings.patch is not None
    patch = (settings.patch.slices, settings.patch.rows, settings.patch.columns)
    column_mm, row_mm, distance_mm = frame.working_grid.spacing_mm
    slices, rows, columns = pixels.shape
    grid = VolumeGrid((slices, rows, columns), (distance_mm, row_mm, column_mm), settings.pixel_mm, settings.patch.slice_mm)
    seen = grid.to_grid(pixels)
    shares = slide(seen, patch, runtime, within(progress, 0.0, 0.5 if flip_average else 1.0))
    if flip_average:
        shares += slide(np.ascontiguousarray(seen[..., ::-1]), patch, runtime, within(progress, 0.5, 1.0))[..., ::-1]
        shares *= np.float32(0.5)
    classes = np.empty(pixels.shape, dtype=np.uint8)
    confidence = np.empty(pixels.shape, dtype=np.float16)
    for index, (found, sure) in enumerate(grid.back(shares)):
        classes[index], confidence[index] = found, sure
    return ClassVolume(classes, confidence, frame)


def network_grid(frame: WorkingFrame, settings: ModelInput) -> NetworkGrid:
    """The whole slice at the network's pixel size, padded to the multiple it needs."""
    columns, rows, _ = frame.working_size
    column_mm, row_mm, _ = frame.working_grid.spacing_mm
    size = (_padded(rows * row_mm, settings), _padded(columns * column_mm, settings))
    return NetworkGrid((rows, columns), (row_mm, column_mm), size, (settings.pixel_mm, settings.pixel_mm))


def _padded(extent_mm: float, settings: ModelInput) -> int:
    return max(1, math.ceil(extent_mm / settings.pixel_mm / settings.multiple - 1e-6)) * settings.multiple


def _normalised(pixels: NDArray[np.generic], settings: ModelInput) -> FloatArray:
    """The study's own percentiles to 0..1, as in training."""
    low, high = settings.percentiles
    return np.asarray(stretch(pixels.astype(np.float32), low, high, 1.0), dtype=np.float32)


def _looked_at(slices: FloatArray, runtime: Runtime, flip_average: bool) -> FloatArray:
    images = np.ascontiguousarray(slices[:, None])
    probabilities = runtime(images)
    if flip_average:
        mirrored = runtime(np.ascontiguousarray(images[..., ::-1]))[..., ::-1]
        probabilities = np.float32(0.5) * (probabilities + mirrored)
    return probabilities
