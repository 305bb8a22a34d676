"""A case made ready for the rules: arrays in the working frame, and every structure with its place and size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from spinemr.imaging.anatomy import StructureKind, name_of, structure
from spinemr.imaging.errors import GeometryError
from spinemr.imaging.geometry import match_grid
from spinemr.imaging.parts import has_parts
from spinemr.radiomics.verdict.case import Case
from spinemr.radiomics.viewing import Place, Viewing

Array = NDArray[Any]
Mask = NDArray[np.bool_]
Box = tuple[slice, slice, slice]


@dataclass(frozen=True)
class Found:
    """One structure of the label map."""

    label: int
    kind: StructureKind
    box: Box
    mask: Mask
    """Inside the box."""
    volume_mm3: float
    centre: tuple[float, float, float]
    """Index in the working array."""

    @property
    def name(self) -> str:
        """English name."""
        return name_of(self.label)


@dataclass(frozen=True)
class Study:
    """A case with its slices; without labels where there is no mask, or none on the image's grid."""

    case: Case
    viewing: Viewing

    @classmethod
    def of(cls, case: Case) -> Study:
        """Make a case ready."""
        return cls(case, Viewing.of(case.image))

    @cached_property
    def values(self) -> Array:
        """Intensities ``[right to left][head to foot][front to back]``."""
        return self.viewing.frame.forward_array(sitk.GetArrayFromImage(self.case.image))

    @cached_property
    def labels(self) -> NDArray[np.unsignedinteger[Any]] | None:
        """The label map in the same order."""
        mask = self.case.segmentation
        if mask is None:
            return None
        try:
            matched = match_grid(mask, self.case.image)
        except GeometryError:
            return None
        return np.ascontiguousarray(self.viewing.frame.forward_array(sitk.GetArrayFromImage(matched)).astype(np.uint16))

    @cached_property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Right to left, head to foot, front to back."""
        column, row, slice_ = self.viewing.frame.working_grid.spacing_mm
        return slice_, row, column

    @cached_property
    def unknown(self) -> tuple[int, ...]:
        """Numbers in the map that name no structure."""
        if self.labels is None:
            return ()
        present = (int(label) for label in np.unique(self.labels) if label)
        return tuple(label for label in present if not _is_known(label))

    @cached_property
    def structures(self) -> dict[int, Found]:
        """Every named structure of the map."""
        if self.labels is None:
            return {}
        boxes = ndimage.find_objects(self.labels.astype(np.int32))
        present = ((label, box) for label, box in enumerate(boxes, start=1) if box and _is_known(label))
        return {label: self._found(label, (box[0], box[1], box[2])) for label, box in present}

    def of_kind(self, *kinds: StructureKind) -> list[Found]:
        """Structures of some kinds, by number."""
        return [found for found in self.structures.values() if found.kind in kinds]

    @cached_property
    def has_parts(self) -> bool:
        """Whether bodies and posterior elements carry numbers of their own."""
        return self.labels is not None and has_parts(self.labels)

    @cached_property
    def is_whole(self) -> bool:
        """Whether there are slices enough for volumes to mean something."""
        return int(self.values.shape[0]) >= 3

    def at_edge(self, found: Found) -> bool:
        """Whether a structure reaches the edge of the volume (of a lone slice: of the slice)."""
        axes = range(3) if self.is_whole else range(1, 3)
        return any(found.box[axis].start == 0 or found.box[axis].stop == self.values.shape[axis] for axis in axes)

    def cut_along(self, found: Found) -> bool:
        """Whether a structure reaches the head or foot end of the volume."""
        return bool(found.box[1].start == 0 or found.box[1].stop == self.values.shape[1])

    def place(self, index: Sequence[float | np.integer[Any]]) -> Place:
        """Where a voxel of the working array lies in the file and in the patient."""
        return self.viewing.place_in_frame(index)

    def place_of(self, found: Found, inside: Mask | None = None) -> Place:
        """A voxel of a structure (or of a part of it) close to its middle."""
        voxels = np.argwhere(found.mask if inside is None else inside)
        nearest = voxels[np.linalg.norm((voxels - voxels.mean(axis=0)) * self.spacing_mm, axis=1).argmin()]
        return self.place([step + side.start for step, side in zip(nearest, found.box, strict=True)])

    def _found(self, label: int, box: Box) -> Found:
        assert self.labels is not None
        mask = self.labels[box] == label
        middle = ndimage.center_of_mass(mask)
        centre = tuple(float(step) + side.start for step, side in zip(middle, box, strict=True))
        volume = float(mask.sum() * np.prod(self.spacing_mm))
        return Found(label, structure(label).kind, box, mask, volume, (centre[0], centre[1], centre[2]))


def _is_known(label: int) -> bool:
    try:
        structure(label)
    except ValueError:
        return False
    return True
