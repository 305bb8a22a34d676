"""What tables of features and pairs of masks tell, as nodes of the scene: relative errors, agreement, scanner dependence."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import slicer
from slicer.i18n import tr as _

from RadiomicsQCLib.Features import HARMONIZED, REFERENCE, SOURCE

if TYPE_CHECKING:
    from spinemr.radiomics.table import FeatureTable

_KEYS = ("case", "image", "scanner", "label", "structure")


def featuresOf(table: slicer.vtkMRMLTableNode) -> FeatureTable:
    """A table node as features; texts in other columns than the keys are refused with the column's name."""
    from spinemr.imaging.errors import InputError
    from spinemr.radiomics.table import FeatureRow, FeatureTable
    from spinemr.scene.tables import rows_of

    rows = []
    for number, row in enumerate(rows_of(table)):
        features = {name: value for name, value in row.items() if name not in _KEYS and value is not None}
        strange = [name for name, value in features.items() if isinstance(value, str)]
        if strange:
            raise InputError(
                _("The column {name} holds texts, not numbers.").format(name=strange[0]), _("Choose a table of features.")
            )
        label, structure = row.get("label"), str(row.get("structure") or "")
        case, image, scanner = (str(row.get(key) or "") for key in ("case", "image", "scanner"))
        rows.append(FeatureRow(case or f"row {number + 1}", image, int(label or 0), structure, features, scanner))
    return FeatureTable(tuple(rows))


def comparedWith(features: FeatureTable) -> str:
    """The image that others are compared with: the reference where there is one, else the source; empty: nothing to compare."""
    images = {row.image for row in features}
    if REFERENCE in images and len(images) > 1:
        return REFERENCE
    return SOURCE if {SOURCE, HARMONIZED} <= images else ""


def addRelativeErrors(volume: slicer.vtkMRMLScalarVolumeNode, features: FeatureTable) -> Any:
    """Relative errors against the reference, or the change from source to harmonized, as heat map; one row a structure."""
    from spinemr.imaging.errors import InputError
    from spinemr.scene.heat_map import add_heat_map

    base = comparedWith(features)
    if not base:
        raise InputError(_("There is only one image to take features of."), _("Choose a harmonized or a reference volume, too."))
    rows, errors, names = _errors(features, base)
    title = _("relative errors") if base == REFERENCE else _("change by harmonization")
    return add_heat_map(
        slicer.mrmlScene, f"{volume.GetName()} {title}", rows, [_short(name) for name in names], errors,
        row_title="structure", beside=volume,
    )  # fmt: skip


def _errors(features: FeatureTable, base: str) -> tuple[list[str], list[list[float]], tuple[str, ...]]:
    """Rows of structures and images, and for each feature ``|x - r| / |r|``."""
    others = [name for name in dict.fromkeys(row.image for row in features) if name != base]
    against = {row.label: row for row in features if row.image == base}
    names = tuple(name for name in features.names if not name.startswith("original_shape"))
    rows, errors = [], []
    for image in others:
        for row in features.where(image=image):
            other = against.get(row.label)
            if other is not None:
                rows.append(row.structure if len(others) == 1 else f"{row.structure}, {image}")
                errors.append([_relative(row.features.get(name), other.features.get(name)) for name in names])
    return rows, errors, names


def _relative(value: float | None, reference: float | None) -> float:
    if value is None or reference is None or reference == 0:
        return math.nan
    return abs(value - reference) / abs(reference)


def _short(name: str) -> str:
    return name.removeprefix("original_")


def addAgreement(volume: slicer.vtkMRMLScalarVolumeNode, segmentation: slicer.vtkMRMLSegmentationNode) -> Any:
    """Bland-Altman plot of the structures' volumes in the automatic and in the corrected mask (corrected minus automatic)."""
    from spinemr.imaging.errors import InputError
    from spinemr.radiomics.statistics.agreement import bland_altman
    from spinemr.scene.agreement_plot import add_bland_altman
    from spinemr.scene.corrections import compare
    from spinemr.scene.label_maps import labels_of
    from spinemr.scene.roles import AUTOMATIC_ROLE
    from spinemr.scene.volumes import image_of

    automatic = segmentation.GetNodeReference(AUTOMATIC_ROLE)
    if automatic is None:
        raise InputError(_("There is no automatic mask to compare with."), _("Segment the study with Spine Segmentation."))
    correction = compare(image_of(automatic), labels_of(segmentation, volume))
    if not correction.changes:
        raise InputError(_("The mask is as the software drew it; there is nothing to compare."), _("Correct it first."))
    both = [one for one in correction.structures if one.automatic_voxels and one.corrected_voxels]
    found = bland_altman([one.automatic_mm3 / 1000 for one in both], [one.corrected_mm3 / 1000 for one in both])
    return add_bland_altman(
        slicer.mrmlScene, f"{volume.GetName()} {_('volumes, corrected minus automatic')}", found.means.tolist(),
        found.differences.tolist(), bias=found.bias.value, limits=(found.lower.value, found.upper.value),
        quantity=_("volume"), unit="ml", labels=[one.name for one in both], beside=volume,
    )  # fmt: skip


def addScannerDependence(cohort: slicer.vtkMRMLTableNode) -> tuple[slicer.vtkMRMLTableNode, str]:
    """P values of every feature for each scanner against the rest, and a sentence with how many differ."""
    from spinemr.radiomics.statistics.scanner_dependence import dependence_row, scanner_dependence
    from spinemr.scene.tables import add_table

    result = scanner_dependence(featuresOf(cohort))
    corrected = {test: result.p_values(test, "holm") for test in ("ks", "welch")}
    rows = [
        {
            "scanner": one, "against": other, "feature": _short(name),
            "ks_p": float(result.ks_p[line, place]), "ks_p_holm": float(corrected["ks"][line, place]),
            "welch_p": float(result.welch_p[line, place]), "welch_p_holm": float(corrected["welch"][line, place]),
        }
        for line, (one, other) in enumerate(result.contrasts)
        for place, name in enumerate(result.features)
    ]  # fmt: skip
    table = add_table(slicer.mrmlScene, f"{cohort.GetName()} scanner dependence", rows, beside=cohort)
    ks, holm = dependence_row(result, "ks"), dependence_row(result, "ks", "holm")
    text = _(
        "{plain:.0f} of {all} features ({share:.0f} %) differ between scanners (KS, p < 0.05); "
        "{strict:.0f} do after Holm's correction."
    )
    return table, text.format(plain=ks.mean_count, all=ks.features, share=ks.percent, strict=holm.mean_count)
