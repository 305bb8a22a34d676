"""Skewness, kurtosis, mean of positive pixels and entropy: the quantities by which SpineTK compares masks (Suri 2021, 2.4.4).

The article names them without formulas. They are the histogram quantities of filtration-histogram texture analysis, the
method of its references 4 and 5 to bone marrow, whose usual definitions are taken here: moments corrected for the size of the
sample, kurtosis as excess over the normal distribution (0, not 3), entropy of the intensities themselves and not of bins.
Like SpineTK (section 2.3) scale images to 0-255 first: entropy then is that of 256 grey values.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from spinemr.radiomics.features.evaluation import chosen
from spinemr.radiomics.region import Region, Values


def spinetk_features(region: Region, wanted: tuple[str, ...] = ()) -> dict[str, float]:
    """The wanted of the four features, all of them by default."""
    names = chosen("spinetk", wanted, NAMES)
    values = region.inside
    return {name: _FORMULAS[name](values) for name in names}


def sample_skewness(values: Values) -> float:
    """``G1 = sqrt(n (n - 1)) / (n - 2) * m_3 / m_2^1.5``; 0 where all are the same or there are fewer than 3."""
    count, centred = values.size, values - values.mean()
    variance = float(np.mean(centred**2))
    if count < 3 or variance**2 == 0:
        return 0.0
    return math.sqrt(count * (count - 1)) / (count - 2) * float(np.mean(centred**3)) / math.pow(variance, 1.5)


def sample_excess_kurtosis(values: Values) -> float:
    """``G2 = (n - 1) / ((n - 2)(n - 3)) * ((n + 1)(m_4 / m_2^2 - 3) + 6)``; 0 for fewer than 4 or all the same."""
    count, centred = values.size, values - values.mean()
    variance = float(np.mean(centred**2))
    if count < 4 or variance**2 == 0:
        return 0.0
    excess = float(np.mean(centred**4)) / variance**2 - 3
    return (count - 1) / ((count - 2) * (count - 3)) * ((count + 1) * excess + 6)


def mean_of_positive_pixels(values: Values) -> float:
    """The mean of the intensities above 0; NaN where there are none."""
    positive = values[values > 0]
    return float(positive.mean()) if positive.size else math.nan


def intensity_entropy(values: Values) -> float:
    """``-sum p log2 p`` over intensities rounded to whole numbers."""
    _, counts = np.unique(np.rint(values), return_counts=True)
    shares = counts / values.size
    return float(-np.sum(shares * np.log2(shares))) + 0.0


_FORMULAS: dict[str, Callable[[Values], float]] = {
    "Skewness": sample_skewness,
    "Kurtosis": sample_excess_kurtosis,
    "MPP": mean_of_positive_pixels,
    "Entropy": intensity_entropy,
}
NAMES = tuple(_FORMULAS)
