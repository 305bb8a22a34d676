"""The tables of the page: measurements, and features before and after harmonization."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trame.widgets import html
from trame.widgets import vuetify3 as v

from spinemr.imaging.anatomy import name_of
from spinemr.scene.tables import rows_of
from spinemr.webapp.markup import marked
from spinemr.webapp.tables import feature_table, lordosis_deg, measurement_table

if TYPE_CHECKING:
    from spinemr.webapp.session import Session

STATE: dict[str, Any] = {
    "measure_headers": [], "measure_rows": [], "lordosis": None, "feature_rows": [], "feature_labels": [], "feature_label": None,
    "feature_search": "",
    "feature_headers": [
        {"key": "feature", "title": "Feature"}, {"key": "before", "title": "Before", "align": "end"},
        {"key": "after", "title": "After", "align": "end"}, {"key": "change", "title": "Change (%)", "align": "end"},
    ],
}  # fmt: skip


class TablesPage:
    """Keeps the tables of the page with those of the study."""

    def __init__(self, session: Session) -> None:
        self._session, self._state = session, session.state
        self._state.update(STATE)
        self._state.change("feature_label")(lambda **_: self._show_features())

    def show(self) -> None:
        """The tables as the study has them."""
        case = self._session.study.case
        rows = [] if case.measurements is None else rows_of(case.measurements)
        headers, lines = measurement_table(rows)
        features = [] if case.features is None else rows_of(case.features)
        labels = list(dict.fromkeys(label for row in features if isinstance(label := row.get("label"), int)))
        chosen = self._state.feature_label if self._state.feature_label in labels else (labels[0] if labels else None)
        self._state.update(
            {
                "measure_headers": headers, "measure_rows": lines, "lordosis": lordosis_deg(rows), "feature_label": chosen,
                "feature_labels": [{"title": name_of(label), "value": label} for label in labels],
            }
        )  # fmt: skip
        self._show_features()

    def _show_features(self) -> None:
        study = self._session.study
        if study.is_open and study.case.features is not None and self._state.feature_label is not None:
            self._state.feature_rows = feature_table(rows_of(study.case.features), int(self._state.feature_label))
        else:
            self._state.feature_rows = []


def build(session: Session) -> None:
    """Make both tables; each fills the middle of the page."""
    with html.Div(classes="sheet", v_show="main_tab === 'measurements'", raw_attrs=marked("measurements")):
        html.Div("Lordosis L1-S1: {{ lordosis }}°", v_show="lordosis !== null", classes="sheet-title")
        with v.VDataTable(
            headers=("measure_headers",), items=("measure_rows",), items_per_page=-1, density="compact", hover=True,
            fixed_header=True, hide_default_footer=True,
        ):  # fmt: skip
            _structure_links(session)
            _numbers("measure_headers.slice(1)", "item[one.key].toFixed(one.digits)")
    with html.Div(classes="sheet", v_show="main_tab === 'features'", raw_attrs=marked("features")):
        with html.Div(classes="sheet-tools"):
            v.VSelect(
                v_model=("feature_label",), items=("feature_labels",), label="Structure", density="compact", variant="outlined",
                hide_details=True,
            )  # fmt: skip
            v.VTextField(
                v_model=("feature_search",), label="Search", density="compact", variant="outlined", hide_details=True,
                clearable=True, prepend_inner_icon="mdi-magnify",
            )  # fmt: skip
        with v.VDataTable(
            headers=("feature_headers",), items=("feature_rows",), search=("feature_search",), items_per_page=-1,
            density="compact", hover=True, fixed_header=True, hide_default_footer=True,
        ):  # fmt: skip
            _numbers("feature_headers.slice(3)", "item[one.key].toFixed(2)")


def _structure_links(session: Session) -> None:
    with v.Template(raw_attrs=['v-slot:item.structure="{ item }"']):
        html.Button(
            "{{ item.structure }}", classes="link", click=(session.guarded(session.display.jump_to_structure), "[item.label]"),
            title="Show it in the images",
        )  # fmt: skip


def _numbers(columns: str, shown: str) -> None:
    """Show the numbers of some columns with as many digits as each column has."""
    with v.Template(raw_attrs=[f'v-for="one in {columns}"', 'v-slot:[`item.${one.key}`]="{ item }"', ':key="one.key"']):
        html.Span(f"{{{{ item[one.key] == null ? '' : {shown} }}}}")
