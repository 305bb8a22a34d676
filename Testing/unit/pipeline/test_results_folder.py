"""The folder of a case: whole and of one run, or as it was before."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from spinemr.imaging.errors import InputError, OutputError
from spinemr.pipeline.request import CaseRequest
from spinemr.pipeline.results_folder import RESULTS, results_folder


@pytest.fixture
def elsewhere(tmp_path):
    return CaseRequest(tmp_path / "input" / "image.nii.gz")


def contents(folder):
    return {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}


def filled(target, request, **files):
    with results_folder(target, request) as staging:
        for name, text in {"provenance.json": json.dumps({"tool": "spinemr run"}), **files}.items():
            (staging / name).write_text(text, encoding="utf-8")


def test_the_nine_names_of_the_results():
    assert sorted(RESULTS) == [
        "features.csv", "harmonized.nii.gz", "measurements.csv", "provenance.json", "qc.json", "report.html",
        "segmentation.nii.gz", "segmentation.seg.nrrd", "source.nii.gz",
    ]  # fmt: skip
    assert RESULTS[-1] == "qc.json"


def test_files_appear_together_when_the_block_ends(tmp_path, elsewhere):
    target = tmp_path / "a" / "b" / "Výsledky 1"
    with results_folder(target, elsewhere) as staging:
        (staging / "qc.json").write_text("1", encoding="utf-8")
        assert [path for path in target.iterdir() if path.name in RESULTS] == []
    assert contents(target) == {"qc.json": "1"}


def test_results_of_an_earlier_run_are_replaced_or_removed_and_other_files_stay(tmp_path, elsewhere):
    target = tmp_path / "out"
    filled(target, elsewhere, **{"qc.json": "1", "features.csv": "1", "report.html": "1"})
    (target / "letter.txt").write_text("mine", encoding="utf-8")
    filled(target, elsewhere, **{"qc.json": "2", "report.html": "2"})
    found = contents(target)
    assert found.pop("provenance.json")
    assert found == {"qc.json": "2", "report.html": "2", "letter.txt": "mine"}


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_block_that_fails_changes_nothing(tmp_path, elsewhere, error):
    target = tmp_path / "out"
    filled(target, elsewhere, **{"qc.json": "1"})
    before = contents(target)

    def interrupted():
        with results_folder(target, elsewhere) as staging:
            (staging / "qc.json").write_text("2", encoding="utf-8")
            raise error

    with pytest.raises(error):
        interrupted()
    assert contents(target) == before


def test_folders_made_for_a_block_that_fails_go_again(tmp_path, elsewhere):
    with pytest.raises(InputError), results_folder(tmp_path / "a" / "b", elsewhere):
        raise InputError("no")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_came_from_elsewhere_is_never_overwritten(tmp_path, elsewhere):
    (tmp_path / "report.html").write_text("mine", encoding="utf-8")
    with pytest.raises(OutputError, match=r"report\.html, which did not come from here"), results_folder(tmp_path, elsewhere):
        pass
    assert contents(tmp_path) == {"report.html": "mine"}


def test_a_file_is_no_folder(tmp_path, elsewhere):
    (tmp_path / "out").write_text("mine", encoding="utf-8")
    with pytest.raises(OutputError, match="a file, not a folder"), results_folder(tmp_path / "out", elsewhere):
        pass


@pytest.mark.parametrize("name", ["source.nii.gz", "harmonized.nii.gz"])
def test_an_image_that_would_be_overwritten_is_refused(tmp_path, name):
    filled(tmp_path, CaseRequest(tmp_path / "elsewhere.nii.gz"), **{name: "1"})
    for request in (CaseRequest(tmp_path / name), CaseRequest(tmp_path / "x.nii.gz", harmonize="nyul", target=tmp_path / name)):
        with pytest.raises(OutputError, match="holds what is to be read"), results_folder(tmp_path, request):
            pass
    assert contents(tmp_path)[name] == "1"


def test_a_dicom_folder_is_not_mixed_with_results(tmp_path):
    with pytest.raises(OutputError, match="holds what is to be read"), results_folder(tmp_path, CaseRequest(tmp_path)):
        pass


def test_an_image_beside_the_results_is_welcome(tmp_path):
    (tmp_path / "image.nii.gz").write_text("image", encoding="utf-8")
    filled(tmp_path, CaseRequest(tmp_path / "image.nii.gz"), **{"qc.json": "1"})
    assert set(contents(tmp_path)) == {"image.nii.gz", "qc.json", "provenance.json"}


def test_a_place_under_a_file_is_one_readable_error(tmp_path, elsewhere):
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    with pytest.raises(OutputError, match="Cannot write"), results_folder(tmp_path / "file" / "out", elsewhere):
        pass
    assert contents(tmp_path) == {"file": "mine"}


@pytest.mark.parametrize("function", ["mkdir", "replace"])
def test_what_the_system_refuses_is_one_readable_error_and_leaves_no_staging(tmp_path, elsewhere, monkeypatch, function):
    def refused(*_args, **_kwargs):
        raise PermissionError(13, "Permission denied")

    def attempt():
        with results_folder(tmp_path / "out", elsewhere) as staging:
            (staging / "qc.json").write_text("1", encoding="utf-8")

    monkeypatch.setattr(Path, function, refused)
    with pytest.raises(OutputError, match=r"Cannot write .*out: .*permission"):
        attempt()
    assert list(tmp_path.iterdir()) == []
