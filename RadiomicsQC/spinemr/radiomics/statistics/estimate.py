"""What statistics come out as: an estimate with its interval, a test with its p value."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy import special

from spinemr.imaging.errors import InputError


@dataclass(frozen=True)
class Estimate:
    """A number and the confidence interval around it; NaN bounds where the sample allows none."""

    value: float
    low: float = math.nan
    high: float = math.nan
    level: float = 0.95

    def scaled(self, factor: float) -> Estimate:
        """Value and bounds times a positive factor."""
        return Estimate(self.value * factor, self.low * factor, self.high * factor, self.level)


@dataclass(frozen=True)
class Significance:
    """A test statistic, its two-sided p value and, where it has them, its degrees of freedom."""

    statistic: float
    p_value: float
    degrees_of_freedom: float = math.nan


def tail(level: float) -> float:
    """The probability below the upper bound of a two-sided interval: 0.975 for a level of 0.95."""
    if not 0 < level < 1:
        raise InputError(f"A confidence level lies between 0 and 1, and {level:g} does not.", "Usual is 0.95.")
    return (1 + level) / 2


def normal_quantile(level: float) -> float:
    """Half width of a two-sided normal interval in standard errors: 1.96 for 0.95."""
    return float(special.ndtri(tail(level)))


def student_quantile(level: float, degrees_of_freedom: float) -> float:
    """The same of Student's t."""
    return float(special.stdtrit(degrees_of_freedom, tail(level)))


def student_p(t: float, degrees_of_freedom: float) -> float:
    """Two-sided p value of Student's t."""
    return float(2 * special.stdtr(degrees_of_freedom, -abs(t)))
