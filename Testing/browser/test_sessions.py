"""Several tabs at once: each has its own study, process and folder, and leaves nothing behind."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import time
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
import SimpleITK as sitk

pytestmark = pytest.mark.browser


def processes(app) -> set[int]:
    """Those of the sessions of an app."""
    listed = subprocess.run(["ps", "-axo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    return {int(process) for process, parent in map(str.split, listed.splitlines()) if int(parent) == app.process.pid}


def fetched(page, what: str) -> tuple[int, bytes]:
    """An answer of a page's own session."""
    place = urlsplit(page.url)
    connection = http.client.HTTPConnection(place.netloc, timeout=60)
    connection.request("GET", place.path.removesuffix("index.html") + what)
    answer = connection.getresponse()
    return answer.status, answer.read()


@pytest.fixture
def opened(start_app, new_page, tmp_path):
    """An app with two tabs: a drawn study, and a person's."""
    app = start_app()
    first = new_page(app.address)
    own = {"processes": processes(app), "folders": set(app.folders())}
    second = new_page(app.address)
    first.get_by_test_id("drawn").click()
    study = tmp_path / "ROE^RICHARD.nii.gz"
    values = np.random.default_rng(0).normal(100, 20, (9, 64, 48)).astype(np.float32)
    sitk.WriteImage(sitk.GetImageFromArray(values), str(study))
    with second.expect_file_chooser() as chooser:
        second.get_by_role("button", name="Open files").click()
    chooser.value.set_files(str(study))
    second.get_by_text("48 × 64 × 9 voxels").wait_for()
    first.get_by_text("320 × 320 × 15 voxels").wait_for()
    return app, first, second, own


def test_tabs_work_at_once_and_do_not_see_each_other(opened):
    app, first, second, own = opened
    assert first.url != second.url
    assert "48 × 64" not in first.content() and "320 × 320" not in second.content()
    first.get_by_test_id("run").click()
    second.get_by_test_id("run").click()
    second.get_by_test_id("cancel").click()
    second.get_by_text("Cancelled; nothing was changed.").wait_for()
    first.get_by_test_id("verdict").wait_for()
    assert second.get_by_test_id("verdict").count() == 0
    assert fetched(first, "export/segmentation.nii.gz")[0] == 200
    status, said = fetched(second, "export/segmentation.nii.gz")
    assert status == 409 and b"no segments" in said

    (mine,) = own["folders"]
    (other,) = set(app.folders()) - own["folders"]
    assert (mine / "results" / "segmentation.nii.gz").is_file() and not (other / "results").exists()
    assert "ROE" not in " ".join(str(path) for folder in (mine, other) for path in folder.rglob("*"))

    first.close()
    end = time.monotonic() + 60
    while time.monotonic() < end and (mine.exists() or processes(app) & own["processes"]):
        time.sleep(0.2)
    assert app.folders() == [other] and len(processes(app)) == 1
    slice_shown = second.get_by_test_id("number-sagittal").inner_text()
    second.get_by_role("slider", name="Sagittal slice").press("ArrowRight")
    second.wait_for_timeout(1000)
    assert second.get_by_test_id("number-sagittal").inner_text() != slice_shown


def test_a_session_that_fails_says_so_on_its_page_only(opened, screenshot):
    app, first, second, own = opened
    (process,) = own["processes"]
    os.kill(process, signal.SIGKILL)
    first.get_by_test_id("closed").wait_for()
    assert second.get_by_test_id("closed").count() == 0 and second.get_by_test_id("run").is_visible()
    screenshot(first, "closed_1366x768")
    first.get_by_role("link", name="Open a new session").click()
    first.get_by_test_id("drawn").wait_for()
    assert Path(urlsplit(first.url).path).name == "index.html" and len(processes(app)) == 2
