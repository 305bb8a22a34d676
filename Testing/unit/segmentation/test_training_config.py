"""One file describes a run: what is written is what is meant, and mistakes are named."""

import json

import pytest

from spinemr.imaging.errors import InputError
from spinemr.segmentation.training.config import config_from, read_config

DRAWN = {"kind": "drawn", "share": 1}


def test_defaults_fill_what_is_not_said():
    config = config_from({"sources": [DRAWN]})
    assert (config.steps, config.batch_size, config.network.name, config.grid.pixel_mm) == (2000, 8, "plain-unet", 1.1)
    assert config.sources[0].share == 1.0


def test_a_run_survives_its_own_file(tmp_path):
    config = config_from({
        "sources": [DRAWN, {"kind": "folder", "path": "/data", "share": 2, "labelled": ["body"]}],
        "network": {"name": "plain-unet", "options": {"filters": 0.75}},
        "optimizer": {"learning_rate": "1e-3"},
    })  # fmt: skip
    path = tmp_path / "run.json"
    path.write_text(json.dumps(config.as_dict()), encoding="utf-8")
    assert read_config(path) == config
    assert config.optimizer.learning_rate == 1e-3


def test_paths_are_relative_to_the_file(tmp_path):
    path = tmp_path / "run.json"
    path.write_text(json.dumps({"sources": [{"kind": "packed", "path": "data/x.npz", "share": 1}]}), encoding="utf-8")
    assert read_config(path).sources[0].path == str(tmp_path / "data/x.npz")


def test_yaml_is_read(tmp_path):
    pytest.importorskip("yaml", reason="PyYAML is not installed")
    path = tmp_path / "run.yaml"
    path.write_text("steps: 7\nsources:\n  - {kind: drawn, share: 0.5}\n", encoding="utf-8")
    assert read_config(path).steps == 7
    path.write_text("steps: [7\n", encoding="utf-8")
    with pytest.raises(InputError, match="not valid YAML"):
        read_config(path)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"stepz": 3}, "no setting 'stepz'"),
        ({"steps": "many"}, "steps: 'many' is not a whole number"),
        ({"steps": 2.5}, "steps: '2.5' is not a whole number"),
        ({"steps": 0}, "at least 1"),
        ({"augment": 1}, "augment: '1' is not true or false"),
        ({"optimizer": {"learning_rate": "fast"}}, "optimizer, learning_rate: 'fast' is not a number"),
        ({"optimizer": {"learning_rate": -1}}, "learning rate"),
        ({"optimizer": 3}, "optimizer: expected names and values"),
        ({"sources": []}, "a source"),
        ({"sources": "drawn"}, "sources: 'drawn' is not a list"),
        ({"sources": [{"share": 1}]}, "'kind' is missing"),
        ({"sources": [{"kind": "found", "share": 1}]}, "'found' is no kind of source"),
        ({"sources": [{"kind": "drawn", "share": -1}]}, "share"),
        ({"sources": [{"kind": "drawn", "share": float("nan")}]}, "share"),
        ({"sources": [{"kind": "packed", "share": 1}]}, "need a path"),
        ({"sources": [{"kind": "folder", "path": "x", "share": 1, "labelled": ["rib"]}]}, "'rib' is no structure"),
        ({"network": {"name": "vnet"}}, "no network named 'vnet'"),
        ({"network": {"name": "basic-unet-3d"}}, "volumes"),
        ({"grid": {"rows": 250}}, "multiples of 16"),
        ({"grid": {"pixel_mm": 0}}, "0.2 to 5"),
        ({"loss": {"cross_entropy": 0, "dice": 0}}, "above 0"),
        ({"device": "tpu"}, "'tpu' is no device"),
        ({"precision": "fp8"}, "'fp8' is no precision"),
        ({"seed": -1}, "seed"),
    ],
)
def test_mistakes_are_named(changes, said):
    with pytest.raises(InputError) as caught:
        config_from({"sources": [DRAWN], **changes})
    assert said in str(caught.value)


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"{", b"[1, 2]"])
def test_files_that_are_no_configuration_are_refused(tmp_path, content):
    path = tmp_path / "run.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"run\.json"):
        read_config(path)
    with pytest.raises(InputError, match="cannot be read"):
        read_config(tmp_path / "none.json")
