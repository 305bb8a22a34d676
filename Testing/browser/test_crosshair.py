"""The crosshair: the same point in all slice views, by mouse and by keys, and touches of the brush at it."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.browser
L4 = 23


def state(page: Any, name: str) -> Any:
    return page.evaluate(f"window.trame.state.get('{name}')")


def until(page: Any, expression: str) -> None:
    page.wait_for_function(expression)


def lines(page: Any, view: str) -> tuple[int, int]:
    """The row and the column of a view that are yellow all along; -1 where none is."""
    from PIL import Image

    box = page.get_by_test_id(view).bounding_box()
    picture = Image.open(io.BytesIO(page.screenshot(clip=box))).convert("RGB")
    red, green, blue = (np.asarray(picture, dtype=int)[..., one] for one in range(3))
    yellow = (red - blue > 50) & (green > blue)
    found = []
    for axis in (1, 0):
        share = yellow.mean(axis=axis)
        found.append(int(share.argmax()) if share.max() > 0.8 else -1)
    return found[0], found[1]


def seen(page: Any, view: str, *, shown: bool = True) -> tuple[int, int]:
    """The crosshair of a view, once its picture has come."""
    for _ in range(40):
        found = lines(page, view)
        if (min(found) >= 0) == shown:
            return found
        page.wait_for_timeout(250)
    raise AssertionError(f"the crosshair is {'not ' if shown else ''}in {view}")


def indices(page: Any) -> list[int]:
    return [state(page, f"slice_{tag}")["index"] for tag in ("Yellow", "Red", "Green")]


def test_the_point_under_a_click_is_shown_in_all_views(page, screenshot):
    page.get_by_test_id("drawn").click()
    page.get_by_test_id("run").wait_for()
    page.wait_for_timeout(1500)
    assert lines(page, "view-sagittal") == (-1, -1)
    page.get_by_test_id("crosshair").click()
    for view in ("view-sagittal", "view-axial", "view-coronal"):
        seen(page, view)
    before = indices(page)
    box = page.get_by_test_id("view-sagittal").bounding_box()
    x, y = box["width"] * 0.4, box["height"] * 0.3
    page.mouse.click(box["x"] + x, box["y"] + y)
    until(page, f"window.trame.state.get('slice_Red').index !== {before[1]}")
    page.wait_for_timeout(1500)
    row, column = seen(page, "view-sagittal")
    assert abs(row - y) <= 2 and abs(column - x) <= 2
    assert indices(page)[0] == before[0]
    screenshot(page, "crosshair_1366x768")
    page.locator("body").press("x")
    until(page, "!window.trame.state.get('crosshair')")
    seen(page, "view-sagittal", shown=False)


def test_touches_of_the_brush_by_keys_alone(judged, screenshot):
    judged.get_by_test_id("panel-correct").click()
    judged.get_by_test_id("editing").locator("input").click()
    judged.get_by_test_id("editing").locator("input").fill("L4 vert")
    judged.get_by_role("option", name="L4 vertebra").click()
    until(judged, f"window.trame.state.get('editing') === {L4} && window.trame.state.get('tool') === 'paint'")
    judged.wait_for_timeout(1500)
    volume = f"window.trame.state.get('structures').find((one) => one.label === {L4}).volume_ml"
    before = judged.evaluate(volume)
    keys = judged.keyboard
    keys.press(" ")  # without a crosshair nothing is painted
    keys.press("x")
    until(judged, "window.trame.state.get('crosshair')")
    judged.wait_for_timeout(1500)
    sagittal, axial, coronal = indices(judged)
    for _ in range(40):
        keys.press("ArrowLeft")
    until(judged, f"Math.abs(window.trame.state.get('slice_Green').index - {coronal}) >= 50")  # 40 mm of 0.75 mm each
    assert indices(judged)[:2] == [sagittal, axial]
    assert judged.evaluate(volume) == before
    keys.press(" ")
    until(judged, f"{volume} > {before}")
    screenshot(judged, "crosshair_correcting_1366x768")
    keys.press("e")
    until(judged, "window.trame.state.get('tool') === 'erase'")
    keys.press(" ")
    until(judged, f"{volume} <= {before}")
    keys.press("PageUp")
    until(judged, f"window.trame.state.get('slice_Yellow').index !== {sagittal}")
    keys.press("x")
    judged.get_by_test_id("discard").click()
    judged.wait_for_timeout(1500)
