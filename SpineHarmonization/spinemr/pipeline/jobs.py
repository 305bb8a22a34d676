"""What a program with a user interface has done in a process beside it: five kinds of jobs, and their files.

A job travels as a JSON file, so that no name of an image stands among the words of a process that everybody can list, and so
that paths of any length and in any script arrive as they are.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from spinemr.imaging.atomic import write_json_atomic
from spinemr.imaging.errors import InputError
from spinemr.imaging.plain_files import json_of, text_of
from spinemr.imaging.progress import ProgressCallback, silent
from spinemr.pipeline.request import FEATURE_SETTINGS, CaseRequest

MODULE = "spinemr.pipeline.child"
"""What ``python -m`` runs for a job."""


@dataclass(frozen=True)
class RunJob:
    """The whole job on one image, as ``spinemr run`` does it."""

    request: CaseRequest
    folder: Path

    def __post_init__(self) -> None:
        if self.request.settings != FEATURE_SETTINGS:
            raise InputError("Settings of features do not travel with a job.", "Run the case in this process.")

    def do(self, progress: ProgressCallback = silent) -> None:
        """Do it; what stages failed is raised when the others are done and their results written."""
        from spinemr.pipeline.run import run_case_into

        failure = run_case_into(self.request, self.folder, command=_words("run"), progress=progress).failure
        if failure is not None:
            raise failure


@dataclass(frozen=True)
class HarmonizeJob:
    """Harmonization alone, as ``spinemr harmonize`` does it."""

    image: Path
    output: Path
    method: str = "auto"
    target: str | None = None
    strength: float = 1.0
    device: str = "auto"

    def do(self, progress: ProgressCallback = silent) -> None:
        """Do it."""
        from spinemr.harmonization.chosen import chosen_method
        from spinemr.imaging.progress import within
        from spinemr.pipeline.harmonize_file import harmonize_file

        ready = chosen_method(self.method, self.target, device=self.device, progress=within(progress, 0.0, 0.3))
        harmonize_file(
            self.image, self.output, ready, strength=self.strength, target=self.target, command=_words("harmonize"),
            progress=within(progress, 0.3, 1.0),
        )  # fmt: skip


@dataclass(frozen=True)
class SegmentJob:
    """Segmentation with measurements, as ``spinemr segment --measurements`` does it."""

    image: Path
    output: Path
    model: str = "balanced"
    device: str = "auto"
    parts: bool = True
    shift: int = 0

    def do(self, progress: ProgressCallback = silent) -> None:
        """Do it."""
        from spinemr.pipeline.segment_file import SegmentWishes, segment_file
        from spinemr.segmentation.inference.model import open_model

        wishes = SegmentWishes(parts=self.parts, shift=self.shift, measurements=True)
        model = open_model(self.model, self.device)
        segment_file(self.image, self.output, model, wishes, command=_words("segment"), progress=progress)


@dataclass(frozen=True)
class FeaturesJob:
    """Features of one image, as ``spinemr radiomics`` takes them."""

    image: Path
    mask: Path
    output: Path
    parameters: Path | None = None
    """pyradiomics' file."""
    image_name: str = "source"
    case: str = "case"

    def do(self, progress: ProgressCallback = silent) -> None:
        """Do it."""
        from spinemr.pipeline.features_file import FeatureWishes, chosen_settings, features_file

        settings, labels = chosen_settings(self.parameters, {})
        features_file(
            self.image, self.mask, self.output, FeatureWishes(settings, labels, case=self.case, image_name=self.image_name),
            settings_file=self.parameters, command=_words("features"), progress=progress,
        )  # fmt: skip


@dataclass(frozen=True)
class ReportJob:
    """The report on a folder of a case's files, as ``spinemr radiomics report`` writes it."""

    folder: Path
    output: Path

    def do(self, progress: ProgressCallback = silent) -> None:
        """Do it."""
        from spinemr.imaging.progress import Progress
        from spinemr.radiomics.report.case_folder import read_case
        from spinemr.radiomics.report.page import write_report

        write_report(read_case(self.folder, progress=progress), self.output)
        progress(Progress("report", 1.0, "Done"))


Job = RunJob | HarmonizeJob | SegmentJob | FeaturesJob | ReportJob
_KINDS: dict[str, type[Job]] = {
    "run": RunJob, "harmonize": HarmonizeJob, "segment": SegmentJob, "features": FeaturesJob, "report": ReportJob,
}  # fmt: skip
_PATHS = {"image", "mask", "output", "folder", "parameters"}


def write_job(job: Job, path: Path) -> Path:
    """Write a job for :func:`read_job`."""
    kind = next(name for name, one in _KINDS.items() if one is type(job))
    content = {one.name: _plain(getattr(job, one.name)) for one in fields(job)}
    write_json_atomic({"job": kind, **content}, path)
    return path


def read_job(path: Path) -> Job:
    """The job of a file; refused where it holds none."""
    try:
        content = json_of(text_of(path))
        kind = _KINDS[content.pop("job")]
        return kind(**_typed(content))
    except OSError as error:
        raise InputError(f"Cannot read {path}: {error.strerror or 'the system refused'}.", "Check the path.") from error
    except (ValueError, KeyError, TypeError, AttributeError):
        raise InputError(f"{path} holds no job of this version.", "Start it again.") from None


def _plain(value: object) -> object:
    if isinstance(value, CaseRequest):
        return {name: _plain(part) for name, part in {"image": value.image, **value.as_dict()}.items()}
    return str(value) if isinstance(value, Path) else value


def _typed(content: dict[str, Any]) -> dict[str, Any]:
    """The fields of a job or of its request."""
    found: dict[str, Any] = {}
    for name, value in content.items():
        if name == "request":
            found[name] = CaseRequest(**_typed(value))
        elif name in _PATHS and value is not None:
            found[name] = Path(value)
        else:
            found[name] = tuple(value) if isinstance(value, list) else value
    return found


def _words(kind: str) -> tuple[str, ...]:
    return ("python", "-m", MODULE, kind)
