"""Two tables of features side by side: before and after a harmonization, or of automatic and corrected masks."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from spinemr.imaging.errors import InputError
from spinemr.imaging.progress import Progress, ProgressCallback, silent
from spinemr.radiomics.statistics.agreement import bland_altman, paired_t, pearson, signed_rank
from spinemr.radiomics.statistics.estimate import Estimate
from spinemr.radiomics.statistics.matching import common_names, finite, finite_pairs, matched, structures
from spinemr.radiomics.statistics.multiple_testing import Correction, adjust
from spinemr.radiomics.statistics.relative_error import relative_error, relative_error_of_means
from spinemr.radiomics.statistics.reliability import concordance_correlation, intraclass_correlation, within_subject_variation
from spinemr.radiomics.statistics.scanner_dependence import both_tests
from spinemr.radiomics.table import FeatureTable

ALL_STRUCTURES = "all"
FEWEST_PAIRS = 3
MOST = 1e100
"""Squares of larger numbers leave the range there is."""
UNKNOWN = Estimate(math.nan)


@dataclass(frozen=True)
class ComparisonRow:
    """One feature of one structure in both tables; NaN where the values allow no figure, with the reason in ``note``."""

    structure: str
    feature: str
    count: int
    """Pairs compared; for unpaired tables the smaller number of values."""
    mean_a: float
    mean_b: float
    relative_error: Estimate = UNKNOWN
    """Fraction of A: mean of |b - a| / |a| over pairs; unpaired, |mean(b) - mean(a)| / |mean(a)| with its sign."""
    bias: Estimate = UNKNOWN
    """Bland-Altman: mean of b - a."""
    lower_limit: Estimate = UNKNOWN
    upper_limit: Estimate = UNKNOWN
    proportional_bias_p: float = math.nan
    icc: Estimate = UNKNOWN
    """ICC(2,1), absolute agreement."""
    ccc: Estimate = UNKNOWN
    pearson: Estimate = UNKNOWN
    within_cv: float = math.nan
    paired_t_p: float = math.nan
    signed_rank_p: float = math.nan
    signed_rank_p_adjusted: float = math.nan
    """For all rows of the comparison."""
    ks_p: float = math.nan
    ks_p_adjusted: float = math.nan
    welch_p: float = math.nan
    welch_p_adjusted: float = math.nan
    note: str = ""

    def cells(self) -> dict[str, str | int | float]:
        """The row of a CSV file: plain values under stable column names, intervals as ``_low`` and ``_high``."""
        flat: dict[str, str | int | float] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, Estimate):
                flat |= {field.name: value.value, f"{field.name}_low": value.low, f"{field.name}_high": value.high}
            else:
                flat[field.name] = value
        return flat


def check_magnitudes(table: FeatureTable, name: str) -> None:
    """Refuse finite numbers so large that no feature has them."""
    if any(math.isfinite(value) and abs(value) > MOST for row in table for value in row.features.values()):
        raise InputError(f"{name} holds a number beyond {MOST:g}, which no feature has.", "Write the table again.")


def compare(
    table_a: FeatureTable, table_b: FeatureTable, names: Sequence[str] | None = None, *, paired: bool = True,
    by_structure: bool = True, correction: Correction = "holm", level: float = 0.95, progress: ProgressCallback = silent,
) -> tuple[ComparisonRow, ...]:  # fmt: skip
    """Every shared feature in A (before, or the reference) and B (after), per structure or all structures together.

    Paired tables are matched by case and label. Unpaired ones (other cases, as in HarMOnAE) yield the relative error of means,
    KS and Welch. A structure that only one table has is left out.
    """
    features = common_names([table_a, table_b], names)
    if paired:
        table_a, table_b = matched([table_a, table_b])
    parts = _parts(table_a, table_b, paired, by_structure)
    rows: list[ComparisonRow] = []
    for index, (structure, part_a, part_b) in enumerate(parts):
        progress(Progress("compare", index / len(parts), structure))
        rows.extend(_row(structure, name, part_a.column(name), part_b.column(name), paired, level) for name in features)
    return _adjusted(rows, correction)


def _parts(a: FeatureTable, b: FeatureTable, paired: bool, by_structure: bool) -> list[tuple[str, FeatureTable, FeatureTable]]:
    """The rows of each structure in both tables; matched tables are cut by A's names alone, so that pairs stay pairs."""
    if not by_structure:
        return [(ALL_STRUCTURES, a, b)]
    if not paired:
        shared = [name for name in structures(a) if name in structures(b)]
        if not shared:
            raise InputError("The tables have no structure in common.", "Compare all structures together instead.")
        return [(name, a.where(structure=name), b.where(structure=name)) for name in shared]
    together = tuple(zip(a.rows, b.rows, strict=True))
    return [
        (
            name,
            FeatureTable(tuple(one for one, _ in together if one.structure == name)),
            FeatureTable(tuple(other for one, other in together if one.structure == name)),
        )
        for name in structures(a)
    ]


def _row(
    structure: str, feature: str, a: NDArray[np.float64], b: NDArray[np.float64], paired: bool, level: float
) -> ComparisonRow:
    one, other = finite_pairs(a, b) if paired else (finite(a), finite(b))
    count = min(len(one), len(other))
    means = (float(one.mean()), float(other.mean())) if count else (math.nan, math.nan)
    row = ComparisonRow(structure, feature, count, *means)
    if count < FEWEST_PAIRS:
        return replace(row, note=f"fewer than {FEWEST_PAIRS} values")
    _, ks_p, _, welch_p = both_tests(one, other)
    row = replace(row, ks_p=ks_p, welch_p=welch_p)
    if not paired:
        return replace(row, relative_error=_or_unknown(lambda: relative_error_of_means(other, one, level)))
    return _paired_row(row, one, other, level)


def _paired_row(row: ComparisonRow, one: NDArray[np.float64], other: NDArray[np.float64], level: float) -> ComparisonRow:
    both = np.stack([one, other], axis=1)
    agreement = bland_altman(one, other, level=level)
    constant = np.ptp(one) == 0 or np.ptp(other) == 0
    return replace(
        row,
        relative_error=_or_unknown(lambda: relative_error(other, one, level)),
        bias=agreement.bias,
        lower_limit=agreement.lower,
        upper_limit=agreement.upper,
        proportional_bias_p=agreement.slope_p,
        icc=_or_unknown(lambda: intraclass_correlation(both, "2,1", level).estimate),
        ccc=_or_unknown(lambda: concordance_correlation(one, other, level)),
        pearson=_or_unknown(lambda: pearson(one, other, level).estimate),
        within_cv=within_subject_variation(both, level).variation.value,
        paired_t_p=paired_t(one, other, level).test.p_value,
        signed_rank_p=signed_rank(one, other).test.p_value,
        note="constant" if constant else "",
    )


def _or_unknown(estimate: Callable[[], Estimate]) -> Estimate:
    """An estimate, or NaN where the values do not define it."""
    try:
        return estimate()
    except InputError:
        return UNKNOWN


def _adjusted(rows: Sequence[ComparisonRow], correction: Correction) -> tuple[ComparisonRow, ...]:
    """The rows with the p values of each test adjusted for all rows."""
    columns = [adjust([getattr(row, name) for row in rows], correction).tolist() for name in ("signed_rank_p", "ks_p", "welch_p")]
    return tuple(
        replace(row, signed_rank_p_adjusted=ranks, ks_p_adjusted=ks, welch_p_adjusted=welch)
        for row, ranks, ks, welch in zip(rows, *columns, strict=True)
    )
