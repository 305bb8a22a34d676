"""The net under a harmonizer: a slice whose anatomy the network would change is returned as it was.

Each slice is compared with what the network made of it by edges, which a change of contrast, even an inversion, leaves where
they are (:mod:`spinemr.radiomics.preservation`): how well they agree, and how far the surroundings of each place moved. That is
done on pixels of about 1.4 mm, where it takes a few hundredths of a second. How alike the two slices are (dSSIM-h of HarMOnAE)
is told and holds nothing back: every change of contrast lowers it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinemr.radiomics.preservation.displacement import movement_of_edges
from spinemr.radiomics.preservation.gradients import edge_alignment, edges_of
from spinemr.radiomics.preservation.similarity import ssim

FloatArray = NDArray[np.float32]
CHECK_MM = 1.4
"""The pixels slices are compared on: whole ones taken together, as near to this as it goes."""
FIGURES = ("moved_p95_mm", "moved_p99_mm", "edge_alignment", "dssim")


@dataclass(frozen=True)
class SliceCheck:
    """What was found in one slice; not-a-number where it shows nothing to compare."""

    moved_p95_mm: float
    """95 % of the places with edges moved less."""
    moved_p99_mm: float
    edge_alignment: float
    dssim: float
    """One minus the structural similarity."""

    def as_dict(self) -> dict[str, float | None]:
        """Plain values for JSON."""
        return {name: round(value, 4) if np.isfinite(value) else None for name, value in asdict(self).items()}


@dataclass(frozen=True)
class Limits:
    """What a slice is held to; a figure that is not a number holds nothing back."""

    moved_p95_mm: float
    moved_p99_mm: float
    edge_alignment: float

    def refuse(self, found: SliceCheck) -> str:
        """Why a slice has to be returned as it was; empty where it may be harmonized."""
        if found.moved_p95_mm > self.moved_p95_mm or found.moved_p99_mm > self.moved_p99_mm:
            return f"anatomy would move by {max(found.moved_p95_mm, found.moved_p99_mm):.1f} mm"
        if found.edge_alignment < self.edge_alignment:
            return f"edges would agree to {found.edge_alignment:.2f} only"
        return ""


@cache
def default_limits() -> Limits:
    """Those of ``data/safety.json``, which says where each comes from."""
    content: Mapping[str, Any] = json.loads(files(__package__).joinpath("data", "safety.json").read_text(encoding="utf-8"))
    held = {name: float(limit["do_not_trust"]) for name, limit in content["limits"].items()}
    return Limits(held["moved_p95"], held["moved_p99"], held["edge_alignment"])


def check(before: FloatArray, after: FloatArray, pixel_mm: float) -> SliceCheck:
    """Compare a slice ``[row][column]`` of 0..1 with what became of it."""
    factor = max(1, round(CHECK_MM / pixel_mm))
    one, other = _reduced(before, factor), _reduced(after, factor)
    spacing_mm = (pixel_mm * factor, pixel_mm * factor)
    edges, others = edges_of(one, spacing_mm), edges_of(other, spacing_mm)
    moved = movement_of_edges(edges, others, spacing_mm)
    lengths = moved.length_mm[moved.judged]
    p95, p99 = np.percentile(lengths, (95, 99)) if lengths.size else (float("nan"), float("nan"))
    return SliceCheck(float(p95), float(p99), edge_alignment(edges, others), 1.0 - ssim(one, other, 1.0))


def _reduced(plane: FloatArray, factor: int) -> FloatArray:
    """Whole blocks of pixels averaged; what is left over at the far edges is left out."""
    if factor == 1 or min(plane.shape) < factor:
        return plane
    rows, columns = (size // factor for size in plane.shape)
    blocks = plane[: rows * factor, : columns * factor].reshape(rows, factor, columns, factor)
    return np.asarray(blocks.mean(axis=(1, 3)), dtype=np.float32)
