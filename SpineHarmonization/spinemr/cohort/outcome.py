"""What a worker tells of a study: that it lies in its folder, or why not; never where it came from."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class End(str, Enum):
    """How the work on a study ended."""

    FINISHED = "finished"
    """Its folder is in place (some of its stages may have failed)."""
    FAILED = "failed"
    """Nothing can come of it: its image cannot be read, or its worker was lost too often."""
    STOPPED = "stopped"
    """The run was cancelled."""
    HOPELESS = "hopeless"
    """No study can be done: the model cannot be opened, or the folder cannot be written to or seen from there."""


class Cause(str, Enum):
    """Whose failure it is."""

    DATA = "data"
    STAGE = "stage"
    MEMORY = "memory"
    WORKER = "lost worker"
    SOFTWARE = "software"


@dataclass(frozen=True)
class StudyFailure:
    """One reason."""

    stage: str
    cause: Cause
    sentence: str

    def as_dict(self) -> dict[str, str]:
        """Plain values for JSON."""
        return {"stage": self.stage, "cause": self.cause.value, "sentence": self.sentence}


@dataclass(frozen=True)
class StudyOutcome:
    """What became of a study, and what it took."""

    study: str
    end: End
    failures: tuple[StudyFailure, ...] = ()
    seconds: float = 0.0
    memory_mb: float = 0.0
    """What the worker holds once it is done."""
    peak_mb: float = 0.0
    """The most it ever held."""
    process: str = ""
    """Which process worked on it: tells workers apart."""

    @property
    def sentence(self) -> str:
        """The first reason."""
        return self.failures[0].sentence if self.failures else ""
