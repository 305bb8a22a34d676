"""The panel of files to save."""

from __future__ import annotations

from trame.widgets import html
from trame.widgets import vuetify3 as v

from spinemr.webapp.markup import marked

_FILES = (
    ("spinemr.zip", "Everything (zip)", "mdi-folder-zip-outline", "All files of spinemr run, and accepted corrections"),
    ("segmentation.seg.nrrd", "Segmentation (seg.nrrd)", "mdi-layers-outline", "For 3D Slicer, with names and colours"),
    ("segmentation.nii.gz", "Label map (nii.gz)", "mdi-numeric", "Anatomy numbers on the grid of the image"),
    ("scene.mrb", "Scene (mrb)", "mdi-cube-outline", "For 3D Slicer: images, segments, tables and audit in one file"),
    ("report.html", "Report (html)", "mdi-file-document-outline", "The page to read first; it fetches nothing"),
)


def build() -> None:
    """Make the panel."""
    with html.Div(classes="section", v_if="!structures.length"):
        html.Div("There is nothing to save yet: Harmonize & Segment makes the results.", classes="faint")
    with html.Div(classes="section exports", v_show="structures.length"):
        html.Div("Save the study as it is now", classes="section-title")
        for name, title, icon, hint in _FILES:
            v.VBtn(
                title, prepend_icon=icon, variant="tonal", block=True, href=f"export/{name}", title=hint,
                raw_attrs=marked(f"export-{name}", download=name),
            )  # fmt: skip
            html.Div(hint, classes="faint")
