"""Small runs of equal budget, for comparisons: each is trained, judged on held-out subjects, and remembered in its folder.

A comparison that was stopped goes on where it was; a run whose ``judged.json`` is there is not repeated.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from spinemr.imaging.atomic import write_json_atomic
from spinemr.imaging.progress import Progress
from spinemr.segmentation.classes import STRUCTURES, set_table
from spinemr.segmentation.overlap import Overlap
from spinemr.segmentation.training.checkpoint import LAST, Checkpoint
from spinemr.segmentation.training.config import config_from
from spinemr.segmentation.training.data import DataOf
from spinemr.segmentation.training.loop import train
from spinemr.segmentation.training.sources import VALIDATION, LabelledSlice, SliceSet
from spinemr.segmentation.training.validation import confidence_interval, overlaps_of
from spinemr.synthesis.sample import draw_samples

DRAWN_SEED = 77000
DRAWN_COUNT = 24
JUDGED_SLICES = 48


@dataclass(frozen=True)
class Judged:
    """What a run came to: for each set and structure, the overlaps of the subjects."""

    parameters: int
    seconds: float
    overlaps: Mapping[str, Mapping[str, tuple[Overlap, ...]]]

    def cell(self, name: str, structure: str, measure: str = "dsc") -> str:
        """"0.842 (0.801-0.880)", or a dash where nothing was judged."""
        values = [getattr(overlap, measure) for overlap in self.overlaps.get(name, {}).get(structure, ())]
        values = [value for value in values if np.isfinite(value)]
        if not values:
            return "-"
        low, high = confidence_interval(values)
        return f"{np.mean(values):.3f} ({low:.3f}-{high:.3f})"

    def count(self, name: str, structure: str) -> int:
        """Subjects judged."""
        return len(self.overlaps.get(name, {}).get(structure, ()))


def judged_run(settings: Mapping[str, Any], folder: Path) -> Judged:
    """Train a configuration (or go on with it) and judge its averaged weights on what it never saw."""
    done = folder / "judged.json"
    if not done.exists():
        config = config_from(settings)
        data = DataOf(config).open()
        outcome = train(config, folder, resume=(folder / LAST).exists(), data=data, progress=_line)
        state = Checkpoint.read(folder / LAST)
        network = state.network_of_averages()
        overlaps = {
            held.name: overlaps_of(network, held.thinned(JUDGED_SLICES), config.grid) for held in (*data.validation, drawn())
        }
        write_json_atomic(_as_json(overlaps, sum(p.numel() for p in network.parameters()), outcome.step), done)
    return _read(done, folder)


def drawn() -> SliceSet:
    """Drawn slices that no run trains on, every one a spine of its own."""
    stream = islice(draw_samples(DRAWN_SEED, rows=256, columns=256), DRAWN_COUNT)
    slices = tuple(
        LabelledSlice(np.rint(s.image * 255).astype(np.uint8), s.labels.astype(np.uint8), f"{n}", s.spacing_mm[0], VALIDATION)
        for n, s in enumerate(stream)
    )
    return SliceSet("drawn", slices, set_table(STRUCTURES), ("vertebra", "disc", "canal"))


def _as_json(overlaps: Mapping[str, Any], parameters: int, steps: int) -> dict[str, Any]:
    sets = {
        name: {structure: [[o.predicted, o.true, o.both] for o in own.values()] for structure, own in found.items()}
        for name, found in overlaps.items()
    }
    return {"parameters": parameters, "steps": steps, "overlaps": sets}


def _read(path: Path, folder: Path) -> Judged:
    content = json.loads(path.read_text(encoding="utf-8"))
    overlaps = {
        name: {structure: tuple(Overlap(*counts) for counts in own) for structure, own in found.items()}
        for name, found in content["overlaps"].items()
    }
    return Judged(content["parameters"], _seconds(folder), overlaps)


def _seconds(folder: Path) -> float:
    """The time of the last entry of a run's log."""
    rows = (folder / "log.csv").read_text(encoding="utf-8").strip().splitlines()
    return float(rows[-1].split(",")[rows[0].split(",").index("seconds")])


def _line(state: Progress) -> None:
    sys.stderr.write(f"\r{state.message:60s}")


def table(head: tuple[str, ...], rows: Iterator[tuple[object, ...]]) -> list[str]:
    """A table in Markdown."""
    lines = [head, ("---",) * len(head), *rows]
    return ["| " + " | ".join(str(cell) for cell in row) + " |" for row in lines]
