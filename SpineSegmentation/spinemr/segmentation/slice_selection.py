"""The one slice to look at, its structures as masks of their own, and how many of them were detected (SpineTK, Suri 2021)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from spinemr.imaging.anatomy import Anatomy, StructureKind, structure
from spinemr.imaging.errors import InputError

DETECTED_IOU = 0.7
"""A structure counts as detected when the boxes overlap by more than this (SpineTK section 2.4.2)."""
VISIBLE_SHARE = 0.3
"""A body is visible in a slice that shows at least this share of its largest area."""

LabelArray = NDArray[Any]
BoolArray = NDArray[np.bool_]
Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Detection:
    """How many of the structures of one slice were detected."""

    detected: int
    missed: int
    invented: int

    @property
    def accuracy(self) -> float:
        """Share of the true structures that were detected, SpineTK's detection accuracy; NaN where there are none."""
        true = self.detected + self.missed
        return self.detected / true if true else float("nan")

    @property
    def precision(self) -> float:
        """Share of the predicted structures that are true; NaN where there are none."""
        predicted = self.detected + self.invented
        return self.detected / predicted if predicted else float("nan")


def select_slice(labels: LabelArray) -> int:
    """The slice of an anatomy label map ``[slice][row][column]`` that shows most vertebral bodies.

    Among slices that show equally many, the most medial is taken: the one with most canal, or (without a canal) most body.
    """
    bodies = [label for label in _present(labels) if _kind(label) is StructureKind.BODY]
    if not bodies:
        raise InputError("No vertebral body is in the label map, so that no slice can be selected.")
    areas = np.stack([(labels == label).sum(axis=(1, 2)) for label in bodies])
    visible = (areas >= VISIBLE_SHARE * areas.max(axis=1, keepdims=True)).sum(axis=0)
    canal = ((labels == Anatomy.CANAL) | (labels == Anatomy.CORD)).sum(axis=(1, 2))
    medial = canal if canal.any() else areas.sum(axis=0)
    best = np.flatnonzero(visible == visible.max())
    return int(best[medial[best].argmax()])


def instance_masks(plane: LabelArray) -> dict[int, BoolArray]:
    """A mask for each vertebral body and disc of a slice, by label."""
    return {label: plane == label for label in _present(plane) if _kind(label) in (StructureKind.BODY, StructureKind.DISC)}


def detect(
    prediction: LabelArray, truth: LabelArray, kind: StructureKind = StructureKind.BODY, threshold: float = DETECTED_IOU
) -> Detection:
    """Compare the structures of one kind in two slices by the overlap of their boxes, whatever their numbers.

    Every box is used once, so that the total overlap is largest; a pair counts where its IoU is above the threshold.
    """
    predicted, true = (
        [box_of(mask) for label, mask in instance_masks(plane).items() if _kind(label) is kind] for plane in (prediction, truth)
    )
    overlap = np.array([[box_iou(a, b) for b in true] for a in predicted]).reshape(len(predicted), len(true))
    rows, columns = linear_sum_assignment(-overlap)
    detected = int((overlap[rows, columns] > threshold).sum())
    return Detection(detected, len(true) - detected, len(predicted) - detected)


def box_of(mask: BoolArray) -> Box:
    """First row, first column, last row + 1, last column + 1 of a mask that is not empty."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1


def box_iou(a: Box, b: Box) -> float:
    """Intersection over union of two boxes."""
    height, width = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    both = max(height, 0) * max(width, 0)
    return both / (_area(a) + _area(b) - both)


def _area(box: Box) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])


def _present(labels: LabelArray) -> list[int]:
    return [int(label) for label in np.unique(labels) if label]


def _kind(label: int) -> StructureKind | None:
    try:
        return structure(label).kind
    except ValueError:
        return None
