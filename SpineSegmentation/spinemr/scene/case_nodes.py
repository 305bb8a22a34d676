"""What was made of a volume, as nodes that the volume refers to: found again by every module, and in every saved scene."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import SimpleITK as sitk

from spinemr.imaging.errors import InputError
from spinemr.scene.audit import is_corrected, keep_automatic
from spinemr.scene.hierarchy import place_beside, remove_node
from spinemr.scene.measurement_markups import remove_measurement_markups
from spinemr.scene.roles import (
    AUTOMATIC_ROLE,
    FEATURES_ROLE,
    HARMONIZED_ROLE,
    MEASUREMENTS_ROLE,
    QUALITY_ROLE,
    SEGMENTATION_ROLE,
    SOURCE_ROLE,
    VERDICT_ROLE,
)
from spinemr.scene.segmentations import add_segmentation, set_segments
from spinemr.scene.selection import display_of
from spinemr.scene.tables import add_table, set_rows
from spinemr.scene.volumes import add_volume, set_image

if TYPE_CHECKING:
    import slicer

TABLES = {MEASUREMENTS_ROLE: "measurements", FEATURES_ROLE: "features", VERDICT_ROLE: "verdict"}
"""Roles of tables and what their nodes are called after the volume."""

_SHOWN = ("outcome", "structure", "sentence", "figure", "unit", "limit", "slice", "title", "label")
"""What the table of the verdict tells of each finding."""


@dataclass(frozen=True)
class CaseNodes:
    """The nodes of a case; ``None`` is what there is not."""

    volume: slicer.vtkMRMLScalarVolumeNode
    harmonized: slicer.vtkMRMLScalarVolumeNode | None
    segmentation: slicer.vtkMRMLSegmentationNode | None
    measurements: slicer.vtkMRMLTableNode | None
    features: slicer.vtkMRMLTableNode | None
    verdict: slicer.vtkMRMLTableNode | None
    """One row a finding, reasons first."""
    quality: Mapping[str, Any]
    """The content of qc.json."""

    @property
    def results(self) -> tuple[slicer.vtkMRMLNode, ...]:
        """The nodes that were made from the volume."""
        made = (self.harmonized, self.segmentation, self.measurements, self.features, self.verdict)
        return tuple(node for node in made if node is not None)

    @property
    def failures(self) -> tuple[str, ...]:
        """A sentence for each stage of the run that failed."""
        stages = self.quality.get("stages") or {}
        return tuple(str(stage.get("sentence", "")) for stage in stages.values() if stage.get("state") == "failed")


def case_of(volume: slicer.vtkMRMLScalarVolumeNode) -> CaseNodes:
    """The case of a volume, as far as there is one."""
    return CaseNodes(
        volume=volume,
        harmonized=volume.GetNodeReference(HARMONIZED_ROLE),
        segmentation=volume.GetNodeReference(SEGMENTATION_ROLE),
        measurements=volume.GetNodeReference(MEASUREMENTS_ROLE),
        features=volume.GetNodeReference(FEATURES_ROLE),
        verdict=volume.GetNodeReference(VERDICT_ROLE),
        quality=_quality_of(volume),
    )


def source_of(result: slicer.vtkMRMLNode) -> slicer.vtkMRMLScalarVolumeNode | None:
    """The volume a result was made from, where that is known and still there."""
    return result.GetNodeReference(SOURCE_ROLE)


def set_harmonized(
    scene: slicer.vtkMRMLScene, volume: slicer.vtkMRMLScalarVolumeNode, image: sitk.Image
) -> slicer.vtkMRMLScalarVolumeNode:
    """Put a harmonized image beside its volume, in place of an earlier one."""
    node = volume.GetNodeReference(HARMONIZED_ROLE)
    if node is not None:
        set_image(node, image, like=volume)
        return node
    return _linked(volume, HARMONIZED_ROLE, add_volume(scene, image, f"{volume.GetName()} harmonized", like=volume))


def set_segmentation(
    scene: slicer.vtkMRMLScene, volume: slicer.vtkMRMLScalarVolumeNode, labels: sitk.Image
) -> slicer.vtkMRMLSegmentationNode:
    """Put an automatic label map beside its volume, in place of an earlier one, and keep it to tell corrections from.

    Segments whose corrections were accepted are never replaced: they are hidden, and the new ones come beside them.
    """
    node = volume.GetNodeReference(SEGMENTATION_ROLE)
    if node is not None and not is_corrected(node):
        set_segments(node, labels, volume)
    else:
        if node is not None:
            display_of(node).SetVisibility(False)
        node = _linked(volume, SEGMENTATION_ROLE, add_segmentation(scene, labels, volume, f"{volume.GetName()} segmentation"))
    keep_automatic(scene, node, volume)
    return node


def set_table(
    scene: slicer.vtkMRMLScene, volume: slicer.vtkMRMLScalarVolumeNode, role: str, rows: Sequence[Mapping[str, Any]]
) -> slicer.vtkMRMLTableNode:
    """Put rows beside their volume, in place of those of the same role, one of ``TABLES``."""
    if role not in TABLES:
        raise InputError(f"A case has no table {role}.", f"Known are {', '.join(TABLES)}.")
    node = volume.GetNodeReference(role)
    if node is not None:
        set_rows(node, rows)
        return node
    return _linked(volume, role, add_table(scene, f"{volume.GetName()} {TABLES[role]}", rows, beside=volume))


def set_quality(scene: slicer.vtkMRMLScene, volume: slicer.vtkMRMLScalarVolumeNode, quality: Mapping[str, Any]) -> None:
    """Keep the content of qc.json with the volume, and its findings as a table."""
    text = json.dumps(quality)
    node = volume.GetNodeReference(QUALITY_ROLE)
    if node is None:
        node = _linked(volume, QUALITY_ROLE, scene.AddNewNodeByClass("vtkMRMLTextNode", f"{volume.GetName()} quality"))
        place_beside(scene, node, volume)
    node.SetText(text)
    rows = verdict_rows(quality)
    if rows:
        set_table(scene, volume, VERDICT_ROLE, rows)
    else:
        remove_result(scene, volume, VERDICT_ROLE)


def verdict_rows(quality: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The findings of qc.json, reasons first, as rows of a table."""
    findings = [*quality.get("reasons", ()), *quality.get("passed", ())]
    unchecked = [{"outcome": "not checked", **finding} for finding in quality.get("not_checked", ())]
    return [{key: finding.get(key) for key in _SHOWN} for finding in (*findings, *unchecked)]


def remove_result(scene: slicer.vtkMRMLScene, volume: slicer.vtkMRMLScalarVolumeNode, role: str) -> None:
    """Remove what a volume refers to in a role; corrected segments are hidden instead, and no longer belong to the case."""
    node = volume.GetNodeReference(role)
    if node is None:
        return
    volume.SetNodeReferenceID(role, None)
    if role == SEGMENTATION_ROLE and is_corrected(node):
        display_of(node).SetVisibility(False)
        return
    kept = node.GetNodeReference(AUTOMATIC_ROLE) if role == SEGMENTATION_ROLE else None
    for gone in (node, kept):
        if gone is not None:
            remove_node(scene, gone)


def remove_results(scene: slicer.vtkMRMLScene, volume: slicer.vtkMRMLScalarVolumeNode) -> None:
    """Remove everything that was made from a volume; the volume and corrected segments stay."""
    remove_measurement_markups(scene, volume)
    for role in (HARMONIZED_ROLE, SEGMENTATION_ROLE, *TABLES, QUALITY_ROLE):
        remove_result(scene, volume, role)


def _linked(volume: slicer.vtkMRMLVolumeNode, role: str, node: slicer.vtkMRMLNode) -> Any:  # noqa: ANN401 - a node of MRML
    volume.SetNodeReferenceID(role, node.GetID())
    node.SetNodeReferenceID(SOURCE_ROLE, volume.GetID())
    return node


def _quality_of(volume: slicer.vtkMRMLVolumeNode) -> dict[str, Any]:
    node = volume.GetNodeReference(QUALITY_ROLE)
    try:
        content = json.loads(node.GetText()) if node is not None else {}
    except (TypeError, ValueError):
        raise InputError("The quality node of the volume cannot be read: somebody changed it.", "Run the case again.") from None
    return content if isinstance(content, dict) else {}
