"""The whole way with the keyboard alone: open, run, look, correct, accept, save."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.browser
L4 = 23
FOCUSED = """(selector) => {
  const here = document.activeElement;
  return Boolean(here && here.matches(':focus-visible') && (here.matches(selector) || here.closest(selector)));
}"""


def tab_to(page: Any, selector: str, *, back: bool = False) -> None:
    """Press Tab until what a selector means, or something in it, has the focus, visibly."""
    for _ in range(120):
        if page.evaluate(FOCUSED, selector):
            return
        page.keyboard.press("Shift+Tab" if back else "Tab")
    raise AssertionError(f"{selector} is not reached with Tab")


def to(page: Any, testid: str, **words: bool) -> None:
    tab_to(page, f"[data-testid='{testid}']", **words)


def volume_ml(page: Any) -> float:
    return page.evaluate(f"window.trame.state.get('structures').find((one) => one.label === {L4}).volume_ml")


def until(page: Any, expression: str) -> None:
    page.wait_for_function(expression)


def test_everything_is_done_without_a_mouse(page):
    page.bring_to_front()
    to(page, "drawn")
    page.keyboard.press("Enter")
    page.get_by_test_id("run").wait_for()
    to(page, "run")
    page.keyboard.press("Enter")
    page.get_by_test_id("verdict").wait_for()

    tab_to(page, "input[aria-label='Sagittal slice']")
    before = page.get_by_test_id("number-sagittal").inner_text()
    page.keyboard.press("ArrowRight")
    page.wait_for_timeout(1500)
    assert page.get_by_test_id("number-sagittal").inner_text() != before
    tab_to(page, "[aria-label='Hide L4-L5 disc']", back=True)
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Show L4-L5 disc").wait_for()

    to(page, "panel-study", back=True)  # of the tabs of a list one is reached with Tab, the others with arrows
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    to(page, "editing")
    page.keyboard.type("L4 vert")
    page.get_by_role("option", name="L4 vertebra").wait_for()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    until(page, f"window.trame.state.get('editing') === {L4}")
    page.wait_for_timeout(1500)
    automatic = volume_ml(page)

    page.keyboard.press("m")
    until(page, "window.trame.state.get('tool') === 'smoothing'")
    to(page, "smooth")
    page.keyboard.press("Enter")
    changed = f"window.trame.state.get('structures').find((one) => one.label === {L4}).volume_ml !== {automatic}"
    until(page, changed)
    page.keyboard.press("Control+z")
    until(page, f"!({changed})")
    page.keyboard.press("Control+y")
    until(page, changed)

    to(page, "accept")
    page.keyboard.press("Enter")
    page.get_by_test_id("accepted").wait_for()
    assert "L4 vertebra" in page.get_by_test_id("accepted").inner_text()

    to(page, "panel-correct", back=True)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    to(page, "export-segmentation.nii.gz")
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    assert Path(download.value.path()).stat().st_size > 1000
