"""Single drawn slices, fast enough to train from: an endless, reproducible stream of image and labels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from spinemr.synthesis.acquisition import acquire
from spinemr.synthesis.anatomy.assemble import draw_spine, stream
from spinemr.synthesis.anatomy.render import SagittalGrid, render
from spinemr.synthesis.anatomy.request import Request
from spinemr.synthesis.anatomy.spine import LumbarSpine
from spinemr.synthesis.random_contrast import random_contrast
from spinemr.synthesis.scanners import random_scanner
from spinemr.synthesis.tissue_map import ByteArray, FloatArray

SLICES_PER_ANATOMY = 4
LATERAL_REACH_MM = 34.0
THICK_SHARE = 0.2
"""Share of slices drawn from two sub-slices, so that edges oblique to the plane are blurred."""
MIDLINE_SHARE = 0.35
"""Share of slices within 8 mm of the middle plane; the others lie anywhere to the transverse processes."""


@dataclass(frozen=True)
class DrawnSample:
    """One slice: intensities 0..1, anatomy labels of the same shape, pixel spacing (rows, columns)."""

    image: FloatArray
    labels: ByteArray
    spacing_mm: tuple[float, float]
    source: str
    """The weighting of the drawn protocol, or "random mixture"."""


def draw_sample(
    spine: LumbarSpine,
    rng: np.random.Generator,
    rows: int = 320,
    columns: int = 320,
    spacing_mm: tuple[float, float] = (0.6, 1.1),
    mixture_share: float = 0.3,
) -> DrawnSample:
    """A slice of an anatomy at a random place, pixel size (from a range) and scanner, or as a random mixture."""
    pixel = float(rng.uniform(*spacing_mm))
    near = rng.uniform() < MIDLINE_SHARE
    x = float(rng.uniform(-8.0, 8.0) if near else rng.uniform(-LATERAL_REACH_MM, LATERAL_REACH_MM))
    centre = (
        float(spine.centre[0]) + x,
        float(spine.centre[1] + rng.normal(-4.0, 14.0)),
        float(spine.centre[2] + rng.normal(-6.0, 18.0)),
    )
    sub_slices = 2 if rng.uniform() < THICK_SHARE else 1
    grid = SagittalGrid(centre, 1, rows, columns, (4.0, pixel, pixel), float(rng.uniform(1.0, 4.5)), sub_slices)
    tissue_map = render(spine, grid)
    if rng.uniform() < mixture_share:
        pixels, source = random_contrast(tissue_map, rng), "random mixture"
    else:
        scanner = random_scanner(rng)
        pixels, source = acquire(tissue_map, scanner, rng), scanner.protocol.weighting
    return DrawnSample(_unit_range(pixels[0]), tissue_map.slice_labels()[0], (pixel, pixel), source)


def _unit_range(pixels: FloatArray) -> FloatArray:
    """Linear to 0..1 by the largest value; drawn images start at zero."""
    top = float(pixels.max())
    result: FloatArray = (pixels / np.float32(top if top > 0 else 1.0)).astype(np.float32)
    return result


def draw_samples(seed: int, request: Request | None = None, *, rows: int = 320, columns: int = 320) -> Iterator[DrawnSample]:
    """Slices without end; every few slices another anatomy. The same seed gives the same stream."""
    rng = stream(seed, "samples")
    while True:
        spine = draw_spine(int(rng.integers(1 << 62)), request)
        for _ in range(SLICES_PER_ANATOMY):
            yield draw_sample(spine, rng, rows, columns)
