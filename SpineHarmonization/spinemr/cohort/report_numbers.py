"""Everything the report of a cohort says, as numbers: taken from its tables alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spinemr.cohort.dependence import Dependence, dependences
from spinemr.cohort.outliers import Outlier, measured, outliers
from spinemr.cohort.study_level import Matrix, StudyLevel, study_level
from spinemr.cohort.tables import read_columns

VERDICTS = ("pass", "review", "do not trust")
NO_SCANNER = "not named"


@dataclass(frozen=True)
class FailureLine:
    """Why a study, or a stage of it, failed."""

    case: str
    stage: str
    cause: str
    sentence: str


@dataclass(frozen=True)
class ReportNumbers:
    """The content of a cohort's report."""

    studies: int
    finished: int
    seconds: float
    """Of all studies together."""
    peak_mb: float
    harmonized_by: Mapping[str, int]
    groups: Mapping[str, int]
    verdicts: Mapping[str, Mapping[str, int]]
    """Scanner, then verdict, then studies."""
    reasons: tuple[tuple[str, str, int], ...]
    """Title and outcome of a rule that was not passed, and how many studies it concerns; the most frequent first."""
    distrusted: tuple[tuple[str, str], ...]
    """Studies not to be trusted, and the first reason of each."""
    dependences: tuple[Dependence, ...]
    level: StudyLevel
    measurements: tuple[list[str], Matrix]
    outliers: tuple[Outlier, ...]
    failures: tuple[FailureLine, ...]

    @property
    def verdict_counts(self) -> dict[str, int]:
        """Over all scanners."""
        return {verdict: sum(counts.get(verdict, 0) for counts in self.verdicts.values()) for verdict in VERDICTS}


def report_numbers(root: Path) -> ReportNumbers:
    """All numbers of a cohort's report."""
    told = read_columns(root, "studies", ["case", "scanner", "group", "state", "verdict", "harmonized_by", "seconds", "peak_mb"])
    there = [place for place, state in enumerate(told["state"]) if state != "failed"]
    level = study_level(root)
    measurements = measured(level.cases, root)
    findings = read_columns(root, "verdicts", ["case", "title", "outcome", "sentence", "verdict"])
    failures = read_columns(root, "failures", ["case", "stage", "cause", "sentence"])
    return ReportNumbers(
        studies=len(told["case"]),
        finished=len(there),
        seconds=float(sum(told["seconds"][place] or 0.0 for place in there)),
        peak_mb=max((told["peak_mb"][place] or 0.0 for place in there), default=0.0),
        harmonized_by=Counter(told["harmonized_by"][place] or "none" for place in there),
        groups=Counter(group for group in told["group"] if group),
        verdicts=_verdicts(told, there),
        reasons=_reasons(findings),
        distrusted=_distrusted(findings),
        dependences=dependences(level),
        level=level,
        measurements=measurements,
        outliers=outliers(level, measurements),
        failures=tuple(FailureLine(*cells) for cells in zip(*failures.values(), strict=True)),
    )


def _verdicts(told: Mapping[str, list[Any]], there: list[int]) -> dict[str, dict[str, int]]:
    counts: dict[str, dict[str, int]] = {}
    for place in there:
        of = counts.setdefault(told["scanner"][place] or NO_SCANNER, dict.fromkeys(VERDICTS, 0))
        if told["verdict"][place] in of:
            of[told["verdict"][place]] += 1
    return dict(sorted(counts.items()))


def _reasons(findings: Mapping[str, list[Any]]) -> tuple[tuple[str, str, int], ...]:
    cases: dict[tuple[str, str], set[str]] = {}
    for case, title, outcome in zip(findings["case"], findings["title"], findings["outcome"], strict=True):
        if outcome in VERDICTS[1:]:
            cases.setdefault((title, outcome), set()).add(case)
    ordered = sorted(cases.items(), key=lambda one: (-len(one[1]), one[0]))
    return tuple((title, outcome, len(found)) for (title, outcome), found in ordered)


def _distrusted(findings: Mapping[str, list[Any]]) -> tuple[tuple[str, str], ...]:
    first: dict[str, str] = {}
    columns = (findings[name] for name in ("case", "verdict", "outcome", "sentence"))
    for case, verdict, outcome, sentence in zip(*columns, strict=True):
        if verdict == outcome == VERDICTS[2]:
            first.setdefault(case, sentence)
    return tuple(first.items())


def column_by_scanner(values: Matrix, level: StudyLevel, scanners: tuple[str, ...]) -> dict[str, Matrix]:
    """One column ``[study]`` apart by scanner."""
    labels = np.array(level.scanners)
    return {scanner: values[labels == scanner] for scanner in scanners}
