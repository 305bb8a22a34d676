"""The chain of vertebrae and discs by number, from head to foot, and what is missing in it."""

from __future__ import annotations

from spinemr.imaging.anatomy import Anatomy, StructureKind, disc_below
from spinemr.radiomics.verdict.study import Found, Study

_ORDER = (*range(Anatomy.C1, Anatomy.T12 + 1), Anatomy.T13, *range(Anatomy.L1, Anatomy.SACRUM + 1))
"""Vertebrae and sacrum from head to foot."""
_OPTIONAL = (Anatomy.T13, Anatomy.L6)
"""Those most spines do not have."""


def chain_of(study: Study) -> list[Found]:
    """Bodies, discs and sacrum in the order of their numbers from head to foot."""
    kinds = (StructureKind.BODY, StructureKind.DISC, StructureKind.SACRUM)
    return sorted(study.of_kind(*kinds), key=lambda found: rank(found.label))


def rank(label: int) -> float:
    """Place of a vertebra, the sacrum or a disc (half a step below its vertebra) in the chain."""
    if label in _ORDER:
        return float(_ORDER.index(label))
    return _ORDER.index(label - disc_below(1) + 1) + 0.5


def missing_of(study: Study) -> list[int]:
    """Numbers that no structure carries between the first and the last that lie in view from head to foot.

    Of kinds that the map does not hold at all, none is missing.
    """
    present = {found.label for found in chain_of(study)}
    ranks = [rank(found.label) for found in chain_of(study) if found.kind is StructureKind.SACRUM or not study.cut_along(found)]
    if not ranks:
        return []
    first, last = min(ranks), max(ranks)
    bones = [label for label in _ORDER if label not in _OPTIONAL or label in present]
    discs = [disc_below(label) for label in bones if label not in (Anatomy.C1, Anatomy.SACRUM)]
    wanted = [*(bones if present & set(_ORDER) else ()), *(discs if present - set(_ORDER) else ())]
    return sorted((label for label in wanted if first < rank(label) < last and label not in present), key=rank)


def around(study: Study, label: int) -> tuple[Found | None, Found | None]:
    """The nearest structures of the chain above and below a number."""
    chain = chain_of(study)
    above = [found for found in chain if rank(found.label) < rank(label)]
    below = [found for found in chain if rank(found.label) > rank(label)]
    return (above[-1] if above else None), (below[0] if below else None)
