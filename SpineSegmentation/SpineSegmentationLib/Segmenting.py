"""One study segmented and measured in a process beside Slicer."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import slicer

from SpineSegmentationLib.StudyJob import StudyJob

if TYPE_CHECKING:
    from spinemr.pipeline.child_process import Outcome
    from spinemr.pipeline.jobs import Job

DEFAULT_MODEL = "balanced"
_LABELS, _REPORT, _MEASUREMENTS = "labels.seg.nrrd", "labels.json", "labels.csv"


@dataclass(frozen=True)
class SegmentationOptions:
    """How a study is segmented."""

    model: str = DEFAULT_MODEL
    device: str = "auto"
    parts: bool = True


def models() -> list[tuple[str, str]]:
    """Name and title of the segmentation models that came with this installation."""
    from spinemr.imaging.model_card import shipped_models

    return [(card.name, f"{card.name} {card.version}") for card in shipped_models() if card.task == "segmentation"]


def modelSummary(name: str) -> str:
    """What a model is, and what it is not."""
    from spinemr.imaging.model_card import shipped_models

    found = [card for card in shipped_models() if card.name == name]
    return "\n\n".join((found[0].title, found[0].intended_use, found[0].limits)) if found else ""


def beginSegmentation(job: StudyJob, volume: slicer.vtkMRMLScalarVolumeNode, options: SegmentationOptions) -> None:
    """Start a job."""

    def prepare(image: Path, work: Path) -> list[Job]:
        from spinemr.pipeline.jobs import SegmentJob

        return [SegmentJob(image, work / _LABELS, options.model, options.device, options.parts)]

    job.begin(volume, prepare, _load)


def _load(volume: slicer.vtkMRMLScalarVolumeNode, work: Path, outcome: Outcome) -> bool:
    """Bring segments, measurements and confidences into the scene; features and verdict of other segments go."""
    from spinemr.imaging.files import read_labels
    from spinemr.scene.case_nodes import FEATURES_ROLE, MEASUREMENTS_ROLE, remove_result, set_quality, set_segmentation, set_table
    from spinemr.scene.results import rows_of_csv

    if outcome.succeeded:
        scene = slicer.mrmlScene
        set_segmentation(scene, volume, read_labels(work / _LABELS))
        set_table(scene, volume, MEASUREMENTS_ROLE, rows_of_csv(work / _MEASUREMENTS))
        remove_result(scene, volume, FEATURES_ROLE)
        report = json.loads((work / _REPORT).read_text(encoding="utf-8"))
        set_quality(scene, volume, {"segmentation": {"segmented_on": "source", **report}})
    return False
