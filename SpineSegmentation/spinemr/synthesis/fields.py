"""Smooth random fields, blown up from a handful of nodes by two small matrix products."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from spinemr.synthesis.tissue_map import FloatArray


@lru_cache(maxsize=256)
def interpolation_weights(samples: int, nodes: int) -> FloatArray:
    """The (samples, nodes) matrix that blows nodes up to samples by uniform cubic B-splines.

    The first and last node sit on the first and last sample; beyond them the end nodes repeat. Rows
    sum to one, so a constant stays constant. The result is cached: do not write into it.
    """
    position = np.linspace(0.0, nodes - 1.0, samples) if samples > 1 else np.array([(nodes - 1) / 2.0])
    distance = np.abs(position[:, None] - np.arange(-1, nodes + 1)[None, :])
    inner = 2.0 / 3.0 - distance**2 + distance**3 / 2.0
    outer = np.clip(2.0 - distance, 0.0, None) ** 3 / 6.0
    extended = np.where(distance < 1.0, inner, outer)
    weights = extended[:, 1:-1].copy()
    weights[:, 0] += extended[:, 0]
    weights[:, -1] += extended[:, -1]
    result: FloatArray = weights.astype(np.float32)
    result.setflags(write=False)
    return result


def blow_up(nodes: FloatArray, shape: tuple[int, int, int]) -> FloatArray:
    """A (slices, rows, columns) field from a small grid of nodes of any size, in single precision."""
    slices, rows, columns = (interpolation_weights(n, k) for n, k in zip(shape, nodes.shape, strict=True))
    by_slice = np.tensordot(slices, nodes, axes=(1, 0))
    return np.asarray(rows @ by_slice @ columns.T, dtype=np.float32)


def smooth_noise(shape: tuple[int, int, int], nodes: tuple[int, int, int], rng: np.random.Generator) -> FloatArray:
    """A field of zero mean and of variance one on average: normal nodes, blown up to a shape."""
    spread = 1.0
    for samples, count in zip(shape, nodes, strict=True):
        spread *= float(np.mean(np.sum(interpolation_weights(samples, count) ** 2, axis=1)))
    return blow_up(rng.standard_normal(nodes, dtype=np.float32) / np.float32(spread**0.5), shape)


def bias_field(shape: tuple[int, int, int], sigma: float, rng: np.random.Generator) -> FloatArray:
    """``exp`` of a 4x4x4 grid of normal values blown up to deviation sigma (SynthSeg; Arias Martinez II.C)."""
    field = smooth_noise(shape, (4, 4, 4), rng)
    field *= np.float32(sigma)
    return np.exp(field, out=field)
