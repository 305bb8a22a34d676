"""The verdict on a case, which is never better than its stages: what could not be made cannot be trusted."""

from __future__ import annotations

from collections.abc import Mapping

from spinemr.pipeline.result import TITLES, CaseResult, StageState
from spinemr.radiomics.verdict.case import Case, Confidences
from spinemr.radiomics.verdict.finding import Finding, Outcome
from spinemr.radiomics.verdict.judge import Verdict
from spinemr.radiomics.verdict.limits import default_limits

RULE, SEGMENT = "stage", "segment"
_MATTER = ("harmonize", "segment", "measure", "features")
"""Stages whose failure is a reason for a verdict."""
_HEAVIEST = 100.0
"""A stage that failed is told before every rule of the same severity."""


def case_to_judge(result: CaseResult) -> Case:
    """What there is of a case, in the form the rules take it; bodies and arches told apart."""
    before, after = (result.features.where(image=name) for name in ("source", "harmonized"))
    found = result.segmentation
    return Case(
        image=result.source,
        segmentation=None if found is None else found.labels,
        harmonized=result.harmonized_image,
        confidences=None if found is None else Confidences.from_report(found.report.as_dict()),
        preservation=result.kept,
        features_before=before if len(before) else None,
        features_after=after if len(after) else None,
    )


def with_failures(verdict: Verdict, stages: Mapping[str, StageState]) -> Verdict:
    """A verdict with a reason for each stage that failed: without labels "do not trust", else "review" or what it was."""
    failures = tuple(_finding(name, stage) for name, stage in stages.items() if name in _MATTER and _is_missed(name, stage))
    if not failures:
        return verdict
    order = (Outcome.DISTRUST, Outcome.REVIEW, Outcome.PASSED, Outcome.NOT_CHECKED)
    findings = sorted((*failures, *verdict.findings), key=lambda finding: order.index(finding.outcome))
    distrusted = verdict.decision == "do not trust" or any(one.outcome is Outcome.DISTRUST for one in failures)
    return Verdict("do not trust" if distrusted else "review", tuple(findings), verdict.limits_version)


def unjudged(sentence: str) -> Verdict:
    """The verdict on a case that could not be judged."""
    finding = Finding(RULE, TITLES["judge"], Outcome.DISTRUST, f"The case could not be judged. {sentence}", weight=_HEAVIEST)
    return Verdict("do not trust", (finding,), default_limits().version)


def _is_missed(name: str, stage: StageState) -> bool:
    """Whether a stage did not give what was wanted of it; segmentation always is."""
    return stage.state == "failed" or (name == SEGMENT and stage.state == "skipped")


def _finding(name: str, stage: StageState) -> Finding:
    outcome = Outcome.DISTRUST if name == SEGMENT else Outcome.REVIEW
    return Finding(RULE, TITLES[name], outcome, stage.sentence, weight=_HEAVIEST)
