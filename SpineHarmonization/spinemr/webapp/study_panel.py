"""The panel of a study: opening, the whole job, its verdict, the structures and how they are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trame.widgets import html
from trame.widgets import vuetify3 as v

from spinemr.webapp import method_panel
from spinemr.webapp.contrast import STEPS
from spinemr.webapp.markup import marked

if TYPE_CHECKING:
    from spinemr.webapp.session import Session

_BUSY = "working || sending > 0"


def build(session: Session) -> None:
    """Make the panel."""
    _opening(session)
    _working(session)
    with html.Div(v_show="study_open"):
        _whole_job(session)
        _verdict(session)
        _display(session)
        _structures(session)


def _opening(session: Session) -> None:
    with html.Div(classes="opening", v_show="study_open"):
        for title, icon, folder in (("Files", "mdi-file-outline", "false"), ("Folder", "mdi-folder-open-outline", "true")):
            v.VBtn(
                title, prepend_icon=icon, size="small", variant="tonal", disabled=(_BUSY,),
                click=f"window.spinemr.choose({folder})", title="Open another study; this one and its results go",
            )  # fmt: skip
        v.VBtn(
            "Drawn", prepend_icon="mdi-creation-outline", size="small", variant="tonal", disabled=(_BUSY,),
            click=lambda: session.start(session.open_drawn, "Drawing a study"), title="Try a drawn study",
        )  # fmt: skip


def _working(session: Session) -> None:
    with html.Div(classes="section", v_if=_BUSY, raw_attrs=marked("work")):
        html.Div("{{ sending > 0 ? 'Sending files' : work_title }}", classes="section-title")
        v.VProgressLinear(
            model_value=("sending > 0 ? sending : 100 * fraction",), height=6, rounded=True, color="primary",
            indeterminate=("!sending && !fraction",), raw_attrs=marked("", "Progress"),
        )  # fmt: skip
        with html.Div(classes="phases", v_if="phase && work_title === 'Harmonize & Segment'"):
            html.Span(
                "{{ one }}", v_for="(one, place) in phases", key="one",
                classes=("['phase', one === phase ? 'now' : place < phases.indexOf(phase) ? 'done' : ''].join(' ')",),
            )  # fmt: skip
        html.Div("{{ message }}", classes="faint work-message")
        v.VBtn(
            "{{ cancelling ? 'Stopping' : 'Cancel' }}", block=True, variant="outlined", prepend_icon="mdi-stop-circle-outline",
            click=session.whole_job.cancel, disabled=("cancelling",), v_if="work_title === 'Harmonize & Segment' && working",
            raw_attrs=marked("cancel"),
        )  # fmt: skip


def _whole_job(session: Session) -> None:
    with html.Div(classes="section"):
        v.VBtn(
            "Harmonize & Segment", color="primary", block=True, size="large", prepend_icon="mdi-play", v_show=f"!({_BUSY})",
            click=lambda: session.start(session.whole_job.run, "Harmonize & Segment"), disabled=("!!method_problem",),
            raw_attrs=marked("run"),
        )  # fmt: skip
        with html.Div(v_show=f"!({_BUSY})"):
            method_panel.build(session.whole_job)
        with html.Details(classes="log", v_if="log.length"):
            html.Summary("Log ({{ log.length }})")
            html.Div("{{ line }}", v_for="(line, place) in log", key="place")


def _verdict(session: Session) -> None:
    with html.Div(classes="section verdict", v_if="verdict.decision", raw_attrs=marked("verdict")):
        with html.Div(classes=("'decision ' + verdict.decision.replaceAll(' ', '-')",)):
            v.VIcon("{{ {pass: 'mdi-check-circle', review: 'mdi-eye-outline'}[verdict.decision] || 'mdi-alert-octagon' }}")
            html.Span(
                "{{ {pass: 'Pass: no check failed', review: 'Review these points first'}[verdict.decision]"
                " || 'Do not trust this result' }}"
            )
        with html.Ul(classes="reasons"):
            html.Li("{{ one }}", v_for="one in verdict.failures", key="one", classes="failed")
            _findings(session, "verdict.reasons")
        html.Div(
            "Levels are counted from the {{ verdict.counted_from }} (confidence {{ verdict.confidence_percent }} %)"
            " and could be shifted by one.",
            classes="faint", v_if="verdict.confidence_percent !== null",
        )  # fmt: skip
        with html.Details(classes="more"):
            html.Summary("Everything that was checked ({{ verdict.passed.length }} passed)")
            with html.Ul(classes="reasons"):
                html.Li("{{ one }}", v_for="one in verdict.notes", key="one", classes="faint")
                _findings(session, "verdict.passed")
                html.Li("Not checked: {{ one.title }}. {{ one.why }}", v_for="one in verdict.not_checked", key="one.title")


def _findings(session: Session, expression: str) -> None:
    with html.Li(v_for=f"(one, place) in {expression}", key="place"):
        html.Span("{{ one.sentence }} ")
        html.Button(
            "slice {{ one.slice }}", v_if="one.point_mm", classes="link",
            click=(session.guarded(session.display.jump_to), "[one.point_mm]"), raw_attrs=marked("jump"),
        )  # fmt: skip


def _display(session: Session) -> None:
    with html.Div(classes="section"):
        with html.Div(classes="slider-row", title="What is black and what is white in the image seen"):
            html.Span("Contrast")
            v.VRangeSlider(
                v_model=("contrast",), min=0, max=STEPS, step=1, hide_details=True, density="compact",
                raw_attrs=marked("contrast", "Contrast"),
            )  # fmt: skip
            _small("mdi-crosshairs", "The same point in all views: click to set it, move it with the arrow keys (X)", "crosshair")
            _small("mdi-cursor-move", "Drag in a view: sideways window, up and down level (W)", "contrast_by_mouse")
            v.VBtn(
                icon="mdi-brightness-auto", size="x-small", variant="text", title="Automatic contrast",
                click=session.guarded(session.display.automatic_contrast), raw_attrs=marked("", "Automatic contrast"),
            )  # fmt: skip
        with html.Div(classes="slider-row", v_show="harmonized", title="Fade between the original and the harmonized image"):
            html.Span("Before")
            v.VSlider(
                v_model=("fade",), min=0, max=1, step=0.05, hide_details=True, density="compact", color="primary",
                raw_attrs=marked("", "Fade between before and after harmonization"),
            )  # fmt: skip
            html.Span("After")
        with html.Div(classes="slider-row", v_show="structures.length", title="How strongly structures cover the image"):
            html.Span("Overlay")
            v.VSlider(
                v_model=("opacity",), min=0, max=100, step=5, hide_details=True, density="compact", disabled=("outlines",),
                raw_attrs=marked("", "Overlay opacity"),
            )  # fmt: skip
            _small("mdi-vector-square", "Outlines only", "outlines")
            _small("mdi-ruler", "Measured lines: heights of discs, lordosis", "lines")
            _small("mdi-cube-outline", "Surfaces in 3D", "surfaces")
        html.Div("Wheel: slices · Right drag: zoom · Shift + move: views follow", classes="faint mouse-help")


def _small(icon: str, title: str, name: str) -> None:
    """A button that turns a part of the state on and off."""
    v.VBtn(
        icon=icon, size="x-small", variant=(f"{name} ? 'flat' : 'text'",), color=(f"{name} ? 'primary' : undefined",),
        click=f"{name} = !{name}", title=title, raw_attrs=marked(name, title, **{":aria-pressed": f"{name}"}),
    )  # fmt: skip


def _structures(session: Session) -> None:
    with html.Div(classes="section structures", v_show="structures.length", raw_attrs=marked("structures")):
        with html.Div(classes="section-title"):
            html.Span("Structures")
            for kind, title in (("all", "All"), ("vertebra", "Bones"), ("disc", "Discs")):
                html.Button(title, classes="link", click=(session.guarded(session.display.show_kind), f"['{kind}']"))
        with html.Div(v_for="one in structures", key="one.label", classes="structure"):
            v.VBtn(
                icon=("one.shown ? 'mdi-eye-outline' : 'mdi-eye-off-outline'",), size="x-small", variant="text",
                click=(session.guarded(session.display.toggle), "[one.label]"), title="Show or hide",
                raw_attrs=marked("", ("(one.shown ? 'Hide ' : 'Show ') + one.name",)),
            )  # fmt: skip
            html.Span(classes="swatch", style=("{ background: one.colour }",))
            html.Button(
                "{{ one.name }}", classes="structure-name", title="Jump to it",
                click=(session.guarded(session.display.jump_to_structure), "[one.label]"),
            )  # fmt: skip
            html.Span("{{ one.volume_ml.toFixed(1) }} ml", classes="volume")
