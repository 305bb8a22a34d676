"""Original and harmonized image side by side: how alike, edges in the same places, anything moved, and where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from spinemr.imaging.errors import InputError
from spinemr.imaging.geometry import match_grid
from spinemr.imaging.intensity import rescale_0_255
from spinemr.imaging.progress import Progress, ProgressCallback, silent
from spinemr.radiomics.preservation.displacement import movement_of_edges
from spinemr.radiomics.preservation.gradients import (
    edge_alignment,
    edge_map,
    edges_of,
    gradient_correlation,
    gradient_magnitude_correlation,
)
from spinemr.radiomics.preservation.similarity import ssim_map
from spinemr.radiomics.viewing import Place, Viewing

MARGIN_MM = 12.0
"""What is looked at around a mask: as far as movement and its surroundings reach."""
FULL_RANGE = 255.0
FIGURES = ("ssim", "gradient_correlation", "gradient_magnitude_correlation", "edge_alignment", "moved_p95_mm", "moved_max_mm")
"""What is measured of each slice and of the whole."""

Mask = NDArray[np.bool_]
Maps = dict[str, NDArray[np.float32]]


@dataclass(frozen=True)
class SlicePreservation:
    """One slice of a pair; not-a-number where the slice shows nothing to compare."""

    slice: int
    """In the file's own order, from 0."""
    ssim: float
    gradient_correlation: float
    gradient_magnitude_correlation: float
    edge_alignment: float
    moved_p95_mm: float
    moved_max_mm: float


@dataclass(frozen=True)
class Preservation:
    """How much of an original's anatomy a harmonized image still shows.

    SSIM and the two gradient correlations fall with every change of contrast; edge alignment and movement do not.
    """

    ssim: float
    gradient_correlation: float
    gradient_magnitude_correlation: float
    edge_alignment: float
    moved_p95_mm: float
    moved_max_mm: float
    judged_share: float
    """Share of the region in which both images have edges enough to see movement."""
    farthest: Place
    """Where the largest movement was found."""
    least_aligned: Place
    """Where edges agree least."""
    slices: tuple[SlicePreservation, ...]
    ssim_map: sitk.Image
    edge_map: sitk.Image
    movement_map: sitk.Image
    """In mm. All maps lie on the original's grid; outside of the region that was compared they say that nothing is wrong."""

    def as_dict(self) -> dict[str, Any]:
        """All but the maps, as plain values for JSON."""

        def figures(of: Preservation | SlicePreservation) -> dict[str, float | None]:
            values = {name: float(getattr(of, name)) for name in FIGURES}
            return {name: round(value, 5) if np.isfinite(value) else None for name, value in values.items()}

        return {
            **figures(self),
            "judged_share": round(self.judged_share, 4),
            "farthest": self.farthest.as_dict(),
            "least_aligned": self.least_aligned.as_dict(),
            "slices": [{"slice": one.slice, **figures(one)} for one in self.slices],
        }


def preservation(
    original: sitk.Image, harmonized: sitk.Image, mask: sitk.Image | None = None, progress: ProgressCallback = silent
) -> Preservation:
    """Compare a pair slice by slice, in the slices as they were acquired, inside the mask (any label) or everywhere.

    Intensities are brought to 0..255 by their own percentiles first (:func:`~spinemr.imaging.intensity.rescale_0_255`): a
    scale and an offset are no change. Grids have to agree; another order of the same voxels is put right.
    """
    viewing = Viewing.of(original)
    one = rescale_0_255(viewing.slices(original))
    other = rescale_0_255(viewing.slices(match_grid(harmonized, original)))
    inside = _region(viewing, original, mask)
    box = _box(inside, viewing.spacing_mm)
    maps: Maps = {
        "ssim": np.ones(one.shape, dtype=np.float32),
        "edge": np.ones(one.shape, dtype=np.float32),
        "moved": np.zeros(one.shape, dtype=np.float32),
    }
    judged = np.zeros(one.shape, dtype=bool)
    slices = []
    for index in range(*box[0].indices(len(one))):
        progress(Progress("compare", index / len(one), f"Slice {index + 1} of {len(one)}"))
        at = (index, *box[1:])
        parts = {name: values[at] for name, values in maps.items()}
        own = viewing.place((index, 0, 0)).slice
        slices.append(_compared(own, one[at], other[at], inside[at], viewing.spacing_mm[1:], parts, judged[at]))
    progress(Progress("compare", 1.0, "Compared"))
    return _summed(viewing, slices, maps, inside, judged)


def _region(viewing: Viewing, original: sitk.Image, mask: sitk.Image | None) -> Mask:
    if mask is None:
        return np.ones(viewing.shape, dtype=bool)
    inside = np.ascontiguousarray(viewing.slices(match_grid(mask, original)) != 0)
    if not inside.any():
        raise InputError("The mask is empty.")
    return inside


def _box(inside: Mask, spacing_mm: tuple[float, float, float]) -> tuple[slice, slice, slice]:
    """The slices of the region and, in them, the region with a margin."""
    found = ndimage.find_objects(inside.astype(np.uint8))[0]
    grown = [found[0]]
    for axis in (1, 2):
        margin = round(MARGIN_MM / spacing_mm[axis])
        grown.append(slice(max(0, found[axis].start - margin), min(inside.shape[axis], found[axis].stop + margin)))
    return grown[0], grown[1], grown[2]


def _compared(
    number: int,
    one: NDArray[np.float32],
    other: NDArray[np.float32],
    inside: Mask,
    spacing_mm: tuple[float, float],
    maps: Maps,
    judged: Mask,
) -> SlicePreservation:
    """The figures of one slice; fills its part of the maps."""
    if not inside.any():
        return SlicePreservation(number, *[float("nan")] * 6)
    edges, others = edges_of(one, spacing_mm), edges_of(other, spacing_mm)
    moved = movement_of_edges(edges, others, spacing_mm)
    maps["ssim"][...] = ssim_map(one, other, FULL_RANGE)
    maps["edge"][...] = edge_map(edges, others, spacing_mm)
    maps["moved"][...] = moved.length_mm
    judged[...] = moved.judged
    seen = moved.length_mm[inside & moved.judged]
    return SlicePreservation(
        slice=number,
        ssim=float(maps["ssim"][inside].mean(dtype=np.float64)),
        gradient_correlation=gradient_correlation(one, other, inside),
        gradient_magnitude_correlation=gradient_magnitude_correlation(one, other, inside),
        edge_alignment=edge_alignment(edges, others, inside),
        moved_p95_mm=float(np.percentile(seen, 95)) if seen.size else float("nan"),
        moved_max_mm=float(seen.max()) if seen.size else float("nan"),
    )


def _summed(viewing: Viewing, slices: list[SlicePreservation], maps: Maps, inside: Mask, judged: Mask) -> Preservation:
    seen = inside & judged
    lengths = maps["moved"][seen]
    first = int(inside.any(axis=(1, 2)).argmax())
    shares = inside.sum(axis=(1, 2))[first : first + len(slices)]
    farthest = np.unravel_index(np.where(seen, maps["moved"], -1).argmax(), inside.shape)
    weakest = np.unravel_index(np.where(inside, maps["edge"], 2).argmin(), inside.shape)

    def mean(name: str) -> float:
        values = np.array([getattr(one, name) for one in slices])
        known = np.isfinite(values) & (shares > 0)
        return float(np.average(values[known], weights=shares[known])) if known.any() else float("nan")

    return Preservation(
        ssim=mean("ssim"),
        gradient_correlation=mean("gradient_correlation"),
        gradient_magnitude_correlation=mean("gradient_magnitude_correlation"),
        edge_alignment=mean("edge_alignment"),
        moved_p95_mm=float(np.percentile(lengths, 95)) if lengths.size else float("nan"),
        moved_max_mm=float(lengths.max()) if lengths.size else float("nan"),
        judged_share=float(seen.sum() / inside.sum()),
        farthest=viewing.place(farthest),
        least_aligned=viewing.place(weakest),
        slices=tuple(slices),
        ssim_map=viewing.back(maps["ssim"]),
        edge_map=viewing.back(maps["edge"]),
        movement_map=viewing.back(maps["moved"]),
    )
