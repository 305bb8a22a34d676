"""The crosshair: the same point in all slice views."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.browser


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
