"""Radiomic features of every structure in up to three images of one study, taken in a process beside Slicer."""

from __future__ import annotations

import enum
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import slicer
from slicer.i18n import tr as _

from SpineSegmentationLib import CaseFiles
from SpineSegmentationLib.StudyJob import StudyJob

if TYPE_CHECKING:
    from spinemr.pipeline.child_process import Outcome
    from spinemr.pipeline.jobs import Job

SOURCE, HARMONIZED, REFERENCE = "source", "harmonized", "reference"
CLASSES = ("firstorder", "shape", "glcm", "glrlm", "glszm", "gldm", "ngtdm")


class Binning(enum.Enum):
    """How intensities are grouped before texture is looked at."""

    COUNT = "count"
    WIDTH = "width"

    def label(self) -> str:
        """As users read it."""
        return _("Fixed number of bins") if self is Binning.COUNT else _("Fixed width of bins")


@dataclass(frozen=True)
class FeatureOptions:
    """What is taken of which images, and how."""

    images: tuple[tuple[str, slicer.vtkMRMLScalarVolumeNode], ...] = ()
    """Images beside the volume itself, by name."""
    binning: Binning = Binning.COUNT
    binCount: int = 64
    binWidth: float = 25.0
    classes: tuple[str, ...] = CLASSES
    parameterFile: Path | None = None
    """pyradiomics' own file, in place of bins and classes."""

    def content(self) -> dict[str, Any]:
        """What pyradiomics' parameter file would say."""
        bins = {"binCount": self.binCount} if self.binning is Binning.COUNT else {"binWidth": self.binWidth}
        return {"setting": bins, "featureClass": {name: [] for name in self.classes}}


def saidPlainly(binning: Binning, binCount: int, binWidth: float) -> str:
    """What a choice of bins means, in a sentence or two."""
    if binning is Binning.COUNT:
        text = _(
            "Each structure's own range of intensities is divided into {count} bins. Images of different scales can be compared; "
            "how strong a contrast is does not count."
        )
        return text.format(count=binCount)
    text = _(
        "A bin spans {width:g} units of intensity, the same in every structure. Right for images on one scale, as after "
        "harmonization to one reference; raw and harmonized images cannot be compared."
    )
    return text.format(width=binWidth)


def beginFeatures(
    job: StudyJob, volume: slicer.vtkMRMLScalarVolumeNode, segmentation: slicer.vtkMRMLSegmentationNode, options: FeatureOptions
) -> None:
    """Start a job for each image."""
    names = [SOURCE, *(name for name, _node in options.images)]

    def prepare(image: Path, work: Path) -> list[Job]:
        from spinemr.pipeline.jobs import FeaturesJob

        mask = CaseFiles.writeLabels(segmentation, volume, work)
        settings = options.parameterFile or _written(options, work)
        files = {SOURCE: image, **{name: _inFolder(node, work / name) for name, node in options.images}}
        return [
            FeaturesJob(file, mask, work / f"{name}.csv", settings, image_name=name, case="study")
            for name, file in files.items()
        ]

    job.begin(volume, prepare, lambda node, work, outcome: _load(node, work, outcome, names))


def _written(options: FeatureOptions, work: Path) -> Path:
    path = work / "settings.json"
    path.write_text(json.dumps(options.content()), encoding="utf-8")
    return path


def _inFolder(node: slicer.vtkMRMLScalarVolumeNode, folder: Path) -> Path:
    folder.mkdir()
    return CaseFiles.writeVolume(node, folder)


def _load(volume: slicer.vtkMRMLScalarVolumeNode, work: Path, outcome: Outcome, names: list[str]) -> bool:
    from spinemr.scene.case_nodes import set_table
    from spinemr.scene.results import rows_of_csv
    from spinemr.scene.roles import FEATURES_ROLE

    if outcome.succeeded:
        set_table(slicer.mrmlScene, volume, FEATURES_ROLE, [row for name in names for row in rows_of_csv(work / f"{name}.csv")])
    return False
