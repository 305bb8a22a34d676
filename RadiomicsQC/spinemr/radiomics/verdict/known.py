"""Known appearances: the image statistics of a set of studies by scanner, and how far another image lies from the nearest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinemr.imaging.errors import InputError
from spinemr.radiomics.verdict.appearance import STATISTICS

SHRINKAGE = 0.3
"""Share of the covariance that is replaced by its diagonal: there are few studies of each scanner."""
LEAST_WHOLE = 10
"""Studies with every statistic that a covariance can be guessed from; more are better."""
LEAST_SD = 0.02
"""Spread every statistic is given at least, in its own (logarithmic or 0 to 1) unit: below it differences mean nothing."""


def count_whole(studies: Sequence[tuple[str, Mapping[str, float]]]) -> int:
    """How many studies have every statistic."""
    return sum(all(np.isfinite(values.get(name, np.nan)) for name in STATISTICS) for _, values in studies)


@dataclass(frozen=True)
class Appearances:
    """Group means and one covariance of what is within groups."""

    names: tuple[str, ...]
    means: Mapping[str, tuple[float, ...]]
    counts: Mapping[str, int]
    covariance: tuple[tuple[float, ...], ...]
    usual_distance: float
    """99th percentile of the distances of the studies to the nearest group made without them."""

    @classmethod
    def of(cls, studies: Sequence[tuple[str, Mapping[str, float]]]) -> Appearances:
        """Summarise ``(scanner, image statistics)`` of many studies.

        What some studies lack (the canal, where it is not labelled) is known of the others; the covariance is that of the
        studies that have all.
        """
        names = tuple(name for name in STATISTICS if any(np.isfinite(values.get(name, np.nan)) for _, values in studies))
        groups = [group or "unnamed" for group, _ in studies]
        table = np.array([[values.get(name, np.nan) for name in names] for _, values in studies], dtype=np.float64)
        if not names or np.isfinite(table).all(axis=1).sum() < LEAST_WHOLE:
            raise InputError(
                f"Known appearances need {LEAST_WHOLE} or more studies whose masks hold vertebrae, discs and canal.",
                "Add studies; a profile of features alone needs fewer.",
            )
        found = _fitted(names, groups, table, 1.0)
        distances = []
        for index, row in enumerate(table):
            others = [place for place in range(len(groups)) if place != index]
            rest = _fitted(names, [groups[place] for place in others], table[others], 1.0)
            distances.append(rest.distance(dict(zip(names, row, strict=True)))[0])
        return replace(found, usual_distance=float(np.percentile(distances, 99)))

    def distance(self, statistics: Mapping[str, float]) -> tuple[float, str]:
        """Mahalanobis distance from the nearest group, and its name; over the statistics that image and group have.

        Divided by the root of their number, so that fewer statistics are no nearer by themselves.
        """
        values = np.array([statistics.get(name, np.nan) for name in self.names], dtype=np.float64)
        best = (float("inf"), "")
        for group, mean in self.means.items():
            off = values - np.array(mean)
            have = np.flatnonzero(np.isfinite(off))
            if have.size:
                inverse = np.linalg.inv(np.array(self.covariance)[np.ix_(have, have)])
                best = min(best, (float(np.sqrt(off[have] @ inverse @ off[have] / have.size)), group))
        if not best[1]:
            raise InputError("The image has none of the statistics of the profile.")
        return best

    def oddest(self, statistics: Mapping[str, float], group: str) -> str:
        """The statistic that lies farthest from a group, in standard deviations."""
        mean, sd = self.means[group], np.sqrt(np.diag(np.array(self.covariance)))
        off = {name: abs(statistics.get(name, np.nan) - mean[place]) / sd[place] for place, name in enumerate(self.names)}
        return max((name for name in off if np.isfinite(off[name])), key=lambda name: off[name])

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        groups = {
            group: {"n": self.counts[group], "mean": [round(v, 5) if np.isfinite(v) else None for v in mean]}
            for group, mean in self.means.items()
        }
        return {
            "names": list(self.names),
            "groups": groups,
            "covariance": [[round(value, 7) for value in row] for row in self.covariance],
            "usual_distance": round(self.usual_distance, 5),
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Appearances:
        """From the values of its JSON; raises ``ValueError`` where they cannot be."""
        names = tuple(str(name) for name in content["names"])
        means = {
            str(group): tuple(float("nan") if v is None else float(v) for v in value["mean"])
            for group, value in content["groups"].items()
        }
        counts = {str(group): int(value["n"]) for group, value in content["groups"].items()}
        covariance = np.array(content["covariance"], dtype=np.float64)
        usual = float(content["usual_distance"])
        square = covariance.shape == (len(names), len(names)) and bool(np.isfinite(covariance).all())
        if not square or not means or any(len(mean) != len(names) for mean in means.values()) or not usual > 0:
            raise ValueError("appearances are incomplete")
        if np.linalg.eigvalsh(covariance)[0] <= 0:
            raise ValueError("the covariance is not positive")
        return cls(names, means, counts, tuple(tuple(row) for row in covariance.tolist()), usual)


def _fitted(names: tuple[str, ...], groups: list[str], table: NDArray[np.float64], usual: float) -> Appearances:
    order = list(dict.fromkeys(groups))
    member = np.array([order.index(group) for group in groups])
    means = np.array([_means(table[member == place]) for place in range(len(order))])
    within = table - means[member]
    within = within[np.isfinite(within).all(axis=1)]
    covariance = within.T @ within / max(1, len(within) - len(order))
    diagonal = np.diag(np.diag(covariance))
    covariance = (1 - SHRINKAGE) * covariance + SHRINKAGE * diagonal + LEAST_SD**2 * np.eye(len(names))
    counts = {group: int((member == place).sum()) for place, group in enumerate(order)}
    rows = tuple(tuple(float(value) for value in row) for row in covariance)
    return Appearances(names, {group: tuple(means[i].tolist()) for i, group in enumerate(order)}, counts, rows, usual)


def _means(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Column means over what is finite; not-a-number for columns without any."""
    known = np.isfinite(rows)
    count = known.sum(axis=0)
    return np.where(count > 0, np.where(known, rows, 0.0).sum(axis=0) / np.maximum(count, 1), np.nan)
