"""Choices that combo boxes show; the words of the command line are their values."""

from __future__ import annotations

import enum
from collections.abc import Callable

import qt
from slicer.i18n import tr as _


class Device(enum.Enum):
    """What a network runs on."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"
    MPS = "mps"

    def label(self) -> str:
        """As users read it."""
        names = {"auto": _("Automatic"), "cpu": _("Processor"), "cuda": _("NVIDIA graphics card"), "mps": _("Apple graphics")}
        return names[self.value]


class NamedChoice:
    """A combo box whose entries are known at run time only, kept in a text field of a parameter node."""

    def __init__(self, combo: qt.QComboBox, entries: list[tuple[str, str]], changed: Callable[[str], None]) -> None:
        self._combo, self._changed = combo, changed
        self._names: list[str] = []
        self.offer(entries)
        combo.currentIndexChanged.connect(self._onIndex)

    def offer(self, entries: list[tuple[str, str]]) -> None:
        """Put other entries there, which nobody has chosen from yet."""
        blocked = self._combo.blockSignals(True)
        self._names = [name for name, _title in entries]
        self._combo.clear()
        self._combo.addItems([title for _name, title in entries])
        self._combo.blockSignals(blocked)

    @property
    def name(self) -> str:
        """The chosen name; an empty text where there are none."""
        index = self._combo.currentIndex
        return self._names[index] if 0 <= index < len(self._names) else ""

    def show(self, name: str) -> None:
        """Choose a name; one that is no longer there leaves the first."""
        index = self._names.index(name) if name in self._names else 0
        if self._names and index != self._combo.currentIndex:
            self._combo.setCurrentIndex(index)

    def _onIndex(self, _index: object = None) -> None:
        if self._names:
            self._changed(self.name)
