"""What a person changed in an automatic mask: per structure, in voxels, volumes and sentences."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from spinemr.imaging.anatomy import MOBILE_VERTEBRAE, Anatomy, StructureKind, name_of, structure
from spinemr.imaging.errors import InputError
from spinemr.imaging.geometry import match_grid
from spinemr.imaging.segmentation_file import known_term
from spinemr.scene.order import head_to_foot

_NUMBERS = 256
_RENAMED = 0.5
"""The share of a structure that must carry another one's number now for it to count as renamed."""


@dataclass(frozen=True)
class StructureChange:
    """One structure before and after correction."""

    label: int
    automatic_voxels: int
    corrected_voxels: int
    added_voxels: int
    removed_voxels: int
    voxel_mm3: float
    became: int | None
    """The structure most of it is called now, where that is another one."""

    @property
    def name(self) -> str:
        """The structure's English name."""
        return name_of(self.label)

    @property
    def changed(self) -> bool:
        """Whether any voxel was added or removed."""
        return self.added_voxels + self.removed_voxels > 0

    @property
    def dice(self) -> float:
        """Dice similarity coefficient ``2 |A & C| / (|A| + |C|)`` of the automatic and the corrected mask."""
        both = self.automatic_voxels - self.removed_voxels
        return 2 * both / (self.automatic_voxels + self.corrected_voxels)

    @property
    def automatic_mm3(self) -> float:
        """Volume of the automatic mask."""
        return self.automatic_voxels * self.voxel_mm3

    @property
    def corrected_mm3(self) -> float:
        """Volume of the corrected mask."""
        return self.corrected_voxels * self.voxel_mm3

    @property
    def sentence(self) -> str:
        """What happened, for the person who reads the study."""
        subject = self.name[0].upper() + self.name[1:]
        if not self.changed:
            return f"{subject} is as the software drew it."
        if self.became is not None:
            return f"{subject} is called {name_of(self.became)} now{self._rest()}."
        if self.automatic_voxels == 0:
            return f"{subject} was drawn by hand: {_amount(self.added_voxels, self.voxel_mm3)}."
        if self.corrected_voxels == 0:
            return f"{subject} was removed: {_amount(self.removed_voxels, self.voxel_mm3)}."
        parts = ((self.added_voxels, "added"), (self.removed_voxels, "removed"))
        said = " and ".join(f"{_amount(count, self.voxel_mm3)} {verb}" for count, verb in parts if count)
        return f"{subject} was corrected: {said}, Dice {self.dice:.3f}."

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON, with what follows from them."""
        derived = {
            "name": self.name, "dice": round(self.dice, 6), "automatic_mm3": round(self.automatic_mm3, 3),
            "corrected_mm3": round(self.corrected_mm3, 3), "sentence": self.sentence,
        }  # fmt: skip
        return {**asdict(self), **derived}

    def _rest(self) -> str:
        return "" if self.corrected_voxels == 0 else ", and other voxels carry its name"


@dataclass(frozen=True)
class Correction:
    """All structures of either mask, from head to foot."""

    structures: tuple[StructureChange, ...]

    @property
    def changes(self) -> tuple[StructureChange, ...]:
        """The structures somebody changed."""
        return tuple(change for change in self.structures if change.changed)

    @property
    def changed_labels(self) -> frozenset[int]:
        """Structures whose features are out of date."""
        return frozenset(change.label for change in self.changes)

    @property
    def remeasured_labels(self) -> frozenset[int]:
        """Structures whose measurements are out of date: the changed ones and those that are measured between them.

        Disc heights are measured between end plates, a vertebra's slip against the bone below, and the canal's depth at the disc.
        """
        present = {change.label for change in self.structures if change.corrected_voxels}
        return frozenset(label for label in present if not self.changed_labels.isdisjoint({label, *_measured_with(label)}))

    @property
    def dice(self) -> float:
        """Mean Dice over the structures of the automatic mask; NaN where it held none."""
        scores = [change.dice for change in self.structures if change.automatic_voxels]
        return sum(scores) / len(scores) if scores else math.nan

    def sentences(self) -> tuple[str, ...]:
        """Who is told what: a summary, one sentence a change, and what has to be computed again."""
        if not self.changes:
            return ("The mask is as the software drew it.",)
        total = len(self.structures)
        dice = f"; mean Dice {self.dice:.3f}" if math.isfinite(self.dice) else ""
        return (
            f"{len(self.changes)} of {total} structure{'s' * (total != 1)} changed by hand{dice}.",
            *(change.sentence for change in self.changes),
            *self._out_of_date(),
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain values for an audit entry."""
        return {
            "changed": bool(self.changes),
            "mean_dice": round(self.dice, 6) if math.isfinite(self.dice) else None,
            "structures": [change.as_dict() for change in self.changes],
            "unchanged": [change.label for change in self.structures if not change.changed],
            "sentences": list(self.sentences()),
        }

    def _out_of_date(self) -> Iterator[str]:
        if self.remeasured_labels:
            names = ", ".join(name_of(label) for label in sorted(self.remeasured_labels, key=head_to_foot))
            yield f"Measurements to take again: {names}."


def compare(automatic: sitk.Image, corrected: sitk.Image) -> Correction:
    """What was changed between two label maps of anatomy numbers on the same grid."""
    before = _numbers(automatic)
    after = _numbers(match_grid(corrected, automatic))
    pairs = np.bincount(before.astype(np.uint16).ravel() * _NUMBERS + after.ravel(), minlength=_NUMBERS**2)
    table = pairs.reshape(_NUMBERS, _NUMBERS)
    present = np.flatnonzero(table.sum(axis=0) + table.sum(axis=1))
    voxel_mm3 = float(np.prod(automatic.GetSpacing()))
    labels = sorted((int(label) for label in present if label), key=head_to_foot)
    return Correction(tuple(_change(table, label, voxel_mm3) for label in labels))


def _change(table: NDArray[np.intp], label: int, voxel_mm3: float) -> StructureChange:
    known_term(label)
    automatic, corrected = int(table[label].sum()), int(table[:, label].sum())
    both = int(table[label, label])
    heirs = table[label].copy()
    heirs[[0, label]] = 0
    heir = int(heirs.argmax())
    became = heir if automatic and heirs[heir] > _RENAMED * automatic else None
    return StructureChange(label, automatic, corrected, corrected - both, automatic - both, voxel_mm3, became)


def _numbers(labels: sitk.Image) -> NDArray[np.uint8]:
    values = sitk.GetArrayViewFromImage(labels)
    if not np.issubdtype(values.dtype, np.integer) or values.min(initial=0) < 0 or values.max(initial=0) >= _NUMBERS:
        raise InputError("The label map holds values that are not numbers of structures.", "Choose a segmentation.")
    return values.astype(np.uint8)


def _measured_with(label: int) -> set[int]:
    """The other structures that take part in the measurements of one."""
    part = structure(label)
    if part.vertebra not in MOBILE_VERTEBRAE or part.kind not in (StructureKind.BODY, StructureKind.DISC):
        return set()
    below = {int(bone) for bone in _below(Anatomy(part.vertebra))}
    return below if part.kind is StructureKind.BODY else {int(part.vertebra), *below, int(Anatomy.CANAL)}


def _below(vertebra: Anatomy) -> tuple[Anatomy, ...]:
    """The bones that may lie under a vertebra: at the ends of the lumbar spine their count varies."""
    varying = {
        Anatomy.T12: (Anatomy.T13, Anatomy.L1),
        Anatomy.T13: (Anatomy.L1,),
        Anatomy.L5: (Anatomy.L6, Anatomy.SACRUM),
        Anatomy.L6: (Anatomy.SACRUM,),
    }
    return varying.get(vertebra) or (Anatomy(vertebra + 1),)


def _amount(voxels: int, voxel_mm3: float) -> str:
    return f"{voxels} voxel{'s' * (voxels != 1)} ({voxels * voxel_mm3 / 1000:.2f} ml)"
