"""What every training run is told, whatever it learns: how long, how often it looks at itself, and where it is computed."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, cast

from spinemr.imaging.errors import require

DEVICES = ("auto", "cpu", "cuda", "mps")
PRECISIONS = ("bf16", "fp32")


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """The settings that all runs share; each kind of run gives them its own defaults."""

    steps: int
    batch_size: int
    validate_every: int
    checkpoint_every: int
    seed: int = 0
    device: str = "auto"
    precision: str = "bf16"
    threads: int = 0
    """Processor threads; 0 leaves the choice to PyTorch."""
    workers: int = 0
    """Processes that prepare batches beside the training."""

    def __post_init__(self) -> None:
        require(self.seed >= 0, "The seed must be at least 0.")
        counts = (self.steps, self.batch_size, self.validate_every, self.checkpoint_every)
        require(min(counts) >= 1, "Steps, batch size and the intervals of a run must be at least 1.")
        require(min(self.threads, self.workers) >= 0, "Threads and workers must be at least 0.")
        require(self.device in DEVICES, f"'{self.device}' is no device.", f"Choose from: {', '.join(DEVICES)}.")
        require(self.precision in PRECISIONS, f"'{self.precision}' is no precision.", f"Choose from: {', '.join(PRECISIONS)}.")

    def as_dict(self) -> dict[str, Any]:
        """The run as plain values, as it stands in a file."""
        return cast(dict[str, Any], json.loads(json.dumps(asdict(self))))

    def takes_the_steps_of(self, other: RunSettings) -> bool:
        """Whether a run with these settings can go on with one of others: only what does not change a step may differ."""
        same = replace(self, workers=other.workers, device=other.device, threads=other.threads)
        return same.as_dict() == other.as_dict()


def beside(path: str, folder: Path) -> str:
    """A path of a configuration, which is relative to its file's folder; an empty one stays empty."""
    return str(folder / Path(path).expanduser()) if path else ""
