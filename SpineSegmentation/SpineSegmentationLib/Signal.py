"""A signal in plain Python: signals that PythonQt makes from Python classes can crash Slicer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Signal:
    """Calls everything that was connected, in that order."""

    def __init__(self) -> None:
        self._slots: list[Callable[..., Any]] = []

    def connect(self, slot: Callable[..., Any]) -> None:
        """Call a function from now on."""
        self._slots.append(slot)

    def disconnectAll(self) -> None:
        """Call nobody any more."""
        self._slots.clear()

    def emit(self, *values: object) -> None:
        """Call them; slots may come and go meanwhile."""
        for slot in tuple(self._slots):
            slot(*values)
