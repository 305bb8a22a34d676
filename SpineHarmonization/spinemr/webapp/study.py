"""The study of a session as nodes of its scene, and what the page tells of it as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import SimpleITK as sitk

from spinemr.imaging.anatomy import name_of, structure
from spinemr.imaging.errors import InputError
from spinemr.imaging.files import write_image
from spinemr.imaging.terminology import colour_of
from spinemr.scene.case_nodes import CaseNodes, case_of
from spinemr.scene.label_maps import labels_of, structure_numbers
from spinemr.scene.order import head_to_foot
from spinemr.scene.results import load_results
from spinemr.scene.selection import shown_structures
from spinemr.scene.volumes import add_volume, image_of
from spinemr.webapp.series import Origin

if TYPE_CHECKING:
    import slicer

Row = dict[str, Any]


class Study:
    """One volume and its results; empty until something was opened."""

    def __init__(self, scene: slicer.vtkMRMLScene) -> None:
        self.scene = scene
        self._volume: slicer.vtkMRMLScalarVolumeNode | None = None
        self._origin: Origin | None = None

    @property
    def is_open(self) -> bool:
        """Whether there is a volume."""
        return self._volume is not None

    @property
    def volume(self) -> slicer.vtkMRMLScalarVolumeNode:
        """The volume; refused where nothing was opened."""
        if self._volume is None:
            raise InputError("No study is open.", "Open one, or try a drawn study.")
        return self._volume

    @property
    def case(self) -> CaseNodes:
        """The volume with its results."""
        return case_of(self.volume)

    @property
    def segmentation(self) -> slicer.vtkMRMLSegmentationNode:
        """The segments; refused where there are none."""
        segmentation = self.case.segmentation
        if segmentation is None:
            raise InputError("The study has no segments.", "Harmonize & Segment makes them.")
        return segmentation

    @property
    def has_segments(self) -> bool:
        """Whether there are segments."""
        return self.is_open and self.case.segmentation is not None

    @property
    def dicom_files(self) -> list[Path]:
        """The files of the study's slices; refused where it is not from DICOM."""
        if self._origin is None:
            raise InputError("DICOM SEG refers to the images it was drawn on.", "Open the study from its DICOM files.")
        return self._origin.files()

    def open(self, image: sitk.Image, name: str, origin: Origin | None = None) -> None:
        """Put an image into the scene in place of everything that was there."""
        self.close()
        self._volume, self._origin = add_volume(self.scene, image, name), origin

    def close(self) -> None:
        """Empty the scene."""
        self._volume = self._origin = None
        self.scene.Clear(False)

    def write(self, path: Path) -> Path:
        """The volume as a file for the command line."""
        write_image(image_of(self.volume), path)
        return path

    def load(self, folder: Path) -> CaseNodes:
        """Bring the results of a run into the scene."""
        return load_results(self.scene, folder, self.volume)

    def structures(self) -> list[Row]:
        """Each structure from head to foot with its colour, volume and whether it is shown."""
        if not self.has_segments:
            return []
        segmentation = self.segmentation
        volumes = volumes_ml(labels_of(segmentation, self.volume))
        shown = shown_structures(segmentation)
        found = {number for number in structure_numbers(segmentation).values() if number is not None}
        return [
            {
                "label": label,
                "name": name_of(label),
                "colour": "#{:02x}{:02x}{:02x}".format(*colour_of(label)),
                "volume_ml": round(volumes.get(label, 0.0), 2),
                "kind": structure(label).kind.value,
                "shown": label in shown,
            }
            for label in sorted(found, key=head_to_foot)
        ]


def volumes_ml(labels: sitk.Image) -> dict[int, float]:
    """The volume of each structure of a label map."""
    counts = np.bincount(sitk.GetArrayViewFromImage(labels).ravel())
    voxel_ml = float(np.prod(labels.GetSpacing())) / 1000
    return {label: float(count) * voxel_ml for label, count in enumerate(counts) if label and count}


def verdict_of(quality: Mapping[str, Any]) -> Row:
    """What the card of the verdict shows of qc.json; empty where there is none."""
    if not quality.get("verdict"):
        return {}
    report = quality.get("segmentation") or {}
    harmonization = quality.get("harmonization") or {}
    stages = quality.get("stages") or {}
    failures = [stage.get("sentence", "") for stage in stages.values() if stage.get("state") == "failed"]
    return {
        "decision": quality["verdict"],
        "reasons": [_finding(one) for one in quality.get("reasons", ())],
        "passed": [_finding(one) for one in quality.get("passed", ())],
        "not_checked": [{key: one.get(key, "") for key in ("title", "why")} for one in quality.get("not_checked", ())],
        "failures": failures,
        "notes": list(dict.fromkeys([*report.get("flags", ()), *quality.get("notes", ())])),
        "counted_from": report.get("counted_from", ""),
        "confidence_percent": None if report.get("level_confidence") is None else round(100 * report["level_confidence"]),
        "method": harmonization.get("method", ""),
    }


def _finding(finding: Mapping[str, Any]) -> Row:
    place = finding.get("place") or {}
    return {
        "title": finding.get("title", ""),
        "sentence": finding.get("sentence", ""),
        "outcome": finding.get("outcome", ""),
        "slice": None if place.get("slice") is None else int(place["slice"]) + 1,
        "point_mm": place.get("point_mm"),
        "label": finding.get("label"),
    }
