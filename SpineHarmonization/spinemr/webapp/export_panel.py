"""The panel of files to save."""

from __future__ import annotations

from trame.widgets import html
from trame.widgets import vuetify3 as v

from spinemr.webapp.markup import marked

_FILES = (
    ("spinemr.zip", "Everything (zip)", "mdi-folder-zip-outline", "All files of spinemr run, and what was corrected"),
    ("segmentation.seg.nrrd", "Segmentation (seg.nrrd)", "mdi-layers-outline", "For 3D Slicer, with names and colours"),
    ("segmentation.nii.gz", "Label map (nii.gz)", "mdi-numeric", "Anatomy numbers on the grid of the image"),
    ("segmentation.dcm", "DICOM SEG (dcm)", "mdi-hospital-box-outline", "For archives; names the patient as the images do"),
    ("scene.mrb", "Scene (mrb)", "mdi-cube-outline", "For 3D Slicer: images, segments, tables and audit in one file"),
    ("report.html", "Report (html)", "mdi-file-document-outline", "The page to read first; it fetches nothing"),
)
_NO_DICOM = "Refers to the images it was drawn on: for studies opened from DICOM"


def build() -> None:
    """Make the panel."""
    with html.Div(classes="section", v_if="!structures.length"):
        html.Div("There is nothing to save yet: Harmonize & Segment makes the results.", classes="faint")
    with html.Div(classes="section exports", v_show="structures.length"):
        html.Div("Save the study as it is now", classes="section-title")
        html.Div(
            "Some corrections were not accepted yet: what is saved holds them, but no audit tells of them.",
            v_show="unaccepted", classes="faint problem", raw_attrs=marked("unaccepted"),
        )  # fmt: skip
        for name, title, icon, hint in _FILES:
            dicom = name.endswith(".dcm")
            v.VBtn(
                title, prepend_icon=icon, variant="tonal", block=True, href=f"export/{name}", title=hint,
                disabled=("!study_is_dicom" if dicom else "false",), raw_attrs=marked(f"export-{name}", download=name),
            )  # fmt: skip
            html.Div(f"{{{{ study_is_dicom ? '{hint}' : '{_NO_DICOM}' }}}}" if dicom else hint, classes="faint")
