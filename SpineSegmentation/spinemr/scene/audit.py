"""Corrections accepted by a person: the automatic mask is kept beside, and each acceptance leaves an entry.

Both are nodes of the scene that the segmentation refers to, so they go where the scene goes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import SimpleITK as sitk

from spinemr.imaging.errors import InputError
from spinemr.imaging.version import __version__
from spinemr.scene.corrections import Correction, compare
from spinemr.scene.hierarchy import place_beside
from spinemr.scene.label_maps import labels_of
from spinemr.scene.roles import AUDIT_ROLE, AUTOMATIC_ROLE, CORRECTED
from spinemr.scene.volumes import image_of, set_image

if TYPE_CHECKING:
    import slicer


@dataclass(frozen=True)
class Accepted:
    """What a person stands for."""

    labels: sitk.Image
    """The corrected map of anatomy numbers: what is measured and exported."""
    correction: Correction


def keep_automatic(
    scene: slicer.vtkMRMLScene, segmentation: slicer.vtkMRMLSegmentationNode, volume: slicer.vtkMRMLScalarVolumeNode
) -> slicer.vtkMRMLLabelMapVolumeNode:
    """Keep the segments as they are as the automatic mask, in place of what was kept before; to be called before editing.

    The node is a label map that goes into saved scenes but stays out of lists and of the subject hierarchy.
    """
    labels = labels_of(segmentation, volume)
    kept = segmentation.GetNodeReference(AUTOMATIC_ROLE)
    if kept is None:
        kept = scene.CreateNodeByClass("vtkMRMLLabelMapVolumeNode")
        kept.UnRegister(None)
        kept.SetName(f"{segmentation.GetName()} (automatic)")
        kept.SetHideFromEditors(True)
        scene.AddNode(kept)
        segmentation.SetNodeReferenceID(AUTOMATIC_ROLE, kept.GetID())
    set_image(kept, labels, like=volume)
    return kept


def is_corrected(segmentation: slicer.vtkMRMLSegmentationNode) -> bool:
    """Whether corrections of these segments were accepted."""
    return segmentation.GetAttribute(CORRECTED) is not None


def accept_corrections(
    scene: slicer.vtkMRMLScene, segmentation: slicer.vtkMRMLSegmentationNode, volume: slicer.vtkMRMLScalarVolumeNode, *,
    note: str = "", when: datetime | None = None,
) -> Accepted:  # fmt: skip
    """The corrected label map and what was changed since :func:`keep_automatic`; adds an entry to the audit.

    The entry names structures, voxels and time (``when``, else now, in UTC), and no person but the one in ``note``.
    """
    automatic = _automatic(segmentation)
    labels = labels_of(segmentation, volume)
    if not sitk.GetArrayViewFromImage(labels).any():
        raise InputError("The segmentation holds no structure any more.", "Undo, or segment again.")
    correction = compare(automatic, labels)
    time = (when or datetime.now(timezone.utc)).astimezone(timezone.utc).isoformat(timespec="seconds")
    _append(scene, segmentation, {"time": time, "spinemr": __version__, "note": note, **correction.as_dict()})
    segmentation.SetAttribute(CORRECTED, time)
    return Accepted(labels, correction)


def audit_of(segmentation: slicer.vtkMRMLSegmentationNode) -> tuple[dict[str, Any], ...]:
    """The entries of a segmentation, the oldest first."""
    node = segmentation.GetNodeReference(AUDIT_ROLE)
    text = "" if node is None else node.GetText() or ""
    try:
        return tuple(json.loads(line) for line in text.splitlines() if line.strip())
    except json.JSONDecodeError:
        raise InputError("The entries on corrections cannot be read: somebody changed them.", "Remove that text node.") from None


def _automatic(segmentation: slicer.vtkMRMLSegmentationNode) -> sitk.Image:
    kept = segmentation.GetNodeReference(AUTOMATIC_ROLE)
    if kept is None:
        raise InputError("The automatic mask was not kept, so corrections cannot be told from it.", "Segment again.")
    return image_of(kept)


def _append(scene: slicer.vtkMRMLScene, segmentation: slicer.vtkMRMLSegmentationNode, entry: dict[str, Any]) -> None:
    entries = (*audit_of(segmentation), entry)
    node = segmentation.GetNodeReference(AUDIT_ROLE)
    if node is None:
        node = scene.AddNewNodeByClass("vtkMRMLTextNode", f"{segmentation.GetName()} audit")
        segmentation.SetNodeReferenceID(AUDIT_ROLE, node.GetID())
        place_beside(scene, node, segmentation)
    node.SetText("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in entries))
