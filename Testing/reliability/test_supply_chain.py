"""Weights are what their cards say, or they are refused in one line; and nothing in a file of weights can run."""

from __future__ import annotations

import ast
import json
import pickle
import re
import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest

from spinemr.cli.main import main
from spinemr.imaging.model_card import model_folders, shipped_models
from spinemr.imaging.provenance import sha256_of

pytest.importorskip("pydicom")
ROOMS = ("SpineSegmentation", "RadiomicsQC", "SpineHarmonization")
UNSAFE = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}


def _own_model(folder: Path) -> Path:
    """A copy of the shipped model, which a test may spoil."""
    for source in model_folders():
        for path in source.glob("balanced*"):
            shutil.copy(path, folder / path.name)
    return folder / "balanced.card.json"


def test_every_shipped_file_has_the_digest_of_its_card():
    for card in shipped_models():
        for file in card.files:
            place = next(folder / file.path for folder in model_folders() if (folder / file.path).exists())
            assert sha256_of(place) == file.sha256


def test_nothing_shipped_is_a_pickle():
    shipped = [path for folder in model_folders() if folder.is_dir() for path in folder.iterdir() if path.is_file()]
    assert {path.suffix for path in shipped} <= {".onnx", ".safetensors", ".json"}
    for path in shipped:
        start = path.read_bytes()[:4]
        assert start[:2] not in (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05", b"PK"), path.name


@pytest.mark.parametrize("place", [0, 1000, -1])
def test_weights_with_another_digest_are_refused_in_one_line(place, seeds, tmp_path, capsys):
    card = _own_model(tmp_path)
    for path in tmp_path.glob("*.onnx"):
        content = bytearray(path.read_bytes())
        content[place] ^= 1
        path.write_bytes(content)
    capsys.readouterr()
    words = ["segment", str(seeds.image), "-o", str(tmp_path / "out" / "x.nii.gz"), "--device", "cpu", "--model", str(card)]
    assert main(words) == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 1
    assert "not those the card of balanced describes" in said[0]
    assert not (tmp_path / "out").exists()


def test_missing_weights_are_one_line(seeds, tmp_path, capsys):
    card = _own_model(tmp_path)
    for path in tmp_path.glob("*.onnx"):
        path.unlink()
    assert main(["run", str(seeds.image), "-o", str(tmp_path / "out"), "--device", "cpu", "--model", str(card)]) == 2
    assert "missing" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_sources_unpickle_nothing(repository):
    """No package that runs what it reads; torch.load and numpy.load only with that forbidden."""
    found = []
    for room in ROOMS:
        for path in (repository / room).rglob("*.py"):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            for node in ast.walk(tree):
                if isinstance(node, (ast.Import, ast.ImportFrom)):
                    names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [one.name for one in node.names]
                    found += [f"{path.name}: {name}" for name in names if name.split(".")[0] in UNSAFE]
                elif isinstance(node, ast.Call) and re.fullmatch(r"(torch|np|numpy)\.load", ast.unparse(node.func)):
                    said = {one.arg: ast.unparse(one.value) for one in node.keywords}
                    if said.get("weights_only") != "True" and said.get("allow_pickle") != "False":
                        found.append(f"{path.name}: {ast.unparse(node)}")
    assert found == []


class Trap:
    """What a pickle can do to whoever opens it."""

    def __init__(self, mark: str) -> None:
        self.mark = mark

    def __reduce__(self):
        return open, (self.mark, "w")


@pytest.mark.skipif(find_spec("torch") is None, reason="checkpoints are PyTorch's")
def test_a_checkpoint_with_code_in_it_runs_nothing(tmp_path, capsys):
    import torch

    mark, checkpoint = tmp_path / "it ran", tmp_path / "last.pt"
    for write in (lambda content, path: torch.save(content, path), lambda content, path: path.write_bytes(pickle.dumps(content))):
        write({"kind": "harmonizer", "version": 1, "config": Trap(str(mark))}, checkpoint)
        assert main(["export", str(checkpoint), "-o", str(tmp_path / "models")]) == 2
        assert "checkpoint" in capsys.readouterr().err
        assert not mark.exists()
        assert not (tmp_path / "models").exists()
    pickle.loads(pickle.dumps(Trap(str(mark)))).close()  # the trap is one
    assert mark.exists()


def test_lower_bounds_are_stated_for_everything_the_library_needs(repository):
    text = (repository / "pyproject.toml").read_text(encoding="utf-8")
    needed = json.loads(re.sub(r",\s*\]", "]", re.search(r"^dependencies = (\[.*?^\])", text, re.DOTALL | re.MULTILINE)[1]))
    assert len(needed) >= 5
    assert all(re.fullmatch(r"[\w-]+>=\d+(\.\d+)*", one) for one in needed)
