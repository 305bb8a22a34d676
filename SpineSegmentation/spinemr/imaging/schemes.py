"""Label maps in the numbers of other projects, and back.

- ``verse``: the numbers used here (VerSe, TPTBox); from there S2-S6 (29-33) join the sacrum.
- ``spider`` (SPIDER challenge): vertebrae 1, 2, ... from the lowest lumbar one up, partly visible ones 101, 102,
  ..., discs 201, 202, ... likewise, spinal canal 100 (the cord inside it included); no sacrum.
- ``totalspineseg`` (its ``tss_map.json``): cord 1, canal 2, C1 11, T1 21, L1 41 and on, sacrum 50, disc = 50 + the
  bone under it (C2-C3 63, L5-S 100).

Where a scheme does not tell body and posterior elements apart they are united; a structure without a
counterpart becomes background, with an :class:`ImagingWarning` that names it.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable

import numpy as np
import SimpleITK as sitk

from spinemr.imaging.anatomy import Anatomy, StructureKind, disc_below, name_of, structure, without_parts
from spinemr.imaging.errors import ImagingWarning, InputError

_SPIDER_CANAL = 100
_SPIDER_PARTIAL = 100
_SPIDER_DISC = 200
_TSS_CORD, _TSS_CANAL, _TSS_SACRUM, _TSS_DISC = 1, 2, 50, 50
_TSS_FIRST = ((Anatomy.C1, Anatomy.C7, 11), (Anatomy.T1, Anatomy.T12, 21), (Anatomy.L1, Anatomy.L6, 41))
_TPTBOX_SACRAL = range(29, 34)

Table = dict[int, int]


def to_scheme(labels: sitk.Image, name: str) -> sitk.Image:
    """A map of anatomy numbers in another project's numbers."""
    return _mapped(labels, _table(_TO, name), lambda label: _known_name(label))


def from_scheme(labels: sitk.Image, name: str) -> sitk.Image:
    """A map in another project's numbers as anatomy numbers."""
    return _mapped(labels, _table(_FROM, name), str)


def _table(tables: dict[str, Callable[[set[int]], Table]], name: str) -> Callable[[set[int]], Table]:
    try:
        return tables[name.lower()]
    except KeyError:
        raise InputError(f"There is no label scheme {name}.", f"Known are {', '.join(SCHEMES)}.") from None


def _mapped(labels: sitk.Image, table_for: Callable[[set[int]], Table], describe: Callable[[int], str]) -> sitk.Image:
    values = sitk.GetArrayViewFromImage(labels)
    present = {int(value) for value in np.unique(values)} - {0}
    table = table_for(present)
    lost = sorted(present - table.keys())
    if lost:
        warnings.warn(
            f"No counterpart in the other label scheme, left out: {', '.join(describe(label) for label in lost)}.",
            ImagingWarning,
            stacklevel=3,
        )
    lookup = np.zeros(max(present, default=0) + 1, dtype=np.uint8)
    for label in present & table.keys():
        lookup[label] = table[label]
    mapped = sitk.GetImageFromArray(lookup[values])
    mapped.CopyInformation(labels)
    return mapped


def _known_name(label: int) -> str:
    try:
        return name_of(label)
    except ValueError:
        return str(label)


def _verse(present: set[int]) -> Table:
    return {label: label for label in present if _is_structure(label)}


def _from_verse(present: set[int]) -> Table:
    return _verse(present) | {label: int(Anatomy.SACRUM) for label in present if label in _TPTBOX_SACRAL}


def _is_structure(label: int) -> bool:
    try:
        structure(label)
    except ValueError:
        return False
    return True


def _from_below(present: Iterable[int]) -> list[Anatomy]:
    """The vertebrae from the lowest up; L6 and T13 count only where the map has them (or their disc)."""
    owners = {structure(label).vertebra for label in present if _is_structure(label)}
    upwards = [Anatomy(number) for number in range(Anatomy.L6, 0, -1)]
    upwards.insert(upwards.index(Anatomy.T12), Anatomy.T13)
    return [vertebra for vertebra in upwards if vertebra in owners or vertebra not in (Anatomy.L6, Anatomy.T13)]


def _to_spider(present: set[int]) -> Table:
    table: Table = {int(Anatomy.CANAL): _SPIDER_CANAL, int(Anatomy.CORD): _SPIDER_CANAL}
    for place, vertebra in enumerate(_from_below(present), start=1):
        table |= {int(vertebra): place, disc_below(vertebra): _SPIDER_DISC + place}
    return _with_parts(table, present)


def _from_spider(_present: set[int]) -> Table:
    table: Table = {_SPIDER_CANAL: int(Anatomy.CANAL)}
    for place, vertebra in enumerate(_from_below(()), start=1):
        table |= {place: int(vertebra), _SPIDER_PARTIAL + place: int(vertebra), _SPIDER_DISC + place: disc_below(vertebra)}
    return table


def _tss_vertebrae() -> Table:
    return {int(first) + step: start + step for first, last, start in _TSS_FIRST for step in range(last - first + 1)}


def _to_totalspineseg(present: set[int]) -> Table:
    vertebrae = _tss_vertebrae()
    table: Table = {int(Anatomy.CORD): _TSS_CORD, int(Anatomy.CANAL): _TSS_CANAL, int(Anatomy.SACRUM): _TSS_SACRUM}
    has_l6 = bool(present & {int(Anatomy.L6), disc_below(Anatomy.L6)})
    for vertebra, number in vertebrae.items():
        lowest = vertebra == Anatomy.L6 or (vertebra == Anatomy.L5 and not has_l6)
        under = _TSS_SACRUM if lowest else vertebrae[vertebra + 1]
        table |= {vertebra: number, disc_below(vertebra): _TSS_DISC + under}
    return _with_parts(table, present)


def _from_totalspineseg(present: set[int]) -> Table:
    has_l6 = bool(present & {46, 96})
    probe = {disc_below(Anatomy.L6)} if has_l6 else set()
    forward = _to_totalspineseg(probe)
    if not has_l6:
        forward = {label: number for label, number in forward.items() if label not in (Anatomy.L6, disc_below(Anatomy.L6))}
    return {number: label for label, number in forward.items()}


def _with_parts(table: Table, present: set[int]) -> Table:
    """Posterior elements take the number of the vertebra they belong to."""
    parts = {label for label in present if _is_structure(label) and structure(label).kind is StructureKind.POSTERIOR}
    return table | {label: table[without_parts(label)] for label in parts if without_parts(label) in table}


_TO: dict[str, Callable[[set[int]], Table]] = {
    "verse": _verse,
    "spider": _to_spider,
    "totalspineseg": _to_totalspineseg,
}
_FROM: dict[str, Callable[[set[int]], Table]] = {
    "verse": _from_verse,
    "spider": _from_spider,
    "totalspineseg": _from_totalspineseg,
}
SCHEMES = tuple(_TO)
"""The names :func:`to_scheme` and :func:`from_scheme` know."""
