"""The structures of a label map, each with its volume and how sure it is."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spinemr.imaging.anatomy import StructureKind, structure
from spinemr.segmentation.instances.geometry import ByteArray, Spacing
from spinemr.segmentation.instances.report import FoundStructure

USUAL_SHARE = 0.4
"""A body or disc smaller than this share of the median of its kind loses confidence in proportion."""


def describe(labels: ByteArray, spacing_mm: Spacing, confidence: NDArray[Any] | None) -> tuple[FoundStructure, ...]:
    """All structures in the order of their numbers.

    Confidence is the mean over a structure's voxels (1 where none is given) times how much of the usual size of its kind was
    found (1 from 40 % up): a splinter of a disc is not a sure disc.
    """
    counts = np.bincount(labels.ravel(), minlength=256)
    present = [int(label) for label in np.flatnonzero(counts) if label]
    if confidence is None:
        means = np.ones(256)
    else:
        means = np.bincount(labels.ravel(), weights=confidence.ravel(), minlength=256) / np.maximum(counts, 1)
    boxes = ndimage.find_objects(labels)
    voxel_mm3 = float(np.prod(spacing_mm))
    usual = _usual(counts, present)
    found = []
    for label in present:
        size = min(1.0, counts[label] / (USUAL_SHARE * usual[label])) if label in usual else 1.0
        cut = _at_edge(boxes[label - 1], labels.shape)
        found.append(FoundStructure(label, float(counts[label] * voxel_mm3), float(np.clip(means[label] * size, 0.0, 1.0)), cut))
    return tuple(found)


def _usual(counts: NDArray[np.intp], present: list[int]) -> dict[int, float]:
    """The median size of its kind, for bodies and discs."""
    usual = {}
    for kind in (StructureKind.BODY, StructureKind.DISC):
        same = [label for label in present if structure(label).kind is kind]
        usual.update({label: float(np.median(counts[same])) for label in same})
    return usual


def _at_edge(box: tuple[slice, ...], shape: tuple[int, ...]) -> bool:
    """Whether a structure reaches the edge of a slice, or (where there are several) the first or last slice."""
    axes = range(3) if shape[0] > 1 else range(1, 3)
    return any(box[axis].start == 0 or box[axis].stop == shape[axis] for axis in axes)
