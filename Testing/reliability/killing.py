"""Commands in processes of their own that are killed, at a moment or at a change of a folder, and what remains of them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

KILLED = Path(__file__).resolve().parent / "killed.py"
TEMPORARY = re.compile(r"^\.(writing|replaced)-")
PATIENCE_S = 20.0
"""Processes that notice by themselves that their parent is gone get so long."""


@dataclass(frozen=True)
class Ended:
    """How a process ended, and which of its processes did not."""

    code: int
    out: str
    err: str
    seconds: float
    session: int
    """Which all of its processes share."""
    orphans: tuple[int, ...]

    @property
    def was_killed(self) -> bool:
        """Whether the kill came before the end."""
        return self.code == -signal.SIGKILL


def ended(
    words: Sequence[object],
    temporary: Path,
    *,
    after_s: float | None = None,
    change: int | None = None,
    folder: Path | None = None,
    patience_s: float = PATIENCE_S,
) -> Ended:
    """Run a command to its end, until a moment, or until it is about to make the N-th change below ``folder``."""
    program = ["-m", "spinemr.cli"] if change is None else [str(KILLED), str(change), str(folder)]
    temporary.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "TMPDIR": str(temporary), "OMP_NUM_THREADS": "1", "COLUMNS": "1000", "PYTHONUTF8": "1"}
    begun = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, *program, *[str(word) for word in words]],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        start_new_session=True,
    )
    try:
        out, err = process.communicate(timeout=after_s)
    except subprocess.TimeoutExpired:
        process.kill()  # this one alone: what it started has to notice
        out, err = process.communicate()
    seconds = time.monotonic() - begun
    return Ended(process.returncode, out.decode(), err.decode(), seconds, process.pid, orphans_of(process.pid, patience_s))


def orphans_of(session: int, patience_s: float = PATIENCE_S) -> tuple[int, ...]:
    """Processes of a session that are still there after a while."""
    until = time.monotonic() + patience_s
    while (left := _members(session)) and time.monotonic() < until:
        time.sleep(0.1)
    return left


def temporary_names(folder: Path) -> list[str]:
    """What in a folder and below is called as unfinished work."""
    return sorted(path.name for path in folder.rglob("*") if TEMPORARY.match(path.name)) if folder.exists() else []


def final_names(folder: Path) -> set[str]:
    """Everything in a folder but unfinished work."""
    found = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    journals = "events.out.tfevents."  # a new one with every start, by design of TensorBoard
    own = (path for path in found if not any(TEMPORARY.match(part) or part.startswith(journals) for part in path.parts))
    return {path.as_posix() for path in own}


def is_whole(path: Path) -> bool:
    """Whether a file can be read to its end as what its name says."""
    import json

    from spinemr.imaging.errors import SpineMRError
    from spinemr.imaging.files import read_image, read_labels

    name = path.name
    try:
        if name.endswith((".nii.gz", ".nrrd", ".mha")):
            (read_labels if "segmentation" in name or "label" in name else read_image)(path)
        elif name.endswith(".json"):
            json.loads(path.read_text(encoding="utf-8"))
        elif name.endswith(".html"):
            return path.read_text(encoding="utf-8").rstrip().endswith("</html>")
        elif name.endswith(".csv"):
            return path.read_text(encoding="utf-8").endswith("\n")
        elif name.endswith(".parquet"):
            from pyarrow import parquet

            parquet.read_table(path)
        elif name.endswith(".pt"):
            import torch

            torch.load(path, map_location="cpu", weights_only=True)
    except (SpineMRError, OSError, ValueError, RuntimeError, EOFError):
        return False
    return True


def _members(session: int) -> tuple[int, ...]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                state, _, _, of = (entry / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[:4]
            except (OSError, ValueError):
                continue
            if int(of) == session and state != "Z":
                found.append(int(entry.name))
    return tuple(found)
