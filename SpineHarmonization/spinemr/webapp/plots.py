"""Charts of a study as SVG: how features changed, brightness before and after, automatic against corrected segments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import SimpleITK as sitk

from spinemr.imaging.anatomy import StructureKind, name_of, structure
from spinemr.radiomics.differentiable.features import SELECTED
from spinemr.radiomics.report.charts.bland_altman import AgreementLines, Band, bland_altman
from spinemr.radiomics.report.charts.heat_map import heat_map
from spinemr.radiomics.report.charts.histogram import histogram
from spinemr.radiomics.statistics.agreement import bland_altman as agreement_of
from spinemr.radiomics.statistics.estimate import Estimate
from spinemr.webapp.tables import relative_percent

Plot = dict[str, str]

_KINDS = (StructureKind.BODY, StructureKind.DISC)
HEAT_MAP_WIDTH = 420.0
"""Rows of names need more room than the other charts have; the page gives it as much more."""
_LEAST_LIMIT_PERCENT = 5.0
"""What the darkest colour says at least: errors nobody would notice are to look like that."""
_FEWEST = 3
"""Pairs without which limits of agreement mean nothing."""


def plots_of(
    features: Sequence[Mapping[str, Any]], source: sitk.Image, harmonized: sitk.Image | None, automatic: sitk.Image | None,
    current: sitk.Image,
) -> list[Plot]:  # fmt: skip
    """All charts that a study allows."""
    plots = []
    if harmonized is not None and features:
        plots.append({"name": "relative_errors", "svg": relative_errors(features)})
    inside = sitk.GetArrayViewFromImage(current) > 0
    for name, image in (("source", source), ("harmonized", harmonized)):
        if image is not None and inside.any():
            values = sitk.GetArrayViewFromImage(image)[inside].astype(float)
            title = "Brightness inside of the structures, " + ("before" if name == "source" else "after")
            plots.append({"name": f"histogram_{name}", "svg": histogram({name: values}, title=title, label="brightness")})
    if automatic is not None:
        svg = agreement(automatic, current)
        plots += [{"name": "agreement", "svg": svg}] if svg else []
    return plots


def relative_errors(features: Sequence[Mapping[str, Any]]) -> str:
    """How much each structure's features that Kim 2024 chose changed, in percent of what they were."""
    cells: dict[int, dict[str, Mapping[str, Any]]] = {}
    for row in features:
        if row.get("label") is not None and structure(int(row["label"])).kind in _KINDS:
            cells.setdefault(int(row["label"]), {})[str(row.get("image"))] = row
    names = [name for name in SELECTED if any(name in row for by_image in cells.values() for row in by_image.values())]
    changes = [
        [relative_percent(images.get("source", {}).get(name), images.get("harmonized", {}).get(name)) for name in names]
        for images in cells.values()
    ]
    grid = np.array([[np.nan if one is None else abs(one) for one in row] for row in changes], dtype=float)
    shown = [name.rpartition("_")[2] for name in names]
    title = "Relative error after harmonization"
    largest = float(np.nanmax(grid)) if np.isfinite(grid).any() else 0.0
    digits = 2 if largest < 10 else 1 if largest < 100 else 0
    limit = _LEAST_LIMIT_PERCENT if largest < _LEAST_LIMIT_PERCENT else None
    rows = [name_of(label) for label in cells]
    return heat_map(grid, rows, shown, title=title, unit="%", digits=digits, limit=limit, width=HEAT_MAP_WIDTH)


def agreement(automatic: sitk.Image, current: sitk.Image) -> str:
    """Volumes of the automatic structures against those as they are now; empty where too few are in both."""
    before, after = _volumes_ml(automatic), _volumes_ml(current)
    labels = [label for label in before if label in after]
    if len(labels) < _FEWEST or all(before[label] == after[label] for label in labels):
        return ""
    one, other = (np.array([volumes[label] for label in labels]) for volumes in (before, after))
    found = agreement_of(one, other)
    lines = AgreementLines(_band(found.bias), _band(found.lower), _band(found.upper))
    title = "Volumes, automatic and now"
    return bland_altman(one, other, lines, title=title, names=("automatic", "now"), unit="ml")


def _volumes_ml(labels: sitk.Image) -> dict[int, float]:
    values, counts = np.unique(sitk.GetArrayViewFromImage(labels), return_counts=True)
    voxel_ml = float(np.prod(labels.GetSpacing())) / 1000
    return {int(label): float(count) * voxel_ml for label, count in zip(values, counts, strict=True) if label}


def _band(estimate: Estimate) -> Band:
    return Band(estimate.value, estimate.low, estimate.high)
