"""A whole drawn study: one anatomy, imaged by one simulated scanner, with its ground truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from spinemr.imaging.errors import InputError
from spinemr.imaging.progress import Progress, ProgressCallback, silent, within
from spinemr.synthesis.acquisition import acquire
from spinemr.synthesis.anatomy.assemble import draw_spine, stream
from spinemr.synthesis.anatomy.render import SagittalGrid, render
from spinemr.synthesis.anatomy.request import Request
from spinemr.synthesis.anatomy.spine import LumbarSpine
from spinemr.synthesis.anatomy.truth import measurements
from spinemr.synthesis.protocols import Protocol
from spinemr.synthesis.random_contrast import random_contrast
from spinemr.synthesis.scanners import SCANNERS, Scanner
from spinemr.synthesis.scanners import scanner as scanner_named
from spinemr.synthesis.tissue_map import TissueMap

CONTRASTS: Mapping[str, tuple[str, ...]] = {
    "t1": ("t1",),
    "t2": ("t2", "t2 space"),
    "pd": ("pd",),
    "stir": ("stir",),
    "random": (),
}
"""What can be asked for, and the weightings of protocols that give it; random is SynthSeg's mixture."""

SUB_SLICES_OF_THICK = 3
THIN_SLICE_MM = 1.6
MIN_VIEW_MM = (240.0, 190.0)
"""Smallest field of view (height, width) a lumbar study is planned with."""

SAGITTAL_DIRECTION = (0.0, 0.0, -1.0, 1.0, 0.0, 0.0, 0.0, -1.0, 0.0)
"""Columns to the back, rows to the foot, slices from left to right: a right-handed sagittal stack in LPS."""


@dataclass(frozen=True)
class DrawnStudy:
    """Image and labels on one grid, the ground truth, and how it was imaged."""

    image: sitk.Image
    labels: sitk.Image
    truth: dict[str, Any]
    scanner: str
    name: str


def draw_study(
    seed: int,
    *,
    contrast: str | None = None,
    grade: str | None = None,
    scanner: str | None = None,
    pathology: tuple[str, ...] | None = None,
    progress: ProgressCallback = silent,
) -> DrawnStudy:
    """Draw the anatomy of a seed and image it.

    Without a contrast or scanner one is drawn from the seed; with a contrast, one of the scanners that
    give it. ``pathology=None`` draws pathology at its natural prevalence, ``()`` none.
    """
    spine = draw_spine(seed, Request(grade, pathology))
    chosen = choose_scanner(seed, contrast, scanner)
    grid = plan(spine, chosen.protocol, stream(seed, "planning"))
    tissue_map = render(spine, grid, within(progress, 0.0, 0.8))
    return _image(seed, spine, grid, tissue_map, chosen, contrast == "random", progress)


def draw_pair(
    seed: int,
    scanners: tuple[str, str],
    *,
    grade: str | None = None,
    pathology: tuple[str, ...] | None = None,
    progress: ProgressCallback = silent,
) -> tuple[DrawnStudy, DrawnStudy]:
    """One anatomy imaged by two scanners on the first one's grid: a pair whose harmonized truth is known."""
    spine = draw_spine(seed, Request(grade, pathology))
    first, second = (scanner_named(name) for name in scanners)
    grid = plan(spine, first.protocol, stream(seed, "planning"))
    tissue_map = render(spine, grid, within(progress, 0.0, 0.8))
    one = _image(seed, spine, grid, tissue_map, first, False, progress)
    return one, _image(seed, spine, grid, tissue_map, second, False, progress)


def choose_scanner(seed: int, contrast: str | None, scanner: str | None) -> Scanner:
    """The named scanner, or one drawn from those that give the contrast."""
    if contrast is not None and contrast not in CONTRASTS:
        raise InputError(f"'{contrast}' is not a known contrast.", f"Choose one of {', '.join(CONTRASTS)}.")
    if scanner is not None:
        named = scanner_named(scanner)
        if contrast not in (None, "random") and named.protocol.weighting not in CONTRASTS[str(contrast)]:
            raise InputError(
                f"Scanner '{scanner}' gives {named.protocol.weighting}, not {contrast}.", "Leave out one of the two options."
            )
        return named
    weightings = CONTRASTS[contrast] if contrast else ()
    names = sorted(n for n, s in SCANNERS.items() if not weightings or s.protocol.weighting in weightings)
    return SCANNERS[names[int(stream(seed, "scanner").integers(len(names)))]]


def plan(spine: LumbarSpine, protocol: Protocol, rng: np.random.Generator) -> SagittalGrid:
    """Place a sagittal stack as a radiographer would: centred on L3, the spine in the back half of the view."""
    height, width = protocol.field_of_view_mm
    zoom = max(MIN_VIEW_MM[0] / height, MIN_VIEW_MM[1] / width, 1.0)
    pixel = protocol.in_plane_spacing_mm * zoom
    forward = 0.10 * width * zoom - 12.0
    centre = (
        float(spine.centre[0] + rng.normal(0.0, 1.5)),
        float(spine.centre[1] - forward + 10.0 + rng.normal(0.0, 5.0)),
        float(spine.centre[2] - 4.0 + rng.normal(0.0, 8.0)),
    )
    thin = protocol.slice_thickness_mm <= THIN_SLICE_MM
    return SagittalGrid(
        centre=centre,
        slices=protocol.slice_count,
        rows=protocol.rows,
        columns=protocol.columns,
        spacing_mm=(protocol.spacing_mm[0], pixel, pixel),
        thickness_mm=protocol.slice_thickness_mm,
        sub_slices=1 if thin else SUB_SLICES_OF_THICK,
    )


def _image(
    seed: int,
    spine: LumbarSpine,
    grid: SagittalGrid,
    tissue_map: TissueMap,
    scanner: Scanner,
    mixture: bool,
    progress: ProgressCallback,
) -> DrawnStudy:
    """Let a scanner (or a random mixture) image a tissue map, and pack everything."""
    progress(Progress("imaging", 0.85, scanner.name))
    rng = stream(seed, f"acquisition {scanner.name} {mixture}")
    pixels = random_contrast(tissue_map, rng) if mixture else acquire(tissue_map, scanner, rng)
    labels = tissue_map.slice_labels()
    name = "random mixture" if mixture else scanner.name
    truth = {
        "seed": seed,
        "scanner": name,
        "weighting": "random" if mixture else scanner.protocol.weighting,
        "spacing_mm": [round(v, 4) for v in grid.spacing_mm],
        "slice_thickness_mm": grid.thickness_mm,
        "labels_in_view": sorted(int(v) for v in np.unique(labels) if v),
        **measurements(spine),
    }
    progress(Progress("imaging", 1.0, name))
    return DrawnStudy(
        image=as_volume(np.rint(pixels).astype(np.int16), grid),
        labels=as_volume(labels, grid),
        truth=truth,
        scanner=name,
        name=f"drawn_{seed:05d}",
    )


def as_volume(array: NDArray[Any], grid: SagittalGrid) -> sitk.Image:
    """A drawn stack (slices right to left) as an image in patient coordinates, stored left to right."""
    image = sitk.GetImageFromArray(np.ascontiguousarray(array[::-1]))
    distance, row, column = grid.spacing_mm
    image.SetSpacing((column, row, distance))
    image.SetDirection(SAGITTAL_DIRECTION)
    x, y, z = grid.centre
    image.SetOrigin(
        (
            x + (grid.slices - 1) / 2.0 * distance,
            y - (grid.columns - 1) / 2.0 * column,
            z + (grid.rows - 1) / 2.0 * row,
        )
    )
    return image
