"""The report on a study as one page, from the nodes that are there."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import slicer

from RadiomicsQCLib.Comparisons import featuresOf
from SpineSegmentationLib.StudyJob import StudyJob

if TYPE_CHECKING:
    from spinemr.pipeline.child_process import Outcome
    from spinemr.pipeline.jobs import Job


def beginReport(
    job: StudyJob, volume: slicer.vtkMRMLScalarVolumeNode, reference: slicer.vtkMRMLScalarVolumeNode | None, output: Path
) -> None:
    """Start a job that writes the page."""

    def prepare(image: Path, work: Path) -> list[Job]:
        from spinemr.pipeline.jobs import ReportJob

        folder = work / "case"
        folder.mkdir()
        image.rename(folder / "source.nrrd")
        writeCase(volume, reference, folder)
        return [ReportJob(folder, output)]

    job.begin(volume, prepare, _nothing)


def writeCase(
    volume: slicer.vtkMRMLScalarVolumeNode, reference: slicer.vtkMRMLScalarVolumeNode | None, folder: Path
) -> None:
    """Everything there is of a study as the files that a report is made of."""
    from spinemr.imaging.files import write_image, write_labels
    from spinemr.radiomics.table_files import write_table
    from spinemr.scene.case_nodes import case_of
    from spinemr.scene.label_maps import labels_of
    from spinemr.scene.tables import rows_of
    from spinemr.scene.volumes import image_of

    case = case_of(volume)
    for name, node in (("harmonized", case.harmonized), ("reference", reference)):
        if node is not None:
            write_image(image_of(node), folder / f"{name}.nrrd")
    if case.segmentation is not None:
        write_labels(labels_of(case.segmentation, volume), folder / "segmentation.nrrd")
    if case.measurements is not None:
        _write(rows_of(case.measurements), folder / "measurements.csv")
    if case.features is not None:
        write_table(featuresOf(case.features), folder / "features.csv")
    if case.quality:
        (folder / "qc.json").write_text(json.dumps(dict(case.quality)), encoding="utf-8")


def _write(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), restval="")
        writer.writeheader()
        writer.writerows({key: "" if value is None else value for key, value in row.items()} for row in rows)


def _nothing(_volume: slicer.vtkMRMLScalarVolumeNode, _work: Path, _outcome: Outcome) -> bool:
    """The page lies where it was wanted; nothing comes into the scene."""
    return False
