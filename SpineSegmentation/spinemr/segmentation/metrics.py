"""A predicted label map held against the truth, per label and per class.

Classes are unions of labels: "vertebra" is body and posterior elements together whatever the level, "canal" includes the
cord that lies in it. "body" and "posterior elements" are judged only where both maps tell them apart; where only one map does,
its parts are united before labels are compared (otherwise L4's body would be held against the whole of L4).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from spinemr.imaging.anatomy import Anatomy, StructureKind, name_of, structure
from spinemr.imaging.errors import InputError
from spinemr.imaging.geometry import match_grid
from spinemr.imaging.parts import has_parts, united_array
from spinemr.imaging.progress import Progress, ProgressCallback, silent
from spinemr.segmentation.overlap import Overlap
from spinemr.segmentation.surface import SurfaceDistance

LabelArray = NDArray[np.unsignedinteger[Any]]
Box = tuple[slice, ...]


@dataclass(frozen=True)
class Scores:
    """What is measured of one structure; NaN where a measure does not exist (see the modules that define them)."""

    dsc: float
    iou: float
    precision: float
    recall: float
    hd95_mm: float
    assd_mm: float
    volume_ratio: float
    predicted_mm3: float
    true_mm3: float

    def as_dict(self) -> dict[str, float | None]:
        """The measures by name, ``None`` for NaN."""
        return {name: value if math.isfinite(value) else None for name, value in asdict(self).items()}

    @classmethod
    def mean(cls, several: Iterable[Scores]) -> Scores:
        """The mean of each measure over the structures that have it."""
        table = np.array([[getattr(scores, field.name) for field in fields(cls)] for scores in several], dtype=float)
        columns = [column[np.isfinite(column)] for column in table.reshape(-1, len(fields(cls))).T]
        return cls(*[float(column.mean()) if column.size else math.nan for column in columns])


@dataclass(frozen=True)
class Evaluation:
    """The scores of every label either map holds and of every class, in a fixed order."""

    labels: dict[int, Scores]
    classes: dict[str, Scores]
    tells_parts_apart: bool
    """Whether vertebral bodies and posterior elements were compared separately."""

    @property
    def mean_of_labels(self) -> Scores:
        """The mean over the labels of the truth: one that was missed counts with DSC 0, one that was invented does not count."""
        return Scores.mean(scores for scores in self.labels.values() if scores.true_mm3 > 0)

    def as_dict(self) -> dict[str, Any]:
        """Everything as plain values for JSON."""
        return {
            "labels": {str(label): {"name": label_name(label), **scores.as_dict()} for label, scores in self.labels.items()},
            "classes": {name: scores.as_dict() for name, scores in self.classes.items()},
            "mean_of_labels": self.mean_of_labels.as_dict(),
            "tells_parts_apart": self.tells_parts_apart,
        }


def evaluate(
    prediction: sitk.Image,
    truth: sitk.Image,
    *,
    resample: bool = False,
    progress: ProgressCallback = silent,
) -> Evaluation:
    """Compare two label maps of anatomy numbers.

    They have to lie on the same voxels (in whatever order these are stored); with ``resample`` a prediction on another grid is
    brought to the truth's by nearest neighbour, otherwise :class:`~spinemr.imaging.errors.GeometryError` says what differs.
    """
    matched = match_grid(prediction, truth, resample=resample)
    predicted, true = _labels(matched), _labels(truth)
    apart = has_parts(predicted) and has_parts(true)
    if not apart:
        predicted, true = united_array(predicted), united_array(true)
    comparison = _Comparison(predicted, true, truth.GetSpacing()[::-1])
    if not comparison.boxes:
        raise InputError("Neither the prediction nor the truth holds any structure.")
    groups = dict(_classes(comparison.boxes, apart))
    reports = _reports(len(comparison.boxes) + len(groups), progress)
    labels = {label: comparison.scores((label,)) for label in comparison.boxes if next(reports)}
    classes = {name: comparison.scores(members) for name, members in groups.items() if next(reports)}
    progress(Progress("evaluate", 1.0, "Done"))
    return Evaluation(labels, classes, apart)


def label_name(label: int) -> str:
    """The name of a structure, or "label 77" for a number that names none."""
    try:
        return name_of(label)
    except ValueError:
        return f"label {label}"


class _Comparison:
    """Two label arrays and the box around each label, so that no measure looks at the whole volume."""

    def __init__(self, predicted: LabelArray, true: LabelArray, spacing_mm: tuple[float, ...]) -> None:
        self._predicted, self._true, self._spacing_mm = predicted, true, spacing_mm
        self._flat_axes = tuple(axis for axis, size in enumerate(true.shape) if size == 1)
        found, there = _boxes(predicted), _boxes(true)
        self.boxes = {label: _around([b[label] for b in (found, there) if label in b]) for label in sorted({*found, *there})}

    def scores(self, labels: tuple[int, ...]) -> Scores:
        """The scores of the union of some labels."""
        box = _around([self.boxes[label] for label in labels])
        predicted, true = np.isin(self._predicted[box], labels), np.isin(self._true[box], labels)
        overlap = Overlap.of(predicted, true)
        distance = SurfaceDistance.of(predicted, true, self._spacing_mm, flat_axes=self._flat_axes)
        voxel_mm3 = math.prod(self._spacing_mm)
        return Scores(
            dsc=overlap.dsc,
            iou=overlap.iou,
            precision=overlap.precision,
            recall=overlap.recall,
            hd95_mm=distance.hd95_mm,
            assd_mm=distance.assd_mm,
            volume_ratio=overlap.volume_ratio,
            predicted_mm3=overlap.predicted * voxel_mm3,
            true_mm3=overlap.true * voxel_mm3,
        )


def _classes(labels: Iterable[int], apart: bool) -> Iterator[tuple[str, tuple[int, ...]]]:
    members: dict[str, list[int]] = {name: [] for name in _CLASS_ORDER}
    for label in labels:
        for name in _classes_of(label, apart):
            members[name].append(label)
    yield from ((name, tuple(found)) for name, found in members.items() if found)


_CLASS_ORDER = (
    "vertebra",
    "body",
    StructureKind.POSTERIOR.value,
    StructureKind.DISC.value,
    StructureKind.CANAL.value,
    StructureKind.CORD.value,
    StructureKind.SACRUM.value,
)


def _classes_of(label: int, apart: bool) -> tuple[str, ...]:
    try:
        part = structure(label)
    except ValueError:
        return ()
    if part.vertebra is Anatomy.SACRUM:
        return (StructureKind.SACRUM.value,)
    if part.kind is StructureKind.BODY:
        return ("vertebra", "body") if apart else ("vertebra",)
    if part.kind is StructureKind.POSTERIOR:
        return ("vertebra", part.kind.value)
    if part.kind is StructureKind.CORD:
        return (StructureKind.CANAL.value, part.kind.value)
    return (part.kind.value,)


def _labels(image: sitk.Image) -> LabelArray:
    values = sitk.GetArrayViewFromImage(image)
    if np.issubdtype(values.dtype, np.unsignedinteger):
        return values
    if not np.isfinite(values).all() or (values != np.rint(values)).any() or values.min() < 0 or values.max() > 65535:
        raise InputError("A label map holds whole numbers from 0 to 65535 only.", "Is this the image instead of the mask?")
    return values.astype(np.uint16)


def _boxes(labels: LabelArray) -> dict[int, Box]:
    found: Sequence[Box | None] = ndimage.find_objects(labels.astype(np.int32, copy=False))
    return {label: box for label, box in enumerate(found, start=1) if box is not None}


def _around(boxes: list[Box]) -> Box:
    return tuple(slice(min(part.start for part in axis), max(part.stop for part in axis)) for axis in zip(*boxes, strict=True))


def _reports(count: int, progress: ProgressCallback) -> Iterator[bool]:
    for index in range(count):
        progress(Progress("evaluate", index / count, f"Structure {index + 1} of {count}"))
        yield True
