"""What harmonization did to a case: anatomy, edges, features."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from scipy import ndimage

from spinemr.radiomics.preservation.preservation import preservation
from spinemr.radiomics.table import FeatureRow, FeatureTable
from spinemr.radiomics.verdict.case import Case
from spinemr.radiomics.verdict.judge import judge
from spinemr.radiomics.verdict.profile import make_profile


@pytest.fixture(scope="module")
def case(drawn_case):
    """Five slices around the middle are enough here."""
    whole = drawn_case("cedar-1.5t-t2", 12)
    middle = whole.image.GetSize()[2] // 2
    view = slice(middle - 2, middle + 3)
    return Case(whole.image[:, :, view], whole.segmentation[:, :, view])


@pytest.fixture(scope="module")
def inverted(case, relabel):
    return relabel(case.image, lambda a: (a.max() - a).astype(np.float32))


def failed(verdict, rule):
    return [finding for finding in verdict.reasons if finding.rule == rule]


def passed(verdict, rule):
    return next(finding for finding in verdict.passed if finding.rule == rule)


def test_a_change_of_contrast_moves_nothing(case, inverted):
    verdict = judge(replace(case, harmonized=inverted))
    assert passed(verdict, "moved-anatomy").figure == 0
    assert passed(verdict, "changed-edges").figure > 0.9


def moved(image, labels, label, slice_, pixels, relabel):
    """The image with one structure moved in one slice and its neighbours."""
    centre = np.argwhere(sitk.GetArrayViewFromImage(labels) == label).mean(axis=0)

    def warp(a):
        rows, columns = np.indices(a.shape[1:], dtype=float)
        fade = np.exp(-((rows - centre[1]) ** 2 + (columns - centre[2]) ** 2) / (2 * 26.0**2))
        for index in range(a.shape[0]):
            strength = 1.0 if index == slice_ else 0.8
            a[index] = ndimage.map_coordinates(a[index], [rows - strength * pixels * fade, columns], order=1, mode="nearest")

    return relabel(image, warp)


def test_a_moved_vertebra_is_named_with_its_slice(case, inverted, relabel):
    harmonized = moved(inverted, case.segmentation, 23, 3, 3, relabel)
    verdict = judge(replace(case, harmonized=harmonized))
    finding = next(finding for finding in failed(verdict, "moved-anatomy") if finding.label == 23)
    assert finding.figure == pytest.approx(0.8 * 3 * 0.78, abs=0.6)
    assert finding.place.slice in (2, 3)
    assert "L4 vertebra" in finding.sentence
    assert not {20, 120} & {f.label for f in failed(verdict, "moved-anatomy")}


def test_a_comparison_made_before_is_used(case, inverted, relabel):
    made = preservation(case.image, moved(inverted, case.segmentation, 23, 3, 3, relabel), case.segmentation)
    verdict = judge(replace(case, preservation=made))
    assert failed(verdict, "moved-anatomy")


def test_without_a_mask_movement_is_that_of_the_image(case, inverted):
    rolled = sitk.Roll(inverted, (0, 4, 0)) if hasattr(sitk, "Roll") else sitk.CyclicShift(inverted, (0, 4, 0))
    verdict = judge(Case(case.image, harmonized=rolled))
    finding = failed(verdict, "moved-anatomy")[0]
    assert finding.figure == pytest.approx(4 * case.image.GetSpacing()[1], abs=0.4)
    assert verdict.decision == "do not trust"


def test_another_patient_has_other_edges(case, drawn_case):
    other = drawn_case("cedar-1.5t-t2", 33)
    middle = other.image.GetSize()[2] // 2
    stranger = other.image[:, :, middle - 2 : middle + 3]
    stranger.CopyInformation(case.image)
    assert failed(judge(replace(case, harmonized=stranger)), "changed-edges")


def test_harmonized_on_another_grid(case, inverted):
    verdict = judge(replace(case, harmonized=inverted[5:, :, :]))
    assert [finding.rule for finding in verdict.reasons if finding.outcome.value == "do not trust"] == ["other-grid"]
    assert {"moved-anatomy", "changed-edges"} <= {finding.rule for finding in verdict.not_checked}


# features


def table(image, values, structure="L4 vertebra", label=23):
    rows = [
        FeatureRow(case, image, label, structure, {"original_glcm_Idmn": value, "original_shape_MeshVolume": 1e9 * value})
        for case, value in values.items()
    ]
    return FeatureTable(tuple(rows))


@pytest.fixture(scope="module")
def reference():
    """Mean 10, standard deviation 2."""
    return make_profile(table("reference", dict(enumerate((8.0, 10.0, 12.0)))), name="target")


@pytest.mark.parametrize(
    ("before", "after", "figure", "outcome"),
    [(20, 12, 1 / 5, "passed"), (16, 20, 5 / 3, "review"), (12.2, 20, 5 / 1.1, "do not trust"), (10, 11.9, 1.0, "passed")],
)
def test_features_are_held_against_the_reference(case, reference, before, after, figure, outcome):
    judged = replace(case, features_before=table("source", {"a": before}), features_after=table("harmonized", {"a": after}))
    verdict = judge(replace(judged, reference=reference))
    finding = next(finding for finding in verdict.findings if finding.rule == "features-further")
    assert finding.figure == pytest.approx(figure)
    assert finding.outcome.value == outcome
    if outcome != "passed":
        assert finding.structure == "L4 vertebra"
        slices = np.flatnonzero((sitk.GetArrayViewFromImage(case.segmentation) == 23).any(axis=(1, 2)))
        assert finding.place.slice in slices


def test_levels_the_reference_lacks_are_held_against_their_kind(case, reference):
    before, after = (table(name, {"a": value}, "L2 vertebra", 21) for name, value in (("source", 14.0), ("harmonized", 18.0)))
    verdict = judge(replace(case, features_before=before, features_after=after, reference=reference))
    assert failed(verdict, "features-further")[0].figure == pytest.approx(2)


@pytest.mark.parametrize("lacking", ["reference", "features_after", "structure"])
def test_features_are_not_checked_without_input(case, reference, lacking):
    wanted = {
        "reference": reference,
        "features_before": table("source", {"a": 1.0}, *(("L3-L4 disc", 122) if lacking == "structure" else ())),
        "features_after": table("harmonized", {"a": 1.0}, *(("L3-L4 disc", 122) if lacking == "structure" else ())),
    }
    wanted.pop(lacking, None)
    verdict = judge(replace(case, **wanted))
    assert "features-further" in {finding.rule for finding in verdict.not_checked}
