"""The classes a network tells apart, and targets that may leave some of them open.

A target is, for each pixel, the *set* of classes that may be there, stored as a bit mask. Sets of one class are ordinary
labels. A source that draws vertebrae without telling their parts apart gives {body, posterior elements}; where it does not
label discs, its background is {background, disc}. So one loss serves every source, and no class is taught where nobody drew it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinemr.imaging.anatomy import Anatomy, StructureKind, all_structures
from spinemr.imaging.errors import InputError

ByteArray = NDArray[np.uint8]
BoolArray = NDArray[np.bool_]


class NetworkClass(IntEnum):
    """The channels of every segmentation network, in their order."""

    BACKGROUND = 0
    BODY = 1
    POSTERIOR = 2
    DISC = 3
    CANAL = 4
    CORD = 5
    SACRUM = 6

    @property
    def bit(self) -> int:
        """The class as a set of its own."""
        return 1 << int(self)


CLASS_COUNT = len(NetworkClass)
ANYTHING = (1 << CLASS_COUNT) - 1
"""The set of all classes: nothing is known about the pixel."""

VERTEBRA = NetworkClass.BODY.bit | NetworkClass.POSTERIOR.bit
WHOLE_CANAL = NetworkClass.CANAL.bit | NetworkClass.CORD.bit

STRUCTURES: dict[str, int] = {
    "vertebra": VERTEBRA,
    "body": NetworkClass.BODY.bit,
    "posterior elements": NetworkClass.POSTERIOR.bit,
    "disc": NetworkClass.DISC.bit,
    "canal": WHOLE_CANAL,
    "cord": NetworkClass.CORD.bit,
    "sacrum": NetworkClass.SACRUM.bit,
}
"""What is trained and judged, as sets of classes: "vertebra" is both parts together, "canal" includes the cord."""

_CLASS_OF_KIND = {
    StructureKind.BODY: NetworkClass.BODY,
    StructureKind.POSTERIOR: NetworkClass.POSTERIOR,
    StructureKind.DISC: NetworkClass.DISC,
    StructureKind.CANAL: NetworkClass.CANAL,
    StructureKind.CORD: NetworkClass.CORD,
    StructureKind.SACRUM: NetworkClass.SACRUM,
}


def class_table() -> ByteArray:
    """For each anatomy number 0..255 the class of its pixels; numbers that name nothing are background."""
    table = np.zeros(256, np.uint8)
    for part in all_structures():
        owner = NetworkClass.SACRUM if part.vertebra is Anatomy.SACRUM else _CLASS_OF_KIND[part.kind]
        table[part.label] = owner
    return table


def set_table(labelled: Iterable[str]) -> ByteArray:
    """For each anatomy number the set of classes a pixel may have, in a source that labels only these :data:`STRUCTURES`.

    Without "body" and "posterior elements" a vertebra leaves open which part it is; without "cord" so does the canal. Structures
    that are not labelled at all may hide in the background.
    """
    names = _checked(labelled)
    regions = [STRUCTURES[name] for name in names]
    # From the widest to the narrowest, so that a part that is told apart overrides the whole.
    sets = np.zeros(CLASS_COUNT, np.uint8)
    for region in sorted(regions, key=_bits, reverse=True):
        for member in members(region):
            sets[member] = region
    for narrow in regions:
        others = [member for member in range(CLASS_COUNT) if not narrow >> member & 1]
        sets[others] &= np.uint8(ANYTHING & ~narrow)
    sets[sets == 0] = _open(sets)
    return sets[class_table()]


def members(region: int) -> tuple[int, ...]:
    """The channels in a set."""
    return tuple(index for index in range(CLASS_COUNT) if region >> index & 1)


def certainly(sets: NDArray[Any], region: int) -> BoolArray:
    """Where a pixel belongs to a region whichever of its possible classes it has."""
    inside: BoolArray = (sets & np.uint8(ANYTHING & ~region)) == 0
    return inside


def possibly(sets: NDArray[Any], region: int) -> BoolArray:
    """Where a pixel may belong to a region."""
    inside: BoolArray = (sets & np.uint8(region)) != 0
    return inside


def _open(sets: ByteArray) -> int:
    """The set of all classes that no structure claims: what may hide in the background."""
    return sum(1 << index for index in range(CLASS_COUNT) if sets[index] == 0)


def _bits(region: int) -> int:
    return len(members(region))


def _checked(labelled: Iterable[str]) -> Sequence[str]:
    names = list(labelled)
    unknown = [name for name in names if name not in STRUCTURES]
    if unknown or not names:
        problem = f"'{unknown[0]}' is no structure a network knows" if unknown else "A source has to label at least one structure"
        raise InputError(f"{problem}.", f"Choose from: {', '.join(STRUCTURES)}.")
    return names
