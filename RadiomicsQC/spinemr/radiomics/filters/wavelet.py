"""The stationary wavelet transform of an image, in as many dimensions as it has or slice by slice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from spinemr.imaging.errors import InputError
from spinemr.radiomics.filters.wavelet_filters import Filter, decomposition_filters

Array = NDArray[np.floating[Any]]


def wavelet_images(image: sitk.Image, options: Mapping[str, Any]) -> Iterator[tuple[str, sitk.Image]]:
    """Every detail image of every level, then the last approximation.

    Options ``wavelet`` (coif1), ``level`` (1): how many levels, ``start_level`` (0): how many approximations to go through first,
    ``force2D`` and ``force2Ddimension``. Letters of a name: low or high pass along x, y, z (those not left out by ``force2D``).
    Each level filters the last approximation with the same filters again, as pyradiomics does; an odd axis is given its first
    voxel once more at its end, for the length of the transform.
    """
    level, start_level = _whole(options, "level", 1, least=1), _whole(options, "start_level", 0, least=0)
    array = sitk.GetArrayFromImage(image)
    filters = decomposition_filters(str(options.get("wavelet", "coif1")), single=array.dtype == np.float32)
    axes = _axes(array.ndim, options)
    size = tuple(slice(0, extent) for extent in array.shape)
    approximation: Array = np.pad(array, [(0, extent % 2) for extent in array.shape], mode="wrap")
    if approximation.dtype != np.float32:
        approximation = approximation.astype(np.float64)
    for _ in range(start_level):
        approximation = dict(decompose(approximation, axes, filters, only="L"))["L" * len(axes)]
    for number in range(1, level + 1):
        prefix = "wavelet" if number == 1 else f"wavelet{number}"
        for name, band in decompose(approximation, axes, filters):
            if "H" in name:
                yield f"{prefix}-{name}", _like(image, band[size])
            else:
                following = band
        approximation = following
    yield f"{prefix}-{'L' * len(axes)}", _like(image, approximation[size])


def decompose(
    array: Array, axes: tuple[int, ...], filters: tuple[Filter, Filter], only: str = "LH"
) -> Iterator[tuple[str, Array]]:
    """The bands of one level by their names, one letter an axis, LL... first; each as large as the array."""
    if not axes:
        yield "", array
        return
    for letter, coefficients in zip("LH", filters, strict=True):
        if letter in only:
            filtered = circular(array, coefficients, axes[0])
            yield from ((letter + rest, band) for rest, band in decompose(filtered, axes[1:], filters, only))


def circular(array: Array, coefficients: Filter, axis: int) -> Array:
    """``y[i] = sum_k c[k] x[i + n / 2 - k]`` along an axis whose ends meet.

    Terms are added in PyWavelets' order, so that results are the same to the last bit: where an image is flat the sign of what
    rounding leaves decides between two grey levels. Slab after slab across another axis, which stays in the processor's cache.
    """
    if array.ndim == 1:
        return _circular_slab(array, coefficients, 0)
    across = 1 if axis == 0 else 0
    filtered = np.empty_like(array)
    for slab, result in zip(array.swapaxes(0, across), filtered.swapaxes(0, across), strict=True):
        result[...] = _circular_slab(slab, coefficients, axis - 1 if axis > 0 else across - 1)
    return filtered


def _circular_slab(slab: Array, coefficients: Filter, axis: int) -> Array:
    """All places at once, then those again whose first terms lie beyond the end and are added backwards."""
    size, count, half = slab.shape[axis], len(coefficients), len(coefficients) // 2
    filtered, term = np.zeros_like(slab), np.empty_like(slab)
    inputs = np.moveaxis(np.take(slab, np.arange(half + 1 - count, size + half), axis=axis, mode="wrap"), axis, 0)
    outputs, terms = np.moveaxis(filtered, axis, 0), np.moveaxis(term, axis, 0)
    for index, coefficient in enumerate(coefficients):
        start = count - 1 - index
        outputs += np.multiply(inputs[start : start + size], coefficient, out=terms)
    for place in range(max(0, size - half), size):
        beyond = place + half - size + 1
        outputs[place] = 0
        for index in (*reversed(range(beyond)), *range(beyond, count)):
            outputs[place] += coefficients[index] * inputs[place + count - 1 - index]
    return filtered


def _axes(dimensions: int, options: Mapping[str, Any]) -> tuple[int, ...]:
    """Along which axes of the array, x first."""
    axes = tuple(range(dimensions - 1, -1, -1))
    if not options.get("force2D", False):
        return axes
    across = options.get("force2Ddimension", 0)
    if across not in axes:
        raise InputError(f"force2Ddimension is one of {', '.join(map(str, sorted(axes)))}, not {across}.")
    return tuple(axis for axis in axes if axis != across)


def _whole(options: Mapping[str, Any], name: str, default: int, least: int) -> int:
    value = options.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise InputError(f"The wavelet's {name} is a whole number of at least {least}, not {value}.")
    return value


def _like(image: sitk.Image, array: Array) -> sitk.Image:
    derived = sitk.GetImageFromArray(np.ascontiguousarray(array))
    derived.CopyInformation(image)
    return derived
