"""What an image looks like, in a few numbers that know neither scale nor offset of its grey values.

They describe contrast between the structures, noise, sharpness and shading: what differs between scanners, sequences and
protocols, and hardly between patients.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from spinemr.imaging.anatomy import StructureKind, structure
from spinemr.imaging.errors import InputError
from spinemr.imaging.geometry import match_grid
from spinemr.imaging.intensity import refuse_non_finite, stretch
from spinemr.radiomics.viewing import Viewing

AROUND_MM = 15.0
"""How much of the surroundings of the spine is looked at."""
LEAST_VOXELS = 50
"""A class with fewer voxels has no contrast to speak of."""

STATISTICS: Mapping[str, str] = {
    "disc_to_bone": "logarithm of the median grey value of the discs over that of the vertebrae",
    "canal_to_bone": "the same for the spinal canal (with cord) over the vertebrae",
    "bone_spread": "logarithm of the median absolute deviation over the median of the vertebrae",
    "disc_spread": "the same for the discs",
    "noise": "logarithm of the median absolute second difference in the vertebrae over their median",
    "sharpness": "logarithm of the energy of gradients at 0.8 mm over that at 2.4 mm",
    "shading": "logarithm of the brightest over the darkest third of the vertebrae from head to foot",
    "low": "10th percentile around the spine, of the range 0 to 1",
    "middle": "50th percentile",
    "high": "90th percentile",
    "entropy": "entropy of 64 grey levels around the spine, in bits",
}
"""Name and meaning; not-a-number where the mask lacks the class."""

_FLOOR = 0.02
"""Added to medians before logarithms: a class may be black."""

Values = NDArray[np.float32]


def image_statistics(image: sitk.Image, mask: sitk.Image) -> dict[str, float]:
    """The numbers of :data:`STATISTICS` for an image and a label map of anatomy numbers (any orientation)."""
    viewing = Viewing.of(image)
    labels = np.ascontiguousarray(viewing.slices(match_grid(mask, image)))
    box = _around(labels, viewing.spacing_mm)
    grey = np.asarray(viewing.slices(image)[box])
    refuse_non_finite(grey)
    values, labels = stretch(grey, 0.5, 99.5, 1.0), labels[box]
    classes = _classes(labels)
    bone, disc, canal = (classes == number for number in (1, 2, 3))
    level = {"bone": _median(values, bone), "disc": _median(values, disc), "canal": _median(values, canal)}
    return {
        "disc_to_bone": _log_ratio(level["disc"], level["bone"]),
        "canal_to_bone": _log_ratio(level["canal"], level["bone"]),
        "bone_spread": _log_ratio(_deviation(values, bone), level["bone"]),
        "disc_spread": _log_ratio(_deviation(values, disc), level["disc"]),
        "noise": _log_ratio(_second_difference(values, bone), level["bone"]),
        "sharpness": _sharpness(values, viewing.spacing_mm[1:]),
        "shading": _shading(values, bone),
        **dict(zip(("low", "middle", "high"), np.percentile(values, (10, 50, 90)).astype(float).tolist(), strict=True)),
        "entropy": _entropy(values),
    }


def _around(labels: NDArray[Any], spacing_mm: tuple[float, float, float]) -> tuple[slice, ...]:
    found = ndimage.find_objects((labels > 0).astype(np.uint8))
    if not found:
        raise InputError("The mask is empty.")
    margins = [0, *(round(AROUND_MM / step) for step in spacing_mm[1:])]
    return tuple(slice(max(0, side.start - margin), side.stop + margin) for side, margin in zip(found[0], margins, strict=True))


def _classes(labels: NDArray[Any]) -> NDArray[np.uint8]:
    """1 vertebra, 2 disc, 3 canal or cord, 0 anything else."""
    classes = {StructureKind.BODY: 1, StructureKind.DISC: 2, StructureKind.CANAL: 3, StructureKind.CORD: 3}
    table = np.zeros(int(labels.max()) + 1, dtype=np.uint8)
    for label in np.unique(labels):
        try:
            table[label] = classes.get(structure(int(label)).kind, 0)
        except ValueError:
            continue
    return np.asarray(table[labels], dtype=np.uint8)


def _median(values: Values, mask: NDArray[np.bool_]) -> float:
    return float(np.median(values[mask])) if mask.sum() >= LEAST_VOXELS else float("nan")


def _deviation(values: Values, mask: NDArray[np.bool_]) -> float:
    middle = _median(values, mask)
    return float(np.median(np.abs(values[mask] - middle))) if np.isfinite(middle) else middle


def _log_ratio(above: float, below: float) -> float:
    return float(np.log((above + _FLOOR) / (below + _FLOOR)))


def _second_difference(values: Values, mask: NDArray[np.bool_]) -> float:
    """Median of ``|x[i-1] - 2 x[i] + x[i+1]|`` along rows where all three lie in the mask."""
    inner = mask[..., :-2] & mask[..., 1:-1] & mask[..., 2:]
    if inner.sum() < LEAST_VOXELS:
        return float("nan")
    bend = values[..., :-2] - 2 * values[..., 1:-1] + values[..., 2:]
    return float(np.median(np.abs(bend[inner])))


def _sharpness(values: Values, spacing_mm: tuple[float, ...]) -> float:
    energies = []
    for radius_mm in (0.8, 2.4):
        sigma = [0.0, *(radius_mm / step for step in spacing_mm)]
        smooth = ndimage.gaussian_filter(values, sigma, mode="nearest")
        rows, columns = (np.diff(smooth, axis=axis) / spacing_mm[axis - 1] for axis in (1, 2))
        energies.append(float((rows**2).mean() + (columns**2).mean()) if rows.size and columns.size else 0.0)
    return float(np.log((energies[0] + 1e-9) / (energies[1] + 1e-9)))


def _shading(values: Values, bone: NDArray[np.bool_]) -> float:
    """Over the thirds of the vertebrae's height, from the rows that hold them."""
    rows = np.flatnonzero(bone.any(axis=(0, 2)))
    if rows.size < 3:
        return float("nan")
    levels = [_median(values[:, part], bone[:, part]) for part in np.array_split(rows, 3)]
    known = [level for level in levels if np.isfinite(level)]
    return _log_ratio(max(known), min(known)) if len(known) > 1 else float("nan")


def _entropy(values: Values) -> float:
    share = np.bincount(np.minimum((values * 64).astype(int), 63).ravel(), minlength=64) / values.size
    share = share[share > 0]
    return float(-(share * np.log2(share)).sum())
