"""The 18 first-order features that pyradiomics computes by default, and the standard deviation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING

from spinemr.radiomics.differentiable.cooccurrence import entropy
from spinemr.radiomics.differentiable.soft_levels import SoftLevels

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Intensities:
    """The intensities inside the masks of a batch and what the features share."""

    values: Tensor
    """``[batch][pixel]``, of which those outside the mask are of no account."""
    inside: Tensor
    levels: SoftLevels | None = None
    """Only entropy and uniformity ask for them."""
    pixel_volume_mm3: float = 1.0

    @cached_property
    def sizes(self) -> Tensor:
        """Pixels inside."""
        return self.inside.sum(dim=1)

    @cached_property
    def sorted(self) -> Tensor:
        """Ascending; behind the pixels inside follows infinity."""
        import torch

        ascending: Tensor = self.values.masked_fill(~self.inside, torch.inf).sort(dim=1).values
        return ascending

    @cached_property
    def flat(self) -> Tensor:
        """Whether a region has one intensity."""
        return self.percentile(0) == self.percentile(100)

    @cached_property
    def mean(self) -> Tensor:
        """``sum x / n``."""
        return self.averaged(self.values)

    @cached_property
    def shares(self) -> Tensor:
        """``p(i)`` of the soft levels."""
        if self.levels is None:
            raise ValueError("entropy and uniformity need levels")
        return self.levels.weights.sum(dim=-1) / self.levels.sizes[:, None]

    def averaged(self, values: Tensor) -> Tensor:
        """The mean over the mask of something that every pixel has."""
        return values.masked_fill(~self.inside, 0.0).sum(dim=1) / self.sizes

    def moment(self, power: int) -> Tensor:
        """``sum (x - mean)^power / n``."""
        return self.averaged((self.values - self.mean[:, None]) ** power)

    def percentile(self, percent: float) -> Tensor:
        """Between the two nearest ranks in proportion, as numpy does it; the gradient goes to those two pixels."""
        place = (self.sizes - 1).to(self.values.dtype) * (percent / 100)
        below = place.floor().long()
        above = (below + 1).minimum(self.sizes - 1)
        low, high = (self.sorted.gather(1, at[:, None])[:, 0] for at in (below, above))
        return low + (place - below) * (high - low)

    def root(self, square: Tensor) -> Tensor:
        """A square root without an infinite slope at 0."""
        zero = square <= 0
        return square.masked_fill(zero, 1.0).sqrt().masked_fill(zero, 0.0)

    def standardised(self, power: int) -> Tensor:
        """``moment(power) / moment(2)^(power / 2)``; 0, without gradient, for one intensity."""
        spread = self.moment(2).masked_fill(self.flat, 1.0)
        return (self.moment(power) / spread ** (power / 2)).masked_fill(self.flat, 0.0)


def energy(region: Intensities) -> Tensor:
    """``sum x^2``."""
    return region.averaged(region.values**2) * region.sizes


def mean_absolute_deviation(region: Intensities) -> Tensor:
    """``sum |x - mean| / n``."""
    return region.averaged((region.values - region.mean[:, None]).abs())


def robust_mean_absolute_deviation(region: Intensities) -> Tensor:
    """The same of the pixels from the 10th to the 90th percentile, around their own mean."""
    low, high = region.percentile(10).detach(), region.percentile(90).detach()
    kept = region.inside & (region.values >= low[:, None]) & (region.values <= high[:, None])
    return mean_absolute_deviation(Intensities(region.values, kept))


FIRST_ORDER_FEATURES: Mapping[str, Callable[[Intensities], Tensor]] = MappingProxyType(
    {
        "10Percentile": lambda region: region.percentile(10),
        "90Percentile": lambda region: region.percentile(90),
        "Energy": energy,
        "Entropy": lambda region: entropy(region.shares),
        "InterquartileRange": lambda region: region.percentile(75) - region.percentile(25),
        "Kurtosis": lambda region: region.standardised(4),
        "Maximum": lambda region: region.percentile(100),
        "MeanAbsoluteDeviation": mean_absolute_deviation,
        "Mean": lambda region: region.mean,
        "Median": lambda region: region.percentile(50),
        "Minimum": lambda region: region.percentile(0),
        "Range": lambda region: region.percentile(100) - region.percentile(0),
        "RobustMeanAbsoluteDeviation": robust_mean_absolute_deviation,
        "RootMeanSquared": lambda region: region.root(region.averaged(region.values**2)),
        "Skewness": lambda region: region.standardised(3),
        "StandardDeviation": lambda region: region.root(region.moment(2)),
        "TotalEnergy": lambda region: energy(region) * region.pixel_volume_mm3,
        "Uniformity": lambda region: (region.shares**2).sum(dim=-1),
        "Variance": lambda region: region.moment(2),
    }
)
"""By pyradiomics' short names: ``[batch]`` of a region."""

OF_LEVELS = frozenset({"Entropy", "Uniformity"})
