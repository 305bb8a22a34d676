"""Reference profiles: what the features and images of a set of studies look like, as versioned JSON."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinemr.imaging.anatomy import name_of, structure
from spinemr.imaging.atomic import write_json_atomic
from spinemr.imaging.errors import InputError
from spinemr.imaging.plain_files import json_of, text_of
from spinemr.imaging.provenance import versions
from spinemr.radiomics.table import FeatureRow, FeatureTable
from spinemr.radiomics.verdict.known import LEAST_WHOLE, Appearances, count_whole

FORMAT = 1
PERCENTILES = (5, 25, 50, 75, 95)
LEAST_STUDIES = 3
"""Fewer values of a feature have no spread worth the name: they do not enter a profile."""


@dataclass(frozen=True)
class FeatureSummary:
    """One feature of one structure over the studies of a profile."""

    n: int
    mean: float
    sd: float
    """Sample formula (n - 1)."""
    percentiles: tuple[float, ...]
    """At :data:`PERCENTILES`."""

    @classmethod
    def of(cls, values: NDArray[np.float64]) -> FeatureSummary:
        """Summarise finite values."""
        at = np.percentile(values, PERCENTILES)
        return cls(len(values), float(values.mean()), float(values.std(ddof=1)), tuple(float(value) for value in at))

    def distance(self, value: float) -> float:
        """How many standard deviations a value lies from the mean; not a number where the feature never varied."""
        floor = 1e-9 * max(abs(self.mean), 1e-12)
        return abs(value - self.mean) / self.sd if self.sd > floor else float("nan")


@dataclass(frozen=True)
class Profile:
    """The reference a case is held against."""

    name: str
    studies: int
    features: Mapping[str, Mapping[str, FeatureSummary]]
    """By structure ("L4-L5 disc") and by kind ("disc"), then by feature."""
    appearances: Appearances | None
    """Statistics of the images, by scanner."""
    made: Mapping[str, Any] = field(default_factory=dict)
    """How: command, settings, versions."""

    def summaries(self, row: FeatureRow) -> Mapping[str, FeatureSummary]:
        """What is known of a row's structure: of its level, else of its kind."""
        return self.features.get(row.structure) or self.features.get(kind_of(row)) or {}

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        features = {
            name: {feature: {**asdict(summary), "percentiles": list(summary.percentiles)} for feature, summary in known.items()}
            for name, known in self.features.items()
        }
        return {
            "format": FORMAT,
            "name": self.name,
            "studies": self.studies,
            "percentiles": list(PERCENTILES),
            "made": dict(self.made),
            "features": features,
            "appearances": None if self.appearances is None else self.appearances.as_dict(),
        }


def kind_of(row: FeatureRow) -> str:
    """The kind of a row's structure ("disc"); an empty text where its label is not an anatomy number."""
    try:
        return structure(row.label).kind.value if name_of(row.label) == row.structure else ""
    except ValueError:
        return ""


def make_profile(
    table: FeatureTable,
    appearances: Sequence[tuple[str, Mapping[str, float]]] = (),
    *,
    name: str,
    made: Mapping[str, Any] | None = None,
) -> Profile:
    """Summarise the features of many studies, and the statistics of their images (scanner, numbers) by scanner.

    Too few studies with all statistics make a profile without appearances.
    """
    studies = max(len({row.case for row in table}), len(appearances))
    if studies < LEAST_STUDIES:
        raise InputError(f"A profile needs at least {LEAST_STUDIES} studies, not {studies}.")
    groups: dict[str, list[FeatureRow]] = {}
    for row in table:
        for key in dict.fromkeys((row.structure, kind_of(row))):
            if key:
                groups.setdefault(key, []).append(row)
    features = {key: _summaries(rows) for key, rows in groups.items()}
    known = Appearances.of(appearances) if count_whole(appearances) >= LEAST_WHOLE else None
    how = {"versions": versions(), **(made or {})}
    return Profile(name, studies, {key: value for key, value in features.items() if value}, known, how)


def _summaries(rows: Iterable[FeatureRow]) -> dict[str, FeatureSummary]:
    table = FeatureTable(tuple(rows))
    found = {}
    for name in table.names:
        values = table.column(name)
        values = values[np.isfinite(values)]
        if len(values) >= LEAST_STUDIES:
            found[name] = FeatureSummary.of(values)
    return found


def write_profile(profile: Profile, path: str | PathLike[str]) -> None:
    """Write a profile, whole or not at all."""
    write_json_atomic(profile.as_dict(), path)


def read_profile(path: str | PathLike[str]) -> Profile:
    """Read a profile; a sentence says what is wrong with a file that is none."""
    source = Path(path)
    try:
        return parsed(json_of(text_of(source)), source.name)
    except OSError as error:
        raise InputError(f"Cannot read {source.name}: {error.strerror or 'the system refused'}.") from error
    except ValueError as error:
        raise InputError(f"{source.name} is not JSON.", "Make a profile with: spinemr radiomics profile") from error


def parsed(content: Any, name: str) -> Profile:  # noqa: ANN401
    """A profile from the values of its JSON."""
    try:
        if content["format"] != FORMAT:
            raise InputError(f"{name} is a profile of format {content['format']}; this version reads format {FORMAT}.")
        features = {key: {name: _summary(value) for name, value in of.items()} for key, of in content["features"].items()}
        given = content["appearances"]
        known = None if given is None else Appearances.from_dict(given)
        return Profile(str(content["name"]), int(content["studies"]), features, known, dict(content["made"]))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise InputError(f"{name} is not a reference profile.", "Make one with: spinemr radiomics profile") from error


def _summary(content: Mapping[str, Any]) -> FeatureSummary:
    percentiles = tuple(float(value) for value in content["percentiles"])
    found = FeatureSummary(int(content["n"]), float(content["mean"]), float(content["sd"]), percentiles)
    if len(percentiles) != len(PERCENTILES) or not all(map(math.isfinite, (found.mean, found.sd, *percentiles))):
        raise ValueError("a summary is incomplete")
    return found
