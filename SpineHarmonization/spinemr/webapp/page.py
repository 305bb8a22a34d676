"""The page of a session: its frame, and the views in the middle."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trame.ui.vuetify3 import VAppLayout
from trame.widgets import html
from trame.widgets import vuetify3 as v

from spinemr.imaging.version import __version__
from spinemr.webapp import correct_panel, export_panel, plots_page, study_panel, tables_page
from spinemr.webapp.markup import marked
from spinemr.webapp.views import LAYOUTS

if TYPE_CHECKING:
    from spinemr.webapp.session import Session

PANEL_WIDTH = 348
_TABS = (
    ("images", "Images", "mdi-view-grid-outline", "study_open"),
    ("measurements", "Measurements", "mdi-ruler", "measure_rows.length"),
    ("features", "Features", "mdi-table", "feature_labels.length"),
    ("plots", "Plots", "mdi-chart-scatter-plot", "structures.length"),
)


_CLOSED = """
<div class="closed" role="alert" data-testid="closed">
  <h1>The connection to SpineMR is closed</h1>
  <p>SpineMR was ended, or this session failed, or the network was interrupted. The study stays for half a minute.</p>
  <p><a href="index.html">Try to go on</a><a href="/">Open a new session</a></p>
  <p>Where neither answers, start SpineMR again: <code>spinemr app</code></p>
</div>
"""
"""What trame shows in place of the page once its socket is closed."""


def build(session: Session) -> None:
    """Make the page."""
    state = session.state
    state.trame__template_error = _CLOSED
    state.trame__title = "SpineMR"
    state.trame__favicon = None
    state.sending = 0
    with VAppLayout(session.server) as layout:
        layout.root.theme = "dark"
        _bar()
        with v.VNavigationDrawer(permanent=True, model_value=("study_open",), width=PANEL_WIDTH, classes="panel"):
            with v.VTabs(v_model=("panel",), density="compact", grow=True, color="primary"):
                v.VTab("Study", value="study", raw_attrs=marked("panel-study"))
                v.VTab("Correct", value="correct", raw_attrs=marked("panel-correct"))
                v.VTab("Save", value="save", raw_attrs=marked("panel-save"))
            with html.Div(v_show="panel === 'study'"):
                study_panel.build(session)
            with html.Div(v_show="panel === 'correct'"):
                correct_panel.build(session, session.correct)
            with html.Div(v_show="panel === 'save'"):
                export_panel.build()
        with v.VMain(classes="main"):
            _messages()
            with html.Div(classes="images", v_show="main_tab === 'images'"):
                session.views.layouts.initialize_layout_grid(layout)
            tables_page.build(session)
            plots_page.build()
            _welcome(session)
        _series(session)
        html.Div("Drop an image, a DICOM folder or a zip here", classes="drop-hint")


def _bar() -> None:
    with v.VAppBar(elevation=0, border="b", height=48, classes="bar"):
        with html.Div(classes="brand"):
            html.Span("SpineMR", classes="brand-name")
            html.Span(__version__, classes="brand-version")
        with v.VTabs(v_model=("main_tab",), density="compact", height=47, color="primary", v_show="study_open"):
            for value, title, icon, shown in _TABS:
                v.VTab(title, value=value, prepend_icon=icon, v_show=shown, raw_attrs=marked(f"tab-{value}"))
        v.VSpacer()
        html.Span("{{ study_name }} · {{ study_facts }}", classes="study-facts", v_show="study_open")
        v.VSelect(
            v_model=("layout",), items=("layouts", list(LAYOUTS)), density="compact", variant="outlined", hide_details=True,
            v_show="study_open && main_tab === 'images'", classes="layout-choice", prepend_inner_icon="mdi-view-quilt-outline",
            raw_attrs=marked("", "Layout of the views"),
        )  # fmt: skip
        html.Span("Not a medical device", classes="not-a-device")


def _messages() -> None:
    v.VAlert(
        "{{ error }}", type="error", density="compact", closable=True, v_if="error", click_close="error = ''", classes="message",
        raw_attrs=marked("error"),
    )  # fmt: skip
    v.VAlert(
        "{{ notice }}", type="info", density="compact", closable=True, v_if="notice && !error", click_close="notice = ''",
        classes="message", raw_attrs=marked("notice"),
    )  # fmt: skip


def _series(session: Session) -> None:
    with v.VDialog(model_value=("series.length > 0",), persistent=True, max_width=560), v.VCard(raw_attrs=marked("series")):
        v.VCardTitle("Which series?")
        with v.VList():
            v.VListItem(
                v_for="one in series", key="one.number", title=("one.number + ': ' + one.title",), subtitle=("one.facts",),
                click=(session.guarded(session.choose_series), "[one.number]"),
            )  # fmt: skip
        with v.VCardActions():
            v.VSpacer()
            v.VBtn("None of them", click="series = []")


def _welcome(session: Session) -> None:
    with html.Div(classes="welcome", v_if="!study_open"), html.Div(classes="welcome-card"):
        html.H1("Harmonize, segment and judge a lumbar MRI")
        html.P("Drop an image, a DICOM folder or a zip anywhere on this page. Nothing leaves the computer SpineMR runs on.")
        with html.Div(classes="welcome-buttons"):
            v.VBtn(
                "Open files", prepend_icon="mdi-file-outline", color="primary", click="window.spinemr.choose(false)",
                disabled=("working || sending > 0",), size="large",
            )  # fmt: skip
            v.VBtn(
                "Open a folder", prepend_icon="mdi-folder-open-outline", variant="tonal", click="window.spinemr.choose(true)",
                disabled=("working || sending > 0",), size="large",
            )  # fmt: skip
            v.VBtn(
                "Try a drawn study", prepend_icon="mdi-creation-outline", variant="tonal", size="large",
                click=lambda: session.start(session.open_drawn, "Drawing a study"), disabled=("working || sending > 0",),
                raw_attrs=marked("drawn"),
            )  # fmt: skip
        with html.Div(v_if="working || sending > 0", classes="welcome-work"):
            html.Div("{{ sending > 0 ? 'Sending files' : work_title }}{{ message ? ': ' + message : '' }}")
            v.VProgressLinear(
                model_value=("sending > 0 ? sending : 100 * fraction",), height=6, rounded=True, color="primary",
                indeterminate=("!sending && !fraction",), raw_attrs=marked("", "Progress"),
            )  # fmt: skip
        html.P("NIfTI, NRRD, MHA, DICOM (files, folder or zip), PNG, JPEG, TIFF", classes="faint")
