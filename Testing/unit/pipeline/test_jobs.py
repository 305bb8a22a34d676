"""Jobs as files, and the process that does them: without the command line's packages, cancellable, never with a traceback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
import SimpleITK as sitk

from spinemr.harmonization.chosen import chosen_method
from spinemr.harmonization.harmonize import harmonize
from spinemr.imaging.errors import InputError
from spinemr.imaging.files import read_labels
from spinemr.imaging.silent_packages import unreported
from spinemr.pipeline.child import main
from spinemr.pipeline.child_process import environment, report_of
from spinemr.pipeline.jobs import MODULE, FeaturesJob, HarmonizeJob, ReportJob, RunJob, SegmentJob, read_job, write_job
from spinemr.pipeline.request import CaseRequest
from spinemr.radiomics.settings import Settings

WITHOUT = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"typer", "rich", "click", "yaml", "pydicom", "pandas"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Refuse())
from spinemr.pipeline.child import main
sys.exit(main())
"""


@pytest.fixture
def image(tmp_path, boxes):
    """A little noise over boxes, in a folder with an awkward name."""
    path = tmp_path / "Dr. Řehoř" / "image.nrrd"
    path.parent.mkdir()
    volume = sitk.Cast(boxes, sitk.sitkFloat32) + 100
    noise = np.random.default_rng(0).normal(0, 5, sitk.GetArrayViewFromImage(volume).shape)
    noisy = sitk.GetImageFromArray(sitk.GetArrayFromImage(volume) + noise)
    noisy.CopyInformation(volume)
    sitk.WriteImage(noisy, str(path))
    return path


@pytest.fixture
def boxes():
    """L4, the disc below and L5 as boxes."""
    array = np.zeros((5, 40, 30), dtype=np.uint8)
    for label, top, height in ((23, 2, 8), (123, 10, 4), (24, 14, 8)):
        array[:, top : top + height, 2:14] = label
    labels = sitk.GetImageFromArray(array)
    labels.SetSpacing((0.8, 0.8, 4.0))
    return labels


@pytest.fixture
def mask(tmp_path, boxes):
    path = tmp_path / "mask.nrrd"
    sitk.WriteImage(boxes, str(path))
    return path


@pytest.fixture
def in_process(tmp_path):
    """Does a job in a process that has none of the packages a bare Slicer lacks, but OpenVINO."""

    def run(job):
        file = write_job(job, tmp_path / "job.json")
        command = [sys.executable, "-c", WITHOUT, str(file)]
        return subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **environment()})

    return run


def jobs(tmp_path):
    return [
        RunJob(CaseRequest(tmp_path / "a b.nrrd", case="č", target="clinic", strength=0.5, spacing_mm=(1.0, 2.0)), tmp_path),
        RunJob(CaseRequest(tmp_path / "a.nrrd", harmonize="none", shift=-1, parts=True, scheme="spider"), tmp_path),
        HarmonizeJob(tmp_path / "a.nrrd", tmp_path / "h.nrrd", "nyul", str(tmp_path), 0.25, "cpu"),
        SegmentJob(tmp_path / "a.nrrd", tmp_path / "l.seg.nrrd", "best", "cuda", parts=False, shift=1),
        FeaturesJob(tmp_path / "a.nrrd", tmp_path / "m.nrrd", tmp_path / "f.csv", tmp_path / "p.json", "harmonized", "x"),
        FeaturesJob(tmp_path / "a.nrrd", tmp_path / "m.nrrd", tmp_path / "f.csv"),
        ReportJob(tmp_path, tmp_path / "page.html"),
    ]


@pytest.mark.parametrize("number", range(7))
def test_a_job_is_read_as_it_was_written(tmp_path, number):
    job = jobs(tmp_path)[number]
    assert read_job(write_job(job, tmp_path / "job.json")) == job


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"job": "dance"}', '{"job": "segment"}', '{"job": "segment", "image": 3, "output": "x"}', "null",
     '{"job": "report", "folder": "a", "output": "b", "more": 1}', '{"job": "run", "folder": "a", "request": 5}'],
)  # fmt: skip
def test_another_file_is_no_job(tmp_path, text):
    (tmp_path / "job.json").write_text(text)
    with pytest.raises(InputError, match="holds no job"):
        read_job(tmp_path / "job.json")


def test_a_file_that_is_not_there_is_said_to_be(tmp_path):
    with pytest.raises(InputError, match="Cannot read"):
        read_job(tmp_path / "job.json")


def test_settings_of_features_are_not_dropped_in_silence(tmp_path):
    with pytest.raises(InputError, match="Settings"):
        RunJob(CaseRequest(tmp_path / "a.nrrd", settings=Settings(bin_width=3)), tmp_path)


def test_harmonization_needs_no_package_of_the_command_line(in_process, image, tmp_path):
    done = in_process(HarmonizeJob(image, tmp_path / "out.nrrd", "zscore"))
    assert (done.returncode, done.stderr) == (0, "")
    reports = [report_of(line) for line in done.stdout.splitlines()]
    assert None not in reports and reports[-1].fraction == 1
    expected = harmonize(sitk.ReadImage(str(image)), chosen_method("zscore", None)).image
    found = sitk.ReadImage(str(tmp_path / "out.nrrd"))
    np.testing.assert_allclose(sitk.GetArrayFromImage(found), sitk.GetArrayFromImage(expected), rtol=1e-5)
    about = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert about["method"] == "zscore"
    assert "Dr." not in json.dumps(about)


def test_features_need_no_package_of_the_command_line(in_process, image, mask, tmp_path):
    (tmp_path / "p.json").write_text('{"setting": {"binCount": 8}, "featureClass": {"firstorder": ["Mean"]}}')
    job = FeaturesJob(image, mask, tmp_path / "f.csv", tmp_path / "p.json", "harmonized", "c1")
    done = in_process(job)
    assert (done.returncode, done.stderr) == (0, "")
    header, *rows = (tmp_path / "f.csv").read_text(encoding="utf-8").splitlines()
    assert header.split(",")[-1] == "original_firstorder_Mean"
    assert [row.split(",")[:2] for row in rows] == [["c1", "harmonized"]] * 3
    values = [float(row.split(",")[-1]) for row in rows]
    assert values == pytest.approx([123, 124, 223], abs=1)


def test_the_report_needs_no_package_of_the_command_line(in_process, image, mask, tmp_path):
    folder = tmp_path / "case"
    folder.mkdir()
    image.rename(folder / "source.nrrd")
    mask.rename(folder / "segmentation.nrrd")
    done = in_process(ReportJob(folder, tmp_path / "page.html"))
    assert (done.returncode, done.stderr) == (0, "")
    assert "L4-L5 disc" in (tmp_path / "page.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_whole_job_and_segmentation_need_nothing_but_openvino(in_process, tmp_path):
    with unreported():
        pytest.importorskip("openvino")
    from spinemr.synthesis.study import draw_study

    path = tmp_path / "image.nrrd"
    sitk.WriteImage(draw_study(7, contrast="t2").image, str(path))
    done = in_process(SegmentJob(path, tmp_path / "labels.seg.nrrd"))
    assert (done.returncode, done.stderr) == (0, "")
    assert {23, 123, 124} <= set(np.unique(sitk.GetArrayViewFromImage(read_labels(tmp_path / "labels.seg.nrrd"))).tolist())
    assert (tmp_path / "labels.csv").is_file()
    done = in_process(RunJob(CaseRequest(path), tmp_path / "results"))
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "results" / "qc.json").read_text(encoding="utf-8"))["verdict"] in ("pass", "review")


def test_what_goes_wrong_is_one_sentence(in_process, tmp_path):
    done = in_process(HarmonizeJob(tmp_path / "gone.nrrd", tmp_path / "out.nrrd", "zscore"))
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1 and "gone.nrrd" in done.stderr


def test_a_stage_that_fails_is_told_after_the_others(tmp_path, monkeypatch):
    from spinemr.imaging.errors import SpineMRError
    from spinemr.pipeline import run
    from spinemr.pipeline.result import CaseResult, StageState

    state = StageState("failed", "There is no disc.", error=SpineMRError("There is no disc."))
    result = CaseResult(CaseRequest(tmp_path), sitk.Image(2, 2, 2, sitk.sitkUInt8), None, stages={"measure": state})
    monkeypatch.setattr(run, "run_case_into", lambda *_a, **_k: result)
    with pytest.raises(SpineMRError, match=r"^Measurement failed: There is no disc\.$"):
        RunJob(CaseRequest(tmp_path / "a.nrrd"), tmp_path).do()


@pytest.mark.parametrize("words", [[], ["a", "b"]])
def test_it_wants_one_file(capsys, words):
    assert main(words) == 2
    assert capsys.readouterr().err == "Give the file of one job.\n"


def test_a_mistake_of_ours_shows_no_text_of_its_own(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(HarmonizeJob, "do", lambda *_: {}["Doe^Jane"])
    assert main([str(write_job(HarmonizeJob(tmp_path / "a", tmp_path / "b"), tmp_path / "job.json"))]) == 1
    said = capsys.readouterr().err
    assert said.startswith("Internal error: KeyError in ") and "Doe" not in said


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_asked_to_stop_it_leaves_nothing_and_says_130(image, tmp_path):
    file = write_job(RunJob(CaseRequest(image, harmonize="zscore"), tmp_path / "results"), tmp_path / "job.json")
    command = [sys.executable, "-m", MODULE, str(file)]
    environ = {**os.environ, **environment()}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ) as child:
        assert report_of(child.stdout.readline()).phase == "read"
        child.send_signal(signal.SIGTERM)
        _, err = child.communicate(timeout=60)
    assert (child.returncode, err) == (130, "Cancelled.\n")
    assert not (tmp_path / "results").exists()
