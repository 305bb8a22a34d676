from __future__ import annotations

import json

import numpy as np
import pytest
import SimpleITK as sitk


def picture(seed, gain=1.0):
    """A sagittal stack with air in front, muscle, and bright fat at the back."""
    rng = np.random.default_rng(seed)
    values = np.full((3, 64, 64), 5.0)
    values[:, :, 12:] = 300
    values[:, 20:40, 20:30] = 600
    values[:, :, 52:60] = 900
    values[:, :, 60:] = 5
    image = sitk.GetImageFromArray((gain * (values + rng.normal(0, 4, values.shape))).clip(0).astype(np.float32))
    image.SetSpacing((1.0, 1.0, 4.0))
    image.SetDirection((0, 0, 1, 1, 0, 0, 0, -1, 0))
    return image


@pytest.fixture
def study(tmp_path):
    path = tmp_path / "study é 1.nii.gz"
    sitk.WriteImage(picture(1), str(path))
    return path


def read(path):
    return sitk.GetArrayFromImage(sitk.ReadImage(str(path)))


def test_z_scores_on_the_same_grid_with_a_sidecar_that_says_what_they_mean(spinemr, study, tmp_path):
    out = tmp_path / "out.nii.gz"
    outcome = spinemr("harmonize", study, "-o", out, "--method", "zscore")
    assert (outcome.code, outcome.err) == (0, "")
    assert "127.5 is the mean of the tissue" in outcome.out
    before, after = sitk.ReadImage(str(study)), sitk.ReadImage(str(out))
    assert after.GetSize() == before.GetSize() and after.GetDirection() == before.GetDirection()
    assert np.corrcoef(read(study).ravel(), read(out).ravel())[0, 1] == pytest.approx(1, abs=1e-6)
    written = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert written["method"] == "zscore" and written["strength"] == 1.0
    assert written["provenance"]["parameters"]["method"] == {"middle": 127.5, "scale": 42.5, "name": "zscore"}


def test_another_gain_gives_the_same_result(spinemr, study, tmp_path):
    sitk.WriteImage(picture(1, gain=4.0), str(tmp_path / "louder.nii.gz"))
    for method in ("zscore", "whitestripe"):
        assert spinemr("harmonize", study, "-o", tmp_path / "a.nii.gz", "--method", method).code == 0
        assert spinemr("harmonize", tmp_path / "louder.nii.gz", "-o", tmp_path / "b.nii.gz", "--method", method).code == 0
        assert np.allclose(read(tmp_path / "a.nii.gz"), read(tmp_path / "b.nii.gz"), atol=0.05)


def test_a_scale_is_fitted_on_a_folder_kept_and_used_again(spinemr, study, tmp_path):
    folder = tmp_path / "clinic"
    folder.mkdir()
    for seed in (2, 3):
        sitk.WriteImage(picture(seed, gain=seed), str(folder / f"{seed}.nii.gz"))
    fit = tmp_path / "clinic.json"
    first, second = tmp_path / "first.nii.gz", tmp_path / "second.nii.gz"
    assert spinemr("harmonize", study, "-o", first, "--method", "nyul", "--target", folder, "--save-fit", fit).code == 0
    assert json.loads(fit.read_text(encoding="utf-8"))["method"]["images"] == 2
    assert spinemr("harmonize", study, "-o", second, "--target", fit).code == 0
    assert np.array_equal(read(first), read(second))
    assert read(first).min() >= 0 and read(first).max() <= 255


def test_strength_blends_from_the_original_to_the_result(spinemr, study, tmp_path):
    found = {}
    for strength in ("0", "0.5", "1"):
        out = tmp_path / f"{strength}.nii.gz"
        words = ("--method", "histogram", "--target", study, "--strength", strength)
        assert spinemr("harmonize", study, "-o", out, *words).code == 0
        found[strength] = read(out).astype(float)
    assert np.allclose(found["0.5"], (found["0"] + found["1"]) / 2, atol=1e-2)
    assert np.corrcoef(found["0"].ravel(), read(study).ravel())[0, 1] == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--method", "histogram"], "needs a target"),
            (["--method", "nyul"], "no spine is seen"),
        (["--method", "zscore", "--target", "here.nii.gz"], "takes no target"),
        (["--target", "absent.json"], "cannot be read"),
        (["--target", "other.json"], "not a fitted harmonization method"),
        (["--method", "zscore", "--save-fit", "fit.txt"], "a fitted method is JSON"),
        (["--method", "histogram", "--target", "absent.nii.gz"], "absent.nii.gz"),
        (["--method", "zscore", "--save-fit", "fit.json"], "Nothing is fitted"),
        (["--target", "nobody"], "no reference 'nobody'"),
        (["--target", "."], "no trained reference"),
    ],
)
def test_wrong_words_leave_nothing(spinemr, study, tmp_path, words, said, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "other.json").write_text('{"kind": "something else"}')
    out = tmp_path / "out.nii.gz"
    outcome = spinemr("harmonize", study, "-o", out, *words)
    assert outcome.code == 2 and said in outcome.complaint
    assert not out.exists() and not (tmp_path / "out.json").exists()


def test_an_image_without_tissue_is_refused(spinemr, tmp_path):
    path = tmp_path / "flat.nii.gz"
    sitk.WriteImage(sitk.GetImageFromArray(np.full((3, 32, 32), 7, np.int16)), str(path))
    outcome = spinemr("harmonize", path, "-o", tmp_path / "out.nii.gz")
    assert outcome.code == 2 and outcome.complaint
    assert not (tmp_path / "out.nii.gz").exists()
