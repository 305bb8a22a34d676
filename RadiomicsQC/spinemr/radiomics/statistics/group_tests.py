"""Do groups differ, such as disc levels or Pfirrmann grades: Kruskal-Wallis, then pairwise Wilcoxon with Holm (Markhali 2024)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from string import ascii_uppercase

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from spinemr.imaging.errors import InputError
from spinemr.radiomics.statistics.agreement import EXACT_UP_TO, signed_rank
from spinemr.radiomics.statistics.estimate import Significance
from spinemr.radiomics.statistics.multiple_testing import Correction, adjust
from spinemr.radiomics.statistics.samples import groups, sample


@dataclass(frozen=True)
class KruskalWallis:
    """The test whether any group differs, and how much of the ranks' variance the groups explain."""

    test: Significance
    epsilon_squared: float
    counts: Mapping[str, int]


@dataclass(frozen=True)
class RankSum:
    """Wilcoxon's rank-sum test of two independent samples."""

    test: Significance
    """The statistic is Mann and Whitney's U of the first sample: pairs of which the first value is larger, ties half."""
    effect: float
    """Cliff's delta, ``2 U / (n m) - 1``: 1 where every first value is larger, 0 for none, -1 the other way."""


@dataclass(frozen=True)
class PairwiseRow:
    """Two groups, their test and its p value adjusted for all pairs."""

    first: str
    second: str
    counts: tuple[int, int]
    statistic: float
    effect: float
    """Cliff's delta (rank-sum) or rank-biserial correlation (signed-rank): positive where the first is larger."""
    p_value: float
    p_adjusted: float


def kruskal_wallis(samples: Mapping[str, ArrayLike]) -> KruskalWallis:
    """H of ranks, corrected for ties, against chi-square (Kruskal and Wallis 1952); effect ``H / (n - 1)`` (Tomczak 2014)."""
    checked = groups(samples)
    values = np.concatenate(list(checked.values()))
    if len(values) <= len(checked):
        raise InputError(f"{len(values)} values in {len(checked)} groups are too few for a Kruskal-Wallis test.")
    if np.ptp(values) == 0:
        raise InputError("All values of all groups are equal, so there is nothing to compare.")
    result = stats.kruskal(*checked.values())
    h = float(result.statistic)
    counts = {name: len(group) for name, group in checked.items()}
    return KruskalWallis(Significance(h, float(result.pvalue), len(checked) - 1), h / (len(values) - 1), counts)


def rank_sum(first: ArrayLike, second: ArrayLike) -> RankSum:
    """Wilcoxon's rank-sum test (Wilcoxon 1945, Mann and Whitney 1947) as R's ``wilcox.test`` does it.

    Exact where both samples have fewer than 50 values and none are tied, else normal, corrected for ties and continuity.
    """
    one, other = sample(first, "the first sample", 1), sample(second, "the second sample", 1)
    together = np.concatenate([one, other])
    if np.ptp(together) == 0:
        return RankSum(Significance(len(one) * len(other) / 2, 1.0), 0.0)
    unique = len(np.unique(together)) == len(together)
    exact = unique and max(len(one), len(other)) <= EXACT_UP_TO
    result = stats.mannwhitneyu(one, other, use_continuity=True, method="exact" if exact else "asymptotic")
    u = float(result.statistic)
    return RankSum(Significance(u, float(result.pvalue)), 2 * u / (len(one) * len(other)) - 1)


def pairwise_wilcoxon(
    samples: Mapping[str, ArrayLike], *, paired: bool = False, correction: Correction = "holm"
) -> tuple[PairwiseRow, ...]:
    """Every pair of groups by rank-sum, or by signed-rank where the groups hold the same cases in the same order."""
    checked = groups(samples)
    rows: list[PairwiseRow] = []
    for first, second in combinations(checked, 2):
        one, other = checked[first], checked[second]
        if paired:
            ranks = signed_rank(other, one)
            test, effect = ranks.test, ranks.effect
        else:
            sums = rank_sum(one, other)
            test, effect = sums.test, sums.effect
        rows.append(PairwiseRow(first, second, (len(one), len(other)), test.statistic, effect, test.p_value, np.nan))
    adjusted = adjust([row.p_value for row in rows], correction)
    return tuple(replace(row, p_adjusted=float(p)) for row, p in zip(rows, adjusted, strict=True))


def compact_letters(rows: Sequence[PairwiseRow], alpha: float = 0.05) -> dict[str, str]:
    """Letters above the boxes of a plot: groups that share none differ (Piepho 2004; drawn in Markhali 2024, Fig. 3)."""
    names = tuple(dict.fromkeys(name for row in rows for name in (row.first, row.second)))
    sets = [frozenset(names)]
    for row in rows:
        if row.p_adjusted < alpha:
            sets = _apart(sets, row.first, row.second)
    if len(sets) > len(ascii_uppercase):
        raise InputError("There are more sets of equal groups than letters.")
    ordered = sorted(sets, key=lambda members: sorted(names.index(name) for name in members))
    return {name: "".join(ascii_uppercase[place] for place, members in enumerate(ordered) if name in members) for name in names}


def _apart(sets: Sequence[frozenset[str]], first: str, second: str) -> list[frozenset[str]]:
    """The sets after no one holds both names any more, without those inside another."""
    parts: list[frozenset[str]] = []
    for members in sets:
        both = first in members and second in members
        parts += [members - {first}, members - {second}] if both else [members]
    unique = list(dict.fromkeys(parts))
    return [members for members in unique if not any(members < other for other in unique)]
