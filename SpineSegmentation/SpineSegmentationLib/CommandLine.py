"""How the command line is called from Slicer: interpreter, environment, and the words of each request."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

MODULE = "spinemr.cli"
_PORTIONS = ("spinemr.imaging", "spinemr.radiomics", "spinemr.pipeline")
"""One package of each folder that the namespace is spread over."""


def pythonExecutable() -> str:
    """The interpreter beside Slicer; an empty text where there is none."""
    found = shutil.which("PythonSlicer")
    if found:
        return found
    return sys.executable if Path(sys.executable or "").stem.lower().startswith("python") else ""


def libraryFolders() -> list[str]:
    """The folders that have to stand on the child's path; one in an installed Slicer extension, three in a source tree."""
    specs = [importlib.util.find_spec(name) for name in _PORTIONS]
    folders = [Path(spec.origin).resolve().parents[2] for spec in specs if spec is not None and spec.origin]
    return list(dict.fromkeys(str(folder) for folder in folders))


def environment() -> dict[str, str]:
    """What is set for the child beside what Slicer itself was started with."""
    inherited = os.environ.get("PYTHONPATH", "")
    path = os.pathsep.join([*libraryFolders(), *([inherited] if inherited else [])])
    return {
        "PYTHONPATH": path,
        "PYTHONUTF8": "1",
        "PYTHONIOENCODING": "utf-8",
        "PYTHONUNBUFFERED": "1",
        "NO_COLOR": "1",
        "COLUMNS": "1000",  # one message, one line
    }


@dataclass(frozen=True)
class RunRequest:
    """The whole job for one image: ``spinemr run``."""

    image: Path
    folder: Path
    method: str = "auto"
    target: Path | None = None
    strength: float = 1.0
    segmentOn: str = "source"
    model: str = "balanced"
    device: str = "auto"
    parts: bool = True
    case: str = "case"

    def arguments(self) -> list[str]:
        """The words after ``python -m spinemr.cli``."""
        words = ["run", str(self.image), "-o", str(self.folder), "--harmonize", self.method, "--case", self.case]
        words += _target(self.target)
        words += ["--strength", f"{self.strength:g}", "--segment-on", self.segmentOn, "--model", self.model]
        return [*words, "--device", self.device, "--parts" if self.parts else "--no-parts", "--progress", "json"]


@dataclass(frozen=True)
class HarmonizeRequest:
    """Harmonization alone: ``spinemr harmonize``."""

    image: Path
    output: Path
    method: str = "auto"
    target: Path | None = None
    strength: float = 1.0

    def arguments(self) -> list[str]:
        """The words after ``python -m spinemr.cli``."""
        words = ["harmonize", str(self.image), "-o", str(self.output), *_target(self.target)]
        words += [] if self.method == "auto" else ["--method", self.method]
        return [*words, "--strength", f"{self.strength:g}", "--progress", "json"]


@dataclass(frozen=True)
class SegmentRequest:
    """Segmentation with measurements: ``spinemr segment``."""

    image: Path
    output: Path
    model: str = "balanced"
    device: str = "auto"
    parts: bool = True
    shift: int = 0

    def arguments(self) -> list[str]:
        """The words after ``python -m spinemr.cli``."""
        words = ["segment", str(self.image), "-o", str(self.output), "--model", self.model, "--device", self.device]
        parts = "--parts" if self.parts else "--no-parts"
        return [*words, parts, "--shift", str(self.shift), "--measurements", "--progress", "json"]


@dataclass(frozen=True)
class RadiomicsRequest:
    """Features of one image: ``spinemr radiomics``."""

    image: Path
    mask: Path
    output: Path
    settings: Path | None = None
    changes: tuple[str, ...] = ()
    labels: tuple[int, ...] = ()
    imageName: str = "source"
    case: str = "case"

    def arguments(self) -> list[str]:
        """The words after ``python -m spinemr.cli``."""
        words = ["radiomics", "extract", str(self.image), str(self.mask), "-o", str(self.output), "--case", self.case]
        words += ["--image-name", self.imageName]
        words += [] if self.settings is None else ["--settings", str(self.settings)]
        words += [word for change in self.changes for word in ("--set", change)]
        words += ["--label", ",".join(map(str, self.labels))] if self.labels else []
        return [*words, "--progress", "json"]


@dataclass(frozen=True)
class ReportRequest:
    """The report on a folder of a case's files: ``spinemr radiomics report``."""

    folder: Path
    output: Path

    def arguments(self) -> list[str]:
        """The words after ``python -m spinemr.cli``."""
        return ["radiomics", "report", str(self.folder), "-o", str(self.output), "--progress", "json"]


def _target(target: Path | None) -> list[str]:
    return [] if target is None else ["--target", str(target)]
