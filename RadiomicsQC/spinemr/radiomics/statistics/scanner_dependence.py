"""Does a feature still tell which scanner made the image: KS and Welch tests per feature and scanner (HarMOnAE, Table 1)."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from spinemr.imaging.errors import InputError
from spinemr.imaging.progress import Progress, ProgressCallback, silent
from spinemr.radiomics.statistics.estimate import Significance, student_p
from spinemr.radiomics.statistics.matching import finite
from spinemr.radiomics.statistics.multiple_testing import Correction, adjust
from spinemr.radiomics.statistics.samples import named, sample
from spinemr.radiomics.table import FeatureTable

TestName = Literal["ks", "welch"]
Contrast = Literal["rest", "pairs"]
"""Each scanner against all others together, as HarMOnAE, or each pair of scanners."""
REST = "rest"
FEWEST = 3
"""Images of a scanner below which nothing is tested."""


@dataclass(frozen=True)
class ScannerDependence:
    """P values ``[contrast][feature]``, NaN where a test could not be done (too few values, no spread)."""

    contrasts: tuple[tuple[str, str], ...]
    """Scanner and what it is compared with: another scanner or ``rest``."""
    features: tuple[str, ...]
    counts: tuple[tuple[int, int], ...]
    """Images on both sides of each contrast."""
    ks_statistic: NDArray[np.float64]
    ks_p: NDArray[np.float64]
    welch_statistic: NDArray[np.float64]
    welch_p: NDArray[np.float64]

    def p_values(self, test: TestName, correction: Correction = "none") -> NDArray[np.float64]:
        """P values of one test, adjusted for all contrasts and features together."""
        return adjust(self.ks_p if test == "ks" else self.welch_p, correction)


@dataclass(frozen=True)
class DependenceRow:
    """One line of HarMOnAE's Table 1: how many features differ, on average over the contrasts."""

    test: TestName
    correction: Correction
    alpha: float
    features: int
    """Features tested (that at least one contrast could be done for)."""
    mean_count: float
    percent: float
    per_contrast: tuple[int, ...]
    """Differing features of each contrast."""

    @property
    def cell(self) -> str:
        """As the paper prints it: ``12 (16.4)``."""
        return f"{self.mean_count:.0f} ({self.percent:.1f})"


def kolmogorov_smirnov(first: ArrayLike, second: ArrayLike) -> Significance:
    """Two-sided two-sample test on ``D = sup |F1 - F2|`` (Kolmogorov 1933, Smirnov 1939); exact up to 10,000 values."""
    one, other = sample(first, "the first sample"), sample(second, "the second sample")
    with warnings.catch_warnings():
        # Where rounding lifts an exact p above 1, scipy says so and takes the asymptotic one, which is 1 to four digits.
        warnings.filterwarnings("ignore", message="ks_2samp: Exact", category=RuntimeWarning)
        result = stats.ks_2samp(one, other)
    return Significance(float(result.statistic), float(result.pvalue))


def welch(first: ArrayLike, second: ArrayLike) -> Significance:
    """Unpaired t test for unequal variances, ``(m1 - m2) / sqrt(s1^2/n1 + s2^2/n2)`` (Welch 1947)."""
    one, other = sample(first, "the first sample"), sample(second, "the second sample")
    parts = one.var(ddof=1) / len(one), other.var(ddof=1) / len(other)
    error = float(sum(parts))
    if error <= (1e-12 * max(abs(one.mean()), abs(other.mean()))) ** 2:
        raise InputError("Both samples are constant, so Welch's test cannot be done.")
    t = float(one.mean() - other.mean()) / math.sqrt(error)
    freedom = error**2 / float(parts[0] ** 2 / (len(one) - 1) + parts[1] ** 2 / (len(other) - 1))
    return Significance(t, student_p(t, freedom), freedom)


def scanner_dependence(
    values: FeatureTable | ArrayLike, scanners: Sequence[str] | None = None, names: Sequence[str] | None = None,
    against: Contrast = "rest", progress: ProgressCallback = silent,
) -> ScannerDependence:  # fmt: skip
    """KS and Welch of every feature and scanner; scanners come from the table's column or, for ``[image][feature]``, apart."""
    matrix, features = named(values, names)
    if scanners is None:
        if not isinstance(values, FeatureTable):
            raise InputError("A plain matrix says nothing about scanners.", "Pass the scanner of each row.")
        scanners = [row.scanner for row in values]
    contrasts, sides = _contrasts(scanners, len(matrix), against)
    results = np.full((4, len(contrasts), len(features)), np.nan)
    for row, (here, there) in enumerate(sides):
        progress(Progress("scanner dependence", row / len(sides), contrasts[row][0]))
        for column in range(len(features)):
            results[:, row, column] = both_tests(matrix[here, column], matrix[there, column])
    counts = tuple((int(here.sum()), int(there.sum())) for here, there in sides)
    return ScannerDependence(contrasts, features, counts, *results)


def _contrasts(
    scanners: Sequence[str], rows: int, against: Contrast
) -> tuple[tuple[tuple[str, str], ...], list[tuple[NDArray[np.bool_], NDArray[np.bool_]]]]:
    """Names and masks of both sides of every contrast."""
    if len(scanners) != rows:
        raise InputError(f"{rows} images, but {len(scanners)} scanner names.")
    if any(not name for name in scanners):
        raise InputError("Some images have no scanner.", "Fill the column scanner.")
    labels = np.array([str(name) for name in scanners])
    present = sorted(set(labels.tolist()))
    if len(present) < 2:
        raise InputError("All images are from one scanner.", "Scanner dependence needs two or more.")
    few = [name for name in present if np.count_nonzero(labels == name) < FEWEST]
    if few:
        raise InputError(f"Scanner {few[0]} has fewer than {FEWEST} images.", "Leave it out or unite it with another one.")
    if against == "rest":
        return tuple((name, REST) for name in present), [(labels == name, labels != name) for name in present]
    if against != "pairs":
        raise InputError(f"There is no contrast named {against}.", "Use rest or pairs.")
    pairs = tuple((one, other) for index, one in enumerate(present) for other in present[index + 1 :])
    return pairs, [(labels == one, labels == other) for one, other in pairs]


def both_tests(first: NDArray[np.float64], second: NDArray[np.float64]) -> tuple[float, float, float, float]:
    """KS statistic and p, Welch statistic and p of the values that are there; NaN for a test that cannot be done."""
    one, other = finite(first), finite(second)
    if min(len(one), len(other)) < FEWEST:
        return (math.nan,) * 4
    ks = kolmogorov_smirnov(one, other)
    try:
        t = welch(one, other)
    except InputError:
        t = Significance(math.nan, math.nan)
    return ks.statistic, ks.p_value, t.statistic, t.p_value


def dependence_row(
    result: ScannerDependence, test: TestName = "ks", correction: Correction = "none", alpha: float = 0.05
) -> DependenceRow:
    """How many features differ (``p < alpha``): the mean over contrasts, and the percentage of the features tested."""
    p = result.p_values(test, correction)
    tested = int(np.count_nonzero(~np.all(np.isnan(p), axis=0)))
    per_contrast = tuple(int(count) for count in np.count_nonzero(p < alpha, axis=1))
    mean = float(np.mean(per_contrast))
    return DependenceRow(test, correction, alpha, tested, mean, 100 * mean / tested if tested else math.nan, per_contrast)


def dependence_table(
    methods: Mapping[str, ScannerDependence], alpha: float = 0.05,
    corrections: Sequence[Correction] = ("none", "holm", "benjamini-hochberg"),
) -> dict[str, tuple[DependenceRow, ...]]:  # fmt: skip
    """For each way of harmonizing: both tests, uncorrected and corrected; the first row is the cell of HarMOnAE's Table 1."""
    tests: tuple[TestName, TestName] = ("ks", "welch")
    return {
        method: tuple(dependence_row(result, test, correction, alpha) for test in tests for correction in corrections)
        for method, result in methods.items()
    }
