"""What empirical Bayes ComBat does with the standardized values of one batch (Johnson, Li and Rabinovic 2007, section 3)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spinemr.imaging.errors import SpineMRError
from spinemr.radiomics.statistics.samples import Matrix, Vector

CONVERGED = 1e-8
"""Largest change of an estimate, relative to its scale, at which the iteration ends."""
MOST_STEPS = 10_000


@dataclass(frozen=True)
class BatchEffect:
    """Shift and scale of one batch for each feature, in standard deviations and variances of the standardized values."""

    shift: Vector
    """Johnson's gamma."""
    scale: Vector
    """Johnson's delta squared."""


def raw_effect(standardized: Matrix, mean_only: bool) -> BatchEffect:
    """Mean and variance (n - 1) of ``[sample][feature]``; a variance of zero counts as 1, as in neuroCombat."""
    shift = standardized.mean(axis=0)
    if mean_only:
        return BatchEffect(shift, np.ones_like(shift))
    scale = standardized.var(axis=0, ddof=1)
    return BatchEffect(shift, np.where(scale > 0, scale, 1.0))


def parametric_effect(standardized: Matrix, raw: BatchEffect, mean_only: bool) -> BatchEffect:
    """Posterior means under a normal prior of the shifts and an inverse gamma prior of the scales, from moments over features.

    With ``mean_only`` a batch counts as one sample of variance 1, as in sva and neuroCombat.
    """
    centre, spread = float(raw.shift.mean()), float(raw.shift.var(ddof=1))
    if mean_only:
        return BatchEffect(_shift(raw.shift, centre, 1, np.ones_like(raw.shift), spread), np.ones_like(raw.shift))
    mean, variance = float(raw.scale.mean()), float(raw.scale.var(ddof=1))
    if variance <= 1e-24 * mean**2:
        scale = np.full_like(raw.scale, mean)
        return BatchEffect(_shift(raw.shift, centre, len(standardized), scale, spread), scale)
    shape, rate = (2 * variance + mean**2) / variance, (mean * variance + mean**3) / variance
    return _iterated(standardized, raw, (centre, spread), (shape, rate))


def _iterated(standardized: Matrix, raw: BatchEffect, normal: tuple[float, float], gamma: tuple[float, float]) -> BatchEffect:
    """Alternate between both posterior means until neither moves."""
    n = len(standardized)
    squares, sums = (standardized**2).sum(axis=0), standardized.sum(axis=0)
    shift, scale = raw.shift, raw.scale
    for _ in range(MOST_STEPS):
        next_shift = _shift(raw.shift, normal[0], n, scale, normal[1])
        residual = np.maximum(squares - 2 * next_shift * sums + n * next_shift**2, 0.0)
        next_scale = (residual / 2 + gamma[1]) / (n / 2 + gamma[0] - 1)
        change = max(float(np.abs(next_shift - shift).max()), float(np.abs(next_scale / scale - 1).max()))
        shift, scale = next_shift, next_scale
        if change < CONVERGED:
            return BatchEffect(shift, scale)
    raise SpineMRError("The estimates of ComBat did not settle.", "Use the non-parametric ones, or look for outliers.")


def _shift(raw: Vector, centre: float, n: int, scale: Vector, spread: float) -> Vector:
    """Posterior mean of a shift: the batch's own mean drawn towards that of all features."""
    return (n * spread * raw + scale * centre) / (n * spread + scale)


def non_parametric_effect(standardized: Matrix, raw: BatchEffect, mean_only: bool) -> BatchEffect:
    """Each feature's effect is the mean of all other features' effects, weighted by the likelihood of its values under them.

    Weights are taken as logarithms, so that batches of many samples do not underflow.
    """
    n, features = standardized.shape
    squares, sums = (standardized**2).sum(axis=0), standardized.sum(axis=0)
    shift, scale = np.empty(features), np.empty(features)
    logarithms = -n / 2 * np.log(2 * math.pi * raw.scale)
    for feature in range(features):
        residual = squares[feature] - 2 * raw.shift * sums[feature] + n * raw.shift**2
        likelihood = logarithms - residual / (2 * raw.scale)
        likelihood[feature] = -math.inf
        weights: NDArray[np.float64] = np.exp(likelihood - likelihood.max())
        shift[feature] = weights @ raw.shift / weights.sum()
        scale[feature] = weights @ raw.scale / weights.sum()
    return BatchEffect(shift, np.ones(features) if mean_only else scale)
