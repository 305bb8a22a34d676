"""The part of the panel that chooses how a study is harmonized."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trame.widgets import html
from trame.widgets import vuetify3 as v

from spinemr.webapp.markup import marked
from spinemr.webapp.whole_job import methods

if TYPE_CHECKING:
    from spinemr.webapp.whole_job import WholeJob

_SMALL = {"density": "compact", "hide_details": True}
_WHAT = {
    "images": "Whose appearance: an image, several, a DICOM series, or a fitted method (.json)",
    "network": "A network of your own: its card and its files, or a fitted method (.json)",
    "any": "A network of your own or a fitted method, which then says the method",
}


def build(job: WholeJob) -> None:
    """Make it."""
    with html.Div(classes="options"):
        v.VSelect(
            v_model=("method",), items=("methods", methods()), label="Harmonization", variant="outlined",
            raw_attrs=marked("method"), **_SMALL,
        )  # fmt: skip
        v.VSelect(
            v_model=("target",), items=("targets",), label="Target", variant="outlined", v_show="targets.length && !reference",
            raw_attrs=marked("target"), **_SMALL,
        )  # fmt: skip
        with html.Div(classes="reference", v_show="takes && (takes !== 'any' || reference || more)"):
            _reference(job)
        html.Div("{{ method_problem }}", v_show="method_problem", classes="faint problem", raw_attrs=marked("method-problem"))
        html.Button(
            "{{ more ? 'Fewer options' : 'More options' }}", click="more = !more", classes="link more-link",
            raw_attrs=marked("more-options"),
        )  # fmt: skip
        with html.Div(classes="options", v_show="more"):
            with html.Div(classes="slider-row", v_show="method !== 'none'", title="How far the image goes to its target"):
                html.Span("Strength")
                v.VSlider(v_model=("strength",), min=5, max=100, step=5, raw_attrs=marked("", "Strength in percent"), **_SMALL)
                html.Span("{{ strength }} %", classes="figure")
            v.VSelect(
                v_model=("segment_on",), label="Segment", variant="outlined", v_show="method !== 'none'",
                items=("images_to_segment", [
                    {"title": "the original image", "value": "source"}, {"title": "the harmonized image", "value": "harmonized"},
                ]), raw_attrs=marked("segment-on"), **_SMALL,
            )  # fmt: skip
            v.VCheckbox(
                v_model=("parts",), label="Posterior elements apart", title="Tell vertebral bodies and posterior elements apart",
                **_SMALL,
            )  # fmt: skip


def _reference(job: WholeJob) -> None:
    for title, icon, folder in (("Reference", "mdi-file-outline", False), ("Folder", "mdi-folder-open-outline", True)):
        v.VBtn(
            title, prepend_icon=icon, size="small", variant="tonal", v_show="!reference", title=(f"({_WHAT})[takes]",),
            click=f"window.spinemr.choose({str(folder).lower()}, 'reference')",
            raw_attrs=marked("reference-folder" if folder else "reference"),
        )  # fmt: skip
    html.Span("Reference: {{ reference }}", v_show="reference", classes="faint", raw_attrs=marked("reference-said"))
    v.VBtn(
        icon="mdi-close", size="x-small", variant="text", v_show="reference", click=job.drop_reference,
        title="Do without this reference", raw_attrs=marked("", "Do without this reference"),
    )  # fmt: skip
