"""PySide6 with the manners of PythonQt, which is what modules see in Slicer as ``qt``.

In PythonQt a property is an attribute (``label.text``, ``button.enabled = False``) while its setter stays callable
(``label.setText("...")``), and objects have a ``name`` and a ``className()``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

from PySide6 import QtCore, QtGui, QtUiTools, QtWidgets

KEPT = {"sizeHint", "minimumSizeHint", "singleShot"}
"""Getters that C++ calls back, where Qt must find a method; ``QTimer.singleShot`` is a property and a static method."""


def qt_module() -> ModuleType:
    """The module ``qt``: QtCore, QtGui and QtWidgets under one name."""
    module = ModuleType("qt", "PySide6 with the manners of PythonQt")
    for source in (QtCore, QtGui, QtWidgets):
        vars(module).update({name: getattr(source, name) for name in dir(source) if name.startswith("Q")})
    vars(module)["QUiLoader"] = UiLoader
    vars(module)["Signal"] = None  # PythonQt's own signals crash Slicer; a module that asks for one fails here at once
    _teach_manners()
    return module


class UiLoader(QtUiTools.QUiLoader):
    """Makes the stand-ins of ctk's and MRML's widgets by their C++ names."""

    classes: dict[str, Callable[[QtWidgets.QWidget | None], QtWidgets.QWidget]] = {}

    def createWidget(self, class_name: str, parent: QtWidgets.QWidget | None = None, name: str = "") -> QtWidgets.QWidget:
        """A widget of a ``.ui`` file; one that nobody stands in for fails the load."""
        if class_name in self.classes:
            widget = self.classes[class_name](parent)
            widget.setObjectName(name)
            return widget
        if class_name.startswith(("ctk", "qMRML", "qSlicer")):
            raise RuntimeError(f"The host has no stand-in for {class_name}")
        return super().createWidget(class_name, parent, name)


def _teach_manners() -> None:
    if hasattr(QtCore.QObject, "_speaks_python_qt"):
        return
    for cls in _classes():
        _properties_as_attributes(cls)
    QtCore.QObject._speaks_python_qt = True
    QtCore.QObject.name = property(lambda self: self.objectName, lambda self, text: self.setObjectName(text))
    QtCore.QObject.className = lambda self: self.metaObject().className()
    for cls in (QtWidgets.QDialog, QtWidgets.QMessageBox, QtWidgets.QApplication, QtWidgets.QMenu):
        cls.exec_ = cls.exec


def _classes() -> Iterator[type]:
    for module in (QtCore, QtGui, QtWidgets):
        for name in dir(module):
            found = getattr(module, name)
            if isinstance(found, type) and issubclass(found, QtCore.QObject):
                yield found


def _properties_as_attributes(cls: type) -> None:
    described = cls.staticMetaObject
    for index in range(described.propertyOffset(), described.propertyCount()):
        name = described.property(index).name()
        own = vars(cls).get(name)
        if name in KEPT or (own is not None and not callable(own)):
            continue
        setattr(cls, name, property(_getter(name, own), _setter(name)))


def _getter(name: str, own: Callable[[Any], Any] | None) -> Callable[[Any], Any]:
    return (lambda self: own(self)) if own is not None else (lambda self: self.property(name))


def _setter(name: str) -> Callable[[Any, Any], None]:
    def put(self: QtCore.QObject, value: object) -> None:
        if not self.setProperty(name, value):
            raise AttributeError(f"{self.className()}.{name} does not take {value!r}")

    return put

