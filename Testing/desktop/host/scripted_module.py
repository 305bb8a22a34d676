"""Stand-ins of ``slicer.ScriptedLoadableModule``: the base classes of a module, its widget, its logic and its self test."""

from __future__ import annotations

import logging
import os
import unittest
from types import ModuleType
from typing import Any

import slicer
from PySide6 import QtWidgets


class ScriptedLoadableModule:
    """A module: what the application knows of it lies on ``parent``."""

    def __init__(self, parent: Any) -> None:
        self.parent = parent
        self.moduleName = type(self).__name__
        parent.title, parent.categories, parent.dependencies, parent.contributors = "", [], [], []
        parent.helpText = parent.acknowledgementText = ""

    def resourcePath(self, filename: str) -> str:
        """A file of the module's Resources."""
        return os.path.normpath(os.path.join(os.path.dirname(self.parent.path), "Resources", filename))

    def runTest(self, msec: int = 100, **_words: Any) -> None:
        """Run the module's self test."""
        test = getattr(__import__(self.moduleName), f"{self.moduleName}Test")()
        test.messageDelay = msec
        test.runTest()


class ScriptedLoadableModuleWidget:
    """The panel of a module."""

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        self.moduleName = type(self).__name__.removesuffix("Widget")
        self.developerMode = False
        self.parent = parent if parent is not None else QtWidgets.QWidget()
        self.layout = self.parent.layout() or QtWidgets.QVBoxLayout(self.parent)

    def resourcePath(self, filename: str) -> str:
        """A file of the module's Resources."""
        folder = os.path.dirname(slicer.util.modulePath(self.moduleName))
        return os.path.normpath(os.path.join(folder, "Resources", filename))

    def setup(self) -> None:
        """Called once, when the panel is made."""

    def cleanup(self) -> None:
        """Called when the panel goes."""


class ScriptedLoadableModuleLogic:
    """What a module can do without its panel."""

    def __init__(self, parent: Any = None) -> None:
        self.parent = parent
        self.moduleName = type(self).__name__.removesuffix("Logic")
        self.isSingletonParameterNode = True

    def getParameterNode(self) -> slicer.vtkMRMLScriptedModuleNode:
        """The scene's node of this module's parameters."""
        scene = slicer.mrmlScene
        for index in range(scene.GetNumberOfNodesByClass("vtkMRMLScriptedModuleNode")):
            node = scene.GetNthNodeByClass(index, "vtkMRMLScriptedModuleNode")
            if node.GetAttribute("ModuleName") == self.moduleName:
                return node
        node = scene.CreateNodeByClass("vtkMRMLScriptedModuleNode")
        node.UnRegister(None)
        node.SetSingletonTag(self.moduleName)
        node.SetModuleName(self.moduleName)
        node.SetAttribute("ModuleName", self.moduleName)
        node.SetName(self.moduleName)
        return scene.AddNode(node)


class ScriptedLoadableModuleTest(unittest.TestCase):
    """A self test, which Slicer runs from its Reload & Test button."""

    def __init__(self, *words: Any, **named: Any) -> None:
        super().__init__(*words, **named)
        self.messageDelay = 0

    def runTest(self) -> None:
        """All tests; modules say which."""

    def delayDisplay(self, message: str, msec: int | None = None, requestedDelay: int | None = None) -> None:
        """Say where the test is."""
        logging.info(message)


def module() -> ModuleType:
    """The module ``slicer.ScriptedLoadableModule``."""
    found = ModuleType("slicer.ScriptedLoadableModule")
    names = [f"ScriptedLoadableModule{part}" for part in ("", "Widget", "Logic", "Test")]
    vars(found).update({name: globals()[name] for name in names}, __all__=names)
    return found
