from __future__ import annotations

import json

import pytest

CARD = {
    "name": "spine-2d",
    "title": "Lumbar spine, slice by slice",
    "version": "1.0",
    "task": "segmentation",
    "licence": "Apache-2.0",
    "intended_use": "Research on sagittal lumbar MRI.",
    "limits": "Not for diagnosis.",
    "recipe": "configs/spine-2d.yaml",
    "commit": "0123abc",
    "input": {"pixel_mm": 1.1, "multiple": 16, "percentiles": [0.5, 99.5]},
    "files": [{"format": "onnx", "path": "spine-2d.onnx", "sha256": "0" * 64}],
    "training_data": [{"name": "Drawn studies", "licence": "Apache-2.0", "citation": "SpineMR", "n": 1000}],
    "metrics": [{"name": "DSC of discs", "value": 0.91, "ci95": [0.9, 0.92], "n": 31, "data": "held-out subjects"}],
}


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """A folder of models in the place of the installation's."""
    monkeypatch.setattr("spinemr.imaging.model_card.model_folders", lambda: (tmp_path / "absent", tmp_path))

    def ship(**changes):
        card = CARD | changes
        (tmp_path / f"{card['name']}.card.json").write_text(json.dumps(card), encoding="utf-8")

    return ship


@pytest.mark.usefixtures("shipped")
@pytest.mark.parametrize("words", [("models",), ("models", "list")])
def test_none_is_said_plainly(spinemr, words):
    outcome = spinemr(*words)
    assert (outcome.code, outcome.out, outcome.err) == (0, "No models come with this version.\n", "")


@pytest.mark.usefixtures("shipped")
@pytest.mark.parametrize("words", [("models", "--json"), ("models", "list", "--json")])
def test_none_in_json_is_an_empty_list(spinemr, words):
    assert json.loads(spinemr(*words).out) == []


def test_the_installation_lists_what_it_has(spinemr):
    assert spinemr("models").code == 0
    assert isinstance(json.loads(spinemr("models", "--json").out), list)


def test_models_are_listed_by_name(spinemr, shipped):
    shipped(name="zeta", title="The last")
    shipped()
    lines = [line.split() for line in spinemr("models").out.splitlines() if "segmentation" in line]
    assert [words[0] for words in lines] == ["spine-2d", "zeta"]
    assert [card["name"] for card in json.loads(spinemr("models", "list", "--json").out)] == ["spine-2d", "zeta"]


def test_a_card_is_shown_with_all_it_says(spinemr, shipped):
    shipped()
    outcome = spinemr("models", "show", "spine-2d")
    assert outcome.code == 0
    for text in (
        "spine-2d: Lumbar spine, slice by slice",
        "Not for diagnosis.",
        "Drawn studies (Apache-2.0, n = 1000): SpineMR",
        "DSC of discs 0.91 (95 % CI 0.9 to 0.92, n = 31, held-out subjects)",
        "configs/spine-2d.yaml (commit 0123abc)",
        "spine-2d.onnx",
    ):
        assert text in outcome.out
    assert json.loads(spinemr("models", "show", "spine-2d", "--json").out) == CARD


def test_a_name_that_is_not_there_is_answered_with_those_that_are(spinemr, shipped):
    assert spinemr("models", "show", "nothing").complaint == "There is no model nothing. No models come with this version."
    shipped()
    outcome = spinemr("models", "show", "nothing")
    assert outcome.code == 2
    assert outcome.complaint == "There is no model nothing. There are: spine-2d."


def test_a_broken_card_is_noted_and_hides_no_other(spinemr, shipped):
    shipped()
    shipped(name="broken", licence="")
    outcome = spinemr("models")
    assert outcome.code == 0
    assert "spine-2d" in outcome.out
    assert outcome.complaint.startswith("Note: The model card broken.card.json is not valid: licence is missing")
