"""Stages that fail: what earlier and independent ones made stays, the verdict knows, and cancelling leaves nothing."""

from __future__ import annotations

import json
import warnings
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk

from spinemr.imaging.errors import Cancelled, ImagingWarning, InputError, OutputError
from spinemr.imaging.files import write_image
from spinemr.imaging.progress import CancelToken
from spinemr.pipeline.result import TITLES
from spinemr.pipeline.results_folder import RESULTS
from spinemr.pipeline.run import run_case, run_case_into

STAGES = "spinemr.pipeline.stages."
ALWAYS = {"source.nii.gz", "provenance.json", "qc.json"}
MASKS = {"segmentation.nii.gz", "segmentation.seg.nrrd"}
REST = {"measurements.csv", "features.csv", "report.html", "harmonized.nii.gz"}

FAILURES = {
    "harmonize": ("harmonize", (MASKS | REST) - {"harmonized.nii.gz"}, "Harmonization"),
    "segment": ("segment", {"harmonized.nii.gz", "report.html"}, "Segmentation"),
    "measure": ("measure_image", (MASKS | REST) - {"measurements.csv"}, "Measurement"),
    "features": ("extract", (MASKS | REST) - {"features.csv"}, "Feature extraction"),
    "judge": ("preservation", MASKS | REST, "Verdict"),
    "report": ("report_page", (MASKS | REST) - {"report.html"}, None),
}
"""Stage: the function in it that fails, the files that are there besides those always there, and whose reason is given."""


def names(folder):
    return {path.name for path in folder.iterdir()}


def quality_of(folder):
    return json.loads((folder / "qc.json").read_text(encoding="utf-8"))


def failing(error):
    def fail(*_args, **_kwargs):
        raise error

    return fail


@pytest.mark.parametrize("stage", FAILURES)
def test_what_other_stages_made_is_kept_and_the_failure_is_said(request_of, tools, tmp_path, monkeypatch, stage):
    function, files, title = FAILURES[stage]
    monkeypatch.setattr(STAGES + function, failing(InputError("The tide is out.", "Wait.")))
    result = run_case_into(request_of(), tmp_path / "out", tools)
    assert set(result.failed) == {stage}
    assert names(tmp_path / "out") == ALWAYS | files
    said = quality_of(tmp_path / "out")
    assert said["stages"][stage] == {"state": "failed", "sentence": "The tide is out. Wait."}
    skipped = {"measure", "features"} if stage == "segment" else set()
    assert {name for name, one in said["stages"].items() if one["state"] == "skipped"} == skipped
    reasons = [(one["title"], one["outcome"]) for one in said["reasons"] if one["rule"] == "stage"]
    assert reasons == ([] if title is None else [(title, "do not trust" if stage in ("segment", "judge") else "review")])
    if stage in ("segment", "judge"):
        assert said["verdict"] == "do not trust"
    elif title is not None:
        assert said["verdict"] != "pass"


def test_all_stages_can_fail_and_the_source_is_still_there(request_of, tools, tmp_path, monkeypatch):
    for function, *_ in FAILURES.values():
        monkeypatch.setattr(STAGES + function, failing(InputError("No.")))
    monkeypatch.setattr(STAGES + "judge", failing(InputError("No.")))
    result = run_case_into(request_of(), tmp_path / "out", tools)
    assert set(result.failed) == {"harmonize", "segment", "judge", "report"}
    assert names(tmp_path / "out") == ALWAYS
    assert quality_of(tmp_path / "out")["verdict"] == "do not trust"


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (ZeroDivisionError("patient Anna"), "Internal error (ZeroDivisionError); please report it."),
        (MemoryError(), "There is not enough memory for this image. Crop it or close other programs."),
    ],
)
def test_an_error_nobody_expected_is_noted_without_its_text(request_of, tools, monkeypatch, error, sentence):
    monkeypatch.setattr(STAGES + "measure_image", failing(error))
    result = run_case(request_of(), tools)
    assert result.failed["measure"].sentence == sentence
    assert result.failed["measure"].error is error
    assert "Anna" not in json.dumps(result.as_quality())


def test_segmenting_a_harmonized_image_that_could_not_be_made_is_skipped_and_distrusted(request_of, tools, monkeypatch):
    monkeypatch.setattr(STAGES + "harmonize", failing(InputError("No.")))
    result = run_case(request_of(segment_on="harmonized"), tools)
    assert result.stages["segment"].state == "skipped"
    assert result.stages["segment"].sentence == "There is no harmonized image to segment."
    assert result.verdict.decision == "do not trust"


def test_a_file_that_cannot_be_written_is_named_and_the_others_are_there(request_of, tools, tmp_path, monkeypatch):
    import spinemr.pipeline.writing as writing

    def full(_table, path):
        raise OutputError(f"Cannot write {path}: the disk is full.", "Make room.")

    monkeypatch.setattr(writing, "write_table", full)
    result = run_case_into(request_of(), tmp_path / "out", tools)
    assert names(tmp_path / "out") == set(RESULTS) - {"features.csv"}
    assert quality_of(tmp_path / "out")["stages"]["write"] == {
        "state": "failed",
        "sentence": "Cannot write features.csv: the disk is full. Make room.",
    }
    assert set(result.failed) == {"write"}


def test_warnings_are_shown_and_kept(request_of, tools, monkeypatch):
    def warning(_labels):
        warnings.warn("The tide is high.", ImagingWarning, stacklevel=2)
        raise InputError("And the boat is gone.")

    monkeypatch.setattr(STAGES + "measure_image", warning)
    with pytest.warns(ImagingWarning, match="tide is high"):
        result = run_case(request_of(), tools)
    assert result.notes == ("The tide is high.",)
    assert "The tide is high." in result.page


@pytest.mark.parametrize("phase", TITLES)
def test_cancelling_leaves_nothing_whenever_it_comes(request_of, tools, tmp_path, phase):
    token = CancelToken()

    def press(report):
        if report.phase == phase:
            token.cancel()

    with pytest.raises(Cancelled):
        run_case_into(request_of(), tmp_path / "new" / "out", tools, progress=token.wrap(press))
    assert not (tmp_path / "new").exists()


def test_cancelling_a_second_run_leaves_the_results_of_the_first(request_of, tools, tmp_path):
    run_case_into(request_of(harmonize="none"), tmp_path / "out", tools)
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}

    def stop(report):
        if report.phase == "write" and report.fraction > 0.97:
            raise Cancelled

    with pytest.raises(Cancelled):
        run_case_into(request_of(), tmp_path / "out", tools, progress=stop)
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_what_ends_the_program_is_no_failure_of_a_stage(request_of, tools, tmp_path, monkeypatch, error):
    monkeypatch.setattr(STAGES + "segment", failing(error()))
    with pytest.raises(error):
        run_case_into(request_of(), tmp_path / "out", tools)
    assert not (tmp_path / "out").exists()


def without_a_spine(drawn, kind):
    array = sitk.GetArrayFromImage(drawn.image).astype(np.float32)
    if kind == "noise":
        array = np.random.default_rng(0).normal(100, 20, array.shape).astype(np.float32)
    else:
        array[:] = 0
        array[:, 60:90, 60:90] = 240
    image = sitk.GetImageFromArray(array)
    image.CopyInformation(drawn.image)
    return image


@pytest.mark.parametrize("kind", ["noise", "block"])
def test_an_image_without_a_spine_ends_with_do_not_trust_and_no_mask(drawn, request_of, tools, tmp_path, kind):
    write_image(without_a_spine(drawn, kind), tmp_path / "knee.nrrd")
    result = run_case_into(request_of(image=tmp_path / "knee.nrrd"), tmp_path / "out", tools)
    assert "segment" in result.failed
    assert ALWAYS | {"report.html"} <= names(tmp_path / "out")
    assert not names(tmp_path / "out") & (MASKS | {"measurements.csv", "features.csv"})
    said = quality_of(tmp_path / "out")
    assert said["verdict"] == "do not trust" and said["segmentation"] is None
    assert said["reasons"][0]["title"] == "Segmentation" and said["reasons"][0]["sentence"]
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert said["reasons"][0]["sentence"] in page


def test_one_slice_is_segmented_and_judged(drawn, request_of, tools, tmp_path):
    write_image(drawn.image[:, :, 3:4], tmp_path / "slice.nii.gz")
    result = run_case_into(request_of(image=tmp_path / "slice.nii.gz"), tmp_path / "out", tools)
    assert not result.failed, result.failed
    assert names(tmp_path / "out") == set(RESULTS)
    assert result.labels.GetSize() == (160, 160, 1)
    assert 23 in np.unique(sitk.GetArrayFromImage(result.labels))


def test_voxels_that_are_no_numbers_are_replaced_and_said(drawn, request_of, tools, tmp_path):
    array = sitk.GetArrayFromImage(drawn.image).astype(np.float32)
    array[3, :2, :2] = np.nan
    image = sitk.GetImageFromArray(array)
    image.CopyInformation(drawn.image)
    sitk.WriteImage(image, str(tmp_path / "Anna.nrrd"))
    with pytest.warns(ImagingWarning):
        result = run_case_into(request_of(image=tmp_path / "Anna.nrrd"), tmp_path / "out", tools)
    assert not result.failed
    said = quality_of(tmp_path / "out")["notes"]
    assert said == ["The image has 4 NaN and 0 infinite voxels; they were replaced by the lowest or highest value."]
    assert np.isfinite(sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "out" / "harmonized.nii.gz")))).all()


def test_a_model_that_fails_half_way_is_a_failed_stage(request_of, tools, model):
    class Broken:
        device = "cpu"

        def __call__(self, _images):
            raise RuntimeError("inference")

    result = run_case(request_of(), replace(tools, model=replace(model, runtime=Broken())))
    assert result.failed["segment"].sentence == "Internal error (RuntimeError); please report it."
    assert result.harmonized is not None
