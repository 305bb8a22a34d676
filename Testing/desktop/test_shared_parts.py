"""What the three modules share, without a panel: child processes and their trees, requests, folders, packages."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.desktop


def runs(process):
    """Whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture
def child(host, tmp_path, monkeypatch):
    """Runs a piece of Python as a child; returns what it told."""
    from SpineSegmentationLib.ChildProcess import ChildProcess

    def run(code, *arguments, wait=True):
        (tmp_path / "told.py").write_text(code, encoding="utf-8")
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        process = ChildProcess()
        process.told, process.lines, process.outcomes = [], [], []
        process.progressed.connect(process.told.append)
        process.logged.connect(process.lines.append)
        process.ended.connect(process.outcomes.append)
        process.startProgram(sys.executable, ["-m", "told", *arguments])
        if wait:
            process.wait(30)
        return process

    return run


def test_progress_log_and_outcome_are_told_apart(child):
    process = child(
        "import json, sys\n"
        "print(json.dumps({'phase': 'segment', 'fraction': 0.5, 'message': sys.argv[1]}))\n"
        "print('plain')\n"
        "print('Note: levels', file=sys.stderr)\n",
        "Dr. Řehoř",
    )
    assert [(one.phase, one.fraction, one.message) for one in process.told] == [("segment", 0.5, "Dr. Řehoř")]
    assert sorted(process.lines) == ["Note: levels", "plain"]
    assert [(one.code, one.succeeded, one.message) for one in process.outcomes] == [(0, True, "")]


def test_what_went_wrong_is_what_the_child_said(child):
    process = child("import sys\nfor text in ('Note: x', 'There is no file a.nii.'): print(text, file=sys.stderr)\nsys.exit(2)")
    outcome = process.outcomes[0]
    assert (outcome.code, outcome.cancelled, outcome.message) == (2, False, "There is no file a.nii.")


def test_a_crash_has_a_sentence_too(child):
    process = child("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")
    assert not process.outcomes[0].succeeded
    assert "out of memory" in process.outcomes[0].message


def test_a_missing_interpreter_is_said_once(host):
    from SpineSegmentationLib.ChildProcess import ChildProcess

    process, outcomes = ChildProcess(), []
    process.ended.connect(outcomes.append)
    process.startProgram("/nowhere/PythonSlicer", [])
    process.wait(5)
    assert len(outcomes) == 1
    assert "could not be started" in outcomes[0].message


def test_the_child_finds_the_library_and_speaks_utf8(child):
    process = child(
        "import os, sys\nimport spinemr.imaging, spinemr.radiomics, spinemr.pipeline\n"
        "print(sys.flags.utf8_mode, sys.stdout.encoding, os.environ['NO_COLOR'])\n"
    )
    assert process.lines == ["1 utf-8 1"]


STUBBORN = (
    "import signal, subprocess, sys, time\n"
    "inner = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
    "if 'stubborn' in sys.argv: signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "print(inner.pid, flush=True)\n"
    "time.sleep(60)\n"
)


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("manner", ["polite", "stubborn"])
def test_cancelling_ends_the_whole_tree(host, child, manner):
    process = child(STUBBORN, manner, wait=False)
    assert host.wait(lambda: process.lines, 10)
    outer, inner = int(process._process.processId()), int(process.lines[0])
    process.cancel()
    process.cancel()
    process.wait(10)
    assert [one.cancelled for one in process.outcomes] == [True]
    assert host.wait(lambda: not runs(inner) and not runs(outer), 5)


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_killing_is_immediate_and_silent(host, child):
    process = child(STUBBORN, "stubborn", wait=False)
    assert host.wait(lambda: process.lines, 10)
    outer, inner = int(process._process.processId()), int(process.lines[0])
    process.kill()
    assert not process.isRunning
    deadline = time.monotonic() + 5
    while (runs(outer) or runs(inner)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not runs(outer) and not runs(inner)
    assert process.outcomes == []


@pytest.mark.skipif(sys.platform != "linux", reason="kills by signal")
def test_what_a_killed_process_still_says_is_ignored(host, child):
    process = child("import json\nwhile True: print(json.dumps({'phase': 'segment', 'fraction': 0.5}), flush=True)", wait=False)
    assert host.wait(lambda: process.told, 10)
    process.kill()
    told = len(process.told)
    host.settle()
    assert len(process.told) == told
    assert host.errors == []


def test_descendants_come_before_their_parents(host):
    from SpineSegmentationLib.ProcessTree import descendants

    parents = [(1, 0), (2, 1), (3, 2), (4, 2), (5, 9), (2, 2)]
    found = descendants(2, parents)
    assert found[-1] == 2
    assert set(found) == {2, 3, 4}


def test_an_installation_without_an_interpreter_is_said(host, monkeypatch, tmp_path):
    from SpineSegmentationLib import ChildProcess

    monkeypatch.setattr(ChildProcess.shutil, "which", lambda _name: None)
    monkeypatch.setattr(ChildProcess.sys, "executable", "/opt/Slicer/SlicerApp-real")
    process, outcomes = ChildProcess.ChildProcess(), []
    process.ended.connect(outcomes.append)
    process.start(tmp_path / "job.json")
    assert [one.message for one in outcomes] == ["Slicer's Python interpreter (PythonSlicer) was not found."]


def test_a_job_goes_to_the_child_as_a_file(host, tmp_path):
    from spinemr.pipeline.jobs import SegmentJob, write_job
    from SpineSegmentationLib.ChildProcess import ChildProcess

    process, outcomes = ChildProcess(), []
    process.ended.connect(outcomes.append)
    process.start(write_job(SegmentJob(tmp_path / "g one.nrrd", tmp_path / "labels.seg.nrrd"), tmp_path / "jo b.json"))
    process.wait(60)
    assert [one.code for one in outcomes] == [2]
    assert "g one.nrrd" in outcomes[0].message


def test_work_folders_are_plain_and_go(host, monkeypatch, tmp_path):
    import slicer

    from SpineSegmentationLib import WorkFolder

    awkward = tmp_path / "Lékař jedna"
    awkward.mkdir()
    monkeypatch.setattr(slicer.app, "temporaryPath", str(awkward))
    folder = WorkFolder.newWorkFolder()
    assert WorkFolder.isPlain(str(folder)) and folder.is_dir()
    WorkFolder.removeWorkFolder(awkward)
    assert awkward.is_dir(), "only folders made here are removed"
    WorkFolder.removeWorkFolder(folder)
    assert not folder.exists()
    kept = WorkFolder.newWorkFolder()
    WorkFolder.removeAllWorkFolders()
    assert not kept.exists()


def test_packages_are_told_by_their_metadata(host):
    from SpineSegmentationLib import Dependencies

    assert Dependencies.missing() == []
    assert Dependencies.sentence().startswith("Ready: openvino ")
    assert "openvino" not in sys.modules
    requirements = ("numpy>=1.0", "numpy>=99", "no-such-package>=1")
    assert Dependencies.missing(requirements) == ["numpy>=99", "no-such-package>=1"]
    assert Dependencies.sentence(requirements).startswith("Not installed: numpy, no-such-package. There is: numpy ")


def test_slicers_newer_installer_is_used_where_it_is(host, monkeypatch):
    import types

    import slicer

    from SpineSegmentationLib import Dependencies

    pytest.importorskip("packaging")
    asked = []
    module = types.ModuleType("slicer.packaging")
    module.pip_ensure = lambda requirements, **words: asked.append(([str(one) for one in requirements], words))
    monkeypatch.setitem(sys.modules, "slicer.packaging", module)
    monkeypatch.setattr(slicer, "packaging", module, raising=False)
    assert not Dependencies.install("Test", ("no-such-package>=1",))
    assert asked == [(["no-such-package>=1"], {"requester": "Test", "prompt_install": False})]
    assert host.installed == []


def test_files_for_the_child_name_nobody(host, volume, tmp_path):
    from SpineSegmentationLib import CaseFiles

    volume.SetName("Novák, Jan")
    path = CaseFiles.writeVolume(volume, tmp_path)
    assert path.name == "image.nrrd"
    assert b"Nov" not in path.read_bytes()[:2000]


def test_names_of_files_are_plain(host):
    from SpineSegmentationLib.CaseFiles import plainName

    assert plainName("4: T2 sag/../x") == "4_T2_sag_.._x"
    assert plainName("...") == "study"
    assert os.sep not in plainName("a/b\\c")
