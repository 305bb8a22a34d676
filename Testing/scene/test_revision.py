"""Tables and verdict that keep up with what a person does to segments."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from spinemr.imaging.errors import InputError
from spinemr.scene.case_nodes import case_of, set_quality, set_segmentation, set_table
from spinemr.scene.label_maps import labels_of, structure_numbers
from spinemr.scene.revision import CORRECTED, SHIFTED, accept_case, back_to_automatic, measure_case, shift_case
from spinemr.scene.roles import FEATURES_ROLE
from spinemr.scene.tables import rows_of

pytestmark = pytest.mark.scene


def counted(labels: sitk.Image) -> list[dict[str, int]]:
    """The voxels of each structure, which is all these tests need of measuring."""
    values = sitk.GetArrayViewFromImage(labels)
    return [{"label": int(label), "voxels": int((values == label).sum())} for label in np.unique(values) if label]


@pytest.fixture
def case(scene, volume, labels):
    set_segmentation(scene, volume, labels)
    set_table(scene, volume, FEATURES_ROLE, [{"label": 23, "structure": "L4 vertebra", "image": "source", "Mean": 1.5}])
    named = ((23, "L4 vertebra", 0.9), (20, "L1 vertebra", 0.8))
    structures = [{"label": label, "name": name, "confidence": share} for label, name, share in named]
    set_quality(scene, volume, {"verdict": "pass", "segmentation": {"structures": structures, "shift": 0}})
    measure_case(scene, volume, counted)
    return case_of(volume)


def test_levels_are_shifted_in_every_table_and_back(scene, volume, case):
    before = rows_of(case.measurements)
    shift_case(scene, volume, 1, counted)
    now = case_of(volume)
    assert {row["label"] for row in rows_of(now.measurements)} == {21, 22, 23, 24, 25, 26, 61, 121, 122, 123, 124, 125, 224}
    assert rows_of(now.features) == [{"label": 24, "structure": "L5 vertebra", "image": "source", "Mean": 1.5}]
    report = now.quality["segmentation"]
    assert report["shift"] == 1 and [one["name"] for one in report["structures"]] == ["L5 vertebra", "L2 vertebra"]
    assert now.quality["notes"] == [SHIFTED]
    shift_case(scene, volume, -1, counted)
    assert rows_of(case_of(volume).measurements) == before and case_of(volume).quality["notes"] == [SHIFTED]


def test_accepting_measures_again_and_takes_confidence_from_what_changed(scene, volume, case):
    case.segmentation.GetSegmentation().RemoveSegment("Segment_20")
    sentences = accept_case(scene, volume, counted, note="second reading")
    assert any("L1 vertebra was removed" in sentence for sentence in sentences)
    now = case_of(volume)
    assert 20 not in {row["label"] for row in rows_of(now.measurements)}
    assert [one["confidence"] for one in now.quality["segmentation"]["structures"]] == [0.9, None]
    assert now.quality["notes"] == [CORRECTED]


@pytest.mark.usefixtures("case")
def test_accepting_what_was_not_changed_leaves_the_verdict(scene, volume):
    accept_case(scene, volume, counted)
    assert "notes" not in case_of(volume).quality
    assert case_of(volume).quality["segmentation"]["structures"][1]["confidence"] == 0.8


def test_changes_are_thrown_away(scene, volume, case, labels):
    case.segmentation.GetSegmentation().RemoveSegment("Segment_20")
    back_to_automatic(scene, volume, counted)
    assert 20 in structure_numbers(case.segmentation).values()
    assert (sitk.GetArrayViewFromImage(labels_of(case.segmentation, volume)) == sitk.GetArrayViewFromImage(labels)).all()
    assert {"label": 20, "voxels": 5 * 8 * 16} in rows_of(case_of(volume).measurements)


def test_without_segments_there_is_nothing_to_revise(scene, volume):
    for revise in (lambda: shift_case(scene, volume, 1, counted), lambda: accept_case(scene, volume, counted)):
        with pytest.raises(InputError, match="no segments"):
            revise()
