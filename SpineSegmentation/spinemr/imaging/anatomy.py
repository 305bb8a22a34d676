"""The numbers structures carry in every label map (VerSe/TPTBox vertebra numbers).

Disc and posterior-element numbers are computed from the vertebra's, never listed a second time:
``disc = 100 + the vertebra above``, ``posterior elements = 200 + the vertebra``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, IntEnum

DISC_OFFSET = 100
POSTERIOR_OFFSET = 200


class Anatomy(IntEnum):
    """Background, vertebrae, sacrum, cord and canal; everything else is computed from a vertebra."""

    BACKGROUND = 0
    C1 = 1
    C2 = 2
    C3 = 3
    C4 = 4
    C5 = 5
    C6 = 6
    C7 = 7
    T1 = 8
    T2 = 9
    T3 = 10
    T4 = 11
    T5 = 12
    T6 = 13
    T7 = 14
    T8 = 15
    T9 = 16
    T10 = 17
    T11 = 18
    T12 = 19
    L1 = 20
    L2 = 21
    L3 = 22
    L4 = 23
    L5 = 24
    L6 = 25
    SACRUM = 26
    T13 = 28
    CORD = 60
    CANAL = 61


class StructureKind(str, Enum):
    """The class a structure belongs to, whatever its level."""

    BODY = "vertebra"
    POSTERIOR = "posterior elements"
    DISC = "disc"
    SACRUM = "sacrum"
    CORD = "cord"
    CANAL = "canal"


@dataclass(frozen=True)
class Structure:
    """One label taken apart: what it is, and which vertebra it belongs to (discs: the one above)."""

    label: int
    kind: StructureKind
    vertebra: Anatomy | None


MOBILE_VERTEBRAE: tuple[Anatomy, ...] = (*(a for a in Anatomy if 1 <= a <= 25), Anatomy.T13)
"""Every vertebra that can have a disc below it."""


def disc_below(vertebra: int) -> int:
    """The label of the disc under a vertebra (L5 -> 124, also where the next bone is the sacrum)."""
    if vertebra not in MOBILE_VERTEBRAE:
        raise ValueError(f"{vertebra} is not a vertebra with a disc below it")
    return DISC_OFFSET + int(vertebra)


def posterior_of(vertebra: int) -> int:
    """The label of a vertebra's posterior elements (L4 -> 223)."""
    if vertebra not in MOBILE_VERTEBRAE and vertebra != Anatomy.SACRUM:
        raise ValueError(f"{vertebra} is not a vertebra")
    return POSTERIOR_OFFSET + int(vertebra)


def all_structures() -> Iterator[Structure]:
    """Every structure a label map can hold, in the order of their numbers."""
    for label in range(1, POSTERIOR_OFFSET + int(Anatomy.T13) + 1):
        try:
            yield structure(label)
        except ValueError:
            continue


def structure(label: int) -> Structure:
    """Take a label apart; raises ``ValueError`` for a number that names nothing."""
    if label == Anatomy.SACRUM:
        return Structure(label, StructureKind.SACRUM, Anatomy.SACRUM)
    if label == Anatomy.CORD:
        return Structure(label, StructureKind.CORD, None)
    if label == Anatomy.CANAL:
        return Structure(label, StructureKind.CANAL, None)
    base = label % 100
    if label // 100 <= 2 and base in MOBILE_VERTEBRAE:
        kind = (StructureKind.BODY, StructureKind.DISC, StructureKind.POSTERIOR)[label // 100]
        return Structure(label, kind, Anatomy(base))
    if label == POSTERIOR_OFFSET + Anatomy.SACRUM:
        return Structure(label, StructureKind.POSTERIOR, Anatomy.SACRUM)
    raise ValueError(f"{label} is not the number of any structure")


def name_of(label: int) -> str:
    """The English name of a structure: "L4 vertebra", "L5-S1 disc", "spinal canal"."""
    part = structure(label)
    if part.vertebra is None:
        return {Anatomy.CORD: "spinal cord", Anatomy.CANAL: "spinal canal"}[Anatomy(label)]
    if part.kind is StructureKind.SACRUM:
        return "sacrum"
    if part.kind is StructureKind.DISC:
        return f"{part.vertebra.name}-{below(part.vertebra)} disc"
    owner = "sacrum" if part.vertebra is Anatomy.SACRUM else part.vertebra.name
    return f"{owner} {part.kind.value}"


def below(vertebra: Anatomy) -> str:
    """The name of the bone under a vertebra in a spine of the usual count (under L5 and L6: S1)."""
    if vertebra in (Anatomy.L5, Anatomy.L6):
        return "S1"
    if vertebra is Anatomy.T13:
        return "L1"
    return Anatomy(vertebra + 1).name


def without_parts(label: int) -> int:
    """The label a structure carries when body and posterior elements are not told apart."""
    return label - POSTERIOR_OFFSET if label > POSTERIOR_OFFSET else label
