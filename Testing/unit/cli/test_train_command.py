"""``spinemr train`` and ``spinemr export`` as a user calls them: mistakes are one line, a run leaves what it says."""

from __future__ import annotations

import json
import sys

import pytest

RUN = {
    "steps": 2,
    "batch_size": 2,
    "network": {"name": "plain-unet", "options": {"width": 4, "levels": 2}},
    "grid": {"rows": 32, "columns": 32, "pixel_mm": 3.0},
    "sources": [{"kind": "drawn", "share": 1}],
    "augment": False,
    "threads": 1,
}


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "tiny.json"
    path.write_text(json.dumps(RUN), encoding="utf-8")
    return path


def test_help_says_what_can_be_trained(spinemr):
    outcome = spinemr("train", "--help")
    assert outcome.code == 0
    assert "segmentation" in outcome.out


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"sources": []}', "a source"),
        ("{", "not valid JSON"),
        ('{"steps": 3}', "'sources' is missing"),
        (None, "cannot be read"),
    ],
)
def test_a_bad_configuration_is_one_line(spinemr, tmp_path, content, said):
    path = tmp_path / "run.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    outcome = spinemr("train", "segmentation", path, "-o", tmp_path / "run")
    assert outcome.code == 2
    assert said in outcome.complaint
    assert not (tmp_path / "run").exists()


def test_without_pytorch_the_line_says_how_to_get_it(spinemr, config, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    outcome = spinemr("train", "segmentation", config, "-o", tmp_path / "run")
    assert outcome.code == 2
    assert "PyTorch" in outcome.complaint
    assert "spinemr[train]" in outcome.complaint


def test_a_run_leaves_its_checkpoint_and_goes_on_only_if_asked(spinemr, config, tmp_path):
    pytest.importorskip("torch", reason="PyTorch is not installed", exc_type=ImportError)
    run = tmp_path / "run"
    outcome = spinemr("train", "segmentation", config, "-o", run, "--progress", "json")
    assert outcome.code == 0
    assert json.loads(outcome.out.splitlines()[-1])["message"].startswith("Step 2 of 2")
    assert {"last.pt", "best.pt", "config.json", "log.csv"} <= {path.name for path in run.iterdir()}
    again = spinemr("train", "segmentation", config, "-o", run)
    assert again.code == 2
    assert "--resume" in again.complaint
    assert spinemr("train", "segmentation", config, "-o", run, "--resume").code == 0


def test_exporting_what_is_no_checkpoint_is_one_line(spinemr, tmp_path):
    pytest.importorskip("torch", reason="PyTorch is not installed", exc_type=ImportError)
    path = tmp_path / "best.pt"
    path.write_bytes(b"weights")
    outcome = spinemr("export", path, "-o", tmp_path / "models")
    assert outcome.code == 2
    assert "not a checkpoint" in outcome.complaint
    assert not (tmp_path / "models").exists()


@pytest.mark.parametrize("texts", ['{"name": "x"}', "[1]", '{"training_data": 3}'])
def test_a_card_file_that_says_too_little_is_refused(spinemr, tmp_path, texts):
    path = tmp_path / "card.json"
    path.write_text(texts, encoding="utf-8")
    outcome = spinemr("export", tmp_path / "best.pt", "-o", tmp_path / "models", "--card", path)
    assert outcome.code == 2
    assert "card.json" in outcome.complaint
