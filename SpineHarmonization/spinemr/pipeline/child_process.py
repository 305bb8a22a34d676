"""A job in a process beside a program with a user interface: its environment, what its lines say, how it ends.

The process runs :mod:`spinemr.pipeline.child` on a file of :mod:`spinemr.pipeline.jobs`. Nothing here starts or waits for it:
each front end does that in its own event loop.
"""

from __future__ import annotations

import importlib.util
import json
import os
from dataclasses import dataclass
from pathlib import Path

from spinemr.imaging.progress import Progress
from spinemr.pipeline.speaking import CANCELLED, NOTE

_PORTIONS = ("spinemr.imaging", "spinemr.radiomics", "spinemr.pipeline")
"""One package of each folder that the namespace is spread over."""
UNEXPECTED = "The work ended unexpectedly; the computer may have run out of memory."


@dataclass(frozen=True)
class Outcome:
    """How a child ended."""

    code: int
    cancelled: bool
    message: str
    """What it said went wrong, in its own words; empty where nothing did."""

    @property
    def succeeded(self) -> bool:
        """Whether everything that was asked for is there."""
        return self.code == 0 and not self.cancelled


class LineReader:
    """Whole lines out of pieces of UTF-8."""

    def __init__(self) -> None:
        self._rest = b""

    def lines(self, piece: bytes, *, last: bool = False) -> list[str]:
        """The lines that a piece completes; with ``last`` also what stands behind the last line end."""
        *whole, self._rest = (self._rest + piece).split(b"\n")
        if last and self._rest:
            whole.append(self._rest)
            self._rest = b""
        texts = (line.decode("utf-8", errors="replace").strip() for line in whole)
        return [text for text in texts if text]


def environment() -> dict[str, str]:
    """What is set for the child beside what its parent was started with."""
    inherited = os.environ.get("PYTHONPATH", "")
    return {
        "PYTHONPATH": os.pathsep.join([*_library_folders(), *([inherited] if inherited else [])]),
        "PYTHONUTF8": "1",
        "PYTHONIOENCODING": "utf-8",
        "PYTHONUNBUFFERED": "1",
        "NO_COLOR": "1",
        "COLUMNS": "1000",  # one message, one line
    }


def report_of(line: str) -> Progress | None:
    """The report in a line of stdout; ``None`` where it is none."""
    try:
        content = json.loads(line)
        return Progress(str(content["phase"]), float(content["fraction"]), str(content.get("message", "")))
    except (ValueError, KeyError, TypeError):
        return None


def outcome_of(code: int, complaints: list[str], *, cancelled: bool, unexpected: str = UNEXPECTED) -> Outcome:
    """How a child ended, from its exit code (negative: the signal that ended it) and its lines on stderr.

    ``unexpected`` is what is said of one that ended without a word.
    """
    cancelled = cancelled or code == CANCELLED
    if cancelled or code == 0:
        return Outcome(code, cancelled, "")
    said = " ".join([line for line in complaints if not line.startswith(NOTE)][-3:])
    return Outcome(code, False, said or unexpected)


def _library_folders() -> list[str]:
    """The folders that have to stand on the child's path; one in an installed Slicer extension, three in a source tree."""
    specs = [importlib.util.find_spec(name) for name in _PORTIONS]
    folders = [Path(spec.origin).resolve().parents[2] for spec in specs if spec is not None and spec.origin]
    return list(dict.fromkeys(str(folder) for folder in folders))
