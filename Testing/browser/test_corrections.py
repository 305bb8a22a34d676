"""Segments corrected with mouse and keyboard, accepted, and saved as files that are read back."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from spinemr.imaging.files import read_labels

pytestmark = pytest.mark.browser
L4 = 23


@pytest.fixture
def editing(judged) -> Any:
    """The page with L4 under the brush; what a test did is thrown away behind it."""
    judged.get_by_test_id("panel-correct").click()
    judged.get_by_test_id("editing").locator("input").click()
    judged.get_by_test_id("editing").locator("input").fill("L4 vert")
    judged.get_by_role("option", name="L4 vertebra").click()
    judged.wait_for_function(f"window.trame.state.get('editing') === {L4} && window.trame.state.get('tool') === 'paint'")
    judged.wait_for_timeout(1500)
    yield judged
    judged.get_by_test_id("discard").click()
    judged.wait_for_function("window.trame.state.get('editing') === 0")  # surfaces are made anew
    judged.wait_for_timeout(1500)


def volume_ml(page: Any, label: int = L4) -> float:
    return page.evaluate(f"window.trame.state.get('structures').find((one) => one.label === {label}).volume_ml")


def settled(page: Any, holds: Callable[[], bool]) -> None:
    """Wait until something holds; strokes are counted when no other follows."""
    for _ in range(60):
        if holds():
            return
        page.wait_for_timeout(250)
    raise AssertionError("nothing changed")


def stroke(page: Any) -> None:
    """A stroke to the left, from where the middle of the structure is, out into the image before it."""
    box = page.get_by_test_id("view-sagittal").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    for step in range(12):
        page.mouse.move(x - 10 * step, y)
        page.wait_for_timeout(40)
    page.mouse.up()


def saved(page: Any, name: str) -> bytes:
    page.get_by_test_id("panel-save").click()
    with page.expect_download() as download:
        page.get_by_test_id(f"export-{name}").click()
    assert download.value.suggested_filename == name
    return Path(download.value.path()).read_bytes()


def test_a_stroke_adds_voxels_and_undo_takes_them_back(editing):
    before = volume_ml(editing)
    stroke(editing)
    settled(editing, lambda: volume_ml(editing) > before + 0.1)
    painted = volume_ml(editing)
    editing.keyboard.press("Control+z")
    settled(editing, lambda: volume_ml(editing) == before)
    editing.keyboard.press("Control+Shift+z")
    settled(editing, lambda: volume_ml(editing) == painted)


def test_every_key_takes_its_tool_and_none_ends_the_session(editing):
    for key, tool in (("e", "erase"), ("d", "draw"), ("c", "scissors"), ("i", "islands"), ("m", "smoothing"), ("t", "threshold")):
        editing.keyboard.press(key)
        settled(editing, lambda tool=tool: editing.evaluate("window.trame.state.get('tool')") == tool)
    box = editing.get_by_test_id("view-3d").bounding_box()
    editing.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    for key in ("q", "w", "s", "3", "Escape"):
        editing.keyboard.press(key)
    settled(editing, lambda: editing.evaluate("window.trame.state.get('tool')") == "none")  # surfaces are made anew
    assert editing.get_by_test_id("accept").is_visible()


def test_erasing_and_keeping_the_largest_piece(editing):
    before = volume_ml(editing)
    editing.keyboard.press("e")
    stroke(editing)
    settled(editing, lambda: volume_ml(editing) < before - 0.05)
    erased = volume_ml(editing)
    editing.keyboard.press("i")
    editing.get_by_test_id("keep-largest").click()
    editing.wait_for_timeout(1500)
    assert 0 < volume_ml(editing) <= erased


def test_touches_of_the_brush_by_keys_alone(editing, screenshot):
    keys = editing.keyboard
    before = volume_ml(editing)
    keys.press(" ")  # without a crosshair nothing is painted
    keys.press("x")
    settled(editing, lambda: editing.evaluate("window.trame.state.get('crosshair')"))
    editing.wait_for_timeout(1500)
    sagittal, axial, coronal = slices_shown(editing)
    for _ in range(40):
        keys.press("ArrowLeft")
    settled(editing, lambda: abs(slices_shown(editing)[2] - coronal) >= 50)  # 40 mm in slices of 0.75 mm
    assert slices_shown(editing)[:2] == [sagittal, axial] and volume_ml(editing) == before
    keys.press(" ")
    settled(editing, lambda: volume_ml(editing) > before)
    screenshot(editing, "crosshair_correcting_1366x768")
    keys.press("e")
    settled(editing, lambda: editing.evaluate("window.trame.state.get('tool')") == "erase")
    keys.press(" ")
    settled(editing, lambda: volume_ml(editing) == before)
    keys.press("PageUp")
    settled(editing, lambda: slices_shown(editing)[0] != sagittal)
    keys.press("x")


def slices_shown(page: Any) -> list[int]:
    """The numbers of the slices in the sagittal, axial and coronal view."""
    return [page.evaluate(f"window.trame.state.get('slice_{tag}').index") for tag in ("Yellow", "Red", "Green")]


def test_levels_are_shifted_in_segments_and_tables_and_back(judged):
    judged.get_by_test_id("panel-correct").click()
    before = judged.evaluate("window.trame.state.get('measure_rows').map((one) => one.structure)")
    judged.get_by_test_id("shift-1").click()
    settled(judged, lambda: judged.evaluate("window.trame.state.get('measure_rows')[0].structure") != before[0])
    names = judged.evaluate("window.trame.state.get('structures').map((one) => one.name)")
    assert "L5 vertebra" not in names and "L4 vertebra" in names
    assert "Levels were shifted by hand after this verdict." in judged.evaluate("window.trame.state.get('verdict').notes")
    judged.get_by_test_id("shift+1").click()
    settled(judged, lambda: judged.evaluate("window.trame.state.get('measure_rows').map((one) => one.structure)") == before)


def test_accepted_corrections_are_in_what_is_saved(editing, tmp_path, screenshot):
    automatic = volume_ml(editing)
    stroke(editing)
    settled(editing, lambda: volume_ml(editing) > automatic + 0.1)
    painted = volume_ml(editing)
    screenshot(editing, "correcting_1366x768")
    editing.get_by_test_id("accept").click()
    editing.get_by_text("1 of").wait_for()
    assert "L4 vertebra" in editing.get_by_test_id("accepted").inner_text()

    path = tmp_path / "saved.seg.nrrd"
    path.write_bytes(saved(editing, "segmentation.seg.nrrd"))
    labels = read_labels(path)
    count = int((sitk.GetArrayViewFromImage(labels) == L4).sum())
    assert count * np.prod(labels.GetSpacing()) / 1000 == pytest.approx(painted, abs=0.01)

    with zipfile.ZipFile(io.BytesIO(saved(editing, "spinemr.zip"))) as archive:
        names = set(archive.namelist())
        assert {"report.html", "qc.json", "segmentation.nii.gz", "harmonized.nii.gz"} <= names
        corrected = {"segmentation.seg.nrrd", "segmentation.nii.gz", "measurements.csv", "audit.json"}
        assert {name.removeprefix("corrected/") for name in names if name.startswith("corrected/")} == corrected
        entries = json.loads(archive.read("corrected/audit.json"))
        rows = list(csv.DictReader(io.StringIO(archive.read("corrected/measurements.csv").decode())))
    assert len(entries) == 1 and L4 in [int(one["label"]) for one in rows if one["label"]]
    body = next(one for one in rows if one["label"] == str(L4))
    assert float(body["volume_mm3"]) / 1000 == pytest.approx(painted, abs=0.01)

    with zipfile.ZipFile(io.BytesIO(saved(editing, "scene.mrb"))) as bundle:
        assert bundle.testzip() is None and any(name.endswith(".mrml") for name in bundle.namelist())
    assert b"<html" in saved(editing, "report.html")[:500].lower()
    editing.get_by_test_id("panel-correct").click()
