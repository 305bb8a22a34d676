"""What was found in a study, how sure that is, and what a reader should look at."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from spinemr.imaging.anatomy import name_of
from spinemr.imaging.errors import InputError


class NoLumbarSpineError(InputError):
    """The image shows no chain of vertebrae and discs."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"No lumbar spine found: {reason}.", "Is this a sagittal (or 3D) MRI of the lumbar spine?")


@dataclass(frozen=True)
class FoundStructure:
    """One structure of the label map."""

    label: int
    volume_mm3: float
    confidence: float
    """0 to 1: mean confidence of its voxels, less for pieces, gaps and unusual size."""
    cut_by_view: bool
    """Whether it reaches the edge of the image, so that its volume and heights are too small."""

    @property
    def name(self) -> str:
        """English name."""
        return name_of(self.label)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"name": self.name, **asdict(self)}


@dataclass(frozen=True)
class SpineReport:
    """The structures from head to foot, the confidence of their numbers, and sentences for the reader."""

    structures: tuple[FoundStructure, ...]
    level_confidence: float
    """0 to 1: that the numbers are not shifted by a level."""
    counted_from: str
    """What the count starts at: "sacrum", "lowest disc" or "lowest vertebra"."""
    shift: int
    flags: tuple[str, ...]
    """What was unusual in this study."""
    notes: tuple[str, ...]
    """What holds for every study counted this way."""
    missing: tuple[int, ...]
    """Labels between others that were not seen, but counted."""

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "structures": [found.as_dict() for found in self.structures],
            "level_confidence": round(self.level_confidence, 3),
            "counted_from": self.counted_from,
            "shift": self.shift,
            "flags": list(self.flags),
            "notes": list(self.notes),
            "missing": [{"label": label, "name": name_of(label)} for label in self.missing],
        }
