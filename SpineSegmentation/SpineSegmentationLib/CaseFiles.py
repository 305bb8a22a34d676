"""Nodes as files for the child process, and where the files of a run lie; their content carries no name."""

from __future__ import annotations

import re
from pathlib import Path

import slicer

FOLDER = "SpineMR.Folder"
"""Attribute of a volume: where the files of its last run lie."""


def writeVolume(volume: slicer.vtkMRMLScalarVolumeNode, folder: Path) -> Path:
    """The volume as a file without any name in it; NRRD keeps its position to the last digit."""
    from spinemr.imaging.files import write_image
    from spinemr.scene.volumes import image_of

    path = folder / "image.nrrd"
    write_image(image_of(volume), path)
    return path


def writeLabels(segmentation: slicer.vtkMRMLSegmentationNode, volume: slicer.vtkMRMLScalarVolumeNode, folder: Path) -> Path:
    """The segments on the volume's grid as a file of anatomy numbers."""
    from spinemr.imaging.files import write_labels
    from spinemr.scene.label_maps import labels_of

    path = folder / "labels.nrrd"
    write_labels(labels_of(segmentation, volume), path)
    return path


def rememberFolder(volume: slicer.vtkMRMLVolumeNode, folder: Path) -> None:
    """Note where the files of a run lie."""
    volume.SetAttribute(FOLDER, str(folder))


def reportOf(volume: slicer.vtkMRMLVolumeNode | None) -> Path | None:
    """The report of the last run, while its file is there."""
    folder = volume.GetAttribute(FOLDER) if volume is not None else None
    path = Path(folder) / "report.html" if folder else None
    return path if path is not None and path.is_file() else None


def plainName(name: str) -> str:
    """A name for a file or folder on every system."""
    return re.sub(r"[^\w.-]+", "_", name).strip("._")[:60] or "study"
