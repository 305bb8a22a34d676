"""The app as its users start it, and pages of headless Chromium; skipped without trame-slicer, Playwright or Chromium."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

SCREENSHOTS = Path(__file__).resolve().parents[2] / "out" / "browser"
CHROMIUM = next((path for path in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if path), None)
CLOSED_SOCKET = "Object"
"""How trame's client rejects calls that wait when its socket closes."""
LONG_MS = 90_000
"""Patience for work that takes seconds on an idle computer."""


@pytest.fixture(scope="session", autouse=True)
def needs() -> None:
    """Skips what cannot run here."""
    for package in ("trame_slicer", "playwright", "PIL"):
        pytest.importorskip(package, reason=f"{package} is not installed (make test-browser)")
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")


class App:
    """A running ``spinemr app``."""

    def __init__(self, log: Path, *words: str) -> None:
        self._log = log.open("w", encoding="utf-8")
        command = [sys.executable, "-m", "spinemr.cli", "app", "--port", "0", "--no-open", *words]
        environment = {**os.environ, "TMPDIR": str(log.parent), "SPINEMR_DEBUG": "1"}
        self.log, self.temporary = log, log.parent
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self._log, text=True, env=environment)
        assert self.process.stdout is not None
        self.said = self.process.stdout.readline()
        found = re.search(r"http\S+", self.said)
        assert found, f"{self.said}\n{log.read_text(encoding='utf-8')}"
        self.address = found.group(0)

    def folders(self) -> list[Path]:
        """The folders of its sessions."""
        return sorted(self.temporary.glob("spinemr-*"))

    def end(self) -> None:
        """As Ctrl-C does."""
        self.process.terminate()
        self.process.wait(30)
        self._log.close()


@pytest.fixture
def start_app(tmp_path) -> Iterator[Callable[..., App]]:
    """Starts apps of a test's own."""
    apps: list[App] = []

    def start(*words: str) -> App:
        folder = tmp_path / f"app{len(apps)}"
        folder.mkdir()
        apps.append(App(folder / "log.txt", *words))
        return apps[-1]

    yield start
    for app in apps:
        app.end()


@pytest.fixture(scope="session")
def app(tmp_path_factory) -> Iterator[App]:
    """One app for all tests that need nothing special of it."""
    running = App(tmp_path_factory.mktemp("app") / "log.txt")
    yield running
    running.end()


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Headless Chromium of this system."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--headless", "--no-sandbox", "--disable-gpu"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def new_page(browser) -> Iterator[Callable[..., Any]]:
    """Opens pages that fail their test on an error of a script, and on every address beyond this computer."""
    contexts, complaints = [], []

    def open_page(address: str, width: int = 1366, height: int = 768) -> Any:
        context = browser.new_context(viewport={"width": width, "height": height}, accept_downloads=True)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(LONG_MS)
        page.on("pageerror", lambda error: None if str(error) == CLOSED_SOCKET else complaints.append(str(error)))
        page.on("request", lambda request: None if _is_here(request.url) else complaints.append(request.url))
        page.goto(address)
        page.get_by_test_id("drawn").wait_for()
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def page(app, new_page) -> Iterator[Any]:
    """A page without a study."""
    opened = new_page(app.address)
    yield opened
    opened.context.close()


@pytest.fixture(scope="module")
def judged(app, new_page) -> Any:
    """A page with a drawn study and its results; tests leave it as they found it."""
    opened = new_page(app.address)
    opened.get_by_test_id("drawn").click()
    opened.get_by_test_id("run").click()
    opened.get_by_test_id("verdict").wait_for()
    opened.wait_for_timeout(1500)
    return opened


@pytest.fixture
def screenshot() -> Callable[[Any, str], Path]:
    """Keeps a picture of a page in ``out/browser`` for people to look at."""

    def take(page: Any, name: str) -> Path:
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        page.wait_for_timeout(1500)  # views send a sharper picture once they rest
        path = SCREENSHOTS / f"{name}.png"
        page.screenshot(path=path)
        return path

    return take


def _is_here(address: str) -> bool:
    return address.startswith(("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:"))
