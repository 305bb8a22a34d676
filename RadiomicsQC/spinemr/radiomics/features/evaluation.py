"""From matrices to a dictionary of features: which ones are wanted, each one's value, the mean over directions and slices."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from spinemr.imaging.errors import InputError
from spinemr.radiomics.region import Region
from spinemr.radiomics.settings import Settings

Array = NDArray[np.float64]
Matrices = TypeVar("Matrices")
EPSILON = float(np.spacing(1.0))
"""Added inside logarithms, as pyradiomics does: what does not occur then contributes 0."""


def chosen(family: str, wanted: tuple[str, ...], names: Iterable[str], on_request: Iterable[str] = ()) -> tuple[str, ...]:
    """The features to compute: those wanted, or all of the default ones where none is named."""
    known = {*names, *on_request}
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise InputError(f"There is no {family} feature {', '.join(unknown)}.", f"Known are: {', '.join(sorted(known))}.")
    return wanted or tuple(names)


def averaged(
    groups: Iterable[Matrices], formulas: Mapping[str, Callable[[Matrices], Array]], wanted: tuple[str, ...]
) -> dict[str, float]:
    """Each wanted formula's mean over all matrices of all groups; NaN where there is no matrix."""
    values: dict[str, list[Array]] = {name: [] for name in wanted}
    for matrices in groups:
        for name in wanted:
            values[name].append(formulas[name](matrices))
    return {name: _mean(found) for name, found in values.items()}


def _mean(found: list[Array]) -> float:
    count = sum(len(values) for values in found)
    return sum(float(values.sum()) for values in found) / count if count else float("nan")


def entropy(probabilities: Array, axis: int | tuple[int, ...]) -> Array:
    """``-sum p log2(p + epsilon)``."""
    entropies: Array = -np.sum(probabilities * np.log2(probabilities + EPSILON), axis=axis)
    return entropies


def lengths_mm(steps: list[tuple[int, int, int]], region: Region, settings: Settings) -> Array | None:
    """How long each direction's step is by the norm named in ``weighting_norm``; ``None`` where none is named.

    Any other name than manhattan, euclidean and infinity gives NaN: directions then count the same (pyradiomics' no_weighting).
    """
    if settings.weighting_norm is None:
        return None
    step_mm = np.abs(np.array(steps, dtype=np.float64).reshape(-1, 3)) * np.array(region.spacing_mm)
    norms: dict[str, Callable[[Array], Array]] = {
        "manhattan": lambda mm: np.sum(mm, axis=1),
        "euclidean": lambda mm: np.sqrt(np.sum(mm**2, axis=1)),
        "infinity": lambda mm: np.max(mm, axis=1, initial=0.0),
    }
    norm = norms.get(settings.weighting_norm)
    return np.full(len(step_mm), np.nan) if norm is None else norm(step_mm)
