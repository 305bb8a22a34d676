"""The panel of corrections: structure, tools, undo, levels, and what a person stands for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from trame.widgets import html
from trame.widgets import vuetify3 as v

from spinemr.imaging.anatomy import Anatomy, disc_below, name_of
from spinemr.webapp.correct_page import KEYS
from spinemr.webapp.correction import CUTS, SMOOTHERS
from spinemr.webapp.markup import marked

if TYPE_CHECKING:
    from spinemr.webapp.correct_page import CorrectPage
    from spinemr.webapp.session import Session

_ICONS = {
    "paint": "mdi-brush", "erase": "mdi-eraser", "draw": "mdi-lead-pencil", "scissors": "mdi-content-cut",
    "threshold": "mdi-contrast-box", "islands": "mdi-dots-hexagon", "smoothing": "mdi-blur",
}  # fmt: skip
_HINTS = {
    "paint": "Add to the structure with a brush",
    "erase": "Take away from the structure with a brush",
    "draw": "Draw an outline and fill it; a right click closes it",
    "scissors": "Draw a closed line that cuts through all slices",
    "threshold": "Take what lies in a range of brightness",
    "islands": "Keep or remove separate pieces",
    "smoothing": "Smooth the surface of the structure",
}
_SMALL = {"density": "compact", "hide_details": True}
_KEYS_TO_THE_TOOLS = '@update:menu="$event || window.setTimeout(() => window.document.activeElement.blur())"'
"""Once a structure was chosen its field gives the keyboard back."""


def build(session: Session, page: CorrectPage) -> None:
    """Make the panel."""
    with html.Div(classes="section", v_if="!structures.length"):
        html.Div("There is nothing to correct yet: Harmonize & Segment makes the structures.", classes="faint")
    with html.Div(v_show="structures.length"):
        _structure(session, page)
        _tools(session, page)
        _settings(session, page)
        _levels(session, page)
        _acceptance(session, page)


def every_structure() -> list[dict[str, object]]:
    """All structures that can be made where they were missed: the lumbar spine with what borders on it."""
    bones = [Anatomy.T10, Anatomy.T11, Anatomy.T12, Anatomy.L1, Anatomy.L2, Anatomy.L3, Anatomy.L4, Anatomy.L5, Anatomy.L6]
    labels = [label for bone in bones for label in (int(bone), int(disc_below(bone)), 200 + int(bone))]
    labels += [int(one) for one in (Anatomy.SACRUM, Anatomy.CANAL, Anatomy.CORD)]
    return [{"title": name_of(label), "value": label} for label in labels]


def _structure(session: Session, page: CorrectPage) -> None:
    with html.Div(classes="section"):
        html.Div("1. Choose the structure", classes="section-title")
        v.VAutocomplete(
            model_value=("editing || null",), items=("every_structure", every_structure()), variant="outlined",
            update_modelValue=(session.guarded(page.choose), "[$event]"), label="Structure",
            raw_attrs=[*marked("editing", "Structure to correct"), _KEYS_TO_THE_TOOLS], **_SMALL,
        )  # fmt: skip


def _tools(session: Session, page: CorrectPage) -> None:
    shortcut = {tool: key for key, tool in KEYS.items()}
    with html.Div(classes="section"):
        html.Div("2. Correct it", classes="section-title")
        with html.Div(classes="tools"):
            for tool, icon in _ICONS.items():
                v.VBtn(
                    icon=icon, size="small", rounded="lg", variant=(f"tool === '{tool}' ? 'flat' : 'tonal'",),
                    color=(f"tool === '{tool}' ? 'primary' : undefined",), disabled=("!editing",),
                    click=(session.guarded(page.take), f"['{tool}']"), title=f"{_HINTS[tool]} ({shortcut[tool].upper()})",
                    raw_attrs=marked(f"tool-{tool}", tool.capitalize()),
                )  # fmt: skip
        with html.Div(classes="tools"):
            for title, icon, action, able, key in (
                ("Undo", "mdi-undo", page.correction.undo, "can_undo", "Ctrl+Z"),
                ("Redo", "mdi-redo", page.correction.redo, "can_redo", "Ctrl+Y"),
            ):
                v.VBtn(
                    title, prepend_icon=icon, size="small", variant="tonal", disabled=(f"!{able}",),
                    click=session.guarded(action), title=f"{title} ({key})", raw_attrs=marked(title.lower()),
                )  # fmt: skip


def _settings(session: Session, page: CorrectPage) -> None:
    with html.Div(classes="section", v_show="['paint', 'erase'].includes(tool)"):
        with html.Div(classes="slider-row", title="Diameter of the brush ([ and ])"):
            html.Span("Brush")
            v.VSlider(v_model=("brush_mm",), min=1, max=40, step=0.5, raw_attrs=marked("", "Brush diameter in mm"), **_SMALL)
            html.Span("{{ brush_mm }} mm", classes="figure")
        v.VCheckbox(v_model=("sphere",), label="Across slices (sphere)", **_SMALL)
        html.Div("Without a mouse: crosshair X, move it with arrows, paint with space", classes="faint mouse-help")
    with html.Div(classes="section", v_show="tool === 'scissors'"):
        v.VSelect(v_model=("cut",), items=("cuts", list(CUTS)), label="The line will", variant="outlined", **_SMALL)
    with html.Div(classes="section", v_show="tool === 'threshold'"):
        v.VRangeSlider(
            v_model=("threshold",), min=("threshold_range[0]",), max=("threshold_range[1]",), raw_attrs=marked("", "Range"),
            **_SMALL,
        )  # fmt: skip
        html.Div("{{ threshold[0].toFixed(0) }} to {{ threshold[1].toFixed(0) }}", classes="faint")
        _apply(session, "Make it the structure", page.apply_threshold, "apply-threshold")
    with html.Div(classes="section", v_show="tool === 'islands'"):
        _apply(session, "Keep the largest piece", page.keep_largest, "keep-largest")
        v.VTextField(v_model_number=("island_voxels",), type="number", min=2, label="Voxels", variant="outlined", **_SMALL)
        _apply(session, "Remove smaller pieces", page.remove_small, "remove-small")
    with html.Div(classes="section", v_show="tool === 'smoothing'"):
        v.VSelect(v_model=("smoother",), items=("smoothers", list(SMOOTHERS)), label="Method", variant="outlined", **_SMALL)
        with html.Div(classes="slider-row"):
            html.Span("Size")
            v.VSlider(v_model=("smooth_mm",), min=1, max=10, step=0.5, raw_attrs=marked("", "Size in mm"), **_SMALL)
            html.Span("{{ smooth_mm }} mm", classes="figure")
        _apply(session, "Smooth", page.smooth, "smooth")


def _apply(session: Session, title: str, action: Callable[[], None], testid: str) -> None:
    v.VBtn(title, size="small", variant="tonal", block=True, click=session.guarded(action), raw_attrs=marked(testid))


def _levels(session: Session, page: CorrectPage) -> None:
    with html.Div(classes="section"):
        html.Div("Levels off by one?", classes="section-title")
        with html.Div(classes="tools"):
            for title, levels, icon in (("L4 is L3", -1, "mdi-arrow-up"), ("L4 is L5", 1, "mdi-arrow-down")):
                v.VBtn(
                    title, prepend_icon=icon, size="small", variant="tonal", click=(session.guarded(page.shift), f"[{levels}]"),
                    title="Calls every vertebra and disc by the name of the next level", raw_attrs=marked(f"shift{levels:+d}"),
                )  # fmt: skip


def _acceptance(session: Session, page: CorrectPage) -> None:
    with html.Div(classes="section"):
        html.Div("3. Accept", classes="section-title")
        v.VTextField(v_model=("note",), label="Note (optional, no patient's name)", variant="outlined", **_SMALL)
        v.VBtn(
            "Accept corrections", color="primary", block=True, classes="mt-2", prepend_icon="mdi-check",
            click=session.guarded(page.accept), raw_attrs=marked("accept"),
        )  # fmt: skip
        v.VBtn(
            "Back to the automatic segments", variant="text", size="small", block=True, click=session.guarded(page.discard),
            raw_attrs=marked("discard"),
        )  # fmt: skip
        with html.Ul(classes="reasons", v_if="accepted.length", raw_attrs=marked("accepted")):
            html.Li("{{ one }}", v_for="one in accepted", key="one")
