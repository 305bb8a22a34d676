"""Which reference an image gets: by name, by a user's own files, or by what the image looks like."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

sys.path.insert(0, str(Path(__file__).parent))
from network_files import identity, inverted, moved, study, weighed, write_model

from spinemr.cli.main import main
from spinemr.harmonization.chosen import chosen_method
from spinemr.harmonization.classical.scales import shipped_scale
from spinemr.harmonization.contrast import T1_LIKE, T2_LIKE, Contrast, seen_contrast
from spinemr.harmonization.harmonize import harmonize
from spinemr.harmonization.inference import by_contrast
from spinemr.harmonization.inference.network_method import NetworkMethod
from spinemr.harmonization.inference.reference import base_of_targets, own_references, shipped_references
from spinemr.imaging.errors import InputError, MissingPackageError, SpineMRError
from spinemr.synthesis.study import draw_study

SEVERAL = [
    {"name": "alder t1", "contrast": "t1", "code": [1.0, 0.0]},
    {"name": "cedar t2", "contrast": "t2", "code": [0.5, 1.0]},
]


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """A folder in the place of the models that ship; starts empty."""
    folder = tmp_path / "shipped"
    folder.mkdir()
    for module in ("model_card", "model_files"):
        monkeypatch.setattr(f"spinemr.imaging.{module}.model_folders", lambda: (folder,))
    return folder


@pytest.fixture
def three_models(shipped):
    write_model(shipped, "harmonae", weighed(), method="harmonae", targets=SEVERAL)
    write_model(shipped, "t1-reference", identity())
    write_model(shipped, "t2-reference", inverted(), targets=[{"name": "t2", "contrast": "t2"}])
    return shipped


@pytest.fixture
def looks(monkeypatch):
    """Says what images look like from now on, and counts how often that was asked."""
    asked = []

    def say(contrast):
        monkeypatch.setattr(by_contrast, "seen_contrast", lambda image: asked.append(image) or contrast)
        return asked

    return say


def run(capsys, *words):
    capsys.readouterr()
    code = main([str(word) for word in words])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.mark.parametrize(
    ("method", "target", "found"),
    [
        (None, "t1-reference", "t1-reference/reference"),
        (None, "reference", "t1-reference/reference"),
        ("cyclegan", "t2", "t2-reference/t2"),
        ("cyclegan", "t2-reference/t2", "t2-reference/t2"),
        (None, "cedar t2", "harmonae/cedar t2"),
        ("harmonae", "harmonae", "harmonae/alder t1"),
        ("auto", "harmonae/cedar t2", "harmonae/cedar t2"),
    ],
)
@pytest.mark.usefixtures("three_models")
def test_a_reference_is_called_by_its_model_its_target_or_both(method, target, found):
    chosen = chosen_method(method, target, device="cpu")
    assert isinstance(chosen, NetworkMethod) and chosen.reference.name == found


@pytest.mark.usefixtures("three_models")
def test_a_cyclegan_comes_before_a_harmonae():
    assert [one.name for one in shipped_references()] == [
        "t1-reference/reference", "t2-reference/t2", "harmonae/alder t1", "harmonae/cedar t2",
    ]  # fmt: skip
    assert [one.method for one in shipped_references("harmonae")] == ["harmonae"] * 2
    assert base_of_targets(None).card.name == "harmonae"


@pytest.mark.parametrize(
    ("method", "target", "said"),
    [
        ("cyclegan", "cedar t2", "no reference 'cedar t2'. There are: t1-reference/reference, t2-reference/t2."),
        (None, "nobody", "no reference 'nobody'"),
        ("zscore", "t2", "takes no target"),
        ("histogram", None, "needs a target"),
    ],
)
@pytest.mark.usefixtures("three_models")
def test_what_is_not_there_is_said_with_what_is(method, target, said):
    with pytest.raises(InputError, match=said):
        chosen_method(method, target)


@pytest.mark.usefixtures("shipped")
@pytest.mark.parametrize("method", ["cyclegan", "harmonae"])
def test_without_models_a_network_is_refused_and_auto_has_its_scales(method):
    with pytest.raises(InputError, match=f"No reference of the method {method} comes with this version. Train one"):
        chosen_method(method)
    known = {"name": "auto", "references": [], "scales": ["t1", "t2"]}
    assert chosen_method().as_dict() == chosen_method("auto").as_dict() == known
    with pytest.raises(InputError, match="No HarMOnAE comes"):
        base_of_targets(None)


@pytest.mark.usefixtures("shipped")
def test_ones_own_model_is_named_by_its_folder_or_its_card(tmp_path):
    card = write_model(tmp_path / "mine", "clinic-a", identity())
    for target in (card, card.parent):
        assert chosen_method(None, target).reference.name == "clinic-a/reference"
    with pytest.raises(InputError, match="is of the method cyclegan, not harmonae"):
        chosen_method("harmonae", card)
    (tmp_path / "empty").mkdir()
    assert own_references(tmp_path / "empty") == ()
    with pytest.raises(InputError, match="empty is no trained reference"):
        chosen_method(None, tmp_path / "empty")


def test_a_card_of_a_segmentation_model_is_no_reference():
    from spinemr.imaging.model_files import card_path

    with pytest.raises(InputError, match="not for harmonization"):
        own_references(card_path("balanced"))


@pytest.mark.usefixtures("three_models")
@pytest.mark.parametrize(
    ("method", "kind", "found"),
    [
        ("cyclegan", T1_LIKE, "t1-reference"), ("cyclegan", T2_LIKE, "t2-reference"),
        ("harmonae", T2_LIKE, "harmonae"),
    ],
)  # fmt: skip
def test_an_unnamed_reference_has_the_contrast_of_the_image(looks, method, kind, found):
    asked = looks(Contrast(kind, 1.7 if kind == T2_LIKE else 0.4))
    result = harmonize(study(), chosen_method(method))
    assert len(asked) == 1
    assert result.details["chosen"]["model"] == found
    assert result.details["contrast"]["kind"] == kind
    assert kind.upper() in result.notes[0] and found in result.notes[0]
    assert result.method == ("harmonae" if found == "harmonae" else "cyclegan")


@pytest.mark.usefixtures("three_models")
def test_a_network_is_opened_once_for_all_images(looks, monkeypatch):
    looks(Contrast(T1_LIKE, 0.4))
    opened, real = [], by_contrast.open_reference
    monkeypatch.setattr(by_contrast, "open_reference", lambda *reference: opened.append(reference) or real(*reference))
    method = chosen_method("cyclegan")
    first, second = (harmonize(study(), method) for _ in range(2))
    assert len(opened) == 1
    np.testing.assert_array_equal(*(sitk.GetArrayFromImage(one.image) for one in (first, second)))


@pytest.mark.usefixtures("three_models")
def test_where_no_contrast_is_seen_auto_is_zscore_and_a_named_method_an_error(looks):
    looks(None)
    result = harmonize(study(), chosen_method())
    assert result.method == "zscore" and "no spine is seen" in result.notes[0]
    with pytest.raises(InputError, match="No reference can be chosen: no spine is seen"):
        harmonize(study(), chosen_method("cyclegan"))


@pytest.mark.usefixtures("three_models")
def test_auto_takes_the_scale_of_the_contrast_which_cannot_move_anything(looks):
    looks(Contrast(T2_LIKE, 2.0))
    result = harmonize(study(), chosen_method())
    assert result.method == "nyul" and "looks T2-weighted" in result.notes[0] and "the T2 scale" in result.notes[0]
    values = sitk.GetArrayFromImage(result.image)
    np.testing.assert_allclose(np.percentile(values[values > values.min()], 50), shipped_scale("t2").landmarks[5], atol=15)
    assert chosen_method(None, "t2") == shipped_scale("t2")


@pytest.mark.usefixtures("shipped")
def test_scales_are_targets_by_name_and_nyul_chooses_by_contrast(looks):
    assert chosen_method(None, "t2") == chosen_method("nyul", "t2") == shipped_scale("t2") != shipped_scale("t1")
    looks(Contrast(T1_LIKE, 0.4))
    assert harmonize(study(), chosen_method("nyul")).details["chosen"] == shipped_scale("t1").as_dict()
    looks(None)
    with pytest.raises(InputError, match=r"no spine is seen.*Name one with --target. Known are: t1, t2."):
        harmonize(study(), chosen_method("nyul"))


@pytest.mark.usefixtures("shipped")
def test_without_openvino_auto_still_works(monkeypatch):
    def missing(_):
        raise MissingPackageError("Networks on the processor need OpenVINO.")

    monkeypatch.setattr(by_contrast, "seen_contrast", missing)
    result = harmonize(study(), chosen_method())
    assert result.method == "zscore" and "without OpenVINO" in result.notes[0]
    with pytest.raises(MissingPackageError):
        harmonize(study(), chosen_method("nyul"))


@pytest.mark.usefixtures("three_models")
def test_an_image_too_small_for_a_network_is_not_even_looked_at(looks):
    asked = looks(Contrast(T1_LIKE, 0.4))
    axial = study(slices=1, rows=90, direction=(1, 0, 0, 0, 1, 0, 0, 0, 1))
    result = harmonize(axial, chosen_method())
    assert result.method == "zscore" and "40 mm" in result.notes[0] and asked == []


@pytest.mark.parametrize(("scanner", "kind"), [("alder-1.5t-t1", T1_LIKE), ("cedar-1.5t-t2", T2_LIKE)])
def test_the_contrast_of_a_drawn_study_is_seen_without_labels(scanner, kind):
    contrast = seen_contrast(draw_study(4, scanner=scanner).image)
    assert contrast is not None and contrast.kind == kind


def test_no_contrast_is_seen_where_there_is_no_spine():
    noise = sitk.GetImageFromArray(np.random.default_rng(0).random((3, 64, 64)).astype(np.float32))
    noise.SetSpacing((2, 2, 4))
    assert seen_contrast(noise) is None


@pytest.mark.usefixtures("three_models")
def test_the_command_says_what_it_chose_and_writes_it_down(looks, capsys, tmp_path):
    looks(Contrast(T2_LIKE, 1.62))
    sitk.WriteImage(study(), str(tmp_path / "in.nii.gz"))
    words = ("harmonize", tmp_path / "in.nii.gz", "-o", tmp_path / "out.nii.gz", "--method", "cyclegan", "--device", "cpu")
    code, out, err = run(capsys, *words)
    assert (code, err) == (0, "")
    assert "looks T2-weighted" in out and "the reference is t2-reference/t2" in out and "0 to 255" in out
    written = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert written["contrast"] == {"kind": "t2", "canal_to_marrow": 1.62}
    assert written["returned_slices"] == [] and len(written["slices"]) == 5
    made = written["provenance"]["parameters"]["method"]
    assert made["model"] == "t2-reference" and made["target"] == "t2" and made["device"] == "cpu"
    assert written["provenance"]["models"] == {"t2-reference": made["sha256"]}
    after = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "out.nii.gz")))
    assert after.min() >= 0 and after.max() <= 255


def test_the_command_notes_slices_it_returned(shipped, capsys, tmp_path):
    write_model(shipped, "jumpy", moved(4))
    sitk.WriteImage(study(), str(tmp_path / "in.nii.gz"))
    words = ("harmonize", tmp_path / "in.nii.gz", "-o", tmp_path / "out.nii.gz", "--target", "jumpy", "--device", "cpu")
    code, _, err = run(capsys, *words)
    assert code == 0 and err.startswith("Note: All slices were returned as they were")
    written = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert written["returned_slices"] == [0, 1, 2, 3, 4]
    assert all(one["returned"].startswith("anatomy would move") for one in written["slices"])


def test_a_run_cancelled_half_way_leaves_nothing(shipped, capsys, tmp_path, monkeypatch):
    write_model(shipped, "steady", identity())
    sitk.WriteImage(study(slices=9), str(tmp_path / "in.nii.gz"))

    class Interrupted:
        device = "cpu"

        def __init__(self):
            self.calls = 0

        def __call__(self, images):
            self.calls += 1
            if self.calls == 2:
                raise KeyboardInterrupt
            return images[:, 0]

    monkeypatch.setattr("spinemr.harmonization.inference.network_method.OpenVinoRuntime", lambda *_: Interrupted())
    words = ("harmonize", tmp_path / "in.nii.gz", "-o", tmp_path / "out.nii.gz", "--target", "steady", "--device", "cpu")
    assert run(capsys, *words)[0] == 130
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.nii.gz", "shipped"]


@pytest.mark.usefixtures("three_models")
def test_networks_are_not_kept_as_fits(capsys, tmp_path):
    sitk.WriteImage(study(), str(tmp_path / "in.nii.gz"))
    for target in ((), ("--target", "t2-reference")):
        words = ("harmonize", tmp_path / "in.nii.gz", "-o", tmp_path / "out.nii.gz", "--save-fit", tmp_path / "fit.json", *target)
        code, _, err = run(capsys, *words)
        assert code == 2 and "Nothing is fitted" in err


@pytest.mark.usefixtures("three_models")
def test_models_lists_harmonizers_and_shows_their_targets(capsys):
    code, out, _ = run(capsys, "models", "list")
    assert code == 0 and out.count("harmonization") == 3
    _, out, _ = run(capsys, "models", "show", "harmonae")
    assert "alder t1 (t1), cedar t2 (t2)" in out and "harmonae" in out


def test_a_device_that_is_not_there_is_an_error(shipped):
    write_model(shipped, "steady", identity())
    with pytest.raises(SpineMRError, match="is not there"):
        chosen_method(None, "steady", device="mps")
