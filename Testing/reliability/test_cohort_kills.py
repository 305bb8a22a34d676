"""SIGKILL at any moment of a cohort: what is finished is whole and not done again, nothing is lost, no process stays behind."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are looked up as Linux lists them")
psutil = pytest.importorskip("psutil")
for needed in ("distributed", "pyarrow"):
    pytest.importorskip(needed)

from killing import Ended, ended, final_names, is_whole, orphans_of, temporary_names  # noqa: E402

from spinemr.cohort.cohort_folder import finished_in  # noqa: E402
from spinemr.cohort.rows import TABLES  # noqa: E402
from spinemr.cohort.tables import read_columns  # noqa: E402
from spinemr.imaging.files import write_image  # noqa: E402
from spinemr.synthesis.study import draw_study  # noqa: E402

MOMENTS, CHAIN = 50, 5
IDS, BROKEN = ("a", "b", "c"), "d"
MEASURED = {"seconds", "segment_seconds", "peak_mb"}
"""Columns that differ from run to run."""
AT_ONCE = 3


@dataclass(frozen=True)
class Whole:
    """A cohort nobody killed, and how to run it again."""

    manifest: Path
    temporary: Path
    seconds: float
    files: set[str]
    tables: dict[str, dict[str, list[Any]]]

    def words(self, out: Path) -> list[object]:
        """The command; a job script may always say --resume."""
        return ["cohort", self.manifest, "-o", out, "--workers", "1", "--harmonize", "zscore", "--resume", "--json"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    """Three small studies, and one that cannot be read."""
    folder = tmp_path_factory.mktemp("cohort")
    lines = ["id,path,scanner"]
    for seed, name in enumerate(IDS):
        write_image(draw_study(seed, scanner="cedar-1.5t-t1").image[::2, ::2, ::2], folder / f"{name}.nii.gz")
    (folder / f"{BROKEN}.nii.gz").write_bytes(b"no image")
    lines += [f"{name},{name}.nii.gz,cedar" for name in (*IDS, BROKEN)]
    (folder / "studies.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    started = Whole(folder / "studies.csv", folder / "tmp", 0.0, set(), {})
    done = ended(started.words(folder / "whole"), started.temporary)
    assert (done.code, done.orphans) == (0, ()), done.err
    assert list(started.temporary.iterdir()) == []
    files = final_names(folder / "whole")
    assert {f"studies/{name}/study.json" for name in IDS} <= files
    return Whole(started.manifest, started.temporary, done.seconds, files, _tables(folder / "whole"))


def _tables(out: Path) -> dict[str, dict[str, list[Any]]]:
    read = {table: read_columns(out, table) for table in TABLES}
    return {
        table: {name: [repr(value) for value in values] for name, values in columns.items() if name not in MEASURED}
        for table, columns in read.items()
    }


def _stamps(out: Path) -> dict[str, int]:
    """When each file of a finished study was written."""
    files = (path for name in finished_in(out) for path in (out / "studies" / name).iterdir())
    return {path.relative_to(out).as_posix(): path.stat().st_mtime_ns for path in files}


def _check_remains(out: Path, whole: Whole, before: dict[str, int]) -> None:
    """After a kill, once its processes are gone: less than the whole may be there, but nothing else and nothing half."""
    assert list(whole.temporary.iterdir()) == []
    names = {name for name in final_names(out) if not name.startswith(".cohort/work-")}
    assert names <= whole.files
    for study in finished_in(out):
        assert {name for name in names if name.startswith(f"studies/{study}/")} == {
            name for name in whole.files if name.startswith(f"studies/{study}/")
        }
    assert [name for name in names if not is_whole(out / name)] == []
    assert before.items() <= _stamps(out).items()
    assert len(list(out.glob(".cohort/work-*"))) <= 1
    assert len([name for name in temporary_names(out) if not (out / ".cohort" / name).exists()]) <= len(TABLES) + 1


def _check_finished(out: Path, whole: Whole, done: Ended, before: dict[str, int]) -> None:
    assert done.code == 0, done.err
    assert "Traceback" not in done.out + done.err
    assert final_names(out) == whole.files
    assert temporary_names(out) == list(out.glob(".cohort/work-*")) == []
    assert before.items() <= _stamps(out).items()
    assert _tables(out) == whole.tables


@pytest.mark.parametrize("kills", [2, pytest.param(MOMENTS, marks=pytest.mark.slow)])
def test_cohort_killed_at_random_moments(kills, whole, tmp_path, noted):
    """Every second time the next run starts at once, while workers of the killed one may still be there."""
    moments, killed, begun = random.Random(13), 0, 0
    out, before, sessions, seconds = tmp_path / "out0", {}, [], whole.seconds
    for number in range(4 * kills):
        after_s = moments.uniform(0.2, 1.0) * seconds if killed < kills and len(sessions) < CHAIN else None
        one = ended(whole.words(out), whole.temporary, after_s=after_s, patience_s=20.0 if number % 2 else 0.0)
        if one.was_killed:
            killed += 1
            sessions.append(one.session)
            if number % 2:
                assert one.orphans == ()
                _check_remains(out, whole, before)
            before |= _stamps(out)
            continue
        assert [left for session in sessions for left in orphans_of(session)] == []
        _check_finished(out, whole, one, before)
        if killed == kills:
            break
        begun, seconds = begun + 1, one.seconds  # others on the machine come and go
        out, before, sessions = tmp_path / f"out{begun}", {}, []
    assert killed == kills
    noted("killed at a random moment", command="cohort", kills=killed)


@pytest.mark.slow
def test_cohort_killed_at_every_change_of_the_folder(whole, tmp_path, noted):
    """Kill after kill in one folder; then, with all studies finished, through tables and report once more."""
    out, killed, before, passed = tmp_path / "out", 0, {}, 0
    done = ended(whole.words(tmp_path / "counted"), whole.temporary, change=0, folder=tmp_path / "counted")
    changes = int(done.out.split()[-1])
    for change in range(1, changes + 1):
        one = ended(whole.words(out), whole.temporary, change=change, folder=out)
        assert one.orphans == ()
        if one.was_killed:
            killed += 1
            _check_remains(out, whole, before)
            before |= _stamps(out)
        else:
            passed += 1
            _check_finished(out, whole, one, before)
            if passed == 2:  # what is left to change comes earlier by now
                break
    assert killed > len(TABLES)
    noted("killed at every change of the folder", command="cohort", kills=killed)


@pytest.mark.slow
def test_workers_killed_at_random_moments_cost_no_study(whole, tmp_path, noted):
    moments, killed = random.Random(17), 0
    for number in range(2 * CHAIN):
        out = tmp_path / f"out{number}"
        running = _started(whole, out)
        time.sleep(moments.uniform(0.3, 0.9) * whole.seconds)
        for worker in _workers(running):
            with suppress(psutil.NoSuchProcess):
                worker.kill()
                killed += 1
        said, notes = running.communicate(timeout=600)
        one = Ended(running.returncode, said, notes, 0.0, running.pid, orphans_of(running.pid))
        assert one.orphans == ()
        _check_finished(out, whole, one, {})
        assert list(whole.temporary.iterdir()) == []
    assert killed >= CHAIN
    noted("killed at a random moment", command="workers of a cohort", kills=killed)


def test_several_runs_on_one_folder_at_once_do_not_mix(whole, tmp_path):
    """One works; the others are told so, or come so late that they find everything finished."""
    out = tmp_path / "out"
    running = [_started(whole, out) for _ in range(AT_ONCE)]
    found = [(one.communicate(timeout=600), one) for one in running]
    refused = [notes for (_, notes), one in found if one.returncode == 2]
    assert [one.returncode for _, one in found if one.returncode not in (0, 2)] == []
    assert all(f"Another run is at work in {out}." in notes for notes in refused)
    (said, notes), winner = next(pair for pair in found if pair[1].returncode == 0)
    _check_finished(out, whole, Ended(0, said, notes, 0.0, winner.pid, ()), {})
    assert [left for _, one in found for left in orphans_of(one.pid)] == []
    assert list(whole.temporary.iterdir()) == []


def _started(whole: Whole, out: Path) -> subprocess.Popen[str]:
    whole.temporary.mkdir(exist_ok=True)
    environment = {**os.environ, "TMPDIR": str(whole.temporary), "COLUMNS": "1000", "PYTHONUTF8": "1"}
    command = [sys.executable, "-m", "spinemr.cli", *[str(word) for word in whole.words(out)]]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, env=environment, start_new_session=True, **pipes)


def _workers(running: subprocess.Popen[str]) -> list[Any]:
    """The processes that work on studies: not the one that looks after what they share."""
    with suppress(psutil.NoSuchProcess):
        return [one for one in psutil.Process(running.pid).children(recursive=True) if "spawn_main" in " ".join(one.cmdline())]
    return []
