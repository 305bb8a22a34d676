"""SIGKILL at any moment: no half file under a final name, the same command finishes the work, nothing of it stays behind."""

from __future__ import annotations

import csv
import json
import random
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

pytest.importorskip("pydicom")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are looked up as Linux lists them")

from killing import ended, final_names, is_whole, temporary_names  # noqa: E402

MOMENTS = 50
CHAIN = 5
"""Starts of one training; the last of them is left alone."""
SHORT = {"seed": 5, "batch_size": 2, "validate_every": 4, "checkpoint_every": 1, "precision": "fp32", "threads": 1}
TRAININGS = {
    "segmentation": {
        **SHORT,
        "steps": 24,
        "network": {"name": "plain-unet", "options": {"width": 4, "levels": 2}},
        "grid": {"rows": 32, "columns": 32, "pixel_mm": 3.0},
        "sources": [{"kind": "drawn", "share": 1.0}],
        "augment": False,
    },
    "harmonization": {
        **SHORT,
        "method": "harmonae",
        "steps": 24,
        "panel_every": 8,
        "target": "t1",
        "domains": [
            {"name": name, "sources": [{"kind": "drawn", "scanners": [scanner], "anatomies": 2}]}
            for name, scanner in (("t2", "alder-1.5t-t2"), ("t1", "birch-3t-t1"))
        ],
        "grid": {"rows": 32, "columns": 32, "pixel_mm": 5.0},
        "harmonae": {"network": {"width": 4, "blocks": 1, "code_width": 8}},
        "device": "cpu",
    },
}


def commands(seeds, out: Path) -> dict[str, list[object]]:
    """Commands that write, by their names."""
    return {
        "run": ["run", seeds.image, "-o", out / "results", "--harmonize", "zscore"],
        "harmonize": ["harmonize", seeds.image, "-o", out / "h.mhd", "--method", "zscore"],
        "radiomics": ["radiomics", seeds.image, seeds.mask, "-o", out / "f.csv"],
        "phantom": ["phantom", "-o", out / "drawn", "--seed", "3", "--scanner", "cedar-1.5t-t1", "--force"],
    }


def _check_remains(out: Path, made: set[str], temporary: Path, remains) -> None:
    assert remains.orphans == ()
    assert list(temporary.iterdir()) == []
    names = final_names(out)
    assert names <= made
    broken = [name for name in names if not is_whole(out / name)]
    assert not broken
    assert len(temporary_names(out)) <= 2  # of the last kill alone: a folder and a file in it
    if "results/qc.json" in names:
        assert names == made


def _finish(words, out: Path, made: set[str], temporary: Path, code: int) -> None:
    again = ended(words, temporary)
    assert again.code == code, again.err
    assert final_names(out) == made
    assert temporary_names(out) == []
    assert all(is_whole(out / name) for name in made)


@pytest.fixture
def whole(seeds, tmp_path):
    """What a command leaves when nobody kills it: its words, its exit code, its files, its changes of the folder."""

    def run(name):
        reference = tmp_path / "reference"
        done = ended(commands(seeds, reference)[name], tmp_path / "tmp", change=0, folder=reference)
        assert done.code in (0, 2), done.err
        assert done.orphans == ()
        return done, final_names(reference), int(done.out.split()[-1])

    return run


def test_killed_as_results_take_their_place(whole, seeds, tmp_path):
    _kill_at_changes("run", whole, seeds, tmp_path, lambda changes: [changes - 2])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["run", "harmonize", "radiomics", "phantom"])
def test_killed_at_every_change_of_the_folder(name, whole, seeds, tmp_path, noted):
    killed = _kill_at_changes(name, whole, seeds, tmp_path, lambda changes: range(1, changes + 1))
    noted("killed at every change of the folder", command=name, kills=killed)


def _kill_at_changes(name, whole, seeds, tmp_path, chosen) -> int:
    """Kill after kill in one folder without a finished run in between, then finish."""
    done, made, changes = whole(name)
    out, temporary = tmp_path / "out", tmp_path / "tmp"
    words = commands(seeds, out)[name]
    killed = 0
    for change in chosen(changes):
        remains = ended(words, temporary, change=change, folder=out)
        killed += remains.was_killed
        _check_remains(out, made, temporary, remains)
    assert killed
    _finish(words, out, made, temporary, done.code)
    return killed


@pytest.mark.slow
def test_run_killed_at_random_moments(whole, seeds, tmp_path, noted):
    done, made, _ = whole("run")
    temporary, moments = tmp_path / "tmp", random.Random(7)
    killed = 0
    for number in range(3 * MOMENTS):
        out = tmp_path / f"out{number // 5}"  # five kills in one folder
        words = commands(seeds, out)["run"]
        remains = ended(words, temporary, after_s=moments.uniform(0.1, 1.0) * done.seconds)
        killed += remains.was_killed
        _check_remains(out, made, temporary, remains)
        if number % 5 == 4:
            _finish(words, out, made, temporary, done.code)
        if killed == MOMENTS:
            break
    assert killed == MOMENTS
    noted("killed at a random moment", command="run", kills=killed)


@pytest.mark.skipif(find_spec("torch") is None, reason="training needs PyTorch")
@pytest.mark.parametrize("kills", [1, pytest.param(MOMENTS, marks=pytest.mark.slow)])
@pytest.mark.parametrize("learns", sorted(TRAININGS))
def test_train_killed_at_random_moments(learns, kills, tmp_path, noted):
    """Several kills in one run, each of which gets a little further, until it ends by itself; then another run."""
    config, temporary, moments = tmp_path / "tiny.json", tmp_path / "tmp", random.Random(11)
    config.write_text(json.dumps(TRAININGS[learns]), encoding="utf-8")
    whole = ended(_training(learns, config, tmp_path / "whole"), temporary)
    assert whole.code == 0, whole.err
    assert _unexpected(temporary) == []
    made, killed, runs, seconds = final_names(tmp_path / "whole"), 0, 0, whole.seconds
    for number in range(4 * kills):
        out = tmp_path / f"out{runs}"
        after_s = moments.uniform(0.3, 1.0) * seconds if killed < kills and number % CHAIN < CHAIN - 1 else None
        one = ended(_training(learns, config, out), temporary, after_s=after_s)
        assert one.orphans == ()
        assert _unexpected(temporary) == []
        if one.was_killed:
            killed += 1
            assert len(temporary_names(out)) <= 1
            assert final_names(out) <= made
            assert all(is_whole(out / name) for name in final_names(out) if not name.endswith(".csv"))
            continue
        assert one.code == 0, one.err
        assert final_names(out) == made
        assert temporary_names(out) == []
        assert _steps(out) == _steps(tmp_path / "whole")
        if killed == kills:
            break
        runs, seconds = runs + 1, one.seconds  # others on the machine come and go
    assert killed == kills
    noted("killed at a random moment", command=f"train {learns}", kills=killed)


def _unexpected(temporary: Path) -> list[Path]:
    return [path for path in temporary.iterdir() if not path.name.startswith("torchinductor")]


def _training(learns: str, config: Path, out: Path) -> list[object]:
    return ["train", learns, config, "-o", out, *(["--resume"] if (out / "last.pt").exists() else [])]


def _steps(folder: Path) -> list[str]:
    with (folder / "log.csv").open(encoding="utf-8", newline="") as file:
        return [row["step"] for row in csv.DictReader(file)]
