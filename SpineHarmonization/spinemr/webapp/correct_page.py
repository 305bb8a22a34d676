"""What the buttons of the correction panel do."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from trame_server.utils.asynchronous import create_task

from spinemr.imaging.anatomy import name_of
from spinemr.webapp.correction import BRUSHES, CUTS, SMOOTHERS, TOOLS, Correction
from spinemr.webapp.study import verdict_of

if TYPE_CHECKING:
    from spinemr.webapp.session import Session

STATE: dict[str, Any] = {
    "tool": "none", "editing": 0, "editing_name": "", "brush_mm": 6, "sphere": False, "can_undo": False, "can_redo": False,
    "cut": CUTS[0], "smoother": SMOOTHERS[0], "smooth_mm": 3, "island_voxels": 100, "threshold": [0, 1],
    "threshold_range": [0, 1], "note": "", "accepted": [], "unaccepted": False,
}  # fmt: skip
KEYS = {
    "p": "paint", "e": "erase", "d": "draw", "c": "scissors", "t": "threshold", "i": "islands", "m": "smoothing",
    "Escape": "none",
}  # fmt: skip
_SETTLED_S = 0.3
_STEP = 1.25


class CorrectPage:
    """Binds the state of the page to the correction of its study."""

    def __init__(self, session: Session) -> None:
        self._session, self._state = session, session.state
        self._state.update(STATE)
        self._pending: asyncio.Task[None] | None = None
        self.correction = Correction(session.study, session.app.segmentation_editor, session.folder, self._tell_soon)
        change = self._state.change
        change("brush_mm", "sphere")(lambda **_: self.correction.set_brush(float(self._state.brush_mm), bool(self._state.sphere)))
        change("cut")(lambda cut, **_: self.correction.set_cut(cut))
        change("threshold")(lambda **_: self._show_threshold())
        change("panel")(lambda panel, **_: self.put_away() if panel != "correct" else None)
        session.server.trigger("shortcut")(session.guarded(self.shortcut))

    def begin(self) -> None:
        """New segments are there to be corrected."""
        self.correction.begin(bool(self._state.surfaces))
        self._state.update({"tool": "none", "editing": 0, "editing_name": "", "accepted": [], "unaccepted": False})

    def choose(self, label: int) -> None:
        """Put a structure under the tools, and a brush into the hand where there is none."""
        self.correction.choose(int(label))
        self._state.update({"editing": int(label), "editing_name": name_of(int(label))})
        if all(one["label"] != int(label) for one in self._state.structures):
            self._session.display.show_structures()
        else:
            self._session.display.jump_to_structure(int(label))
        if self._state.tool == "none":
            self.take("paint")

    def take(self, tool: str) -> None:
        """Take a tool, or put it away by taking it again."""
        tool = "none" if tool == self._state.tool or tool not in TOOLS else tool
        self.correction.take(tool, float(self._state.brush_mm), bool(self._state.sphere))
        self._state.tool = tool
        if tool != "none":
            self._state.contrast_by_mouse = False
        self.show_surfaces()
        if tool == "threshold":
            low, high = self._session.study.volume.GetImageData().GetScalarRange()
            self._state.update({"threshold_range": [low, high], "threshold": self.correction.threshold})

    def put_away(self) -> None:
        """The panel was left."""
        self.correction.put_away()
        self._state.update({"tool": "none", "editing": 0, "editing_name": ""})
        self.show_surfaces()

    def put_tool_away(self) -> None:
        """The mouse is wanted for something else; the structure stays chosen."""
        if self._state.tool != "none":
            self.take("none")

    def show_surfaces(self) -> None:
        """Surfaces in 3D as wanted, but not with a tool in the hand: every stroke would wait for them."""
        self.correction.show_surfaces(self._with_surfaces)

    def shortcut(self, key: str) -> None:
        """A key was pressed while no field had the focus."""
        self._session.crosshair.shortcut(key)
        if key == "w":
            self._state.contrast_by_mouse = not self._state.contrast_by_mouse
        if self._state.panel != "correct" or not self._session.study.has_segments or self._state.working:
            return
        if key in KEYS:
            if key != "Escape" or self._state.tool != "none":
                self.take(KEYS[key])
        elif key == "undo":
            self.correction.undo()
        elif key == "redo":
            self.correction.redo()
        elif key == "dab":
            self.dab()
        elif key in ("[", "]"):
            size = float(self._state.brush_mm) * (_STEP if key == "]" else 1 / _STEP)
            self._state.brush_mm = min(max(round(size, 1), 1), 40)

    def dab(self) -> None:
        """One touch of the brush at the crosshair."""
        if self._state.crosshair and self._state.tool in BRUSHES:
            view = self._session.views.in_hand
            point_mm = self._session.crosshair.point_mm
            self.correction.dab(view, point_mm, float(self._state.brush_mm), bool(self._state.sphere))

    def keep_largest(self) -> None:
        """Only the largest piece stays."""
        self.correction.keep_largest()

    def remove_small(self) -> None:
        """Small pieces go."""
        self.correction.remove_small(int(self._state.island_voxels))

    def smooth(self) -> None:
        """Smooth the structure."""
        self.correction.smooth(self._state.smoother, float(self._state.smooth_mm))

    def apply_threshold(self) -> None:
        """The structure becomes what lies in the range."""
        self.correction.apply_threshold()

    def accept(self) -> None:
        """Stand for the segments; measurements follow."""
        sentences = self.correction.accept(str(self._state.note))
        self._state.update({"accepted": list(sentences), "note": "", "unaccepted": False})
        self._follow()

    def discard(self) -> None:
        """Back to the automatic segments."""
        self.correction.discard(bool(self._state.surfaces))
        self._state.update({"tool": "none", "editing": 0, "editing_name": "", "unaccepted": False})
        self._follow()

    def shift(self, levels: int) -> None:
        """Call all levels by other names."""
        self.correction.shift(int(levels))
        if self._state.editing:
            self.put_away()
        self._follow()

    @property
    def _with_surfaces(self) -> bool:
        return bool(self._state.surfaces) and self._state.tool == "none"

    def _show_threshold(self) -> None:
        if self._state.tool == "threshold":
            self.correction.set_threshold(self._state.threshold)

    def _follow(self) -> None:
        """Everything that tells of the segments anew."""
        self._session.display.show_structures()
        self._session.display.show_lines()
        self._state.verdict = verdict_of(self._session.study.case.quality)
        self._session.show_tables()

    def _tell_soon(self) -> None:
        """After a stroke: at once what can be undone, volumes when no stroke follows."""
        with self._state:
            able = {"can_undo": self.correction.can_undo, "can_redo": self.correction.can_redo}
            self._state.update({**able, "unaccepted": any(able.values())})
        if self._pending is not None:
            self._pending.cancel()
        self._pending = create_task(self._settle())

    async def _settle(self) -> None:
        await asyncio.sleep(_SETTLED_S)
        self._pending = None
        with self._state:
            self._session.display.show_structures()
