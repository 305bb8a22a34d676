"""What each structure is called in SNOMED CT, in English and in colour.

Codes, all from DICOM PS3.16 context groups: vertebrae by level CID 7603, discs by level CID 7604, vertebra in
general, sacrum and cord CID 7151, vertebral canal and arch CID 8134; the category is that of 3D Slicer's
general anatomy list. Levels these do not know (L6, T13, a disc under C1) carry the general code of a vertebra
or a disc, and their name tells the level; the general disc code alone is in no DICOM group (it is the one
label tables of TotalSegmentator's users carry).
"""

from __future__ import annotations

import colorsys
from dataclasses import dataclass
from functools import cache

from spinemr.imaging.anatomy import Anatomy, Structure, StructureKind, below, name_of, structure

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Code:
    """A concept: coding scheme, value and meaning."""

    value: str
    meaning: str
    scheme: str = "SCT"


@dataclass(frozen=True)
class Term:
    """All that names one structure outside of this software."""

    label: int
    name: str
    category: Code
    type: Code
    region: Code | None
    """The vertebra a part belongs to, where the type does not say it."""
    colour: Colour


CATEGORY = Code("123037004", "Anatomical Structure")
VERTEBRA = Code("51282000", "Vertebra")
DISC = Code("360499006", "Intervertebral disc")
ARCH = Code("40265002", "Arch of vertebra")
SACRUM = Code("54735007", "Sacrum")
CORD = Code("2748008", "Spinal cord")
CANAL = Code("61853006", "Vertebral canal")

_LEVELS = tuple(Anatomy(number) for number in range(Anatomy.C1, Anatomy.L5 + 1))
_VERTEBRA_VALUES = (
    *(14806007, 39976000, 113205007, 5329002, 36978003, 36054005, 87391001),
    *(64864005, 53733008, 1626008, 73071006, 56401006, 45296009, 62487009, 11068009, 82687006, 7610001, 12989004, 23215003),
    *(66794005, 14293000, 36470004, 11994002, 49668003),
)
"""CID 7603, C1 to L5."""
_DISC_VALUES = (
    *(1078209008, 58820006, 49400002, 73959003, 75095006, 37414007),
    *(40908007, 6004007, 2620004, 82965004, 72692000, 74401007, 28693002, 9188009, 113209001, 34959001, 1537001, 76206002),
    *(80064006, 67459009, 62551000, 84020006, 715056000),
)
"""CID 7604, C2/C3 to L5/S1."""
_VERTEBRA_CODES = {
    level: Code(str(value), f"{level.name} vertebra") for level, value in zip(_LEVELS, _VERTEBRA_VALUES, strict=True)
}
_DISC_CODES = {
    level: Code(str(value), f"{level.name}/{below(level)} disc") for level, value in zip(_LEVELS[1:], _DISC_VALUES, strict=True)
}

# Warm colours for bone, cold for discs, after Okabe and Ito's palette for colour-blind readers; three of each
# in turn, light and dark, so that neighbours differ in brightness too.
_BONE: tuple[Colour, ...] = ((230, 159, 0), (240, 228, 66), (190, 75, 0))
_DISCS: tuple[Colour, ...] = ((86, 180, 233), (0, 84, 150), (0, 158, 115))
_SINGLE: dict[StructureKind, Colour] = {
    StructureKind.SACRUM: (150, 110, 80),
    StructureKind.CANAL: (204, 121, 167),
    StructureKind.CORD: (90, 40, 110),
}


@cache
def term_of(label: int) -> Term:
    """The term of an anatomy number; raises ``ValueError`` for a number that names nothing."""
    part = structure(label)
    kind, region = _codes(part)
    return Term(label, name_of(label), CATEGORY, kind, region, _colour(part))


def colour_of(label: int) -> Colour:
    """Red, green and blue (0..255) of a structure."""
    return term_of(label).colour


def _codes(part: Structure) -> tuple[Code, Code | None]:
    if part.kind is StructureKind.CORD:
        return CORD, None
    if part.kind is StructureKind.CANAL:
        return CANAL, None
    if part.kind is StructureKind.SACRUM:
        return SACRUM, None
    assert part.vertebra is not None
    if part.kind is StructureKind.DISC:
        return _DISC_CODES.get(part.vertebra, DISC), None
    owner = SACRUM if part.vertebra is Anatomy.SACRUM else _VERTEBRA_CODES.get(part.vertebra, VERTEBRA)
    return (ARCH, owner) if part.kind is StructureKind.POSTERIOR else (owner, None)


def _colour(part: Structure) -> Colour:
    if part.kind in _SINGLE:
        return _SINGLE[part.kind]
    assert part.vertebra is not None
    if part.kind is StructureKind.DISC:
        return _DISCS[_turn(part.vertebra)]
    bone = _SINGLE[StructureKind.SACRUM] if part.vertebra is Anatomy.SACRUM else _BONE[_turn(part.vertebra)]
    return _paler(bone) if part.kind is StructureKind.POSTERIOR else bone


def _turn(vertebra: Anatomy) -> int:
    """Which of three colours a level takes: levels in order take turns, and T13 fits between T12 and L1."""
    return 0 if vertebra is Anatomy.T13 else int(vertebra) % 3


def _paler(colour: Colour) -> Colour:
    """The same hue with half the saturation: a vertebra and its posterior elements belong together."""
    hue, saturation, value = colorsys.rgb_to_hsv(*(channel / 255 for channel in colour))
    red, green, blue = colorsys.hsv_to_rgb(hue, saturation * 0.45, min(1.0, value * 1.1))
    return round(red * 255), round(green * 255), round(blue * 255)
