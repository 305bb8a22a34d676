"""The application: a scene with what Slicer puts around it, ``slicer.app``, ``slicer.modules``, modules from their files."""

from __future__ import annotations

import importlib
import logging
import os
import sys
import tempfile
import types
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import slicer
import slicer.util
from PySide6 import QtCore, QtWidgets

from host import parameters, scripted_module
from host.pythonqt import UiLoader, qt_module

REPOSITORY = Path(__file__).resolve().parents[3]
ROOMS = ("SpineSegmentation", "RadiomicsQC", "SpineHarmonization")


class Application(QtWidgets.QApplication):
    """``slicer.app``: a Qt application that knows its layout manager."""

    applicationName = "3D Slicer"
    majorVersion, minorVersion = 5, 10

    startupCompleted = QtCore.Signal()

    def connect(self, signature: str, slot: Any) -> None:
        """Connect by the C++ signature, as modules do."""
        getattr(self, signature.split("(")[0]).connect(slot)

    def disconnect(self, signature: str, slot: Any) -> None:
        """The way back."""
        getattr(self, signature.split("(")[0]).disconnect(slot)

    def prepare(self, folder: Path) -> None:
        """Set up what needs the application itself to be there."""
        self.temporaryPath = str(folder)
        self.logic = slicer.vtkSlicerApplicationLogic()
        self._testing = False
        self._layout: Any = None

    def applicationLogic(self) -> slicer.vtkSlicerApplicationLogic:
        """The logic that other logics belong to."""
        return self.logic

    def layoutManager(self) -> Any:
        """The views."""
        return self._layout

    def testingEnabled(self) -> bool:
        """Whether dialogs are left out."""
        return self._testing

    def mrmlScene(self) -> slicer.vtkMRMLScene:
        """The scene."""
        return slicer.mrmlScene


class Module:
    """What the module factory keeps of a loaded module: an entry of ``slicer.modules``."""

    def __init__(self, name: str, path: str) -> None:
        self.name, self.path = name, path
        self.icon = None
        self.instance: Any = None
        self.widget: Any = None

    def widgetRepresentation(self) -> Any:
        """The module's panel, made when it is first asked for."""
        return self.widget


class Host:
    """A running host: loads modules, answers message boxes, and starts over with an empty scene."""

    def __init__(self, app: Application) -> None:
        self.app = app
        self.window = QtWidgets.QMainWindow()
        self.folders: list[Path] = []
        """Where modules are."""
        self.messages: list[str] = []
        """What message boxes said."""
        self.answers: deque[Any] = deque()
        """What the next ones are answered with; Ok where nothing is said."""
        self.samples: list[dict[str, Any]] = []
        """What was registered in the Sample Data module."""
        self.installed: list[Any] = []
        """What Slicer was asked to install."""
        self.charts: list[Any] = []
        """What was shown in a plot view."""
        self.errors: list[BaseException] = []
        """What was raised inside of slots and of observers' callbacks, where nobody catches it."""
        sys.excepthook = self._note_error
        self._panels: list[tuple[Any, QtWidgets.QScrollArea]] = []

    def load(self, name: str) -> Any:
        """Load a module by its name, with a new panel; returns the panel's Python object."""
        path = next(folder / f"{name}.py" for folder in self.folders if (folder / f"{name}.py").is_file())
        module = Module(name, str(path))
        setattr(slicer.modules, name.lower(), module)
        python = importlib.import_module(name)
        module.instance = getattr(python, name)(module)
        parent = QtWidgets.QWidget()
        parent.setObjectName(f"{name}ModuleWidget")
        QtWidgets.QVBoxLayout(parent)
        widget = getattr(python, f"{name}Widget")(parent)
        setattr(slicer.modules, f"{name}Widget", widget)
        frame = QtWidgets.QScrollArea()  # the module panel
        frame.setWidgetResizable(True)
        frame.setFrameShape(QtWidgets.QFrame.NoFrame)
        frame.setHorizontalScrollBarPolicy(QtCore.Qt.ScrollBarAlwaysOff)
        frame.setWidget(parent)
        self._panels.append((widget, frame))
        module.widget = parent
        widget.setup()
        self.app.startupCompleted.emit()
        self.app.startupCompleted.disconnect()
        if hasattr(widget, "enter"):
            widget.enter()
        return widget

    def frame_of(self, widget: Any) -> QtWidgets.QScrollArea:
        """The scroll area that a module's panel stands in."""
        return next(frame for own, frame in self._panels if own is widget)

    def close_panels(self) -> None:
        """Close what was loaded, as Slicer does when it ends."""
        for widget, frame in self._panels:
            widget.cleanup()
            frame.hide()
            frame.deleteLater()
        self._panels.clear()
        self.app.processEvents()

    def clear(self) -> None:
        """An empty scene, and no messages."""
        slicer.mrmlScene.Clear(False)
        self.messages.clear()
        self.errors.clear()
        self.charts.clear()
        self.answers.clear()
        self.installed.clear()

    def wait(self, condition: Any, seconds: float = 60.0) -> bool:
        """Let Qt work until the condition holds."""
        loop_until = QtCore.QDeadlineTimer(int(seconds * 1000))
        while not condition():
            if loop_until.hasExpired():
                return False
            self.app.processEvents(QtCore.QEventLoop.AllEvents, 50)
            QtCore.QThread.msleep(5)
        return True

    def _note_error(self, kind: type[BaseException], error: BaseException, trace: Any) -> None:
        self.errors.append(error)
        sys.__excepthook__(kind, error, trace)

    def settle(self) -> None:
        """Let layouts find their sizes: each level of nested widgets takes a turn of the event loop."""
        for _ in range(10):
            self.app.processEvents()

    def _answer(self, box: QtWidgets.QMessageBox) -> Any:
        self.messages.append(box.text)
        return self.answers.popleft() if self.answers else QtWidgets.QMessageBox.Ok


def start(platform: str = "", folders: Sequence[Path] = ()) -> Host:
    """Make ``slicer`` look like the one inside of Slicer, with modules from these folders (else the rooms); once per process."""
    arguments = ["Slicer"] + (["-platform", platform] if platform else [])
    sys.modules["qt"] = qt_module()
    app = Application(arguments)
    app.prepare(Path(tempfile.mkdtemp(prefix="host-")))
    host = Host(app)
    slicer.app = app
    slicer.modules = types.SimpleNamespace()
    slicer.mrmlScene = _scene(app)
    _install_modules(host)
    from host.views import LayoutManager

    app._layout = LayoutManager(app.logic)
    host.folders = list(folders) or [REPOSITORY / room for room in ROOMS]
    sys.path[:0] = [str(folder) for folder in host.folders if str(folder) not in sys.path]
    return host


def _scene(app: Application) -> slicer.vtkMRMLScene:
    """A scene with the logics that make volumes, colours, segmentations and files work."""
    scene = slicer.vtkMRMLScene()
    app.logic.SetMRMLScene(scene)
    colors = app.logic.GetColorLogic()
    if colors is not None:
        colors.SetMRMLScene(scene)
        colors.AddDefaultColorNodes()
        app.logic.SetModuleLogic("Colors", colors)
    app.kept = []
    for kind in ("vtkSlicerSegmentationsModuleLogic", "vtkSlicerMarkupsLogic", "vtkSlicerVolumesLogic"):
        logic = getattr(slicer, kind)()
        logic.SetMRMLApplicationLogic(app.logic)
        logic.SetMRMLScene(scene)
        app.kept.append(logic)
        name = kind.removeprefix("vtkSlicer").removesuffix("Logic").removesuffix("Module").lower()
        setattr(slicer.modules, name, types.SimpleNamespace(logic=lambda logic=logic: logic))
    cache, files = slicer.vtkCacheManager(), slicer.vtkDataIOManager()
    cache.SetRemoteCacheDirectory(app.temporaryPath)
    cache.SetMRMLScene(scene)
    files.SetCacheManager(cache)
    scene.SetCacheManager(cache)
    scene.SetDataIOManager(files)
    app.kept += [cache, files]
    slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(scene)
    return scene


def _install_modules(host: Host) -> None:
    from host.ctk_widgets import CTK_WIDGETS, ctkMessageBox
    from host.mrml_widgets import MRML_WIDGETS

    UiLoader.classes.update(CTK_WIDGETS | MRML_WIDGETS)
    ctk = types.ModuleType("ctk")
    vars(ctk).update(CTK_WIDGETS)
    sys.modules["ctk"] = ctk
    vars(slicer).update(MRML_WIDGETS)
    ctkMessageBox.exec_ = lambda box: host._answer(box)
    _add("ScriptedLoadableModule", scripted_module.module())
    _add("parameterNodeWrapper", parameters.module())
    i18n = types.ModuleType("slicer.i18n")
    i18n.tr = i18n.translate = lambda text, *_words: text
    _add("i18n", i18n)
    sample = types.ModuleType("SampleData")
    sample.SampleDataLogic = type(
        "SampleDataLogic", (), {"registerCustomSampleDataSource": staticmethod(lambda **words: _register_sample(host, words))}
    )
    slicer.modules.sampleDataSources = {}
    sys.modules["SampleData"] = sample
    slicer.util.pip_install = lambda words, **_named: host.installed.append(words)
    show = types.SimpleNamespace(ShowChartInLayout=host.charts.append)
    slicer.modules.plots = types.SimpleNamespace(logic=lambda: show)
    slicer.util.mainWindow = lambda verbose=True: host.window
    slicer.util.selectModule = lambda name: host.messages.append(f"module {name}")


def _register_sample(host: Host, words: dict[str, Any]) -> None:
    """Slicer wants one text, or lists of one length, and a file and a node for each address."""
    if not all(isinstance(words[key], str) for key in ("category", "sampleName", "uris", "fileNames", "nodeNames")):
        raise TypeError("The host takes samples of one file only")
    host.samples.append(words)
    slicer.modules.sampleDataSources.setdefault(words["category"], []).append(words)


def _add(name: str, module: types.ModuleType) -> None:
    sys.modules[f"slicer.{name}"] = module
    setattr(slicer, name, module)


logging.getLogger().setLevel(logging.INFO)
os.environ.setdefault("QT_LOGGING_RULES", "qt.qpa.*=false;qt.core.qobject.connect=false")  # see qMRMLWidget
