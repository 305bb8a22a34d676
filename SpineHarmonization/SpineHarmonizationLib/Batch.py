"""Many studies one after the other, each in a process of its own: one that fails stops no other, and a stopped run goes on."""

from __future__ import annotations

import enum
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import slicer
from slicer.i18n import tr as _

from SpineSegmentationLib import CaseFiles
from SpineSegmentationLib.ChildProcess import ChildProcess
from SpineSegmentationLib.Signal import Signal
from SpineSegmentationLib.WorkFolder import newWorkFolder, removeWorkFolder

if TYPE_CHECKING:
    from spinemr.imaging.progress import Progress
    from spinemr.pipeline.child_process import Outcome
    from spinemr.pipeline.jobs import RunJob

_DONE = "qc.json"


class BatchSource(enum.Enum):
    """Where studies come from."""

    FOLDER = "folder"
    SCENE = "scene"

    def label(self) -> str:
        """As users read it."""
        return _("Folder of images") if self is BatchSource.FOLDER else _("Volumes in the scene")


class State(enum.Enum):
    """Where a study stands."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"
    CANCELLED = "cancelled"

    def label(self) -> str:
        """As users read it."""
        names = {
            "waiting": _("waiting"), "running": _("running"), "done": _("done"), "skipped": _("done before"),
            "failed": _("failed"), "cancelled": _("cancelled"),
        }  # fmt: skip
        return names[self.value]


@dataclass(frozen=True)
class BatchCase:
    """A study: what it is called, where its image is, where its results go, how it went."""

    name: str
    folder: Path
    image: Path | None = None
    nodeID: str = ""
    state: State = State.WAITING
    verdict: str = ""
    message: str = ""


def casesInFolder(source: Path, results: Path) -> list[BatchCase]:
    """A case for each image file, and for each folder below that holds an image or DICOM files."""
    entries = [entry for entry in sorted(source.iterdir()) if not entry.name.startswith(".")]
    found = [entry for entry in entries if entry.resolve() != results.resolve()]
    images = [image for image in map(_imageIn, found) if image is not None]
    names = _unique([_stem(image if image.is_file() and image.parent == source else _below(image, source)) for image in images])
    return [BatchCase(name, results / name, image=image) for name, image in zip(names, images, strict=True)]


def casesInScene(scene: slicer.vtkMRMLScene, results: Path) -> list[BatchCase]:
    """A case for each scalar volume that is not itself a result."""
    count = scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode")
    volumes = [scene.GetNthNodeByClass(index, "vtkMRMLScalarVolumeNode") for index in range(count)]
    originals = [node for node in volumes if _isOriginal(node)]
    names = _unique([CaseFiles.plainName(node.GetName()) for node in originals])
    return [BatchCase(name, results / name, nodeID=node.GetID()) for name, node in zip(names, originals, strict=True)]


class Batch:
    """Runs cases one after the other."""

    def __init__(self) -> None:
        self.changed = Signal()
        """With the place of the case that changed."""
        self.progressed = Signal()
        """With the share that is done, 0 to 1, and a sentence."""
        self.ended = Signal()
        self.cases: list[BatchCase] = []
        self._child: ChildProcess | None = None
        self._jobOf: Callable[[Path, BatchCase], RunJob] | None = None
        self._place = -1
        self._work: Path | None = None
        self._cancelled = False

    @property
    def isRunning(self) -> bool:
        """Whether a case is being worked on."""
        return self._child is not None

    def start(self, cases: list[BatchCase], jobOf: Callable[[Path, BatchCase], RunJob], resume: bool) -> None:
        """Run cases; ``jobOf`` says how for an image and its case. With ``resume``, those that are done are left alone."""
        self.cases = [_asFound(case) if resume else case for case in cases]
        self._jobOf, self._place, self._cancelled = jobOf, -1, False
        for place in range(len(self.cases)):
            self.changed.emit(place)
        self._next()

    def cancel(self) -> None:
        """Stop the case that runs and all that wait."""
        self._cancelled = True
        if self._child is not None:
            self._child.cancel()

    def kill(self) -> None:
        """Stop at once and tell nobody."""
        if self._child is not None:
            self._child.kill()
            self._child = None
        removeWorkFolder(self._work)

    def _next(self) -> None:
        waiting = [place for place, case in enumerate(self.cases) if case.state is State.WAITING]
        if self._cancelled:
            for place in waiting:
                self._set(place, state=State.CANCELLED)
        if self._cancelled or not waiting:
            self.ended.emit()
            return
        self._place = waiting[0]
        self._set(self._place, state=State.RUNNING)
        self._child = child = ChildProcess()
        child.progressed.connect(self._onProgress)
        child.ended.connect(self._onEnded)
        try:
            file = self._file(self.cases[self._place])
        except Exception as error:  # a volume that cannot be written fails alone
            from spinemr.pipeline.child_process import Outcome

            self._onEnded(Outcome(2, False, str(error)))
            return
        child.start(file)

    def _file(self, case: BatchCase) -> Path:
        """The job of a case."""
        from spinemr.pipeline.jobs import write_job

        self._work = newWorkFolder()
        image = case.image
        if image is None:
            node = slicer.mrmlScene.GetNodeByID(case.nodeID)
            if node is None:
                raise RuntimeError(_("The volume is no longer in the scene."))
            image = CaseFiles.writeVolume(node, self._work)
        assert self._jobOf is not None
        return write_job(self._jobOf(image, case), self._work / "job.json")

    def _onProgress(self, progress: Progress) -> None:
        done = sum(case.state not in (State.WAITING, State.RUNNING) for case in self.cases)
        self.progressed.emit((done + progress.fraction) / max(1, len(self.cases)), self.cases[self._place].name)

    def _onEnded(self, outcome: Outcome) -> None:
        self._child = None
        removeWorkFolder(self._work)
        self._work = None
        if outcome.cancelled:
            self._set(self._place, state=State.CANCELLED)
        elif outcome.succeeded:
            self._set(self._place, state=State.DONE, verdict=verdictIn(self.cases[self._place].folder))
        else:
            self._set(self._place, state=State.FAILED, message=outcome.message)
        done = sum(case.state not in (State.WAITING, State.RUNNING) for case in self.cases)
        self.progressed.emit(done / max(1, len(self.cases)), "")
        self._next()

    def _set(self, place: int, **changes: object) -> None:
        self.cases[place] = replace(self.cases[place], **changes)
        self.changed.emit(place)


def verdictIn(folder: Path) -> str:
    """The verdict a run left; empty where there is none."""
    try:
        return str(json.loads((folder / _DONE).read_text(encoding="utf-8")).get("verdict", ""))
    except (OSError, ValueError):
        return ""


def _asFound(case: BatchCase) -> BatchCase:
    done = (case.folder / _DONE).is_file()
    return replace(case, state=State.SKIPPED, verdict=verdictIn(case.folder)) if done else case


def _imageIn(entry: Path) -> Path | None:
    """The image of an entry: itself, the only image file inside, or a folder of DICOM files."""
    from spinemr.imaging.dicom_headers import is_dicom
    from spinemr.imaging.formats import Format, format_of

    kinds = (Format.NIFTI, Format.NRRD, Format.META)
    if entry.is_file():
        return entry if format_of(entry) in kinds else None
    files = [path for path in sorted(entry.iterdir()) if path.is_file()]
    images = [path for path in files if format_of(path) in kinds]
    named = [path for path in images if _stem(path) in ("image", "source")]
    if len(images) == 1 or named:
        return (named or images)[0]
    return entry if any(is_dicom(path) for path in files[:5]) else None


def _below(image: Path, source: Path) -> Path:
    """The entry of the folder of studies that an image lies in."""
    return source / image.relative_to(source).parts[0]


def _stem(path: Path) -> str:
    from spinemr.imaging.formats import split_suffix

    return CaseFiles.plainName(split_suffix(path)[0] if path.is_file() else path.name)


def _unique(names: list[str]) -> list[str]:
    seen: dict[str, int] = {}
    found = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        found.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return found


def _isOriginal(node: slicer.vtkMRMLVolumeNode) -> bool:
    from spinemr.scene.case_nodes import source_of

    is_result = node.IsA("vtkMRMLLabelMapVolumeNode") or source_of(node) is not None
    return node.GetImageData() is not None and not is_result
