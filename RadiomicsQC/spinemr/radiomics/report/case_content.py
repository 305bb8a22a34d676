"""What is known of a case, laid out as the content of its report: the same page from a run's results and from its folder."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import SimpleITK as sitk

from spinemr.imaging.geometry import WorkingFrame
from spinemr.imaging.provenance import versions
from spinemr.radiomics.preservation.preservation import Preservation
from spinemr.radiomics.report.content import ReportContent, ReportMap, ReportVerdict, StructureRow
from spinemr.radiomics.table import FeatureTable

TITLE = "Lumbar spine MRI: report"
LEVEL_NOTE = "Levels are counted from the sacrum and could be shifted by one: look at them before you use them."
_MOVEMENT_LIMIT_MM = 3.0


@dataclass(frozen=True)
class ReportCase:
    """Results of one case; images and label map lie on one grid."""

    image: sitk.Image
    image_name: str = "source"
    harmonized: sitk.Image | None = None
    reference: sitk.Image | None = None
    labels: sitk.Image | None = None
    kept: Preservation | None = None
    """Of image and harmonized."""
    verdict: ReportVerdict | None = None
    features: FeatureTable = field(default_factory=lambda: FeatureTable(()))
    measurements: Mapping[int, Mapping[str, float]] = field(default_factory=dict)
    """By label; what holds for the whole spine under 0."""
    confidences: Mapping[int, float] = field(default_factory=dict)
    """By label."""
    made_how: Mapping[str, str] = field(default_factory=dict)
    """How harmonized image and labels were made, as facts for people."""
    notes: tuple[str, ...] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)
    """As :meth:`spinemr.imaging.provenance.Provenance.as_dict` gives it."""


def case_content(case: ReportCase, title: str = TITLE) -> ReportContent:
    """The content of a case's report; where there are labels it always says that levels may be shifted."""
    kept = case.kept
    return ReportContent(
        title=title,
        verdict=case.verdict,
        facts={**_facts(case), **case.made_how},
        image=case.image,
        image_name=case.image_name,
        harmonized=case.harmonized,
        reference=case.reference,
        labels=case.labels,
        structures=_structures(case),
        features=case.features,
        maps=() if kept is None else (ReportMap(kept.movement_map, "movement of edges", "mm", _MOVEMENT_LIMIT_MM),),
        notes=(*case.notes, *(() if case.labels is None else (LEVEL_NOTE,))),
        provenance=_provenance(case.provenance),
    )


def measured_rows(table: str) -> dict[int, dict[str, float]]:
    """Figures by label from a table of measurements as CSV; what holds for the whole spine under 0."""
    lines = csv.DictReader(io.StringIO(table, newline=""))
    return {int(line.get("label") or 0): _numbers(line) for line in lines}


def _numbers(line: Mapping[str, str | None]) -> dict[str, float]:
    return {name: float(cell) for name, cell in line.items() if name not in ("label", "structure") and cell}


def _facts(case: ReportCase) -> dict[str, str]:
    frame = WorkingFrame.of(case.image)
    facts = {
        "Grid": " × ".join(str(n) for n in case.image.GetSize()) + " voxels",
        "Spacing": " × ".join(f"{step:.3g}" for step in case.image.GetSpacing()) + " mm",
        "Slices": "isotropic volume" if frame.is_isotropic else frame.plane,
    }
    if frame.obliquity_deg >= 1:
        facts["Turned against the body's axes by"] = f"{frame.obliquity_deg:.0f}°"
    if case.labels is not None:
        facts["Structures"] = str(np.count_nonzero(np.unique(sitk.GetArrayViewFromImage(case.labels))))
    if case.kept is not None:
        moved_mm = case.kept.moved_p95_mm
        facts["Likeness of source and harmonized (SSIM)"] = f"{case.kept.ssim:.3f}"
        facts["Movement of edges, 95th percentile"] = f"{moved_mm:.2f} mm" if math.isfinite(moved_mm) else "–"
    return facts


def _structures(case: ReportCase) -> tuple[StructureRow, ...]:
    if case.labels is None:
        return ()
    measured, sure = case.measurements, case.confidences
    voxel_mm3 = float(np.prod(case.labels.GetSpacing()))
    numbers, counts = np.unique(sitk.GetArrayViewFromImage(case.labels), return_counts=True)
    rows = [
        StructureRow(label, count * voxel_mm3, sure.get(label, math.nan), measured.get(label, {}))
        for label, count in zip(numbers.tolist(), counts.tolist(), strict=True)
        if label
    ]
    return (*rows, *([StructureRow(0, measurements=measured[0])] if 0 in measured else []))


def _provenance(made: Mapping[str, Any]) -> dict[str, str]:
    """Versions, models and parameters; no names of files, which may be names of patients."""
    said = {"Report": f"spinemr {versions()['spinemr']}"}
    if made.get("tool"):
        when = str(made.get("created", "an unknown time")).replace("T", " ").replace("+00:00", " UTC")
        said["Made by"] = f"{made['tool']}, {when}"
    for word, key in (("Versions", "versions"), ("Models (sha256)", "models")):
        values = made.get(key)
        if isinstance(values, Mapping) and values:
            said[word] = ", ".join(f"{name} {str(value)[:12] if key == 'models' else value}" for name, value in values.items())
    hashes = [str(one.get("sha256", ""))[:16] for one in made.get("inputs", ()) if isinstance(one, Mapping)]
    if hashes:
        said["Inputs (sha256)"] = ", ".join(hashes)
    return said
