"""One study harmonized, or harmonized, segmented, measured and judged, in a process beside Slicer; its results in the scene."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from pathlib import Path

import slicer
from slicer.i18n import tr as _

from SpineHarmonizationLib import Methods
from SpineSegmentationLib import CaseFiles
from SpineSegmentationLib.ChildProcess import ChildProcess, Outcome
from SpineSegmentationLib.CommandLine import HarmonizeRequest, RunRequest
from SpineSegmentationLib.Signal import Signal
from SpineSegmentationLib.WorkFolder import newWorkFolder, removeWorkFolder


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
    strength: float = 1.0
    segmentOn: str = "source"
    device: str = "auto"
    parts: bool = True
    folder: Path | None = None
    """Where files stay; without it they last until Slicer closes."""

    def problem(self) -> str:
        """Why it cannot start; empty where it can."""
        return Methods.referenceProblem(self.method, self.referenceVolume, self.referencePath)


class HarmonizationJob:
    """Starts the child process and brings what it made into the scene."""

    def __init__(self) -> None:
        self.child = ChildProcess()
        self.ended = Signal()
        """With the :class:`Outcome`, after the results are in the scene."""
        self.child.ended.connect(self._onEnded)
        self._volumeID = ""
        self._work: Path | None = None
        self._results: Path | None = None
        self._whole = True

    @property
    def isRunning(self) -> bool:
        """Whether it has been started and has not ended."""
        return self.child.isRunning

    def start(self, volume: slicer.vtkMRMLScalarVolumeNode, options: HarmonizationOptions, segment: bool = True) -> None:
        """Start; with ``segment`` the whole job, else harmonization alone."""
        self._volumeID, self._whole = volume.GetID(), segment
        self._work = newWorkFolder()
        image = CaseFiles.writeVolume(volume, self._work)
        place = options.folder / CaseFiles.plainName(volume.GetName()) if options.folder is not None else self._work / "results"
        self._results = place if segment else place / "harmonized.nii.gz"
        place.parent.mkdir(parents=True, exist_ok=True)
        self.child.start(self._request(image, options).arguments())

    def cancel(self) -> None:
        """Stop; nothing is brought into the scene."""
        self.child.cancel()

    def kill(self) -> None:
        """Stop at once and tell nobody."""
        self.child.kill()
        removeWorkFolder(self._work)

    def _request(self, image: Path, options: HarmonizationOptions) -> RunRequest | HarmonizeRequest:
        target = referenceFile(options, image.parent)
        assert self._results is not None
        if not self._whole:
            return HarmonizeRequest(image, self._results, options.method, target, options.strength)
        return RunRequest(
            image, self._results, method=options.method, target=target, strength=options.strength,
            segmentOn=options.segmentOn, device=options.device, parts=options.parts,
        )  # fmt: skip

    def _onEnded(self, outcome: Outcome) -> None:
        kept = False
        try:
            kept = self._load(outcome)
        except Exception as error:
            outcome = Outcome(1, False, _("The results could not be brought into the scene. {why}").format(why=error))
        if not kept:
            removeWorkFolder(self._work)
        self.ended.emit(outcome)

    def _load(self, outcome: Outcome) -> bool:
        """Bring results into the scene, also those of a run in which a stage failed; whether their files are still needed."""
        from spinemr.imaging.files import read_image
        from spinemr.scene.case_nodes import set_harmonized
        from spinemr.scene.results import load_results

        volume = slicer.mrmlScene.GetNodeByID(self._volumeID)
        if outcome.cancelled or volume is None or self._results is None:
            return False
        if not self._whole and outcome.succeeded:
            set_harmonized(slicer.mrmlScene, volume, read_image(self._results))
        elif self._whole and (self._results / "qc.json").is_file():
            load_results(slicer.mrmlScene, self._results, volume)
            CaseFiles.rememberFolder(volume, self._results)
            return True
        return False


def referenceFile(options: HarmonizationOptions, folder: Path) -> Path | None:
    """The reference as a file for the child; ``None`` where the method needs none."""
    if Methods.takesVolume(options.method) and options.referenceVolume is not None:
        place = folder / "reference"
        place.mkdir(exist_ok=True)
        return CaseFiles.writeVolume(options.referenceVolume, place)
    return Path(options.referencePath) if Methods.takesFile(options.method) and options.referencePath else None

