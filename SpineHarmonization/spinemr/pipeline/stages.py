"""The stages of a case, one function each: from what there is to what there is with one thing more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import SimpleITK as sitk

from spinemr.harmonization.harmonize import harmonize
from spinemr.imaging.anatomy import name_of
from spinemr.imaging.progress import ProgressCallback, within
from spinemr.pipeline.judging import case_to_judge, with_failures
from spinemr.pipeline.origin import final_provenance
from spinemr.pipeline.request import NO_METHOD, Tools
from spinemr.pipeline.result import CaseResult
from spinemr.radiomics.extraction import extract
from spinemr.radiomics.preparation import labels_of
from spinemr.radiomics.preservation.preservation import preservation
from spinemr.radiomics.report.case_content import ReportCase, case_content, measured_rows
from spinemr.radiomics.report.content import ReportVerdict
from spinemr.radiomics.report.page import report_page
from spinemr.radiomics.table import FeatureRow, FeatureTable
from spinemr.radiomics.verdict.judge import judge
from spinemr.segmentation.inference.segment import segment
from spinemr.segmentation.measurements import measure_image


@dataclass(frozen=True)
class Stage:
    """A stage: what it is called, what it does, its share of the time, and the stages without which it cannot be."""

    name: str
    work: Callable[[CaseResult, Tools, ProgressCallback], CaseResult]
    share: float
    needs: Callable[[CaseResult], str] = lambda _: ""
    """Why the stage has to be skipped; empty where it can run."""


def harmonize_case(result: CaseResult, tools: Tools, progress: ProgressCallback) -> CaseResult:
    """The harmonized image."""
    assert tools.method is not None
    found = harmonize(result.source, tools.method, strength=result.request.strength, progress=progress)
    return replace(result, harmonized=found)


def segment_case(result: CaseResult, tools: Tools, progress: ProgressCallback) -> CaseResult:
    """Labels, from the image that was asked for."""
    seen = result.harmonized_image if result.request.segment_on == "harmonized" else result.source
    assert seen is not None
    return result.with_segmentation(segment(seen, tools.model, shift=result.request.shift, progress=progress))


def measure_case(result: CaseResult, _tools: Tools, _progress: ProgressCallback) -> CaseResult:
    """Heights, angles, slips and depths, from bodies and arches told apart."""
    assert result.segmentation is not None
    return replace(result, measurements=measure_image(result.segmentation.labels))


def features_of_case(result: CaseResult, _tools: Tools, progress: ProgressCallback) -> CaseResult:
    """Radiomic features of every structure in the source and in the harmonized image."""
    assert result.labels is not None
    images = {"source": result.source, "harmonized": result.harmonized_image}
    rows: list[FeatureRow] = []
    for place, (name, image) in enumerate(images.items()):
        if image is not None:
            rows += _feature_rows(result, name, image, result.labels, within(progress, place / 2, (place + 1) / 2))
    return replace(result, features=FeatureTable(tuple(rows)))


def _feature_rows(
    result: CaseResult, name: str, image: sitk.Image, labels: sitk.Image, progress: ProgressCallback
) -> list[FeatureRow]:
    found = extract(image, labels, result.request.settings, labels=labels_of(labels), progress=progress)
    return [FeatureRow(result.request.case, name, label, name_of(label), features) for label, features in found.items()]


def judge_case(result: CaseResult, _tools: Tools, progress: ProgressCallback) -> CaseResult:
    """Whether anatomy was preserved, and the verdict."""
    if result.harmonized_image is not None:
        kept = preservation(result.source, result.harmonized_image, result.labels, within(progress, 0.0, 0.9))
        result = replace(result, kept=kept)
    verdict = judge(case_to_judge(result), progress=within(progress, 0.9, 1.0))
    return replace(result, verdict=with_failures(verdict, result.stages))


def report_case(result: CaseResult, _tools: Tools, _progress: ProgressCallback) -> CaseResult:
    """The page for people."""
    return replace(result, page=report_page(case_content(_for_report(result))))


def _for_report(result: CaseResult) -> ReportCase:
    found, verdict = result.segmentation, result.verdict
    return ReportCase(
        image=result.source,
        harmonized=result.harmonized_image,
        labels=result.labels,
        kept=result.kept,
        verdict=None if verdict is None else ReportVerdict.from_dict(verdict.as_dict()),
        features=result.features,
        measurements={} if result.measurements is None else measured_rows(result.measurements.as_csv()),
        confidences={} if found is None else {one.label: one.confidence for one in found.report.structures},
        made_how=_made_how(result),
        notes=_said(result),
        provenance=final_provenance(result).as_dict(),
    )


def _made_how(result: CaseResult) -> dict[str, str]:
    """Method and levels, in the words of people."""
    facts: dict[str, str] = {}
    if (made := result.harmonized) is not None:
        facts["Harmonized by"] = made.method + (f", strength {made.strength:g}" if made.strength < 1 else "")
        facts["Harmonized intensities"] = made.units
    if (found := result.segmentation) is not None:
        facts["Segmented"] = f"the {result.request.segment_on} image"
        facts["Levels counted from"] = f"the {found.report.counted_from}, confidence {found.report.level_confidence:.2f}"
        if result.request.shift:
            facts["Levels moved down by"] = f"{result.request.shift} (asked for)"
    return facts


def _said(result: CaseResult) -> tuple[str, ...]:
    """What segmentation, harmonization and reading have to say to people, each sentence once."""
    flags = () if result.segmentation is None else result.segmentation.report.flags
    harmonized = () if result.harmonized is None else result.harmonized.notes
    return tuple(dict.fromkeys((*flags, *harmonized, *result.notes)))


def _unwanted(result: CaseResult) -> str:
    return "It was not asked for." if result.request.harmonize == NO_METHOD else ""


def _without_labels(result: CaseResult) -> str:
    return "" if result.labels is not None else "There is no segmentation."


def _unseen(result: CaseResult) -> str:
    wanted = result.request.segment_on == "harmonized"
    return "There is no harmonized image to segment." if wanted and result.harmonized is None else ""


STAGES: tuple[Stage, ...] = (
    Stage("harmonize", harmonize_case, 0.05, _unwanted),
    Stage("segment", segment_case, 0.33, _unseen),
    Stage("measure", measure_case, 0.05, _without_labels),
    Stage("features", features_of_case, 0.12, _without_labels),
    Stage("judge", judge_case, 0.33),
    Stage("report", report_case, 0.07),
)
"""In the order they run. Reading comes before them and writing after."""
