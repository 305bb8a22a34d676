"""Pass, review or do not trust: every rule asked, reasons by weight, and what was checked."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

from spinemr.imaging.errors import GeometryError
from spinemr.imaging.progress import Progress, ProgressCallback, silent, within
from spinemr.radiomics.preservation.preservation import preservation
from spinemr.radiomics.verdict.case import Case
from spinemr.radiomics.verdict.finding import Finding, Outcome
from spinemr.radiomics.verdict.limits import Limits, default_limits
from spinemr.radiomics.verdict.rule import Rule
from spinemr.radiomics.verdict.rules_harmonization import ChangedEdges, FeaturesFurther, MovedAnatomy
from spinemr.radiomics.verdict.rules_image import Constant, DiscCut, FewSlices, Saturated, TooCoarse
from spinemr.radiomics.verdict.rules_levels import LevelCount, LevelDistance, LevelGap, LevelOrder, LevelTwice
from spinemr.radiomics.verdict.rules_mask import (
    EmptyMask,
    Fragments,
    OtherGrid,
    Outgrown,
    TinyStructure,
    Touching,
    UnknownNumbers,
    Volume,
)
from spinemr.radiomics.verdict.rules_trust import FarAppearance, LevelConfidence, StructureConfidence
from spinemr.radiomics.verdict.study import Study

RULES: tuple[Rule, ...] = (
    OtherGrid(), EmptyMask(), UnknownNumbers(), LevelOrder(), LevelTwice(), LevelGap(), LevelDistance(), LevelCount(),
    TinyStructure(), Volume(), Outgrown(), Touching(), Fragments(), DiscCut(), TooCoarse(), FewSlices(), Constant(), Saturated(),
    StructureConfidence(), LevelConfidence(), FarAppearance(), MovedAnatomy(), ChangedEdges(), FeaturesFurther(),
)  # fmt: skip
"""Every rule, in the order they are asked."""

Decision = Literal["pass", "review", "do not trust"]


@dataclass(frozen=True)
class Verdict:
    """What to do with a case, and why."""

    decision: Decision
    findings: tuple[Finding, ...]
    """Everything that was looked at: reasons first, the weightiest on top, then what passed, then what was not checked."""
    limits_version: int

    @property
    def reasons(self) -> tuple[Finding, ...]:
        """The findings that failed."""
        return tuple(finding for finding in self.findings if finding.outcome.failed)

    @property
    def passed(self) -> tuple[Finding, ...]:
        """The rules that found nothing wrong."""
        return tuple(finding for finding in self.findings if finding.outcome is Outcome.PASSED)

    @property
    def not_checked(self) -> tuple[Finding, ...]:
        """The rules that lacked their input."""
        return tuple(finding for finding in self.findings if finding.outcome is Outcome.NOT_CHECKED)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "verdict": self.decision,
            "limits_version": self.limits_version,
            "reasons": [finding.as_dict() for finding in self.reasons],
            "passed": [finding.as_dict() for finding in self.passed],
            "not_checked": [{"rule": one.rule, "title": one.title, "sentence": one.sentence} for one in self.not_checked],
        }


def judge(case: Case, limits: Limits | None = None, progress: ProgressCallback = silent) -> Verdict:
    """Ask every rule."""
    chosen = limits or default_limits()
    study = Study.of(_with_preservation(case, within(progress, 0.0, 0.7)))
    findings: list[Finding] = []
    for number, rule in enumerate(RULES):
        progress(Progress("judge", 0.7 + 0.3 * number / len(RULES), rule.title))
        findings += rule.findings(study, chosen)
    progress(Progress("judge", 1.0, "Judged"))
    order = (Outcome.DISTRUST, Outcome.REVIEW, Outcome.PASSED, Outcome.NOT_CHECKED)
    findings.sort(key=lambda finding: (order.index(finding.outcome), -finding.weight))
    return Verdict(_decision(findings), tuple(findings), chosen.version)


def _with_preservation(case: Case, progress: ProgressCallback) -> Case:
    """The case with original and harmonized compared, inside of the mask where there is one on their grid."""
    if case.harmonized is None or case.preservation is not None:
        return case
    mask = case.segmentation if Study.of(case).structures else None
    try:
        return replace(case, preservation=preservation(case.image, case.harmonized, mask, progress))
    except GeometryError:  # said by the rule about grids
        return case


def _decision(findings: list[Finding]) -> Decision:
    outcomes = {finding.outcome for finding in findings}
    if Outcome.DISTRUST in outcomes:
        return "do not trust"
    return "review" if Outcome.REVIEW in outcomes else "pass"
