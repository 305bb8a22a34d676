"""The modules from one flat folder, as Slicer installs them, in an interpreter of its own."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.desktop, pytest.mark.slow]

PROGRAM = """
import sys
from pathlib import Path
folder, desktop = sys.argv[1:]
sys.path.insert(0, desktop)
import host as desktop_host
running = desktop_host.start(folders=[Path(folder)])
import slicer
for name in ("RadiomicsQC", "SpineHarmonization", "SpineSegmentation"):
    widget = running.load(name)
    for module in (sys.modules[name], sys.modules[f"{name}Lib"], sys.modules["spinemr.scene.case_nodes"]):
        assert Path(module.__file__).is_relative_to(folder), module.__file__
import os
from spinemr.pipeline.child_process import environment
os.environ.pop("PYTHONPATH", None)
assert environment()["PYTHONPATH"] == folder, environment()
from SpineSegmentationLib.SampleStudies import drawStudy
volume = drawStudy(slicer.mrmlScene)
case = sys.modules["SpineSegmentation"].SpineSegmentationLogic().process(volume)
print(case.segmentation.GetSegmentation().GetNumberOfSegments(), "segments")
running.close_panels()
assert running.errors == [] and running.messages == []
"""


@pytest.fixture
def flat(repository, tmp_path):
    """The folder ``qt-scripted-modules`` with what the build lists name."""
    sys.path.insert(0, str(repository / "Testing" / "tools"))
    try:
        from cmake_lists import ROOMS, installed_files
    finally:
        sys.path.pop(0)
    folder = tmp_path / "Dr. Čapek" / "qt-scripted-modules"
    for room in ROOMS:
        for name in installed_files(repository / room):
            target = folder / name
            assert not target.exists(), f"{name} comes from two rooms"
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(repository / room / name, target)
    return folder


def test_all_three_load_and_work_from_the_flat_folder(flat, repository, tmp_path, display):
    command = [sys.executable, "-c", PROGRAM, str(flat), str(repository / "Testing" / "desktop")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    assert int(done.stdout.split()[-2]) > 10


QUITTING = """
import sys
sys.path.insert(0, sys.argv[1])
import host as desktop_host
running = desktop_host.start()
import qt
widget = running.load("SpineHarmonization")
widget.onSample()
widget.ui.applyButton.click()
assert running.wait(lambda: widget.progress.bar.value > 0, 60)
print(int(widget.job.child._process.processId()), widget.job.workFolder, flush=True)
qt.QTimer.singleShot(0, running.app.quit)
running.app.exec()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_quitting_while_it_runs_leaves_no_process_and_no_files(repository, tmp_path, display):
    command = [sys.executable, "-c", QUITTING, str(repository / "Testing" / "desktop")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, timeout=120)
    process, folder = done.stdout.split()
    assert done.returncode == 0, done.stderr[-3000:]
    assert not Path(f"/proc/{process}").exists()
    assert not Path(folder).exists()
