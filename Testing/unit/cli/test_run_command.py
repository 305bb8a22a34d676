"""``spinemr run``: what people are told, exit codes, wrong inputs and targets, Ctrl-C, and names that must not come out."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
import SimpleITK as sitk

from spinemr.imaging.files import write_image
from spinemr.imaging.model_card import ModelCard, ModelInput
from spinemr.imaging.silent_packages import unreported
from spinemr.pipeline.results_folder import RESULTS
from spinemr.segmentation.classes import class_table
from spinemr.segmentation.inference.model import OpenModel
from spinemr.synthesis.study import draw_study

PER_CLASS = 40


class Told:
    """A network that reads each pixel's class from its intensity: class c shines with c / 6."""

    device = "cpu"

    def __call__(self, images):
        return np.moveaxis(np.eye(7, dtype=np.float32)[np.clip(np.rint(images[:, 0] * 6).astype(int), 0, 6)], -1, 1)


@pytest.fixture
def told(monkeypatch):
    """Every model that is opened is a perfect one."""
    card = ModelCard(
        *["told"] * 3, "segmentation", *["-"] * 5, ModelInput(1.56, 16, (0.0, 100.0)), files=(), training_data=(), metrics=()
    )
    monkeypatch.setattr("spinemr.pipeline.request.open_model", lambda *_a, **_k: OpenModel(card, Told(), "ab" * 32))


@pytest.fixture(scope="module")
def study():
    """Seven slices of 160 x 160; every class has its own brightness, with a little noise."""
    labels = draw_study(5, scanner="cedar-1.5t-t1", grade="II", pathology=()).labels[::2, ::2, 2:9]
    classes = class_table()[sitk.GetArrayFromImage(labels)].astype(np.int16) * PER_CLASS
    image = sitk.GetImageFromArray(np.clip(classes + np.random.default_rng(1).integers(-6, 7, classes.shape), 0, 240))
    image.CopyInformation(labels)
    return sitk.Cast(image, sitk.sitkInt16)


@pytest.fixture
def image_path(study, tmp_path):
    path = tmp_path / "in" / "t2.nii.gz"
    write_image(study, path)
    return path


def names(folder):
    return {path.name for path in folder.iterdir()}


def written(folder):
    """Everything in a folder as text, unpacked."""
    contents = ((path.name, path.read_bytes()) for path in folder.iterdir())
    return {name: (gzip.decompress(c) if name.endswith(".gz") else c).decode("utf-8", errors="ignore") for name, c in contents}


@pytest.mark.usefixtures("told")
def test_nine_files_the_verdict_and_where_to_read_more(spinemr, image_path, tmp_path):
    out = tmp_path / "Výsledky Dr. Müller 腰椎" / "případ 1"
    outcome = spinemr("run", image_path, "-o", out)
    assert (outcome.code, outcome.err) == (0, "")
    assert names(out) == set(RESULTS)
    lines = outcome.out.splitlines()
    said = json.loads((out / "qc.json").read_text(encoding="utf-8"))
    assert lines[0] == f"Verdict: {said['verdict']}"
    assert lines[1 : 1 + len(said["reasons"])] == [f"  {reason['sentence']}" for reason in said["reasons"]]
    count = np.unique(sitk.GetArrayFromImage(sitk.ReadImage(str(out / "segmentation.nii.gz")))).size - 1
    assert lines[-2].startswith(f"{count} structures, levels counted from the sacrum, confidence 0.")
    assert "could be shifted by one (--shift)" in lines[-2]
    assert lines[-1] == f"Everything lies in {out}; read {out / 'report.html'}"
    assert said["case"] == "případ 1"


@pytest.mark.usefixtures("told")
def test_programs_read_json_lines_and_nothing_else(spinemr, image_path, tmp_path):
    outcome = spinemr("run", image_path, "-o", tmp_path / "out", "--progress", "json", "--harmonize", "zscore")
    assert (outcome.code, outcome.err) == (0, "")
    reports = [json.loads(line) for line in outcome.out.splitlines()]
    assert all(list(report) == ["phase", "fraction", "message"] for report in reports)
    fractions = [report["fraction"] for report in reports]
    assert fractions == sorted(fractions) and fractions[-1] == 1.0
    phases = list(dict.fromkeys(report["phase"] for report in reports))
    assert phases == ["read", "harmonize", "segment", "measure", "features", "judge", "report", "write"]


@pytest.mark.usefixtures("told")
def test_strict_ends_with_three_where_the_case_is_not_to_be_trusted(spinemr, image_path, tmp_path):
    # Nobody's scanner gives every tissue one grey value, which is a reason not to trust the case.
    plain = spinemr("run", image_path, "-o", tmp_path / "plain", "--harmonize", "none")
    strict = spinemr("run", image_path, "-o", tmp_path / "strict", "--harmonize", "none", "--strict")
    assert (plain.code, strict.code) == (0, 3)
    assert strict.out.splitlines()[0] == "Verdict: do not trust"
    assert strict.err == ""
    assert names(tmp_path / "strict") == set(RESULTS) - {"harmonized.nii.gz"}


@pytest.mark.usefixtures("told")
def test_strict_ends_with_nothing_where_it_is(spinemr, image_path, tmp_path, monkeypatch):
    from spinemr.radiomics.verdict.judge import Verdict

    monkeypatch.setattr("spinemr.pipeline.stages.judge", lambda *_a, **_k: Verdict("review", (), 1))
    outcome = spinemr("run", image_path, "-o", tmp_path / "out", "--harmonize", "none", "--strict")
    assert outcome.code == 0
    assert outcome.out.startswith("Verdict: review\n")


@pytest.mark.usefixtures("told")
def test_options_reach_their_stages(spinemr, image_path, tmp_path):
    (tmp_path / "s.yaml").write_text("setting:\n  binWidth: 10\nfeatureClass:\n  firstorder: [Mean]\n", encoding="utf-8")
    words = ("--parts", "--labels", "totalspineseg", "--settings", tmp_path / "s.yaml", "--case", "no 7", "--strength", "0.5")
    outcome = spinemr("run", image_path, "-o", tmp_path / "out", "--harmonize", "zscore", *words)
    assert outcome.code == 0, outcome.err
    features = (tmp_path / "out" / "features.csv").read_text(encoding="utf-8").splitlines()
    assert features[0].split(",")[-1] == "original_firstorder_Mean"
    assert {line.split(",")[0] for line in features[1:]} == {"no 7"}
    made = json.loads((tmp_path / "out" / "provenance.json").read_text(encoding="utf-8"))
    assert made["parameters"]["strength"] == 0.5 and made["parameters"]["scheme"] == "totalspineseg"
    assert made["command"][:5] == ["spinemr", "run", "IMAGE", "-o", "DIR"]
    said = json.loads((tmp_path / "out" / "qc.json").read_text(encoding="utf-8"))
    assert said["harmonization"]["strength"] == 0.5


@pytest.mark.usefixtures("told")
def test_a_stage_that_fails_is_one_line_with_what_was_kept_and_exit_code_two(spinemr, image_path, tmp_path, monkeypatch):
    from spinemr.imaging.errors import InputError

    def fails(*_args, **_kwargs):
        raise InputError("The tide is out.")

    monkeypatch.setattr("spinemr.pipeline.stages.measure_image", fails)
    outcome = spinemr("run", image_path, "-o", tmp_path / "out", "--harmonize", "none")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.complaint.startswith(f"Measurement failed: The tide is out. Kept in {tmp_path / 'out'}: source.nii.gz, ")
    assert "measurements.csv" not in outcome.complaint and "features.csv" in outcome.complaint
    assert not (tmp_path / "out" / "measurements.csv").exists()


@pytest.mark.usefixtures("told")
def test_a_mistake_in_this_software_is_exit_code_one_and_keeps_the_rest(spinemr, image_path, tmp_path, monkeypatch):
    monkeypatch.setattr("spinemr.pipeline.stages.measure_image", lambda _labels: 1 / 0)
    outcome = spinemr("run", image_path, "-o", tmp_path / "out", "--harmonize", "none")
    assert outcome.code == 1
    assert outcome.complaint.startswith("Internal error: ZeroDivisionError")
    assert "features.csv" in names(tmp_path / "out")


@pytest.mark.usefixtures("told")
def test_no_spine_is_one_line(spinemr, study, tmp_path):
    array = np.zeros((7, 160, 160), np.int16)
    array[:, 60:90, 60:90] = 240
    image = sitk.GetImageFromArray(array)
    image.CopyInformation(study)
    write_image(image, tmp_path / "knee.nrrd")
    outcome = spinemr("run", tmp_path / "knee.nrrd", "-o", tmp_path / "out", "--harmonize", "zscore")
    assert (outcome.code, outcome.out) == (2, "")
    assert "Segmentation failed: No lumbar spine found" in outcome.complaint
    assert names(tmp_path / "out") == {"source.nii.gz", "harmonized.nii.gz", "report.html", "provenance.json", "qc.json"}


class Wrong:
    """Makes one file that cannot be the image of a case."""

    def __init__(self, folder, study):
        self.folder, self.study = folder, study

    def kept(self, image, name="input.nrrd"):
        sitk.WriteImage(image, str(self.folder / name))
        return self.folder / name

    def missing(self):
        return self.folder / "not here.nii.gz"

    def text(self):
        (self.folder / "input.nii.gz").write_text("Dear colleague", encoding="utf-8")
        return self.folder / "input.nii.gz"

    def empty_folder(self):
        (self.folder / "empty").mkdir()
        return self.folder / "empty"

    def colour(self):
        rng = np.random.default_rng(0)
        return self.kept(sitk.GetImageFromArray(rng.integers(0, 255, (7, 40, 40, 3), np.uint8), isVector=True))

    def four_d(self):
        return self.kept(sitk.JoinSeries([self.study, self.study]))

    def constant(self):
        return self.kept(self.study * 0 + 7)

    def all_nan(self):
        return self.kept(sitk.Cast(self.study, sitk.sitkFloat32) * float("nan"))

    def tiny(self):
        return self.kept(self.study[:6, :6])


WRONG = {
    "missing": "There is no file or folder",
    "text": "Cannot read|not a",
    "empty_folder": "DICOM",
    "colour": "colour",
    "four_d": "4D",
    "constant": "same value everywhere",
    "all_nan": "NaN|not numbers|no numbers",
    "tiny": "pixels|small",
}


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize("kind", WRONG)
def test_what_is_no_image_of_a_spine_is_one_line_and_leaves_nothing(spinemr, study, tmp_path, listed, kind):
    import re

    (tmp_path / "in").mkdir()
    path = getattr(Wrong(tmp_path / "in", study), kind)()
    before = listed(tmp_path)
    outcome = spinemr("run", path, "-o", tmp_path / "a" / "out")
    assert (outcome.code, outcome.out) == (2, "")
    assert re.search(WRONG[kind], outcome.complaint), outcome.err
    assert listed(tmp_path) == before


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize("kind", ["axial storage", "one slice", "picture"])
def test_unusual_images_work(spinemr, study, tmp_path, kind):
    path, words = tmp_path / "x.nii.gz", ()
    if kind == "axial storage":
        write_image(sitk.PermuteAxes(study, [2, 0, 1]), path)
    elif kind == "one slice":
        write_image(study[:, :, 3:4], path)
    else:
        path, words = tmp_path / "x.png", ("--spacing", "1.56,1.56")
        sitk.WriteImage(sitk.Cast(study[:, :, 3], sitk.sitkUInt8), str(path))
    outcome = spinemr("run", path, "-o", tmp_path / "out", "--harmonize", "zscore", *words)
    assert outcome.code == 0, outcome.err
    assert names(tmp_path / "out") == set(RESULTS)
    source = sitk.ReadImage(str(tmp_path / "out" / "source.nii.gz"))
    labels = sitk.ReadImage(str(tmp_path / "out" / "segmentation.nii.gz"))
    assert labels.GetSize() == source.GetSize()
    assert labels.GetDirection() == pytest.approx(source.GetDirection(), abs=1e-6)
    assert 23 in np.unique(sitk.GetArrayFromImage(labels))


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--harmonize", "nonesuch"], "no harmonization method 'nonesuch'"),
        (["--harmonize", "histogram"], "needs a target"),
        (["--harmonize", "none", "--target", "x.json"], "target is of no use"),
        (["--harmonize", "none", "--segment-on", "harmonized"], "no harmonized image"),
        (["--target", "absent.json"], "cannot be read"),
        (["--target", "nonesuch"], "no reference 'nonesuch'"),
        (["--strength", "2"], "strength"),
        (["--shift", "9"], "shift"),
        (["--labels", "mine"], "labels"),
        (["--spacing", "wide"], "no spacing"),
        (["--settings", "absent.yaml"], "absent.yaml"),
    ],
)
def test_wrong_words_are_one_line_and_leave_nothing(spinemr, image_path, tmp_path, listed, monkeypatch, words, said):
    monkeypatch.chdir(tmp_path)
    before = listed(tmp_path)
    outcome = spinemr("run", image_path, "-o", tmp_path / "out", *words)
    assert (outcome.code, outcome.out) == (2, "")
    assert said in outcome.complaint
    assert listed(tmp_path) == before


def test_a_missing_model_is_one_line_and_leaves_nothing(spinemr, image_path, tmp_path, listed):
    before = listed(tmp_path)
    outcome = spinemr("run", image_path, "-o", tmp_path / "out", "--model", "nonesuch")
    assert outcome.code == 2
    assert "There is no model nonesuch" in outcome.complaint
    assert listed(tmp_path) == before


@pytest.mark.usefixtures("told")
def test_targets_that_would_harm_something_are_refused_before_work_starts(spinemr, image_path, tmp_path, listed):
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "report.html").write_text("mine", encoding="utf-8")
    before = listed(tmp_path)
    for target, said in {
        tmp_path / "file": "is a file, not a folder",
        tmp_path / "file" / "out": "Cannot write",
        tmp_path / "mine": "did not come from here",
    }.items():
        outcome = spinemr("run", image_path, "-o", target, "--progress", "json")
        assert (outcome.code, outcome.out) == (2, "")
        assert said in outcome.complaint
    assert listed(tmp_path) == before


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
@pytest.mark.usefixtures("told")
def test_a_folder_that_is_locked_is_one_line(spinemr, image_path, tmp_path):
    locked = tmp_path / "locked"
    locked.mkdir()
    locked.chmod(0o555)
    outcome = spinemr("run", image_path, "-o", locked / "out")
    assert outcome.code == 2
    assert "permission" in outcome.complaint


@pytest.mark.usefixtures("told")
def test_names_in_a_nifti_header_and_in_paths_come_out_nowhere(spinemr, study, tmp_path):
    path = tmp_path / "PLANTEDNAME_Anna" / "PLANTEDNAME_Anna_t2.nii"
    path.parent.mkdir()
    sitk.WriteImage(study, str(path))
    content = bytearray(path.read_bytes())
    for offset, length in ((14, 18), (148, 80), (228, 24), (328, 16)):  # db_name, descrip, aux_file, intent_name
        content[offset : offset + length] = b"PLANTEDNAME^ANNA 550102/1234".ljust(length, b"\0")[:length]
    path.write_bytes(content)
    assert b"PLANTEDNAME" in path.read_bytes()[:348]
    outcome = spinemr("run", path, "-o", tmp_path / "PLANTEDNAME_Anna" / "out", "--harmonize", "zscore")
    assert outcome.code == 0, outcome.err
    for name, text in written(tmp_path / "PLANTEDNAME_Anna" / "out").items():
        assert "PLANTEDNAME" not in text and "550102" not in text, name


@pytest.mark.usefixtures("told")
def test_names_in_dicom_come_out_nowhere(spinemr, study, tmp_path):
    pytest.importorskip("pydicom")
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid

    folder = tmp_path / "PLANTEDNAME_Anna"
    folder.mkdir()
    series, pixels = generate_uid(), sitk.GetArrayFromImage(study).astype(np.uint16)
    for index, slice_ in enumerate(pixels):
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.4", generate_uid()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        data = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
        data.SOPClassUID, data.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
        data.SeriesInstanceUID, data.StudyInstanceUID, data.FrameOfReferenceUID = series, "1.2.3.4", "1.2.3.5"
        data.PatientName, data.PatientID, data.PatientBirthDate = "PLANTEDNAME^ANNA", "PLANTEDID", "19550102"
        data.InstitutionName, data.SeriesDescription = "PLANTEDPLACE", "T2 SAG PLANTEDNAME"
        data.Modality, data.SeriesNumber, data.InstanceNumber = "MR", 3, index + 1
        data.ImageType, data.MRAcquisitionType = ["ORIGINAL", "PRIMARY", "M"], "2D"
        data.ScanningSequence, data.SequenceVariant = "SE", "SK"
        data.EchoTime, data.RepetitionTime = 100.0, 3000.0
        data.ImageOrientationPatient = [0.0, 1.0, 0.0, 0.0, 0.0, -1.0]
        data.ImagePositionPatient = [18.0 - 6.0 * index, -120.0, 150.0]
        data.PixelSpacing, data.SliceThickness, data.SpacingBetweenSlices = [1.56, 1.56], 6.0, 6.0
        data.Rows, data.Columns = slice_.shape
        data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
        data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 16, 15, 0
        data.PixelData = slice_.tobytes()
        data.save_as(folder / f"PLANTEDNAME{index}.dcm", enforce_file_format=True)
    outcome = spinemr("run", folder, "-o", tmp_path / "out", "--harmonize", "zscore")
    assert outcome.code == 0, outcome.err
    assert names(tmp_path / "out") == set(RESULTS)
    for name, text in written(tmp_path / "out").items():
        assert not [word for word in ("PLANTED", "19550102", "T2 SAG") if word in text], name
    assert "PLANTED" not in outcome.out


@pytest.mark.usefixtures("told")
def test_interrupted_inside_a_stage_leaves_nothing(spinemr, image_path, tmp_path, listed, monkeypatch):
    def interrupted(*_args, **_kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("spinemr.pipeline.stages.extract", interrupted)
    before = listed(tmp_path)
    outcome = spinemr("run", image_path, "-o", tmp_path / "new" / "out", "--harmonize", "none")
    assert (outcome.code, outcome.complaint) == (130, "Cancelled.")
    assert listed(tmp_path) == before


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for one process alone")
def test_ctrl_c_ends_the_program_with_130_and_leaves_nothing(image_path, tmp_path, listed):
    before = listed(tmp_path)
    command = [sys.executable, "-m", "spinemr.cli", "run", str(image_path), "-o", str(tmp_path / "out"), "--progress", "json"]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8")
    assert child.stdout is not None
    assert json.loads(child.stdout.readline())["phase"] == "read"
    child.send_signal(signal.SIGINT)
    _, complaint = child.communicate(timeout=120)
    assert (child.returncode, complaint.strip()) == (130, "Cancelled.")
    assert listed(tmp_path) == before


def test_a_drawn_study_goes_through_the_shipped_model(spinemr, tmp_path):
    """The whole with nothing replaced: the model that ships, on a third of a study as a simulated scanner images it."""
    with unreported():
        pytest.importorskip("openvino")
    image = draw_study(7, scanner="alder-1.5t-t2", pathology=()).image[:, :, 5:10]
    write_image(image, tmp_path / "image.nii.gz")
    outcome = spinemr("run", tmp_path / "image.nii.gz", "-o", tmp_path / "out", "--device", "cpu")
    assert outcome.code == 0, outcome.err
    assert names(tmp_path / "out") == set(RESULTS)
    found = set(np.unique(sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "out" / "segmentation.nii.gz")))).tolist())
    assert {22, 23, 24, 26, 123, 124, 61} <= found
    made = json.loads((tmp_path / "out" / "provenance.json").read_text(encoding="utf-8"))
    assert list(made["models"]) == ["balanced"]
