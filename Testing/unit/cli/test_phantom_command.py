from __future__ import annotations

import csv
import json

import numpy as np
import pytest
import SimpleITK as sitk

from spinemr.cli.commands import phantom
from spinemr.imaging.files import read_labels
from spinemr.imaging.geometry import same_grid


def test_one_study_lies_in_the_folder_itself(spinemr, quick_study, tmp_path):
    folder = tmp_path / "L\u00e9k\u00e1\u0159 1" / "study"
    outcome = spinemr("phantom", "-o", folder, "--seed", 7, "--contrast", "T2", "--grade", "III", "--scanner", "x")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out == f"One study in {folder}\n"
    assert sorted(path.name for path in folder.iterdir()) == sorted(phantom.STUDY_FILES)
    assert quick_study == [{"seed": 7, "contrast": "t2", "grade": "III", "scanner": "x", "pathology": None}]
    image, labels = (sitk.ReadImage(str(folder / name)) for name in ("image.nii.gz", "labels.nii.gz"))
    assert (image.GetPixelID(), labels.GetPixelID()) == (sitk.sitkInt16, sitk.sitkUInt8)
    assert same_grid(image, labels)
    truth = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
    assert (truth["name"], truth["disc_height_mm"]) == ("drawn_00007", {"L4-L5": 10.5})
    provenance = json.loads((folder / "image.json").read_text(encoding="utf-8"))
    assert provenance["command"][:3] == ["spinemr", "phantom", "-o"]
    assert not any("/" in word or "\\" in word for word in provenance["command"])
    assert provenance["parameters"] == {
        "seed": 7, "parts": True, "contrast": "t2", "grade": "III", "scanner": "x", "pathology": None,
    }  # fmt: skip
    assert sitk.ReadImage(str(folder / "overview.png")).GetNumberOfComponentsPerPixel() == 3
    assert [path.name for path in tmp_path.iterdir()] == ["L\u00e9k\u00e1\u0159 1"]


@pytest.mark.usefixtures("quick_study")
def test_parts_can_be_united(spinemr, tmp_path):
    assert spinemr("phantom", "-o", tmp_path / "apart").code == 0
    assert spinemr("phantom", "-o", tmp_path / "united", "--no-parts").code == 0
    apart, united = (sitk.GetArrayFromImage(read_labels(tmp_path / name / "labels.nii.gz")) for name in ("apart", "united"))
    assert set(np.unique(apart)) - set(np.unique(united)) == {223}
    assert np.array_equal(united, np.where(apart == 223, 23, apart))
    segmentation = sitk.GetArrayFromImage(read_labels(tmp_path / "united" / "labels.seg.nrrd"))
    assert np.array_equal(segmentation, united)


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        ((), None),
        (("--pathology", "schmorl", "--pathology", "modic_1"), ("schmorl", "modic_1")),
        (("--pathology", "none"), ()),
    ],
)
def test_pathologies_are_asked_for_by_name(spinemr, quick_study, tmp_path, words, asked):
    assert spinemr("phantom", "-o", tmp_path / "study", *words).code == 0
    assert quick_study[0]["pathology"] == asked


def test_several_studies_come_with_a_manifest(spinemr, quick_study, tmp_path):
    folder = tmp_path / "cohort"
    outcome = spinemr("phantom", "-o", folder, "--seed", 5, "--count", 3, "--contrast", "random")
    assert outcome.out == f"3 studies in {folder}\n"
    assert [call["seed"] for call in quick_study] == [5, 6, 7]
    assert sorted(path.name for path in folder.iterdir()) == ["manifest.csv", "study_0001", "study_0002", "study_0003"]
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["study"], row["seed"], row["weighting"]) for row in rows] == [
        ("study_0001", "5", "random"), ("study_0002", "6", "random"), ("study_0003", "7", "random"),
    ]  # fmt: skip
    assert all((folder / row[column]).is_file() for row in rows for column in ("image", "labels", "truth"))


@pytest.mark.usefixtures("quick_study")
def test_the_third_of_several_is_the_study_of_its_seed(spinemr, tmp_path):
    spinemr("phantom", "-o", tmp_path / "cohort", "--seed", 5, "--count", 3)
    spinemr("phantom", "-o", tmp_path / "alone", "--seed", 7)
    third = tmp_path / "cohort" / "study_0003"
    for name in ("image.nii.gz", "labels.nii.gz", "truth.json", "overview.png"):
        assert (third / name).read_bytes() == (tmp_path / "alone" / name).read_bytes()


@pytest.mark.usefixtures("quick_study")
def test_progress_covers_all_studies_and_only_grows(spinemr, tmp_path):
    outcome = spinemr("phantom", "-o", tmp_path / "cohort", "--count", 2, "--progress", "json")
    reports = [json.loads(line) for line in outcome.out.splitlines()]
    fractions = [report["fraction"] for report in reports]
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0.0, 1.0)
    assert reports[0]["message"] == "Study 1 of 2: Step 0"


def test_a_filled_folder_is_refused_and_kept(spinemr, quick_study, tmp_path, listed):
    folder = tmp_path / "study"
    folder.mkdir()
    (folder / "mine.txt").write_text("precious")
    before = listed(tmp_path)
    for words in ((), ("--force",)):
        outcome = spinemr("phantom", "-o", folder, *words)
        assert outcome.code == 2
        assert listed(tmp_path) == before
    assert "mine.txt, which did not come from here" in outcome.complaint
    assert quick_study == []  # refused before any work


@pytest.mark.usefixtures("quick_study")
def test_an_empty_folder_is_filled(spinemr, tmp_path):
    (tmp_path / "study").mkdir()
    assert spinemr("phantom", "-o", tmp_path / "study").code == 0
    assert (tmp_path / "study" / "image.nii.gz").exists()


@pytest.mark.usefixtures("quick_study")
def test_an_earlier_run_is_replaced_only_when_asked_and_then_entirely(spinemr, tmp_path, listed):
    folder = tmp_path / "cohort"
    spinemr("phantom", "-o", folder, "--count", 3)
    before = listed(tmp_path)
    refused = spinemr("phantom", "-o", folder, "--seed", 9)
    assert refused.code == 2
    assert "--force" in refused.complaint
    assert listed(tmp_path) == before
    assert spinemr("phantom", "-o", folder, "--seed", 9, "--force").code == 0
    assert sorted(path.name for path in folder.iterdir()) == sorted(phantom.STUDY_FILES)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cohort"]


@pytest.mark.parametrize("place", ["a file", "under a file"])
def test_an_impossible_place_is_one_line_before_any_work(spinemr, quick_study, tmp_path, listed, place):
    (tmp_path / "file").write_text("x")
    before = listed(tmp_path)
    outcome = spinemr("phantom", "-o", tmp_path / ("file" if place == "a file" else "file/sub/study"))
    assert outcome.code == 2
    assert "Cannot write" in outcome.complaint
    assert listed(tmp_path) == before
    assert quick_study == []


@pytest.mark.usefixtures("quick_study")
@pytest.mark.parametrize("reason", [KeyboardInterrupt, OSError(28, "No space left on device"), ZeroDivisionError])
def test_whatever_stops_the_work_leaves_nothing(spinemr, tmp_path, listed, monkeypatch, reason):
    folder = tmp_path / "new" / "cohort"
    written = []

    def stop_at_the_second(*_args):
        written.append(1)
        if len(written) == 2:
            raise reason

    monkeypatch.setattr("spinemr.imaging.overview.write_picture", stop_at_the_second)
    outcome = spinemr("phantom", "-o", folder, "--count", 3)
    assert outcome.code == {KeyboardInterrupt: 130, ZeroDivisionError: 1}.get(reason, 2)
    assert len(outcome.err.strip().splitlines()) == 1
    assert listed(tmp_path) == {}


@pytest.mark.usefixtures("quick_study")
def test_a_failed_replacement_leaves_the_earlier_run(spinemr, tmp_path, listed, monkeypatch):
    folder = tmp_path / "study"
    spinemr("phantom", "-o", folder)
    before = listed(tmp_path)

    def interrupted(*_args):
        raise KeyboardInterrupt

    monkeypatch.setattr("spinemr.imaging.overview.write_picture", interrupted)
    assert spinemr("phantom", "-o", folder, "--force").code == 130
    assert listed(tmp_path) == before


def test_scanners_and_pathologies_are_listed_without_an_output_folder(spinemr):
    from spinemr.synthesis.anatomy.request import PATHOLOGIES
    from spinemr.synthesis.scanners import SCANNERS

    scanners = spinemr("phantom", "--list-scanners")
    assert scanners.code == 0
    assert all(f" {name} " in scanners.out for name in SCANNERS)
    pathologies = spinemr("phantom", "--list-pathologies")
    assert pathologies.code == 0
    assert all(f" {name} " in pathologies.out and meaning in pathologies.out for name, meaning in PATHOLOGIES.items())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--scanner", "siemens"), "siemens"),
        (("--pathology", "gout"), "'gout' is not a known pathology"),
        (("--pathology", "l6", "--pathology", "sacralised_l5"), "at once"),
        (("--scanner", "alder-1.5t-t1", "--contrast", "t2"), "gives t1, not t2"),
    ],
)
def test_what_cannot_be_drawn_is_refused_in_one_line(spinemr, tmp_path, listed, words, said):
    outcome = spinemr("phantom", "-o", tmp_path / "study", *words)
    assert outcome.code == 2
    assert said in outcome.complaint
    assert listed(tmp_path) == {}


def test_a_real_drawing_agrees_with_itself(spinemr, tmp_path):
    """The whole way once: draw, write, evaluate the segmentation against the label map."""
    folder = tmp_path / "study"
    outcome = spinemr("phantom", "-o", folder, "--seed", 3, "--scanner", "cedar-1.5t-t2", "--pathology", "none")
    assert (outcome.code, outcome.err) == (0, "")
    truth = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
    assert (truth["seed"], truth["scanner"]) == (3, "cedar-1.5t-t2")
    labels = read_labels(folder / "labels.nii.gz")
    assert set(truth["labels_in_view"]) == set(np.unique(sitk.GetArrayFromImage(labels))) - {0}
    assert {20, 21, 22, 23, 24, 26, 61, 120, 121, 122, 123, 124, 220, 223} <= set(truth["labels_in_view"])
    compared = spinemr("evaluate", folder / "labels.seg.nrrd", folder / "labels.nii.gz")
    mean = next(line for line in compared.out.splitlines() if "mean of" in line)
    assert mean.split()[-7:] == ["1.000"] * 4 + ["0.00", "0.00", "1.00"]
