"""What a rule is: a name, what it measures of a study, and how its figures become findings."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from spinemr.imaging.anatomy import name_of
from spinemr.radiomics.verdict.finding import Finding, Outcome
from spinemr.radiomics.verdict.limits import Limits
from spinemr.radiomics.verdict.study import Study
from spinemr.radiomics.viewing import Place

_SEVERITY = {Outcome.DISTRUST: 200.0, Outcome.REVIEW: 100.0}


class NotChecked(Exception):
    """A rule lacks its input; the text says which."""


@dataclass(frozen=True)
class Measure:
    """One figure, the limit it is held against, and the sentence to say if it is beyond."""

    figure: float
    limit: str
    sentence: str
    label: int | None = None
    place: Place | None = None


class Rule(ABC):
    """One thing that can be wrong with a case."""

    name: ClassVar[str]
    title: ClassVar[str]
    limits: ClassVar[tuple[str, ...]]
    """Names of the limits it uses; the first is shown where there was nothing to measure."""
    fine: ClassVar[str]
    """The sentence where nothing is wrong."""
    weight: ClassVar[float]
    """0 to 50: how much this reason weighs among others of its severity."""

    @abstractmethod
    def measures(self, study: Study) -> Iterable[Measure]:
        """Everything it measured, good or bad; raises :class:`NotChecked` where input is lacking."""

    def findings(self, study: Study, limits: Limits) -> list[Finding]:
        """All figures beyond their limits, or else one finding that the rule passed or could not be checked."""
        try:
            graded = [self._graded(measure, limits) for measure in self.measures(study)]
        except NotChecked as reason:
            return [Finding(self.name, self.title, Outcome.NOT_CHECKED, str(reason))]
        failed = [finding for finding, _ in graded if finding.outcome.failed]
        return failed or [self._passed([finding for finding, _ in sorted(graded, key=lambda pair: pair[1])], limits)]

    def _graded(self, measure: Measure, limits: Limits) -> tuple[Finding, float]:
        """The finding, and how near it came to its limit (0 at the limit, larger further away)."""
        limit = limits[measure.limit]
        outcome, value = limit.grade(measure.figure)
        excess = limit.excess(measure.figure, value)
        finding = Finding(
            rule=self.name,
            title=self.title,
            outcome=outcome,
            sentence=measure.sentence if outcome.failed else self.fine,
            figure=None if math.isnan(measure.figure) else measure.figure,
            unit=limit.unit,
            limit=value,
            worse=limit.worse,
            label=measure.label,
            structure="" if measure.label is None else name_of(measure.label),
            place=measure.place,
            weight=_SEVERITY[outcome] + self.weight + 10 * excess if outcome.failed else 0.0,
        )
        return finding, excess

    def _passed(self, graded: list[Finding], limits: Limits) -> Finding:
        if graded:
            return graded[0]
        limit = limits[self.limits[0]]
        first = limit.review if limit.review is not None else limit.do_not_trust
        return Finding(self.name, self.title, Outcome.PASSED, self.fine, None, limit.unit, first, limit.worse)


def need_labels(study: Study) -> None:
    """Raise :class:`NotChecked` unless there is a mask on the image's grid that holds something."""
    if study.case.segmentation is None:
        raise NotChecked("There is no mask.")
    if study.labels is None:
        raise NotChecked("The mask lies on another grid.")
    if not study.structures:
        raise NotChecked("The mask holds no structure.")
