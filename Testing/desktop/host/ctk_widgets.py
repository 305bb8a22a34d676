"""Stand-ins of the ctk widgets that the modules use: the same properties, signals and behaviour, plainer looks."""

from __future__ import annotations

from typing import Any

from PySide6 import QtCore, QtWidgets
from PySide6.QtCore import Property, Signal


class ctkCollapsibleButton(QtWidgets.QWidget):
    """A heading that folds away what stands below it."""

    contentsCollapsed = Signal(bool)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._heading = QtWidgets.QToolButton(self)
        self._heading.setToolButtonStyle(QtCore.Qt.ToolButtonTextBesideIcon)
        self._heading.setAutoRaise(False)
        self._heading.setStyleSheet("QToolButton { text-align: left; padding: 3px; border: none; background: palette(mid); }")
        self._heading.clicked.connect(lambda: self._set_collapsed(not self._collapsed))
        self._collapsed = False
        self._arrow()

    def resizeEvent(self, event: Any) -> None:
        """The heading spans the width."""
        super().resizeEvent(event)
        self._heading.setGeometry(0, 0, self.width, self._height())

    def event(self, event: QtCore.QEvent) -> bool:
        """Keep the contents below the heading, also when a layout comes later."""
        if event.type() == QtCore.QEvent.Type.LayoutRequest or event.type() == QtCore.QEvent.Type.Show:
            self.setContentsMargins(0, self._height(), 0, 0)
            self._fold()
        return super().event(event)

    def _height(self) -> int:
        return self._heading.sizeHint().height()

    def _arrow(self) -> None:
        self._heading.setArrowType(QtCore.Qt.RightArrow if self._collapsed else QtCore.Qt.DownArrow)

    def _fold(self) -> None:
        for child in self.children():
            if isinstance(child, QtWidgets.QWidget) and child is not self._heading and child.parent() is self:
                if self._collapsed and not child.isHidden():
                    child.setProperty("_folded", True)
                    child.hide()
                elif not self._collapsed and child.property("_folded"):
                    child.setProperty("_folded", False)
                    child.show()
        self.setMaximumHeight(self._height() if self._collapsed else 16777215)

    def _set_collapsed(self, collapsed: bool) -> None:
        if collapsed == self._collapsed:
            return
        self._collapsed = collapsed
        self._arrow()
        self._fold()
        self.contentsCollapsed.emit(collapsed)

    def _set_text(self, text: str) -> None:
        self._heading.setText(text)

    text = Property(str, lambda self: self._heading.text, _set_text)
    collapsed = Property(bool, lambda self: self._collapsed, _set_collapsed)


class ctkSliderWidget(QtWidgets.QWidget):
    """A slider with a spin box for the same number."""

    valueChanged = Signal(float)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._slider = QtWidgets.QSlider(QtCore.Qt.Horizontal, self)
        self._box = QtWidgets.QDoubleSpinBox(self)
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._slider, 1)
        layout.addWidget(self._box)
        self._step, self._tracks = 1.0, True
        self._box.valueChanged.connect(self._from_box)
        self._slider.valueChanged.connect(lambda place: self._box.setValue(place * self._step))

    def _from_box(self, value: float) -> None:
        self._slider.blockSignals(True)
        self._slider.setValue(round(value / self._step))
        self._slider.blockSignals(False)
        self.valueChanged.emit(value)

    def _range(self) -> None:
        self._slider.setRange(round(self._box.minimum / self._step), round(self._box.maximum / self._step))

    def _put(self, name: str, value: Any) -> None:
        self._box.setProperty(name, value)
        self._range()

    def _put_step(self, step: float) -> None:
        self._step = step
        self._box.setSingleStep(step)
        self._range()

    minimum = Property(float, lambda self: self._box.minimum, lambda self, value: self._put("minimum", value))
    maximum = Property(float, lambda self: self._box.maximum, lambda self, value: self._put("maximum", value))
    value = Property(float, lambda self: self._box.value, lambda self, value: self._box.setValue(value))
    singleStep = Property(float, lambda self: self._step, _put_step)
    pageStep = Property(float, lambda self: self._slider.pageStep, lambda self, value: None)
    decimals = Property(int, lambda self: self._box.decimals, lambda self, value: self._put("decimals", value))
    suffix = Property(str, lambda self: self._box.suffix, lambda self, value: self._put("suffix", value))
    tracking = Property(bool, lambda self: self._tracks, lambda self, value: setattr(self, "_tracks", value))

    def setValue(self, value: float) -> None:
        """The slot."""
        self._box.setValue(value)


class ctkPathLineEdit(QtWidgets.QWidget):
    """A path, typed or chosen."""

    Files, Dirs, Drives, NoDot, NoDotDot, Readable, Writable = 0x002, 0x001, 0x004, 0x2000, 0x4000, 0x010, 0x020
    currentPathChanged = Signal(str)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._edit, self._button = QtWidgets.QLineEdit(self), QtWidgets.QToolButton(self)
        self._button.setText("…")
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._edit, 1)
        layout.addWidget(self._button)
        self._filters = self._names = self._key = None
        self._edit.textChanged.connect(self.currentPathChanged.emit)

    def setCurrentPath(self, path: str) -> None:
        """The slot."""
        self._edit.setText(path)

    def addCurrentPathToHistory(self) -> None:
        """Remember the path for the next session, which the host does not have."""

    currentPath = Property(str, lambda self: self._edit.text, lambda self, path: self._edit.setText(path))
    filters = Property(int, lambda self: self._filters or 0, lambda self, value: setattr(self, "_filters", value))
    nameFilters = Property("QStringList", lambda self: self._names or [], lambda self, value: setattr(self, "_names", value))
    settingKey = Property(str, lambda self: self._key or "", lambda self, value: setattr(self, "_key", value))
    showHistoryButton = Property(bool, lambda self: False, lambda self, value: None)


class ctkMessageBox(QtWidgets.QMessageBox):
    """A message box; "do not show again" is left out."""


CTK_WIDGETS = {
    cls.__name__: cls for cls in (ctkCollapsibleButton, ctkSliderWidget, ctkPathLineEdit, ctkMessageBox)
}
