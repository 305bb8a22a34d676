"""Cohorts as users run them: the command in a process, its workers in others, killed, interrupted and lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from spinemr.cohort.cohort_folder import finished_in
from spinemr.cohort.crew import Crew, open_crew
from spinemr.cohort.options import CohortOptions
from spinemr.cohort.outcome import Cause, End, StudyOutcome
from spinemr.cohort.run import _outcome, _outcomes, run_cohort
from spinemr.cohort.study import Study
from spinemr.cohort.tables import read_columns
from spinemr.cohort.task import Place
from spinemr.imaging.errors import InputError, OutputError, SpineMRError
from spinemr.imaging.files import write_image

psutil = pytest.importorskip("psutil")
pytest.importorskip("distributed")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
PATIENCE_S = 120.0
ONE = Crew(workers=1, memory_mb=1000)


@pytest.fixture
def manifest(images, tmp_path) -> Path:
    """Three studies, the second of which is none."""
    lines = ["id,path"]
    for name, image in zip("acd", images, strict=False):
        write_image(image, tmp_path / f"{name}.nii.gz")
    (tmp_path / "b.nii.gz").write_bytes(b"no image")
    path = tmp_path / "studies.csv"
    path.write_text("\n".join([*lines, *(f"{name},{name}.nii.gz" for name in "abcd")]) + "\n", encoding="utf-8")
    return path


def started(manifest, target, *more):
    words = ["cohort", str(manifest), "-o", str(target), "--workers", "1", "--harmonize", "none", "--json", *more]
    environment = {**os.environ, "TMPDIR": str(manifest.parent / "tmp")}
    (manifest.parent / "tmp").mkdir(exist_ok=True)
    command = [sys.executable, "-m", "spinemr.cli", *words]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, env=environment, start_new_session=True, **pipes)


def wait_for(condition, process):
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.02)


def ended(processes) -> bool:
    """Whether none of them is left after a moment."""
    _, alive = psutil.wait_procs(processes, timeout=20)
    return not [one for one in alive if one.status() != psutil.STATUS_ZOMBIE]


def family(process):
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(process.pid).children(recursive=True)
    return []


def test_a_killed_run_is_gone_on_with_and_nothing_is_done_twice_or_lost(manifest, tmp_path):
    out = tmp_path / "out"
    first = started(manifest, out)
    wait_for(lambda: finished_in(out) and list(out.glob(".cohort/work-*/[cd]-*")), first)
    children = family(first)
    first.kill()
    first.communicate()
    assert children
    assert ended(children)
    done = finished_in(out)
    assert 1 <= len(done) < 3
    assert not (out / "studies.parquet").exists()
    before = {path: path.stat().st_mtime_ns for path in (out / "studies").rglob("*")}
    second = started(manifest, out, "--resume")
    said, notes = second.communicate()
    assert second.returncode == 0, notes
    assert finished_in(out) == {"a", "c", "d"}
    assert before.items() <= {path: path.stat().st_mtime_ns for path in (out / "studies").rglob("*")}.items()
    assert [path.name for path in (out / ".cohort").iterdir() if path.name.startswith("work-")] == []
    told = read_columns(out, "failures", ["case", "cause"])
    assert told == {"case": ["b"], "cause": ["data"]}
    reports = [json.loads(line) for line in said.splitlines()]
    assert {tuple(report) for report in reports} == {("phase", "fraction", "message")}
    assert reports[-1] == {"phase": "report", "fraction": 1.0, "message": "Done"}
    assert notes.strip() == "Note: 1 of 4 studies failed."
    assert list((tmp_path / "tmp").iterdir()) == []


def test_ctrl_c_in_a_terminal_ends_all_processes_and_leaves_no_work_behind(manifest, tmp_path):
    out = tmp_path / "out"
    running = started(manifest, out)
    wait_for(lambda: list(out.glob(".cohort/work-*/[acd]-*")), running)
    children = family(running)
    os.killpg(running.pid, signal.SIGINT)  # as a terminal does: to all of them
    said, notes = running.communicate(timeout=PATIENCE_S)
    assert running.returncode == 130
    assert notes.splitlines()[-1] == "Cancelled."
    assert "Traceback" not in said + notes
    assert children
    assert ended(children)
    assert not list(out.glob(".cohort/work-*"))
    assert list((tmp_path / "tmp").iterdir()) == []


def ends_once(study, _options, place):
    """A task that takes its worker with it the first time."""
    import os
    import signal

    mark = place.work / f"{study.id}-tried"
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return StudyOutcome(study.id, End.FINISHED, process=os.environ["OMP_NUM_THREADS"])


@pytest.fixture(params=["own processes", "cluster"])
def crew(request, tmp_path) -> Iterator[Crew]:
    """One worker, which is started anew when it is lost."""
    import dask
    from distributed import LocalCluster

    if request.param == "own processes":
        yield ONE
        return
    quiet = {"n_workers": 1, "threads_per_worker": 1, "dashboard_address": None, "host": "127.0.0.1", "silence_logs": 50}
    with dask.config.set({"temporary-directory": str(tmp_path)}), LocalCluster(**quiet) as cluster:
        yield Crew(scheduler=cluster.scheduler_address)


def test_a_lost_worker_costs_no_study(tmp_path, monkeypatch, crew):
    import cloudpickle

    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    monkeypatch.setattr("spinemr.cohort.run.do_study", ends_once)
    place = Place(tmp_path / "studies", tmp_path / "work")
    place.work.mkdir()
    try:
        with open_crew(crew, 2, place.work / "dask") as client:
            found = list(_outcomes(client, [Study("a", "a"), Study("b", "b")], CohortOptions(), place, crew))
    finally:
        cloudpickle.unregister_pickle_by_value(sys.modules[__name__])
    assert sorted(outcome.study for outcome in found) == ["a", "b"]
    assert {outcome.end for outcome in found} == {End.FINISHED}
    assert all(int(outcome.process) >= 1 for outcome in found)


def test_others_on_the_computer_learn_nothing(tmp_path, recwarn):
    with open_crew(ONE, 1, tmp_path) as client:
        assert client.scheduler.address.startswith("tls://127.0.0.1:")
        ports = {
            one.laddr for process in (psutil.Process(), *psutil.Process().children(recursive=True)) for one in listening(process)
        }
        assert ports
        assert {address.ip for address in ports} == {"127.0.0.1"}
        for address in ports:
            with pytest.raises(OSError, match=r"404|closed|refused|reset|violat|Bad|timed out"):
                urllib.request.urlopen(f"http://127.0.0.1:{address.port}/info/main/workers.html", timeout=5)
    assert not [one for one in recwarn if "Port" in str(one.message)]


def listening(process):
    return [one for one in process.net_connections("tcp") if one.status == psutil.CONN_LISTEN]


class Future:
    """A task that ended this way."""

    def __init__(self, status, value=None):
        self.status, self.value = status, value

    def result(self, timeout):
        assert timeout > 0
        return self.value

    def exception(self, timeout):
        assert timeout > 0
        return self.value


def test_a_study_that_takes_every_worker_with_it_is_given_up_on():
    from distributed import KilledWorker

    outcome = _outcome(Future("error", KilledWorker("study-a", None, 2)), Study("a", "a"), ONE)
    assert (outcome.end, outcome.failures[0].cause) == (End.FAILED, Cause.WORKER)
    assert "3 times" in outcome.sentence


def test_what_is_wrong_with_a_cluster_ends_the_run():
    with pytest.raises(SpineMRError, match=r"cannot run studies \(ModuleNotFoundError"):
        _outcome(Future("error", ModuleNotFoundError("spinemr")), Study("a", "a"), ONE)
    with pytest.raises(OutputError, match="scheduler at tcp://head:8786 is gone"):
        _outcome(Future("cancelled"), Study("a", "a"), Crew(scheduler="tcp://head:8786"))
    with pytest.raises(OutputError, match="cannot see"):
        _outcome(
            Future("finished", StudyOutcome("a", End.HOPELESS, (_failure("A worker cannot see it."),))), Study("a", "a"), ONE
        )


def _failure(sentence):
    from spinemr.cohort.outcome import StudyFailure

    return StudyFailure("write", Cause.DATA, sentence)


def test_a_cluster_that_is_there_already_does_the_work(manifest, tmp_path):
    import dask
    from distributed import LocalCluster

    quiet = {"n_workers": 1, "threads_per_worker": 1, "dashboard_address": None, "host": "127.0.0.1", "silence_logs": 50}
    with dask.config.set({"temporary-directory": str(tmp_path)}), LocalCluster(**quiet) as cluster:
        crew = Crew(scheduler=cluster.scheduler_address)
        result = run_cohort(manifest, tmp_path / "out", CohortOptions(harmonize="none", keep="tables"), crew)
    assert (result.finished, result.failed) == (3, 1)
    assert {outcome.process for outcome in result.outcomes} != {f"{os.uname().nodename}:{os.getpid()}"}


def test_no_scheduler_is_said(manifest, tmp_path, monkeypatch):
    monkeypatch.setattr("spinemr.cohort.crew._SLOW_S", 0.3)
    with pytest.raises(InputError, match=r"There is no Dask scheduler at tcp://127\.0\.0\.1:1"):
        run_cohort(manifest, tmp_path / "out", CohortOptions(harmonize="none"), Crew(scheduler="tcp://127.0.0.1:1"))
    assert not (tmp_path / "out").exists()
