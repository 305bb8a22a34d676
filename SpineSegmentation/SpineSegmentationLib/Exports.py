"""Segments as files: label map, segmentation, DICOM, surfaces, or a pair to train on."""

from __future__ import annotations

import enum
from collections.abc import Callable
from pathlib import Path
from typing import Any

import SimpleITK as sitk
import slicer
from slicer.i18n import tr as _

from SpineSegmentationLib import CaseFiles, Editing

DICOM_UIDS = "DICOM.instanceUIDs"
"""Attribute of volumes that Slicer loaded from DICOM."""


class ExportFormat(enum.Enum):
    """What can be written."""

    NIFTI = "nifti"
    NRRD = "nrrd"
    DICOM = "dicom"
    STL = "stl"
    TRAINING = "training"

    def label(self) -> str:
        """As users read it."""
        names = {
            "nifti": _("Label map (NIfTI)"), "nrrd": _("Segmentation (NRRD)"), "dicom": _("DICOM SEG"),
            "stl": _("Surfaces (STL)"), "training": _("Training pair"),
        }  # fmt: skip
        return names[self.value]


class Numbering(enum.Enum):
    """Whose numbers a label map holds."""

    VERSE = "verse"
    SPIDER = "spider"
    TOTALSPINESEG = "totalspineseg"

    def label(self) -> str:
        """As users read it; names of projects."""
        return {"verse": "VerSe", "spider": "SPIDER", "totalspineseg": "TotalSpineSeg"}[self.value]


def problem(volume: slicer.vtkMRMLScalarVolumeNode, kind: ExportFormat) -> str:
    """Why a format cannot be written; empty where it can."""
    if kind is ExportFormat.DICOM and not volume.GetAttribute(DICOM_UIDS):
        return _("DICOM SEG refers to the images it was drawn on: load the study through Slicer's DICOM module.")
    return ""


def export(
    volume: slicer.vtkMRMLScalarVolumeNode, folder: Path, kind: ExportFormat, numbering: Numbering = Numbering.VERSE
) -> list[Path]:
    """Write the volume's segments into a folder; returns what was written."""
    from spinemr.scene.case_nodes import case_of
    from spinemr.scene.label_maps import labels_of

    segmentation = case_of(volume).segmentation
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / CaseFiles.plainName(volume.GetName())
    if kind is ExportFormat.STL:
        return _surfaces(segmentation, folder)
    writers: dict[ExportFormat, Callable[[sitk.Image], list[Path]]] = {
        ExportFormat.NIFTI: lambda labels: _labelMap(labels, _with(target, "_labels.nii.gz"), numbering),
        ExportFormat.NRRD: lambda labels: _labelMap(labels, _with(target, ".seg.nrrd"), Numbering.VERSE),
        ExportFormat.DICOM: lambda labels: _dicom(volume, labels, _with(target, "_seg.dcm")),
        ExportFormat.TRAINING: lambda labels: _trainingPair(volume, segmentation, labels, target, numbering),
    }
    return writers[kind](labels_of(segmentation, volume))


def _labelMap(labels: sitk.Image, path: Path, numbering: Numbering) -> list[Path]:
    from spinemr.imaging.files import write_labels

    write_labels(labels, path, scheme=numbering.value)
    return [path]


def _surfaces(segmentation: slicer.vtkMRMLSegmentationNode, folder: Path) -> list[Path]:
    """One STL file a structure, in millimetres and LPS."""
    from spinemr.imaging.errors import OutputError

    before = {path: path.stat().st_mtime_ns for path in folder.glob("*.stl")}
    logic = slicer.vtkSlicerSegmentationsModuleLogic
    if not logic.ExportSegmentsClosedSurfaceRepresentationToFiles(str(folder), segmentation, None, "STL", True, 1.0, False):
        raise OutputError(_("The surfaces could not be written."), _("Is there room on the disk, and may you write there?"))
    return [path for path in sorted(folder.glob("*.stl")) if before.get(path) != path.stat().st_mtime_ns]


def _dicom(volume: slicer.vtkMRMLScalarVolumeNode, labels: sitk.Image, path: Path) -> list[Path]:
    from spinemr.scene.dicom_segmentation import write_dicom_segmentation

    identifiers = (volume.GetAttribute(DICOM_UIDS) or "").split()
    files = [Path(slicer.dicomDatabase.fileForInstance(uid)) for uid in identifiers]
    write_dicom_segmentation(labels, files, path)
    return [path]


def _trainingPair(
    volume: slicer.vtkMRMLScalarVolumeNode, segmentation: slicer.vtkMRMLSegmentationNode, labels: sitk.Image, target: Path,
    numbering: Numbering,
) -> list[Path]:  # fmt: skip
    """Image and labels on one grid, and what a person did to the labels."""
    from spinemr.imaging.atomic import write_json_atomic
    from spinemr.imaging.files import write_image
    from spinemr.imaging.version import __version__
    from spinemr.scene.audit import audit_of
    from spinemr.scene.volumes import image_of

    image, mask, about = (_with(target, end) for end in ("_image.nii.gz", "_labels.nii.gz", "_pair.json"))
    write_image(image_of(volume), image)
    _labelMap(labels, mask, numbering)
    content: dict[str, Any] = {
        "image": image.name, "labels": mask.name, "scheme": numbering.value, "spinemr": __version__,
        "transitional_vertebra": Editing.isTransitional(segmentation), "corrections": list(audit_of(segmentation)),
    }  # fmt: skip
    write_json_atomic(content, about)
    return [image, mask, about]


def _with(target: Path, ending: str) -> Path:
    return target.with_name(target.name + ending)
