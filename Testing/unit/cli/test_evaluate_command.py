from __future__ import annotations

import json

import numpy as np
import pytest
import SimpleITK as sitk

from spinemr.imaging.files import write_labels


@pytest.fixture
def prediction_path(tmp_path, boxes, label_image):
    """The truth moved one row down."""
    path = tmp_path / "prediction.nii.gz"
    sitk.WriteImage(label_image(np.roll(boxes(), 1, axis=1)), str(path))
    return path


def test_the_table_has_every_label_class_and_the_mean(spinemr, truth_path, prediction_path):
    outcome = spinemr("evaluate", prediction_path, truth_path)
    assert (outcome.code, outcome.err) == (0, "")
    rows = {line.rsplit(maxsplit=7)[0].strip(): line.split()[-7:] for line in outcome.out.splitlines() if len(line.split()) > 7}
    # The disc is three rows high and moved by one of 0.75 mm.
    assert rows["L4-L5 disc (123)"][:4] == ["0.667", "0.500", "0.667", "0.667"]
    assert rows["L4-L5 disc (123)"][4] == "0.75"
    assert rows["L4-L5 disc (123)"][6] == "1.00"
    for name in ("vertebra (class)", "body (class)", "posterior elements (class)", "canal (class)", "mean of the truth's labels"):
        assert name in rows


def test_the_json_holds_the_same_numbers_and_where_they_come_from(spinemr, tmp_path, truth_path, prediction_path):
    out = tmp_path / "new folder" / "scores.json"
    assert spinemr("evaluate", prediction_path, truth_path, "-o", out).code == 0
    written = json.loads(out.read_text(encoding="utf-8"))
    assert written["prediction"] == "prediction.nii.gz"
    assert written["truth"] == "truth.nii.gz"
    assert written["spacing_mm"] == [0.75, 0.75, 4.0]
    assert written["labels"]["123"]["dsc"] == pytest.approx(2 / 3)
    assert written["labels"]["123"]["hd95_mm"] == pytest.approx(0.75)
    assert written["classes"]["disc"]["volume_ratio"] == 1.0
    assert written["tells_parts_apart"] is True
    assert [entry["name"] for entry in written["provenance"]["inputs"]] == ["prediction.nii.gz", "truth.nii.gz"]
    assert all(len(entry["sha256"]) == 64 for entry in written["provenance"]["inputs"])
    assert str(tmp_path) not in out.read_text(encoding="utf-8")


def test_a_result_is_replaced(spinemr, tmp_path, truth_path):
    out = tmp_path / "scores.json"
    out.write_text("old")
    assert spinemr("evaluate", truth_path, truth_path, "-o", out).code == 0
    assert json.loads(out.read_text(encoding="utf-8"))["mean_of_labels"]["dsc"] == 1.0


def test_a_dash_prints_only_the_table(spinemr, truth_path, tmp_path, listed):
    before = listed(tmp_path)
    outcome = spinemr("evaluate", truth_path, truth_path, "-o", "-")
    assert "L5-S1 disc (124)" in outcome.out
    assert listed(tmp_path) == before


def test_a_slicer_segmentation_is_compared_with_a_label_map(spinemr, tmp_path, truth_path):
    segmentation = tmp_path / "corrected.seg.nrrd"
    write_labels(sitk.ReadImage(str(truth_path)), segmentation)
    out = tmp_path / "scores.json"
    assert spinemr("evaluate", segmentation, truth_path, "-o", out).code == 0
    scores = json.loads(out.read_text(encoding="utf-8"))
    assert {label: entry["dsc"] for label, entry in scores["labels"].items()} == dict.fromkeys(
        ["23", "24", "26", "61", "123", "124", "223"], 1.0
    )


def test_other_numberings_are_understood(spinemr, tmp_path, label_image, boxes):
    ours, theirs = tmp_path / "ours.nii.gz", tmp_path / "theirs.nii.gz"
    united = boxes()
    united[united == 223] = 23
    sitk.WriteImage(label_image(united), str(ours))
    table = np.zeros(256, np.uint8)
    table[[23, 24, 26, 61, 123, 124]] = [44, 45, 50, 2, 95, 100]  # the published TotalSpineSeg numbers
    sitk.WriteImage(label_image(table[united]), str(theirs))
    outcome = spinemr("evaluate", ours, theirs, "--truth-scheme", "totalspineseg")
    assert outcome.code == 0
    mean = next(line for line in outcome.out.splitlines() if "mean of" in line)
    assert mean.split()[-7:] == ["1.000"] * 4 + ["0.00", "0.00", "1.00"]
    both = spinemr("evaluate", theirs, theirs, "--labels-scheme", "totalspineseg")
    assert "L4-L5 disc (123)" in both.out


def test_json_progress_leaves_stdout_to_the_parent(spinemr, tmp_path, truth_path):
    outcome = spinemr("evaluate", truth_path, truth_path, "-o", tmp_path / "scores.json", "--progress", "json")
    lines = [json.loads(line) for line in outcome.out.splitlines()]
    assert all(set(line) == {"phase", "fraction", "message"} for line in lines)
    assert lines[-1]["fraction"] == 1.0
    assert (tmp_path / "scores.json").exists()
