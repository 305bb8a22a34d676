"""The columns ComBat regresses on: batches, and covariates whose effect is to stay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from spinemr.imaging.errors import InputError
from spinemr.radiomics.statistics.samples import Matrix, array

Covariates = Mapping[str, Sequence[str] | Sequence[float]]
"""Values by name, one per sample; words are categories, numbers continuous."""


@dataclass(frozen=True)
class Covariate:
    """One covariate: its categories, of which the first has no column, or none if it is continuous."""

    name: str
    categories: tuple[str, ...] = ()

    @classmethod
    def of(cls, name: str, values: Sequence[str] | Sequence[float]) -> Covariate:
        """Categories if all values are words; numbers and words mixed are refused."""
        words = [isinstance(value, str) for value in values]
        if all(words):
            return cls(name, tuple(sorted({str(value) for value in values})))
        if any(words):
            raise InputError(f"The covariate {name} mixes words and numbers.", "Write all its values one way.")
        return cls(name)

    @property
    def width(self) -> int:
        """How many columns it takes."""
        return len(self.categories) - 1 if self.categories else 1

    def columns(self, values: Sequence[str] | Sequence[float], count: int) -> Matrix:
        """``[sample][column]``."""
        if len(values) != count:
            raise InputError(f"{count} samples, but {len(values)} values of the covariate {self.name}.")
        if not self.categories:
            return array(values, f"the covariate {self.name}", axes=1)[:, None]
        unknown = sorted({str(value) for value in values} - set(self.categories))
        if unknown:
            raise InputError(f"ComBat was not fitted with {self.name} {unknown[0]}.", f"Known: {', '.join(self.categories)}.")
        return np.array([[str(value) == category for category in self.categories[1:]] for value in values], dtype=np.float64)


def covariate_columns(covariates: Sequence[Covariate], values: Covariates, count: int) -> Matrix:
    """All columns of the covariates, in their order."""
    names = {covariate.name for covariate in covariates}
    if names != set(values):
        wrong = sorted(names ^ set(values))[0]
        problem = f"The covariate {wrong} is missing." if wrong in names else f"ComBat was not fitted with a covariate {wrong}."
        raise InputError(problem, "Pass the same covariates as when fitting.")
    parts = [covariate.columns(values[covariate.name], count) for covariate in covariates]
    return np.concatenate([np.empty((count, 0)), *parts], axis=1)


def batch_columns(batches: Sequence[str], known: Sequence[str]) -> Matrix:
    """One column a batch, 1 where a sample is of it."""
    unknown = sorted(set(batches) - set(known))
    if unknown:
        raise InputError(f"ComBat was not fitted with the scanner {unknown[0]}.", f"It knows {', '.join(known)}.")
    return np.array([[batch == name for name in known] for batch in batches], dtype=np.float64).reshape(len(batches), len(known))


def check_full_rank(design: Matrix) -> None:
    """Refuse covariates that the batches or other covariates already tell, and too few samples."""
    if len(design) <= design.shape[1]:
        raise InputError(
            f"{len(design)} samples are too few for scanners and covariates, which take {design.shape[1]} columns.",
            "ComBat needs more samples than columns.",
        )
    if np.linalg.matrix_rank(design) < design.shape[1]:
        raise InputError(
            "A covariate cannot be told apart from the scanners, or from another covariate.",
            "Leave it out: what only one scanner saw is lost with the scanner's effect.",
        )
