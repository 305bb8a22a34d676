"""Each kind of damage is caught by its rule, in the right slice; sound studies pass."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from scipy import ndimage

from spinemr.imaging.anatomy import posterior_of
from spinemr.imaging.errors import Cancelled
from spinemr.imaging.parts import united
from spinemr.radiomics.verdict.case import Case, Confidences
from spinemr.radiomics.verdict.finding import Outcome
from spinemr.radiomics.verdict.judge import RULES, judge
from spinemr.synthesis.scanners import SCANNERS

NEED_MORE = {"structure-confidence", "level-confidence", "moved-anatomy", "changed-edges", "features-further"}


@pytest.fixture(scope="module")
def case(drawn_case):
    return drawn_case()


@pytest.fixture(scope="module")
def damaged(case, relabel):
    """A function that judges the case with its labels changed."""

    def judged(change):
        return judge(replace(case, segmentation=relabel(case.segmentation, change)))

    return judged


def failed(verdict, rule):
    """The failing findings of one rule."""
    return [finding for finding in verdict.reasons if finding.rule == rule]


def slices_of(case, label):
    return set(np.flatnonzero((sitk.GetArrayViewFromImage(case.segmentation) == label).any(axis=(1, 2))))


def rules_of(verdict):
    return {finding.rule for finding in verdict.reasons}


# sound studies


def test_a_sound_study_passes_and_says_what_was_checked(case):
    verdict = judge(case)
    assert verdict.decision == "pass"
    assert {finding.rule for finding in verdict.not_checked} == NEED_MORE
    assert {finding.rule for finding in verdict.passed} == {rule.name for rule in RULES} - NEED_MORE
    assert all(finding.sentence for finding in verdict.findings)


@pytest.mark.slow
@pytest.mark.parametrize("scanner", SCANNERS)
def test_sound_studies_of_every_scanner_pass(drawn_case, scanner):
    verdict = judge(drawn_case(scanner, 300))
    assert [(finding.rule, finding.structure) for finding in verdict.reasons] == []


def test_parts_or_whole_vertebrae(case):
    assert judge(replace(case, segmentation=united(case.segmentation))).decision == "pass"


def test_any_order_of_axes_gives_the_same_verdict(case, relabel):
    gap = replace(case, segmentation=relabel(case.segmentation, lambda a: np.where(a == 122, 0, a)))
    turned = replace(
        gap, image=sitk.PermuteAxes(gap.image, (2, 0, 1)), segmentation=sitk.Flip(gap.segmentation, (True, False, True))
    )
    one, other = failed(judge(gap), "level-gap")[0], failed(judge(turned), "level-gap")[0]
    assert other.place.point_mm == pytest.approx(one.place.point_mm, abs=0.01)
    assert other.place.voxel[0] == other.place.slice == one.place.slice


def test_the_image_alone_can_be_judged(case):
    verdict = judge(Case(case.image))
    assert verdict.decision == "pass"
    assert {finding.rule for finding in verdict.passed} == {"too-coarse", "few-slices", "constant", "saturated"}


# the mask


def test_mask_on_another_grid(case):
    moved = sitk.Image(case.segmentation)
    moved.SetOrigin([value + 3 for value in moved.GetOrigin()])
    verdict = judge(replace(case, segmentation=moved))
    assert verdict.decision == "do not trust"
    assert verdict.findings[0].rule == "other-grid"
    assert verdict.findings[0].figure == pytest.approx(3 * 3**0.5)
    assert "level-gap" in {finding.rule for finding in verdict.not_checked}


def test_mask_of_another_size(case):
    verdict = judge(replace(case, segmentation=case.segmentation[:-1, :, :]))
    assert verdict.decision == "do not trust"
    assert verdict.as_dict()["reasons"][0]["figure"] is None  # JSON has no word for infinite
    assert "size" in verdict.reasons[0].sentence


def test_empty_mask(damaged):
    verdict = damaged(lambda a: a * 0)
    assert [finding.rule for finding in verdict.reasons] == ["empty-mask"]
    assert verdict.decision == "do not trust"


def test_numbers_that_name_nothing(case, damaged):
    verdict = damaged(lambda a: np.where(a == 122, 77, a))
    finding = failed(verdict, "unknown-numbers")[0]
    assert "77" in finding.sentence
    assert finding.place.slice in slices_of(case, 122)


def test_tiny_disc(case, damaged):
    def shrink(a):
        rows = np.argwhere(a == 122)[:, 2]
        a[(a == 122) & (np.indices(a.shape)[2] > np.percentile(rows, 15))] = 0

    finding = failed(damaged(shrink), "tiny-structure")[0]
    assert finding.label == 122 and finding.structure == "L3-L4 disc"
    assert finding.figure < 0.35 == finding.limit
    assert finding.place.slice in slices_of(case, 122)


def test_leak_into_the_tissue_in_front(case, damaged):
    def leak(a):
        disc = a == 122
        for _ in range(24):
            disc |= np.roll(disc, -1, axis=2) & (a == 0)
        a[disc] = 122

    verdict = damaged(leak)
    finding = failed(verdict, "outgrown")[0]
    assert finding.label == 122
    assert finding.place.slice in slices_of(case, 122)


def test_volume_beyond_anatomy(damaged):
    def swell(a):
        grown = ndimage.binary_dilation(a == 23, iterations=8)
        a[grown & (a == 0)] = 23

    assert 23 in {finding.label for finding in failed(damaged(swell), "volume")}


def test_fragments_are_seen_where_they_lie(damaged):
    def scatter(a):
        a[3, 10:40, 10:40] = 122

    finding = failed(damaged(scatter), "fragments")[0]
    assert finding.label == 122
    assert finding.place.slice == 3
    assert finding.place.voxel[0] < 45 and finding.place.voxel[1] < 45


def test_bodies_that_touch(case, damaged):
    def fill(a):
        disc = a == 122
        a[disc] = 22

    finding = failed(damaged(fill), "touching")[0]
    assert {"L3", "L4"} <= set(finding.sentence.replace(" vertebra", "").split())
    assert finding.place.slice in slices_of(case, 122)
    assert finding.figure > 100


def test_a_disc_that_touches_a_stranger(damaged):
    verdict = damaged(lambda a: np.where(a == 122, 121, a))
    assert any("L2-L3 disc" in f.sentence and "L4 vertebra" in f.sentence for f in failed(verdict, "touching"))
    assert [f.label for f in failed(verdict, "level-twice")] == [121]


# levels


def test_missing_disc_is_looked_for_between_its_bodies(case, damaged):
    verdict = damaged(lambda a: np.where(a == 122, 0, a))
    findings = failed(verdict, "level-gap")
    assert [finding.label for finding in findings] == [122]
    assert findings[0].outcome is Outcome.REVIEW
    where = np.argwhere(sitk.GetArrayViewFromImage(case.segmentation) == 122).mean(axis=0)
    column, row, slice_ = findings[0].place.voxel
    assert abs(slice_ - where[0]) <= 1 and abs(row - where[1]) < 6 and abs(column - where[2]) < 8


def test_many_missing_levels_are_not_to_be_trusted(damaged):
    verdict = damaged(lambda a: np.where(np.isin(a, (121, 122, 23)), 0, a))
    assert verdict.decision == "do not trust"
    assert {finding.label for finding in failed(verdict, "level-gap")} == {121, 122, 23}


def test_swapped_levels(case, damaged):
    def swap(a):
        one, other = a == 22, a == 23
        a[one], a[other] = 23, 22

    verdict = damaged(swap)
    finding = failed(verdict, "level-order")[0]
    assert verdict.decision == "do not trust"
    assert finding.structure in ("L3 vertebra", "L4 vertebra", "L3-L4 disc")
    assert finding.place.slice in slices_of(case, 22) | slices_of(case, 23)


def test_an_upside_down_spine(damaged):
    verdict = damaged(lambda a: a[:, ::-1])
    assert verdict.decision == "do not trust"
    assert len(failed(verdict, "level-order")) > 6


def test_one_number_on_two_bodies(damaged):
    verdict = damaged(lambda a: np.where(a == 23, 22, a))
    finding = failed(verdict, "level-twice")[0]
    assert finding.label == 22
    assert finding.outcome is Outcome.DISTRUST


def test_a_level_left_out_of_the_count(damaged):
    def skip(a):
        a[np.isin(a, (22, 122, posterior_of(22)))] = 0
        for number in range(22, 16, -1):  # what lay above takes the next lower number
            for offset in (0, 100, 200):
                a[a == number - 1 + offset] = number + offset

    verdict = damaged(skip)
    findings = {finding.label: finding for finding in failed(verdict, "level-distance")}
    assert set(findings) == {23, 123}
    assert findings[23].figure > 1.5


def test_six_lumbar_vertebrae_are_to_be_looked_at(drawn_case):
    verdict = judge(drawn_case("cedar-3t-stir", 14, ("l6",)))
    assert [finding.figure for finding in failed(verdict, "level-count")] == [6]
    assert verdict.decision == "review"


def test_four_lumbar_vertebrae_lack_one(damaged):
    def four(a):
        a[np.isin(a, (24, 124, posterior_of(24)))] = 0

    findings = failed(damaged(four), "level-gap")
    assert {finding.structure for finding in findings} >= {"L5 vertebra", "L5-S1 disc"}


def test_too_few_levels_in_view(damaged):
    verdict = damaged(lambda a: np.where(np.isin(a, (23, 24, 123)), a, 0))
    assert [finding.figure for finding in failed(verdict, "level-count")] == [2]


# the image


def test_disc_cut_at_the_front(case):
    labels = sitk.GetArrayViewFromImage(case.segmentation)
    columns = np.argwhere(labels == 123)[:, 2]
    cut = int(np.percentile(columns, 40))
    verdict = judge(replace(case, image=case.image[cut:, :, :], segmentation=case.segmentation[cut:, :, :]))
    findings = {finding.label: finding for finding in failed(verdict, "disc-cut")}
    assert findings[123].place.voxel[0] == 0
    assert "front" in findings[123].sentence
    assert findings[123].place.slice in slices_of(case, 123)


def test_discs_cut_at_the_sides(case):
    middle = case.image.GetSize()[2] // 2
    view = slice(middle - 2, middle + 3)
    verdict = judge(replace(case, image=case.image[:, :, view], segmentation=case.segmentation[:, :, view]))
    findings = failed(verdict, "disc-cut")
    assert {finding.label for finding in findings} == set(range(120, 125))
    assert {finding.place.slice for finding in findings} <= {0, 4}


def test_saturation(case, relabel):
    def clip(a):
        return np.minimum(a, np.percentile(a, 60))

    verdict = judge(replace(case, image=relabel(case.image, clip)))
    finding = failed(verdict, "saturated")[0]
    assert finding.figure > 0.05
    assert "bright" in finding.sentence
    assert finding.place.slice in slices_of(case, 22)


def test_dark_end_cut_off(case, relabel):
    verdict = judge(replace(case, image=relabel(case.image, lambda a: np.maximum(a, np.percentile(a, 70)))))
    assert "dark" in failed(verdict, "saturated")[0].sentence


def test_constant_image(case, relabel):
    verdict = judge(replace(case, image=relabel(case.image, lambda a: a * 0 + 7)))
    assert "constant" in rules_of(verdict)
    assert verdict.decision == "do not trust"


def test_few_grey_values(case, relabel):
    verdict = judge(replace(case, image=relabel(case.image, lambda a: np.digitize(a, np.quantile(a, np.linspace(0, 1, 9))))))
    assert any("grey values" in finding.sentence for finding in failed(verdict, "constant"))


def test_a_blank_slice_is_named(case, relabel):
    def blank(a):
        a[6] = 0

    finding = failed(judge(replace(case, image=relabel(case.image, blank))), "constant")[0]
    assert finding.figure == 1
    assert finding.place.slice == 6


def test_padding_at_the_ends_is_no_blank_slice(case):
    padded = Case(sitk.ConstantPad(case.image, (0, 0, 2), (0, 0, 2), 0))
    assert "constant" not in rules_of(judge(padded))


def test_coarse_from_head_to_foot(case):
    size, spacing = case.image.GetSize(), case.image.GetSpacing()

    def coarse(image):
        return sitk.Resample(
            image,
            (size[0], size[1] // 6, size[2]),
            sitk.Transform(),
            sitk.sitkNearestNeighbor,
            image.GetOrigin(),
            (spacing[0], spacing[1] * 6, spacing[2]),
            image.GetDirection(),
        )

    verdict = judge(Case(coarse(case.image), coarse(case.segmentation)))
    assert failed(verdict, "too-coarse")[0].figure == pytest.approx(6 * spacing[1])
    assert verdict.decision == "do not trust"


def test_single_slices_are_judged_as_such(case):
    verdict = judge(Case(case.image[:, :, 6:7], case.segmentation[:, :, 6:7]))
    assert "few-slices" in rules_of(verdict)
    assert rules_of(verdict) <= {"few-slices", "far-appearance"}


# what the segmentation says of itself


REPORT = {
    "structures": [{"label": 122, "confidence": 0.41}, {"label": 22, "confidence": 0.95}, {"label": 118, "confidence": 0.2}],
    "level_confidence": 0.95,
    "flags": ["The sacrum was not recognised: the lowest disc was taken for L5-S1."],
}


def test_low_confidence_of_a_structure(case):
    verdict = judge(case.with_report(REPORT))
    findings = failed(verdict, "structure-confidence")
    assert 122 in {finding.label for finding in findings} and 22 not in {finding.label for finding in findings}
    assert "level-confidence" in {finding.rule for finding in verdict.passed}


@pytest.mark.parametrize(("level", "decision"), [(0.9, "pass"), (0.4, "review"), (0.1, "do not trust")])
def test_low_confidence_of_levels_quotes_the_flags(case, level, decision):
    verdict = judge(case.with_report({**REPORT, "structures": [], "level_confidence": level}))
    assert verdict.decision == decision
    assert all(REPORT["flags"][0] in finding.sentence for finding in verdict.reasons)


def test_reports_without_confidences(case):
    assert Confidences.from_report({}) == Confidences()
    assert judge(case.with_report({})).decision == "pass"


# the verdict itself


def test_reasons_come_by_severity_then_weight(case, relabel):
    def several(a):
        a[a == 122] = 0
        one, other = a == 20, a == 21
        a[one], a[other] = 21, 20
        a[0, :12, :12] = 77

    verdict = judge(replace(case, segmentation=relabel(case.segmentation, several)))
    severities = [finding.outcome for finding in verdict.reasons]
    assert severities == sorted(severities, key=[Outcome.DISTRUST, Outcome.REVIEW].index)
    weights = [finding.weight for finding in verdict.reasons]
    assert weights == sorted(weights, reverse=True)
    assert verdict.reasons[0].rule == "level-order"


def test_plain_values_for_json(damaged):
    verdict = damaged(lambda a: np.where(a == 122, 0, a))
    plain = json.loads(json.dumps(verdict.as_dict(), allow_nan=False))
    assert plain["verdict"] == "review"
    reason = plain["reasons"][0]
    assert (reason["rule"], reason["structure"], reason["limit"], reason["unit"]) == (
        "level-gap",
        "L3-L4 disc",
        0.0,
        "structures",
    )
    assert reason["slice"] == reason["place"]["slice"]
    assert {entry["rule"] for entry in plain["not_checked"]} == NEED_MORE


def test_it_can_be_cancelled_and_reports_progress(case):
    seen = []

    def stop(report):
        seen.append(report.fraction)
        if report.fraction > 0.8:
            raise Cancelled

    with pytest.raises(Cancelled):
        judge(case, progress=stop)
    assert seen == sorted(seen)


def test_rule_names_are_unique_and_described():
    assert max(Counter(rule.name for rule in RULES).values()) == 1
    assert all(type(rule).__doc__ and rule.fine.endswith(".") and 0 < rule.weight <= 50 for rule in RULES)
