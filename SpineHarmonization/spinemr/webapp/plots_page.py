"""The charts of the page, made when they are looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trame.widgets import html
from trame.widgets import vuetify3 as v

from spinemr.scene.label_maps import labels_of
from spinemr.scene.roles import AUTOMATIC_ROLE
from spinemr.scene.tables import rows_of
from spinemr.scene.volumes import image_of
from spinemr.webapp.markup import marked
from spinemr.webapp.plots import plots_of

if TYPE_CHECKING:
    from spinemr.webapp.session import Session


class PlotsPage:
    """Makes the charts of the study as it is."""

    def __init__(self, session: Session) -> None:
        self._session, self._state = session, session.state
        self._state.update({"plots": [], "zoomed": ""})
        self._state.change("main_tab")(lambda main_tab, **_: self.show() if main_tab == "plots" else None)

    def show(self) -> None:
        """The charts anew."""
        study = self._session.study
        if not study.has_segments:
            self._state.plots = []
            return
        case = study.case
        kept = study.segmentation.GetNodeReference(AUTOMATIC_ROLE)
        self._state.plots = plots_of(
            [] if case.features is None else rows_of(case.features),
            image_of(case.volume),
            None if case.harmonized is None else image_of(case.harmonized),
            None if kept is None else image_of(kept),
            labels_of(study.segmentation, case.volume),
        )


def build() -> None:
    """Make the sheet of charts."""
    with (
        html.Div(classes="sheet plots", v_show="main_tab === 'plots'", raw_attrs=marked("plots")),
        html.Figure(
            v_for="one in plots", key="one.name",
            classes=("['plot', one.name, zoomed === one.name ? 'zoomed' : ''].join(' ')",),
        ),
    ):
        with html.Div(classes="plot-tools"):
            v.VBtn(
                icon=("zoomed === one.name ? 'mdi-magnify-minus-outline' : 'mdi-magnify-plus-outline'",), size="x-small",
                variant="text", color="black", click="zoomed = zoomed === one.name ? '' : one.name", title="Larger or smaller",
                raw_attrs=marked("", "Larger or smaller"),
            )  # fmt: skip
            v.VBtn(
                icon="mdi-download", size="x-small", variant="text", color="black", title="Save as SVG",
                click="window.spinemr.save(one.name + '.svg', one.svg)", raw_attrs=marked("save-plot", "Save as SVG"),
            )  # fmt: skip
        html.Div(v_html=("one.svg",), classes="plot-picture")
