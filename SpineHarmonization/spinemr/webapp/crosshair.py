"""A crosshair in the slice views: set with a click or with Shift and the mouse, moved with the arrow keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from spinemr.scene.crosshair import Point, common_point_mm, crosshair_mm, hide_crosshair, moved_mm, point_under_mm, show_crosshair

if TYPE_CHECKING:
    from spinemr.webapp.session import Session

STEP_MM = 1.0
_WAYS: dict[str, Any] = {"ArrowLeft": "left", "ArrowRight": "right", "ArrowUp": "up", "ArrowDown": "down"}
_THROUGH: dict[str, Any] = {"PageUp": "nearer", "PageDown": "farther"}
KEYS = (*_WAYS, *_THROUGH)


class Crosshair:
    """Binds the state of the page to the crosshair of its scene."""

    def __init__(self, session: Session) -> None:
        self._session, self._state = session, session.state
        self._state.crosshair = False
        self._state.change("crosshair")(lambda **_: self._show())
        session.views.on_press(self._pressed)

    @property
    def point_mm(self) -> Point:
        """The point that is marked."""
        return crosshair_mm(self._session.app.scene)

    def shortcut(self, key: str) -> None:
        """A key was pressed: X shows and hides it, arrows move it in the view last used, page up and down from slice to slice."""
        if key == "x":
            self._state.crosshair = not self._state.crosshair
        elif key in KEYS and self._is_shown:
            view = self._session.views.in_hand
            step_mm = view.get_slice_step() if key in _THROUGH else STEP_MM
            self._mark(moved_mm(view.get_view_node(), self.point_mm, {**_WAYS, **_THROUGH}[key], step_mm))

    @property
    def _is_shown(self) -> bool:
        return bool(self._state.crosshair) and self._session.study.is_open

    def _show(self) -> None:
        if self._is_shown:
            self._mark(common_point_mm(self._session.views.slices))
        else:
            hide_crosshair(self._session.app.scene)

    def _pressed(self, view: Any, x: int, y: int) -> None:  # noqa: ANN401 - a slice view
        if self._is_shown and self._state.tool == "none" and not self._state.contrast_by_mouse:
            self._mark(point_under_mm(view.get_view_node(), x, y))

    def _mark(self, point_mm: Sequence[float]) -> None:
        show_crosshair(self._session.app.scene, self._session.views.slices, point_mm)
