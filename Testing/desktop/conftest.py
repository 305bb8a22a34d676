"""The Qt test host, started once; without PySide6 and slicer-core these tests are skipped (``make test-desktop`` brings both)."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

HERE = Path(__file__).resolve().parent
SCREENSHOTS = HERE.parents[1] / "out" / "desktop"
PANEL_WIDTH = 420
"""Pixels; Slicer's module panel as it comes."""

for package in ("PySide6", "slicer"):
    pytest.importorskip(package, reason=f"{package} is not installed (make test-desktop)")


@pytest.fixture(scope="session")
def display() -> Iterator[None]:
    """A screen: the one there is, else a virtual one, else Qt's own without any."""
    if sys.platform != "linux" or os.environ.get("DISPLAY") or os.environ.get("QT_QPA_PLATFORM"):
        yield
        return
    server = shutil.which("Xvfb")
    if server is None:
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
        yield
        return
    reader, writer = os.pipe()
    command = [server, "-displayfd", str(writer), "-screen", "0", "1600x1200x24", "-nolisten", "tcp"]
    process = subprocess.Popen(command, pass_fds=[writer], stderr=subprocess.DEVNULL)
    os.close(writer)
    with os.fdopen(reader) as told:
        os.environ["DISPLAY"] = f":{told.readline().strip()}"
    yield
    process.terminate()
    process.wait()


@pytest.fixture(scope="session")
def running_host(display: None) -> Any:
    """The host, once a session: there is one Qt application a process."""
    sys.path.insert(0, str(HERE))
    import host

    return host.start()


@pytest.fixture
def host(running_host: Any) -> Iterator[Any]:
    """The host with an empty scene; panels of a test are closed behind it."""
    running_host.clear()
    yield running_host
    running_host.close_panels()
    errors = list(running_host.errors)
    running_host.clear()
    assert errors == [], "raised inside of a slot"


@pytest.fixture
def mouse(host: Any) -> SimpleNamespace:
    """Real mouse and keyboard events."""
    from PySide6 import QtCore, QtWidgets
    from PySide6.QtTest import QTest

    def click(widget: Any) -> None:
        assert widget.isVisible(), f"{widget.name} is not shown"
        where = widget.rect.center()
        if isinstance(widget, QtWidgets.QCheckBox):  # takes clicks on its box and text only
            where.setX(8)
        QTest.mouseClick(widget, QtCore.Qt.LeftButton, QtCore.Qt.NoModifier, where)
        host.app.processEvents()

    def choose(combo: Any, text: str) -> None:
        """Choose an entry of a combo box with the keyboard."""
        place = combo.findText(text)
        assert place >= 0, f"{combo.name} has no {text}"
        combo.setFocus()
        QTest.keyClick(combo, QtCore.Qt.Key_Home)
        for _ in range(place):
            QTest.keyClick(combo, QtCore.Qt.Key_Down)
        host.app.processEvents()

    def key(widget: Any, code: Any) -> None:
        widget.setFocus()
        QTest.keyClick(widget, code)
        host.app.processEvents()

    return SimpleNamespace(click=click, choose=choose, key=key)


@pytest.fixture
def screenshot(host: Any) -> Callable[[Any, str], Path]:
    """Keeps a picture of a widget in ``out/desktop`` for people to look at."""

    def take(widget: Any, name: str) -> Path:
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        host.settle()
        path = SCREENSHOTS / f"{name}.png"
        assert widget.grab().save(str(path))
        return path

    return take


@pytest.fixture(scope="session")
def drawn(running_host: Any) -> Any:
    """A drawn study's image and labels, drawn once."""
    from spinemr.synthesis.study import draw_study

    return draw_study(7, contrast="t2")


@pytest.fixture
def volume(host: Any, drawn: Any) -> Any:
    """The drawn study in the scene."""
    import slicer

    from spinemr.scene.volumes import add_volume

    return add_volume(slicer.mrmlScene, drawn.image, "Drawn study")


@pytest.fixture
def panel(host: Any) -> Callable[[str], Any]:
    """Loads a module and shows its panel at the width Slicer gives it."""

    def load(name: str) -> Any:
        widget = host.load(name)
        frame = host.frame_of(widget)
        frame.resize(PANEL_WIDTH, 1000)
        frame.show()
        host.app.processEvents()
        return widget

    return load


@pytest.fixture
def cut_off(host: Any) -> Callable[[Any], list[str]]:
    """Names the visible labels, buttons and boxes whose text does not fit, and those that stick out of their panel."""

    def find(root: Any) -> list[str]:
        from PySide6 import QtWidgets

        kinds = (QtWidgets.QLabel, QtWidgets.QAbstractButton)
        found = []
        host.settle()
        for widget in root.findChildren(QtWidgets.QWidget):
            if not widget.isVisible():
                continue
            right = widget.mapTo(root, widget.rect.topRight()).x()
            if right > root.width:
                found.append(f"{widget.name or widget.className()} ends at {right}")
            if isinstance(widget, kinds) and widget.text and not getattr(widget, "wordWrap", False):
                needed = widget.minimumSizeHint().width() if isinstance(widget, QtWidgets.QLabel) else widget.sizeHint().width()
                if widget.width < needed:
                    found.append(f"{widget.name}: '{widget.text}' needs {needed}, has {widget.width}")
            wraps = isinstance(widget, QtWidgets.QLabel) and widget.wordWrap and widget.text
            if wraps and widget.height < widget.heightForWidth(widget.width):
                found.append(f"{widget.name}: '{widget.text[:40]}' has height {widget.height}")
        return found

    return find
