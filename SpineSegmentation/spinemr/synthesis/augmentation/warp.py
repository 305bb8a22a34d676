"""Take every pixel's value from another place in its slice: intensities interpolated, labels from the nearest pixel."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spinemr.synthesis.augmentation.labelled import Sample
from spinemr.synthesis.tissue_map import ByteArray, FloatArray


def warped(sample: Sample, rows: FloatArray, columns: FloatArray, order: int = 1) -> Sample:
    """The sample with each pixel read at (rows, columns) of its slice; one field for all slices or one for each."""
    rows, columns = (np.broadcast_to(a, sample.shape) for a in (rows, columns))
    image, labels = np.empty_like(sample.image), np.empty_like(sample.labels)
    for index in range(sample.shape[0]):
        places = rows[index], columns[index]
        image[index] = linear(sample.image[index], *places) if order == 1 else cubic(sample.image[index], *places)
        labels[index] = nearest(sample.labels[index], *places)
    return replace(sample, image=image, labels=labels)


def linear(image: FloatArray, rows: FloatArray, columns: FloatArray) -> FloatArray:
    """Bilinear interpolation of a slice with zeros around it; four gathers, three times as fast as scipy's."""
    padded = np.pad(image, 1)
    width = padded.shape[1]
    top, down = _split(rows, image.shape[0])
    left, right = _split(columns, image.shape[1])
    index = top * np.int32(width) + left
    flat = padded.ravel()
    upper, lower = _between(flat, index, right), _between(flat, index + np.int32(width), right)
    lower -= upper
    lower *= down
    lower += upper
    return lower


def cubic(image: FloatArray, rows: FloatArray, columns: FloatArray) -> FloatArray:
    """Cubic B-spline interpolation of a slice with zeros around it, held within its range."""
    result = ndimage.map_coordinates(image, np.stack((rows, columns)), order=3, mode="grid-constant", output=np.float32)
    return np.asarray(np.clip(result, min(0.0, float(image.min())), image.max()), dtype=np.float32)


def nearest(labels: ByteArray, rows: FloatArray, columns: FloatArray) -> ByteArray:
    """The nearest pixel of a slice, 0 outside."""
    padded = np.pad(labels, 1)
    row, column = (_padded_place(a, n, np.float32(1.5)) for a, n in zip((rows, columns), labels.shape, strict=True))
    return np.take(padded.ravel(), row * np.int32(padded.shape[1]) + column)


def _padded_place(position: FloatArray, size: int, offset: np.float32) -> NDArray[np.int32]:
    """Index of a position in the padded axis, ``offset`` added before it is cut to a whole number."""
    place: NDArray[np.int32] = np.clip(position + offset, 0, size + 1).astype(np.int32)
    return place


def _split(position: FloatArray, size: int) -> tuple[NDArray[np.int32], FloatArray]:
    """Index of the pixel before a position in the padded axis, and the share of the one after it."""
    inside = np.clip(position + np.float32(1), 0, size + 1)
    before = np.minimum(inside.astype(np.int32), size)
    inside -= before
    return before, inside


def _between(flat: FloatArray, index: NDArray[np.int32], share: FloatArray) -> FloatArray:
    """Linear interpolation between neighbours of a flattened slice."""
    near, far = np.take(flat, index), np.take(flat, index + np.int32(1))
    far -= near
    far *= share
    far += near
    return far
