"""What a mutant is: a command with a changed input, and what the command may do with it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Mutant:
    """One call of the command line; ``changed`` lies in a folder of its own, results go to ``output``."""

    name: str
    """Kind of input, change and command, as in ``nii.gz / bits flipped / segment``."""
    words: tuple[str, ...]
    changed: Path
    output: Path
    job: bool = False
    """Whether the words name a job of :mod:`spinemr.pipeline.child` instead of a command."""
    open_at: int | None = None
    """Exit code it has to end with, where the change leaves no choice."""
