"""Samples as the statistics take them: checked once, at the edge, with a sentence about what is wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spinemr.imaging.errors import InputError
from spinemr.radiomics.table import FeatureTable

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]


def array(values: ArrayLike, what: str, axes: int) -> NDArray[np.float64]:
    """Finite numbers along the given count of axes."""
    try:
        numbers = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"The values of {what} are not all numbers, or not all rows are equally long.") from error
    if numbers.ndim != axes:
        raise InputError(f"The values of {what} have {numbers.ndim} axes instead of {axes}.")
    missing = int(np.count_nonzero(~np.isfinite(numbers)))
    if missing:
        raise InputError(
            f"{missing} of {numbers.size} values of {what} are missing or infinite.",
            "Leave those cases or features out first.",
        )
    return numbers


def sample(values: ArrayLike, what: str = "the sample", minimum: int = 2) -> Vector:
    """One finite sample of at least ``minimum`` values."""
    numbers = array(values, what, axes=1)
    if len(numbers) < minimum:
        raise InputError(f"Only {len(numbers)} values in {what}.", f"At least {minimum} are needed.")
    return numbers


def pairs(first: ArrayLike, second: ArrayLike, minimum: int = 3) -> tuple[Vector, Vector]:
    """Two finite samples of the same cases in the same order."""
    one, other = sample(first, "the first sample", minimum), sample(second, "the second sample", minimum)
    if len(one) != len(other):
        raise InputError(
            f"Paired samples need the same cases, but there are {len(one)} and {len(other)} values.",
            "Match the cases first, or use a test for independent samples.",
        )
    return one, other


def groups(samples: Mapping[str, ArrayLike], minimum: int = 1) -> dict[str, Vector]:
    """Two or more named finite samples."""
    if len(samples) < 2:
        raise InputError("There is only one group." if samples else "There are no groups.", "A comparison needs two or more.")
    return {name: sample(values, f"group {name}", minimum) for name, values in samples.items()}


def named(values: FeatureTable | ArrayLike, names: Sequence[str] | None) -> tuple[Matrix, tuple[str, ...]]:
    """``[sample][feature]`` and the feature names, from a table or a plain matrix; missing values stay NaN."""
    if isinstance(values, FeatureTable):
        chosen = values.names if names is None else tuple(names)
        unknown = [name for name in chosen if name not in values.names]
        if unknown:
            raise InputError(f"The table has no feature {unknown[0]}.", "Names are written as in its header.")
        matrix = values.matrix(chosen)
    else:
        matrix = np.asarray(values, dtype=np.float64)
        if matrix.ndim != 2:
            raise InputError(f"A matrix of features has two axes, not {matrix.ndim}.", "Rows are samples, columns features.")
        chosen = tuple(f"feature_{column}" for column in range(matrix.shape[1])) if names is None else tuple(names)
    if len(chosen) != matrix.shape[1]:
        raise InputError(f"{matrix.shape[1]} columns, but {len(chosen)} feature names.")
    if len(set(chosen)) != len(chosen):
        raise InputError("Two features have the same name.")
    return matrix, chosen
