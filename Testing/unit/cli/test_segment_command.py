"""``spinemr segment``: files of every kind in, labels and their sidecar out, one line for what cannot be segmented."""

import csv
import json

import numpy as np
import pytest
import SimpleITK as sitk

from spinemr.imaging.files import read_labels, write_image
from spinemr.imaging.geometry import same_grid
from spinemr.imaging.model_card import ModelCard, ModelInput, model_folders
from spinemr.segmentation.classes import class_table
from spinemr.segmentation.inference.model import INT8, OpenModel
from spinemr.synthesis.study import draw_study


class Told:
    """A network that reads each pixel's class from its intensity: class c shines with c / 6."""

    device = "cpu"

    def __call__(self, images):
        return np.moveaxis(np.eye(7, dtype=np.float32)[np.rint(images[:, 0] * 6).astype(int)], -1, 1)


@pytest.fixture
def told(monkeypatch):
    """Every model that is opened is a perfect one."""
    card = ModelCard(
        *["told"] * 3, "segmentation", *["-"] * 5, ModelInput(0.78, 16, (0.0, 100.0)), files=(), training_data=(), metrics=()
    )
    monkeypatch.setattr("spinemr.segmentation.inference.model.open_model", lambda *_a, **_k: OpenModel(card, Told(), "ab" * 32))


@pytest.fixture(scope="module")
def study():
    return draw_study(5, scanner="cedar-1.5t-t1", grade="II", pathology=())


@pytest.fixture
def image_path(study, tmp_path):
    classes = sitk.GetImageFromArray(class_table()[sitk.GetArrayFromImage(study.labels)].astype(np.int16))
    classes.CopyInformation(study.labels)
    path = tmp_path / "L\u00e9k\u00e1\u0159 1" / "study.nii.gz"
    write_image(classes, path)
    return path


@pytest.mark.usefixtures("told")
def test_labels_and_sidecar_are_written(spinemr, image_path, study, tmp_path):
    out = tmp_path / "out" / "labels.nii.gz"
    outcome = spinemr("segment", image_path, "-o", out)
    assert (outcome.code, outcome.err) == (0, "")
    assert "structures in" in outcome.out
    labels = read_labels(out)
    assert same_grid(labels, study.labels)
    assert {20, 21, 22, 23, 24, 26, 124} <= set(np.unique(sitk.GetArrayViewFromImage(labels)).tolist())
    assert sitk.GetArrayViewFromImage(labels).max() < 200
    said = json.loads((out.parent / "labels.json").read_text(encoding="utf-8"))
    assert said["provenance"]["models"] == {"told": "ab" * 32}
    assert said["provenance"]["inputs"][0]["name"] == "IMAGE"
    assert said["counted_from"] == "sacrum"
    assert {s["name"] for s in said["structures"]} >= {"L4 vertebra", "L5-S1 disc", "sacrum"}


@pytest.mark.usefixtures("told")
def test_what_the_network_calculated_with_is_said(spinemr, image_path, tmp_path):
    outcome = spinemr("segment", image_path, "-o", tmp_path / "labels.nii.gz", "--precision", "fp32")
    assert outcome.code == 0
    said = json.loads((tmp_path / "labels.json").read_text(encoding="utf-8"))
    assert said["provenance"]["parameters"]["precision"] == "fp32"


def test_an_eight_bit_variant_that_a_model_does_not_have_is_one_line(spinemr, image_path, tmp_path):
    card = next(place / "balanced.card.json" for place in model_folders() if place.parent.name == "segmentation")
    if INT8 in card.read_text(encoding="utf-8"):
        content = json.loads(card.read_text(encoding="utf-8"))
        content["files"] = [file for file in content["files"] if file["format"] != INT8]
        card = tmp_path / card.name
        card.write_text(json.dumps(content), encoding="utf-8")
    outcome = spinemr("segment", image_path, "-o", tmp_path / "labels.nii.gz", "--model", card, "--precision", "int8")
    assert outcome.code == 2
    assert "no eight-bit variant" in outcome.complaint
    assert not (tmp_path / "labels.nii.gz").exists()


@pytest.mark.usefixtures("told")
def test_parts_schemes_and_shift(spinemr, image_path, tmp_path):
    values = {}
    for name, options in {
        "parts": ["--parts"],
        "spider": ["--labels", "spider"],
        "shifted": ["--shift", "-1"],
        "slicer": ["--parts"],
    }.items():
        ending = ".seg.nrrd" if name == "slicer" else ".nii.gz"
        outcome = spinemr("segment", image_path, "-o", tmp_path / f"{name}{ending}", *options)
        assert outcome.code == 0
        values[name] = set(np.unique(sitk.GetArrayFromImage(read_labels(tmp_path / f"{name}{ending}"))).tolist())
    assert {23, 223} <= values["parts"] == values["slicer"]
    assert {1, 2, 201, 100} <= values["spider"]
    assert 24 not in values["shifted"]


@pytest.mark.usefixtures("told")
def test_measurements_lie_beside_the_labels_and_agree_with_the_truth(spinemr, image_path, study, tmp_path):
    assert spinemr("segment", image_path, "-o", tmp_path / "labels.seg.nrrd", "--measurements").code == 0
    with (tmp_path / "labels.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["structure"]: row for row in csv.DictReader(file)}
    truth = {disc["structure"]: disc for disc in study.truth["discs"]}
    for name in ("L2-L3 disc", "L3-L4 disc", "L4-L5 disc"):
        assert float(rows[name]["height_middle_mm"]) == pytest.approx(truth[name]["height_middle_mm"], abs=2.0)
    assert float(rows["lumbar spine"]["lordosis_l1_s1_deg"]) == pytest.approx(study.truth["lordosis_l1_s1_deg"], abs=8.0)


@pytest.mark.usefixtures("told")
def test_a_folder_of_images_is_segmented_and_the_broken_one_named(spinemr, image_path, tmp_path):
    folder = image_path.parent
    (folder / "broken.nii.gz").write_bytes(b"nothing")
    (folder / "notes.txt").write_text("no image")
    out = tmp_path / "results"
    outcome = spinemr("segment", folder, "-o", out)
    assert outcome.code == 2
    assert "broken.nii.gz: " in outcome.err
    assert "1 of 2 images were not segmented" in outcome.err
    assert sorted(path.name for path in out.iterdir()) == ["study.json", "study.nii.gz"]


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize("spacing", ["wide", "1", "1,2,3,4"])
def test_a_spacing_that_is_none_is_refused(spinemr, image_path, tmp_path, spacing):
    outcome = spinemr("segment", image_path, "-o", tmp_path / "x.nii.gz", "--spacing", spacing)
    assert outcome.code == 2
    assert "is no spacing" in outcome.complaint
    assert not (tmp_path / "x.nii.gz").exists()


@pytest.mark.usefixtures("told")
def test_an_image_without_a_spine_gives_no_mask(spinemr, tmp_path):
    array = np.zeros((9, 64, 64), dtype=np.float32)
    array[4, 20:30, 20:30] = 6.0
    write_image(sitk.GetImageFromArray(array), tmp_path / "knee.nrrd")
    outcome = spinemr("segment", tmp_path / "knee.nrrd", "-o", tmp_path / "labels.nii.gz")
    assert outcome.code == 2
    assert "No lumbar spine found" in outcome.complaint
    assert not (tmp_path / "labels.nii.gz").exists()
    assert not (tmp_path / "labels.json").exists()


def test_a_missing_model_is_one_line(spinemr, image_path, tmp_path):
    outcome = spinemr("segment", image_path, "-o", tmp_path / "x.nii.gz", "--model", "nonesuch")
    assert outcome.code == 2
    assert "There is no model nonesuch" in outcome.complaint
