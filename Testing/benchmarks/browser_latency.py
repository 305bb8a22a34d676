"""How long the browser app lets one wait, and what its sessions weigh: ``python Testing/benchmarks/browser_latency.py``.

Each figure is from the event in the page to the next picture that the view shows; medians and 95th percentiles of as many tries.
A dab counts from the page's own event of the released button, once the view has rested: no picture of before is taken for its.
Memory is what the front and its sessions share with no other process, every session with a judged study.
"""

from __future__ import annotations

import importlib.util
import math
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

TRIES = 60
CHROMIUM = next((path for path in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if path), None)
NEXT_PICTURE = """(testid) => {
  const view = document.querySelector(`[data-testid=${testid}]`).parentElement.querySelector('img');
  window.picture = new Promise((done) => view.addEventListener('load', () => done(performance.now()), { once: true }));
}"""
RELEASE = """async () => {
  const view = document.querySelector('[data-testid=view-sagittal]').parentElement.querySelector('img');
  let last = performance.now();
  const changed = () => { last = performance.now(); };
  view.addEventListener('load', changed);
  while (performance.now() - last < 300) await new Promise((done) => setTimeout(done, 20));
  view.removeEventListener('load', changed);
  window.picture = new Promise((done) => {
    const released = (event) => {
      view.addEventListener('load', () => done(performance.now() - event.timeStamp), { once: true });
    };
    window.addEventListener('pointerup', released, { once: true, capture: true });
  });
}"""
FIRST_PICTURE = """(testid) => new Promise((done) => {
  const view = document.querySelector(`[data-testid=${testid}]`).parentElement.querySelector('img');
  const pen = Object.assign(document.createElement('canvas'), { width: 32, height: 32 }).getContext('2d');
  const look = () => {
    pen.drawImage(view, 0, 0, 32, 32);
    const bright = pen.getImageData(0, 0, 32, 32).data.reduce((sum, value, place) => sum + (place % 4 ? 0 : value), 0);
    if (bright > 10 * 1024) done(); else view.addEventListener('load', look, { once: true });
  };
  look();
})"""


def main() -> None:
    """Measure and print."""
    missing = [name for name in ("trame_slicer", "playwright") if importlib.util.find_spec(name) is None]
    if missing or CHROMIUM is None:
        print(f"skipped: {', '.join(missing) or 'Chromium'} is not installed (make test-browser)")
        return
    command = [sys.executable, "-m", "spinemr.cli", "app", "--port", "0", "--no-open"]
    app = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert app.stdout is not None
    found = re.search(r"http\S+", app.stdout.readline())
    assert found
    try:
        measure(found.group(0), app.pid)
    finally:
        app.terminate()
        app.wait()


def measure(address: str, front: int) -> None:
    """Drive one page, then three more."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        study = drawn_file(Path(folder))
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--headless", "--no-sandbox", "--disable-gpu"])
        start = time.perf_counter()
        page = opened(chromium, address)
        print(f"page ready            {time.perf_counter() - start:6.1f} s")
        with page.expect_file_chooser() as chooser:
            page.get_by_role("button", name="Open files").click()
        start = time.perf_counter()
        chooser.value.set_files(study)
        page.get_by_test_id("run").wait_for()
        page.evaluate(FIRST_PICTURE, "view-sagittal")
        print(f"file sent to image    {time.perf_counter() - start:6.1f} s")
        page.wait_for_timeout(2000)
        tell("slice change", [slice_change(page, index % 15) for index in range(TRIES)])
        start = time.perf_counter()
        judge(page)
        print(f"harmonize & segment   {time.perf_counter() - start:6.1f} s")
        page.get_by_test_id("panel-correct").click()
        page.get_by_test_id("editing").locator("input").click()
        page.get_by_test_id("editing").locator("input").fill("L4 vert")
        page.get_by_role("option", name="L4 vertebra").click()
        page.wait_for_timeout(3000)
        tell("brush to overlay", [brush(page, place) for place in range(TRIES)])
        print(f"memory, one session   {weight_mb(front):6.0f} MB")
        for _ in range(3):
            other = opened(chromium, address)
            other.get_by_test_id("drawn").click()
            judge(other)
        print(f"memory, four sessions {weight_mb(front):6.0f} MB")
        chromium.close()


def drawn_file(folder: Path) -> Path:
    """A drawn study as a file: 320 x 320 x 15 voxels."""
    from spinemr.imaging.files import write_image
    from spinemr.synthesis.study import draw_study

    write_image(draw_study(7, contrast="t2").image, folder / "study.nii.gz")
    return folder / "study.nii.gz"


def opened(chromium: Any, address: str) -> Any:
    """A page that is ready."""
    page = chromium.new_page(viewport={"width": 1366, "height": 768})
    page.set_default_timeout(180_000)
    page.goto(address)
    page.get_by_test_id("drawn").wait_for()
    return page


def judge(page: Any) -> None:
    """Do the whole job."""
    page.get_by_test_id("run").click()
    page.get_by_test_id("verdict").wait_for()


def slice_change(page: Any, index: int) -> float:
    """Milliseconds from the slider to the next picture."""
    page.evaluate(NEXT_PICTURE, "view-sagittal")
    move = """async (index) => {
      const slider = document.querySelector('input[type=range][aria-label^=Sagittal]'), start = performance.now();
      slider.value = index;
      slider.dispatchEvent(new Event('input', { bubbles: true }));
      return (await window.picture) - start;
    }"""
    elapsed = page.evaluate(move, index)
    page.wait_for_timeout(400)
    return float(elapsed)


def brush(page: Any, place: int) -> float:
    """Milliseconds from the end of a dab to the next picture."""
    box = page.get_by_test_id("view-sagittal").bounding_box()
    x, y = box["x"] + box["width"] / 2 - 40 - 5 * (place % 12), box["y"] + box["height"] / 2 + 6 * (place // 12)
    page.mouse.move(x, y)
    page.mouse.down()
    page.evaluate(RELEASE)
    page.mouse.up()
    elapsed = page.evaluate("window.picture")
    page.wait_for_timeout(300)
    return float(elapsed)


def weight_mb(front: int) -> float:
    """What a front and its sessions hold in memory that no other process shares."""
    listed = subprocess.run(["ps", "-axo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    children = [process for process, parent in (line.split() for line in listed.splitlines()) if int(parent) == front]
    rolled = [Path(f"/proc/{process}/smaps_rollup") for process in (front, *children)]
    lines = [line for path in rolled if path.exists() for line in path.read_text().splitlines() if line.startswith("Private")]
    return sum(int(line.split()[1]) for line in lines) / 1024


def tell(name: str, times_ms: list[float]) -> None:
    """Median and 95th percentile, of how many, and how busy the computer was."""
    ordered = sorted(times_ms)
    p95 = ordered[math.ceil(0.95 * len(ordered)) - 1]
    beside = f"n = {len(ordered)}, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors"
    print(f"{name:<21} {statistics.median(ordered):6.0f} ms, p95 {p95:.0f} ms ({beside})")


if __name__ == "__main__":
    main()
