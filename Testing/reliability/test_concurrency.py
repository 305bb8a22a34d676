"""Many at once on few processors: all finish, each takes fewer threads, memory stays what one takes times their number."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from spinemr.imaging.processors import THREADS_VARIABLE, fair_share, processors, threads_among

pytest.importorskip("pydicom")
linux = pytest.mark.skipif(sys.platform != "linux", reason="who is at work is counted as Linux lets it be")

AT_ONCE = 8
MOST_MB = 1024
"""Of one run; eight of them fit into the memory of a small computer."""
WORKER = (
    "import sys\n"
    "from spinemr.imaging.processors import fair_share\n"
    "with fair_share(8) as threads:\n"
    "    print(threads, flush=True)\n"
    "    sys.stdin.readline()\n"
)


@pytest.fixture(autouse=True)
def nobody_shared_out_the_processors(monkeypatch):
    monkeypatch.delenv(THREADS_VARIABLE, raising=False)


@pytest.mark.parametrize(("workers", "most", "threads"), [(1, 8, 8), (2, 8, 4), (3, 8, 2), (8, 8, 1), (20, 8, 1), (0, 8, 8)])
def test_threads_are_an_equal_part_and_at_least_one(workers, most, threads):
    assert threads_among(workers, most) == threads


@pytest.mark.parametrize(("said", "threads"), [("3", 3), ("99", 8), ("0", 2), ("many", 2), ("", 2)])
def test_who_shared_out_the_processors_is_obeyed(said, threads, monkeypatch):
    monkeypatch.setenv(THREADS_VARIABLE, said)
    assert threads_among(4, 8) == threads


def test_alone_one_takes_all():
    with fair_share() as threads, fair_share() as inside:
        assert threads == inside  # nested work of one process is one worker
        assert 1 <= threads <= processors()


@linux
def test_each_takes_fewer_the_more_are_at_work(monkeypatch):
    """Counted while they work, and no longer when they are killed."""
    monkeypatch.setattr("spinemr.imaging.processors._prefix", lambda: f"spinemr-test-{os.getpid()}-")
    code = f"import spinemr.imaging.processors as p\np._prefix = lambda: 'spinemr-test-{os.getpid()}-'\n{WORKER}"
    command, pipe = [sys.executable, "-c", code], subprocess.PIPE
    started = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)]
    try:
        found = [started[0].stdout.readline().strip()]
        for _ in range(3):
            started.append(subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True))
            found.append(started[-1].stdout.readline().strip())
        assert found == ["8", "4", "2", "2"]
        with fair_share(8) as threads:
            assert threads == 1
    finally:
        for one in started:
            one.kill()
            one.communicate()
    with fair_share(8) as threads:
        assert threads == 8


@linux
@pytest.mark.slow
def test_eight_runs_on_two_processors_finish(tmp_path, noted):
    """Wall-clock time is noted, not asserted."""
    from spinemr.cli.main import main

    study = tmp_path / "study"
    assert main(["phantom", "-o", str(study), "--seed", "7", "--contrast", "t2"]) == 0
    alone = _together(study / "image.nii.gz", tmp_path / "alone", 1)
    several = _together(study / "image.nii.gz", tmp_path / "several", AT_ONCE)
    assert [one["code"] for one in alone + several] == [0] * (AT_ONCE + 1)
    assert max(one["mb"] for one in several) < MOST_MB
    assert max(one["mb"] for one in several) < 1.3 * alone[0]["mb"]
    noted(
        "eight runs at once on two processors",
        most_mb=max(one["mb"] for one in several),
        alone_mb=alone[0]["mb"],
        ratio=round(max(one["seconds"] for one in several) / alone[0]["seconds"], 1),
    )


def _together(image: Path, out: Path, count: int) -> list[dict]:
    """Start so many runs on two processors and wait for each; exit code, most memory in MB, seconds."""
    allowed = set(sorted(os.sched_getaffinity(0))[:2])
    out.mkdir()
    began, running = time.monotonic(), {}
    for number in range(count):
        command = [sys.executable, "-m", "spinemr.cli", "run", str(image), "-o", str(out / str(number)), "--device", "cpu"]
        with (out / f"{number}.log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, preexec_fn=lambda: os.sched_setaffinity(0, allowed))
        running[process.pid] = process
    found = []
    for process in running.values():
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        found.append({"code": process.returncode, "mb": usage.ru_maxrss // 1024, "seconds": time.monotonic() - began})
    return found
