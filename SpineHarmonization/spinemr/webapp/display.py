"""How a session's study is shown: structures, contrast, the fade between before and after, surfaces, measured lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import slicer

from spinemr.scene.label_maps import labels_of
from spinemr.scene.measurement_markups import add_measurement_markups, remove_measurement_markups
from spinemr.scene.selection import display_of, set_shown, show_all, show_only
from spinemr.scene.tables import rows_of
from spinemr.scene.views import jump_to, jump_to_structure, set_contrast_by_mouse
from spinemr.webapp.contrast import STEPS, contrast_of, set_automatic, set_contrast
from spinemr.webapp.views import LAYOUTS

if TYPE_CHECKING:
    from spinemr.webapp.session import Session

STATE: dict[str, Any] = {
    "fade": 0.0, "opacity": 50, "outlines": False, "surfaces": True, "lines": False, "layout": LAYOUTS[0], "contrast": [0, STEPS],
    "contrast_by_mouse": False, "structures": [],
}  # fmt: skip


class Display:
    """Binds the state of the page to what the views show."""

    def __init__(self, session: Session) -> None:
        self._session, self._state = session, session.state
        self._state.update(STATE)
        self._watched: list[tuple[Any, int]] = []
        change = self._state.change
        change("fade")(lambda fade, **_: self._show_fade(float(fade)))
        change("contrast")(lambda contrast, **_: self._show_contrast(contrast))
        change("opacity", "outlines")(lambda **_: self.show_opacity())
        change("layout")(lambda layout, **_: session.views.layouts.set_layout(layout))
        change("lines")(session.guarded(lambda **_: self.show_lines()))
        change("surfaces")(lambda **_: self._show_surfaces())
        change("contrast_by_mouse")(lambda contrast_by_mouse, **_: self._give_mouse(bool(contrast_by_mouse)))

    def begin(self) -> None:
        """Another study, without results."""
        self._state.update({"structures": [], "fade": 0.0, "lines": False, "contrast_by_mouse": False, "crosshair": False})
        self.follow_contrast()

    def follow_contrast(self) -> None:
        """Let the slider follow window and level of the images, whoever changes them."""
        for node, tag in self._watched:
            node.RemoveObserver(tag)
        case = self._session.study.case
        nodes = [one.GetScalarVolumeDisplayNode() for one in (case.volume, case.harmonized) if one is not None]
        self._watched = [(node, node.AddObserver("ModifiedEvent", lambda *_: self._tell_contrast())) for node in nodes]
        self._tell_contrast()

    def show_structures(self) -> None:
        """The list of structures anew."""
        self._state.structures = self._session.study.structures()

    def toggle(self, label: int) -> None:
        """Show or hide a structure."""
        shown = next(one["shown"] for one in self._state.structures if one["label"] == label)
        set_shown(self._session.study.segmentation, label, not shown)
        self._mark_shown()

    def show_kind(self, kind: str) -> None:
        """Show one kind of structures, or all."""
        study = self._session.study
        if kind == "all":
            show_all(study.segmentation)
        else:
            show_only(study.segmentation, [one["label"] for one in self._state.structures if one["kind"] == kind])
        self._mark_shown()

    def jump_to_structure(self, label: int) -> None:
        """Show the slices through a structure."""
        study = self._session.study
        self._state.main_tab = "images"
        jump_to_structure(self._session.views.slices, study.segmentation, study.volume, label)

    def jump_to(self, point_mm: list[float]) -> None:
        """Show the slices through a point."""
        self._state.main_tab = "images"
        jump_to(self._session.views.slices, point_mm)

    def automatic_contrast(self) -> None:
        """Window and level of what is seen, as it was shown first."""
        set_automatic(self._seen())
        self._tell_contrast()

    def show_opacity(self) -> None:
        """How strongly structures cover the image."""
        study, state = self._session.study, self._state
        if study.has_segments:
            display = display_of(study.segmentation)
            display.SetOpacity2DFill(0.0 if state.outlines else float(state.opacity) / 100)
            display.SetOpacity2DOutline(1.0 if state.outlines else min(1.0, float(state.opacity) / 50))

    def show_lines(self) -> None:
        """Disc heights and lordosis where they were measured; drawn anew where segments changed."""
        study = self._session.study
        if not study.is_open:
            return
        remove_measurement_markups(study.scene, study.volume)
        if self._state.lines and study.has_segments:
            table = study.case.measurements
            labels = labels_of(study.segmentation, study.volume)
            add_measurement_markups(study.scene, labels, None if table is None else rows_of(table), beside=study.volume)

    def _show_surfaces(self) -> None:
        self._session.correct.show_surfaces()
        if self._state.surfaces and self._session.study.has_segments:
            self._session.views.fit_3d()

    def _give_mouse(self, to_contrast: bool) -> None:
        set_contrast_by_mouse(self._session.app.scene, to_contrast)
        if to_contrast:
            self._session.correct.put_tool_away()

    def _seen(self) -> slicer.vtkMRMLScalarVolumeNode:
        """The original or the harmonized image, whichever is seen more."""
        case = self._session.study.case
        return case.harmonized if case.harmonized is not None and float(self._state.fade) >= 0.5 else case.volume

    def _show_fade(self, fade: float) -> None:
        self._session.views.set_fade(fade)
        if self._session.study.is_open:
            self._tell_contrast()

    def _show_contrast(self, contrast: list[int]) -> None:
        if self._session.study.is_open and contrast != contrast_of(self._seen()):
            set_contrast(self._seen(), *contrast)

    def _tell_contrast(self) -> None:
        found = contrast_of(self._seen())
        if self._state.contrast != found:
            with self._state:
                self._state.contrast = found

    def _mark_shown(self) -> None:
        shown = {one["label"]: one["shown"] for one in self._session.study.structures()}
        self._state.structures = [{**one, "shown": shown.get(one["label"], True)} for one in self._state.structures]
