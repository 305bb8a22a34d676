"""One study harmonized, or harmonized, segmented, measured and judged, in a process beside Slicer; its results in the scene."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import slicer
from slicer.i18n import tr as _

from SpineHarmonizationLib import Methods
from SpineSegmentationLib import CaseFiles
from SpineSegmentationLib.StudyJob import StudyJob

if TYPE_CHECKING:
    from spinemr.pipeline.child_process import Outcome
    from spinemr.pipeline.jobs import Job, RunJob

_HARMONIZED = "harmonized.nii.gz"


class SegmentOn(enum.Enum):
    """Which image the network looks at."""

    SOURCE = "source"
    HARMONIZED = "harmonized"

    def label(self) -> str:
        """As users read it."""
        return _("The original image") if self is SegmentOn.SOURCE else _("The harmonized image")


@dataclass(frozen=True)
class HarmonizationOptions:
    """How a study is harmonized, and how the rest of the job is done."""

    method: str = "auto"
    referenceVolume: slicer.vtkMRMLScalarVolumeNode | None = None
    referencePath: str = ""
    target: str = ""
    """A reference that comes with the method; empty: chosen by the contrast of the image."""
    strength: float = 1.0
    segmentOn: str = "source"
    device: str = "auto"
    parts: bool = True
    folder: Path | None = None
    """Where files stay; without it they last until Slicer closes."""

    def problem(self) -> str:
        """Why it cannot start; empty where it can."""
        return Methods.referenceProblem(self.method, self.referenceVolume, self.referencePath)


def beginHarmonization(
    job: StudyJob, volume: slicer.vtkMRMLScalarVolumeNode, options: HarmonizationOptions, segment: bool = True
) -> None:
    """Start a job: with ``segment`` the whole of it, else harmonization alone."""
    place = options.folder / CaseFiles.plainName(volume.GetName()) if options.folder is not None else None

    def results(work: Path) -> Path:
        return place or work / "results"

    def prepare(image: Path, work: Path) -> list[Job]:
        from spinemr.pipeline.jobs import HarmonizeJob

        results(work).parent.mkdir(parents=True, exist_ok=True)
        target = referenceTarget(options, work)
        if not segment:
            output = results(work) / _HARMONIZED
            return [HarmonizeJob(image, output, options.method, target, options.strength, options.device)]
        return [runJob(image, results(work), options, target)]

    job.begin(volume, prepare, lambda node, work, outcome: _load(node, results(work), outcome, segment))


def runJob(image: Path, folder: Path, options: HarmonizationOptions, target: str | None, case: str = "case") -> RunJob:
    """The whole job for one image, as the options say."""
    from spinemr.pipeline.jobs import RunJob
    from spinemr.pipeline.request import CaseRequest

    request = CaseRequest(
        image, case=case, harmonize=options.method, target=target, strength=options.strength, segment_on=options.segmentOn,
        device=options.device, parts=options.parts,
    )  # fmt: skip
    return RunJob(request, folder)


def _load(volume: slicer.vtkMRMLScalarVolumeNode, results: Path, outcome: Outcome, segment: bool) -> bool:
    """Bring results into the scene, also those of a run in which a stage failed."""
    from spinemr.imaging.files import read_image
    from spinemr.scene.case_nodes import set_harmonized
    from spinemr.scene.results import load_results

    if not segment and outcome.succeeded:
        set_harmonized(slicer.mrmlScene, volume, read_image(results / _HARMONIZED))
    if not segment or not (results / "qc.json").is_file():
        return False
    load_results(slicer.mrmlScene, results, volume)
    CaseFiles.rememberFolder(volume, results)
    return True


def referenceTarget(options: HarmonizationOptions, folder: Path) -> str | None:
    """The file of the reference, or the name of a shipped one; ``None`` where the method needs none."""
    from spinemr.harmonization.choices import target_of

    reference = Path(options.referencePath) if options.referencePath else None
    if Methods.takesVolume(options.method) and options.referenceVolume is not None:
        place = folder / "reference"
        place.mkdir(exist_ok=True)
        reference = CaseFiles.writeVolume(options.referenceVolume, place)
    return target_of(options.method, options.target, reference)
