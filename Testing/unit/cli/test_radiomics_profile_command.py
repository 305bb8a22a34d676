from __future__ import annotations

import json

import numpy as np
import pytest
import SimpleITK as sitk


@pytest.fixture
def studies(tmp_path, boxes, label_image):
    """A folder of four studies, the last without a structure in its mask."""
    rng = np.random.default_rng(6)
    for number in range(4):
        labels = label_image(boxes() if number < 3 else boxes() * 0)
        image = sitk.GetImageFromArray(
            (sitk.GetArrayFromImage(label_image(boxes())) * 4 + rng.normal(0, 9, boxes().shape)).astype(np.int16)
        )
        image.CopyInformation(labels)
        folder = tmp_path / "set" / f"Novak_Jan_{number}"
        folder.mkdir(parents=True)
        sitk.WriteImage(image, str(folder / "image.nii.gz"))
        sitk.WriteImage(labels, str(folder / "labels.nii.gz"))
    return tmp_path / "set"


def test_a_profile_of_a_folder(spinemr, studies, tmp_path):
    settings = tmp_path / "params.yaml"
    settings.write_text("featureClass:\n  firstorder: [Mean]\n", encoding="utf-8")
    outcome = spinemr("radiomics", "profile", studies, "-o", tmp_path / "p.json", "--settings", settings, "--name", "boxes")
    assert outcome.code == 0, outcome.err
    assert "3 studies" in outcome.out and "; 1 left out" in outcome.out
    assert "The mask is empty" in outcome.err
    text = (tmp_path / "p.json").read_text(encoding="utf-8")
    profile = json.loads(text)
    assert profile["name"] == "boxes"
    assert profile["features"]["L4 vertebra"]["original_firstorder_Mean"]["mean"] == pytest.approx(23 * 4, abs=2)
    assert profile["features"]["disc"]["original_firstorder_Mean"]["n"] == 6
    assert profile["made"]["parameters"]["left_out"] == 1
    assert "Novak" not in text


def test_looks_alone(spinemr, studies, tmp_path):
    outcome = spinemr("radiomics", "profile", studies, "-o", tmp_path / "p.json", "--no-features")
    assert outcome.code == 0, outcome.err
    assert json.loads((tmp_path / "p.json").read_text(encoding="utf-8"))["features"] == {}


def test_progress_for_programs(spinemr, studies, tmp_path):
    outcome = spinemr("radiomics", "profile", studies, "-o", tmp_path / "p.json", "--no-features", "--progress", "json")
    fractions = [json.loads(line)["fraction"] for line in outcome.out.splitlines()]
    assert fractions == sorted(fractions) and len(fractions) == 4


def test_mistakes_are_told_in_one_line(spinemr, studies, tmp_path):
    assert "JSON" in spinemr("radiomics", "profile", studies, "-o", tmp_path / "p.csv").complaint
    (tmp_path / "empty").mkdir()
    assert "no image with a mask" in spinemr("radiomics", "profile", tmp_path / "empty", "-o", tmp_path / "p.json").complaint
    outcome = spinemr("radiomics", "profile", tmp_path / "none.csv", "-o", tmp_path / "p.json")
    assert outcome.code == 2 and "Cannot read" in outcome.complaint
    assert not (tmp_path / "p.json").exists()


def test_too_few_studies(spinemr, studies, tmp_path):
    manifest = studies / "two.csv"
    rows = "".join(f"Novak_Jan_{n}/image.nii.gz,Novak_Jan_{n}/labels.nii.gz\n" for n in range(2))
    manifest.write_text("image,mask\n" + rows, encoding="utf-8")
    outcome = spinemr("radiomics", "profile", manifest, "-o", tmp_path / "p.json", "--no-features")
    assert outcome.code == 2 and "at least 3 studies" in outcome.complaint
