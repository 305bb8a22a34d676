"""The 16 GLRLM features of pyradiomics from soft matrices, by direction."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING

from spinemr.radiomics.differentiable.cooccurrence import entropy
from spinemr.radiomics.differentiable.run_lengths import RunLengths

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class RunShares:
    """Normalised matrices and what the features share."""

    runs: RunLengths

    @cached_property
    def total(self) -> Tensor:
        """Nr, the number of runs, ``[batch][direction]``."""
        return self.runs.counts.sum(dim=(-1, -2))

    @cached_property
    def shares(self) -> Tensor:
        """``p(i, j) = P(i, j) / Nr``."""
        return self.runs.counts / self.total[..., None, None]

    @property
    def of_levels(self) -> Tensor:
        """``sum_j p(i, j)``."""
        return self.shares.sum(dim=-1)

    @property
    def of_lengths(self) -> Tensor:
        """``sum_i p(i, j)``."""
        return self.shares.sum(dim=-2)

    @property
    def numbers(self) -> Tensor:
        """i: 1, 2, ... levels."""
        import torch

        return torch.arange(1, self.shares.shape[-2] + 1, device=self.shares.device, dtype=self.shares.dtype)

    def weighted(self, level_power: int, length_power: int) -> Tensor:
        """``sum p(i, j) i^level_power j^length_power``."""
        by_level = (self.shares * self.runs.lengths[..., None, :] ** length_power).sum(dim=-1)
        return by_level @ self.numbers**level_power


def _variance(shares: Tensor, numbers: Tensor) -> Tensor:
    """``sum p(k) (k - mean)^2``."""
    mean = (shares * numbers).sum(dim=-1, keepdim=True)
    return (shares * (numbers - mean) ** 2).sum(dim=-1)


GLRLM_FEATURES: Mapping[str, Callable[[RunShares], Tensor]] = MappingProxyType(
    {
        "GrayLevelNonUniformity": lambda runs: runs.total * (runs.of_levels**2).sum(dim=-1),
        "GrayLevelNonUniformityNormalized": lambda runs: (runs.of_levels**2).sum(dim=-1),
        "GrayLevelVariance": lambda runs: _variance(runs.of_levels, runs.numbers),
        "HighGrayLevelRunEmphasis": lambda runs: runs.weighted(2, 0),
        "LongRunEmphasis": lambda runs: runs.weighted(0, 2),
        "LongRunHighGrayLevelEmphasis": lambda runs: runs.weighted(2, 2),
        "LongRunLowGrayLevelEmphasis": lambda runs: runs.weighted(-2, 2),
        "LowGrayLevelRunEmphasis": lambda runs: runs.weighted(-2, 0),
        "RunEntropy": lambda runs: entropy(runs.shares.clamp(min=0.0).flatten(-2)),
        "RunLengthNonUniformity": lambda runs: runs.total * (runs.of_lengths**2).sum(dim=-1),
        "RunLengthNonUniformityNormalized": lambda runs: (runs.of_lengths**2).sum(dim=-1),
        "RunPercentage": lambda runs: runs.total / runs.runs.sizes[:, None],
        "RunVariance": lambda runs: _variance(runs.of_lengths, runs.runs.lengths),
        "ShortRunEmphasis": lambda runs: runs.weighted(0, -2),
        "ShortRunHighGrayLevelEmphasis": lambda runs: runs.weighted(2, -2),
        "ShortRunLowGrayLevelEmphasis": lambda runs: runs.weighted(-2, -2),
    }
)
"""By pyradiomics' short names, in its order; i is the level and j the length of a run in ``weighted(power of i, power of j)``."""

OF_LEVELS_ONLY = frozenset(
    {
        "GrayLevelNonUniformity", "GrayLevelNonUniformityNormalized", "GrayLevelVariance", "HighGrayLevelRunEmphasis",
        "LowGrayLevelRunEmphasis", "RunPercentage",
    }
)  # fmt: skip
OF_SHORT_RUNS = frozenset({"ShortRunEmphasis", "ShortRunHighGrayLevelEmphasis", "ShortRunLowGrayLevelEmphasis"})
SHORT = 16
"""A run of this length or more counts 1/256 at most in emphases of short runs: of longer ones their mean length is enough."""


def needed_length(names: Sequence[str], extent: int) -> int:
    """How long runs have to be told apart for these features (short names) in a region of this extent in pixels."""
    if set(names) <= OF_LEVELS_ONLY:
        return 1
    return min(extent, SHORT) if set(names) <= OF_LEVELS_ONLY | OF_SHORT_RUNS else extent
