"""The views of a session: three slice views and one in 3D, their layouts, and what is drawn over each."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import slicer
from trame.widgets import html
from trame_slicer.core import LayoutManager, SlicerApp
from trame_slicer.rca_view import RemoteSliceViewFactory, RemoteThreeDViewFactory
from trame_slicer.views import Layout, LayoutDirection, ViewLayoutDefinition

from spinemr.scene.views import set_fade, show_sagittal, show_volumes, slice_views
from spinemr.webapp.markup import marked
from spinemr.webapp.turns import Turns

if TYPE_CHECKING:
    from trame_server import Server

SAGITTAL, AXIAL, CORONAL, THREE_D = "Yellow", "Red", "Green", "ThreeD"
TITLES = {SAGITTAL: "Sagittal", AXIAL: "Axial", CORONAL: "Coronal", THREE_D: "3D"}
LAYOUTS = ("Sagittal first", "Four views", "Sagittal only", "3D only")
_PICTURES = {"target_fps": 30.0, "blur_fps": 30.0, "interactive_quality": 90}
"""As good as a resting view is sent (90): then no view is drawn a second time for a better picture."""
_WHY_EMPTY = (
    "{{ !structures.length ? 'surfaces of what will be segmented' : !surfaces ? 'surfaces are off'"
    " : tool !== 'none' ? 'rests while a tool is in hand (Esc)' : '' }}"
)


class Views:
    """All views of one scene."""

    def __init__(self, server: Server, app: SlicerApp) -> None:
        self._server, self._app = server, app
        self._turns = Turns()
        overlays = {RemoteSliceViewFactory: self._slice_overlay, RemoteThreeDViewFactory: self._three_d_overlay}
        factories = [kind(server, populate_view_ui_f=overlay, **_PICTURES) for kind, overlay in overlays.items()]
        for factory in factories:
            app.view_manager.register_factory(factory)
        self.layouts = LayoutManager(app.scene, app.view_manager, server)
        self.layouts.register_layout_dict(_layouts())
        for view in app.view_manager.get_slice_views():
            view.render_window().SetMultiSamples(0)  # a slice is an image: nothing to smooth, and software rendering is slow
        for view in app.view_manager.get_threed_views():
            view.render_window().SetMultiSamples(0)  # with it what is faint is not drawn at all
            view.renderer().SetUseFXAA(True)
        for view in app.view_manager.get_views():  # without an observer VTK's key "e" ends the process
            view.interactor().AddObserver("ExitEvent", lambda *_: None)
        for factory in factories:
            for view in factory.get_views():
                self._turns.watch(view, factory.get_factory_view(view.get_singleton_tag()).view_adapter)
        self.layouts.set_layout(LAYOUTS[0])

    @property
    def slices(self) -> list[slicer.vtkMRMLSliceNode]:
        """The slice nodes of all slice views."""
        return [view.slice for view in slice_views(self._app.scene).values()]

    @property
    def composites(self) -> list[slicer.vtkMRMLSliceCompositeNode]:
        """What the slice views show, by their nodes."""
        return [view.composite for view in slice_views(self._app.scene).values()]

    @property
    def in_hand(self) -> Any:  # noqa: ANN401 - a slice view
        """The slice view that was used last; the sagittal one in the beginning."""
        last = self._turns.last
        return last if last in self._app.view_manager.get_slice_views() else self._app.view_manager.get_view(SAGITTAL)

    def on_press(self, act: Callable[[Any, int, int], None]) -> None:
        """Call ``act`` with a slice view and the pixel (from below) where the left button was pressed in it."""
        for view in self._app.view_manager.get_slice_views():
            call = functools.partial(lambda view, *_: act(view, *view.interactor().GetEventPosition()), view)
            view.interactor().AddObserver("LeftButtonPressEvent", call)

    def show(self, volume: slicer.vtkMRMLVolumeNode, harmonized: slicer.vtkMRMLVolumeNode | None, fade: float) -> None:
        """Show a volume, with its harmonized one over it."""
        show_volumes(self.composites, volume, foreground=harmonized, fade=fade, linked=False)
        self.render()

    def turn_to(self, volume: slicer.vtkMRMLVolumeNode) -> None:
        """Cut along the volume's own slices and fit it into every view."""
        found = slice_views(self._app.scene)
        show_sagittal([found[SAGITTAL].slice], volume)
        for name in (AXIAL, CORONAL):
            found[name].slice.SetOrientation(TITLES[name])
            found[name].slice.RotateToVolumePlane(volume)
        self.fit()

    def fit(self) -> None:
        """Fit what is shown into every view."""
        for view in self._app.view_manager.get_views():
            view.fit_view_to_content()

    def fit_3d(self) -> None:
        """Fit what is shown into the 3D views."""
        for view in self._app.view_manager.get_threed_views():
            view.fit_view_to_content()

    def set_fade(self, fade: float) -> None:
        """How much of the harmonized image is seen."""
        set_fade(self.composites, fade)
        self.render()

    def render(self) -> None:
        """Draw the slice views anew: they do not notice when only the weight of a layer changes."""
        for view in self._app.view_manager.get_slice_views():
            view.schedule_render()

    def _slice_overlay(self, _server: Server, _view_id: str, view: Any) -> None:  # noqa: ANN401 - a slice view
        tag = view.get_singleton_tag()
        step = f"slice_{tag}"
        self._server.state[step] = {"index": 0, "count": 1}
        view.modified.connect(lambda *_: self._tell(step, view))
        html.Div(classes="view-frame", raw_attrs=marked(f"view-{TITLES[tag].lower()}"))
        with html.Div(classes="view-title", v_show="study_open"):
            html.Span(TITLES[tag])
            number = f"{{{{ {step}.index + 1 }}}} / {{{{ {step}.count }}}}"
            html.Span(number, classes="view-number", raw_attrs=marked(f"number-{TITLES[tag].lower()}"))
        html.Input(
            type="range", classes="view-slider", min=0, max=(f"{step}.count - 1",), step=1, value=(f"{step}.index",),
            input=(lambda index: self._move(view, index), "[Number($event.target.value)]"), v_show="study_open",
            raw_attrs=marked("", f"{TITLES[tag]} slice"),
        )  # fmt: skip

    def _three_d_overlay(self, _server: Server, _view_id: str, _view: Any) -> None:  # noqa: ANN401 - a 3D view
        html.Div(classes="view-frame", raw_attrs=marked("view-3d"))
        with html.Div(classes="view-title", v_show="study_open"):
            html.Span(TITLES[THREE_D])
            html.Span(_WHY_EMPTY, classes="faint")

    def _tell(self, step: str, view: Any) -> None:  # noqa: ANN401
        (low, high), size = view.get_slice_range(), view.get_slice_step() or 1.0
        count = max(1, round((high - low) / size) + 1)
        index = min(max(round((view.get_slice_value() - low) / size), 0), count - 1)
        told = {"index": index, "count": count}
        if self._server.state[step] != told:
            with self._server.state:
                self._server.state[step] = told

    def _move(self, view: Any, index: float) -> None:  # noqa: ANN401
        self._turns.take(view)
        low, _ = view.get_slice_range()
        view.set_slice_value(low + index * view.get_slice_step())


def _layouts() -> dict[str, Layout]:
    sagittal, axial = ViewLayoutDefinition.sagittal_view(SAGITTAL), ViewLayoutDefinition.axial_view(AXIAL)
    coronal, three_d = ViewLayoutDefinition.coronal_view(CORONAL), ViewLayoutDefinition.threed_view(name=THREE_D)
    beside: Callable[[list[Any]], Layout] = lambda items: Layout(LayoutDirection.Vertical, items)  # noqa: E731
    across = LayoutDirection.Horizontal
    return {
        LAYOUTS[0]: Layout(across, [sagittal, beside([axial, coronal, three_d])], ["2", "1"]),
        LAYOUTS[1]: Layout(across, [beside([sagittal, axial]), beside([coronal, three_d])]),
        LAYOUTS[2]: beside([sagittal]),
        LAYOUTS[3]: beside([three_d]),
    }
