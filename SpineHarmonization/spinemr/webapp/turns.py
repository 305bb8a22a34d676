"""Which view is drawn first: the one under the hand at once, the others when its picture has been sent.

All views are drawn in one thread, and a stroke changes all of them: without turns its picture waits for three others.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

from trame_server.utils.asynchronous import create_task
from trame_slicer.views import ScheduledRenderStrategy

_HAND = (
    "MouseMoveEvent", "LeftButtonPressEvent", "LeftButtonReleaseEvent", "MiddleButtonPressEvent", "RightButtonPressEvent",
    "MouseWheelForwardEvent", "MouseWheelBackwardEvent",
)  # fmt: skip
_LEFT_S = 1.0
"""How long a view keeps its turn after the hand rests."""
_PAUSES_S = (0.04, 0.06)
"""The first pause ends when the view under the hand has been drawn, the second one when its picture is on its way."""


class Turns:
    """The order in which views are drawn."""

    def __init__(self) -> None:
        self._first: Any = None
        self._since = 0.0
        self._waiting: dict[int, Any] = {}

    def watch(self, view: Any, adapter: Any) -> None:  # noqa: ANN401 - a view of trame-slicer and what sends its pictures
        """Let a view be drawn in its turn."""
        for event in _HAND:
            view.interactor().AddObserver(event, lambda *_: self.take(view), 1.0)
        view.set_scheduled_render(_InTurn(self, view, adapter))

    def take(self, view: Any) -> None:  # noqa: ANN401
        """The hand is in this view."""
        self._first, self._since = view, time.monotonic()

    @property
    def last(self) -> Any:  # noqa: ANN401
        """The view the hand was in last; ``None`` in the beginning."""
        return self._first

    def draw(self, view: Any, adapter: Any) -> None:  # noqa: ANN401
        """Draw a view, at once or behind the one under the hand."""
        others_wait = self._first is not None and time.monotonic() - self._since < _LEFT_S
        if not others_wait or view is self._first:
            adapter.schedule_render()
            return
        if not self._waiting:
            create_task(self._draw_others())
        self._waiting[id(view)] = adapter

    async def _draw_others(self) -> None:
        for pause in _PAUSES_S:
            await asyncio.sleep(pause)
        waiting, self._waiting = self._waiting, {}
        for adapter in waiting.values():
            adapter.schedule_render()


class _InTurn(ScheduledRenderStrategy):  # type: ignore[misc]
    def __init__(self, turns: Turns, view: Any, adapter: Any) -> None:  # noqa: ANN401
        super().__init__()
        self._turns, self._view, self._adapter = turns, view, adapter

    def schedule_render(self) -> None:
        """Called by the displayable managers of the view when what it shows has changed."""
        self._turns.draw(self._view, self._adapter)
