"""Draw the pictures of docs/browser.md: the app in headless Chromium, on a drawn study (needs ``make test-browser``)."""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "Testing" / "browser"))

from conftest import CHROMIUM, LONG_MS, App  # noqa: E402

SMALL, LARGE = {"width": 1366, "height": 768}, {"width": 1920, "height": 1080}
QUALITY = 82


def picture(page: Page, name: str) -> None:
    """The page as it is."""
    from PIL import Image

    page.mouse.move(0, 0)
    page.wait_for_timeout(2000)
    seen = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    path = HERE / f"browser_{name}.jpg"
    seen.save(path, quality=QUALITY, optimize=True, progressive=True)
    print(f"{path.name}: {path.stat().st_size // 1024} KiB")


def stroke(page: Page) -> None:
    """A stroke from the middle of the structure out into the image."""
    box = page.get_by_test_id("view-sagittal").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    for step in range(8):
        page.mouse.move(x - 9 * step, y)
        page.wait_for_timeout(60)
    page.mouse.up()


def look(page: Page) -> None:
    """One way through the page."""
    page.get_by_test_id("drawn").click()
    page.get_by_test_id("run").click()
    page.get_by_test_id("verdict").wait_for()
    picture(page, "results")
    page.set_viewport_size(LARGE)
    page.get_by_test_id("lines").click()
    picture(page, "lines")
    page.get_by_test_id("lines").click()
    page.set_viewport_size(SMALL)
    page.get_by_test_id("tab-measurements").click()
    picture(page, "measurements")
    page.get_by_test_id("tab-images").click()
    page.get_by_test_id("panel-correct").click()
    page.get_by_test_id("editing").locator("input").fill("L4 vert")
    page.get_by_role("option", name="L4 vertebra").click()
    page.wait_for_timeout(2000)
    stroke(page)
    page.wait_for_timeout(1000)
    picture(page, "correcting")
    page.get_by_test_id("accept").click()
    page.get_by_test_id("accepted").wait_for()
    page.get_by_test_id("tab-plots").click()
    page.get_by_test_id("panel-save").click()
    page.get_by_test_id("plots").locator("svg").nth(3).wait_for()
    picture(page, "plots")


def main() -> None:
    """Start the app, take the pictures, end it."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        app = App(Path(folder) / "log.txt")
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--headless", "--no-sandbox", "--disable-gpu"])
        try:
            page = chromium.new_page(viewport=SMALL)
            page.set_default_timeout(LONG_MS)
            page.goto(app.address)
            look(page)
        finally:
            chromium.close()
            app.end()


if __name__ == "__main__":
    main()
