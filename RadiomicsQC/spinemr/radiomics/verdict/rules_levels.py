"""Rules about levels: order, gaps, numbers given twice, distances, and how many there are."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
from scipy import ndimage

from spinemr.imaging.anatomy import Anatomy, StructureKind, name_of
from spinemr.radiomics.verdict.levels import around, chain_of, missing_of
from spinemr.radiomics.verdict.rule import Measure, NotChecked, Rule, need_labels
from spinemr.radiomics.verdict.study import Found, Study
from spinemr.radiomics.viewing import Place

BODY, DISC, SACRUM = StructureKind.BODY, StructureKind.DISC, StructureKind.SACRUM
_CONNECTED = np.ones((3, 3, 3), dtype=bool)


def _need_chain(study: Study, kinds: tuple[StructureKind, ...], count: int) -> None:
    need_labels(study)
    if len(study.of_kind(*kinds)) < count:
        raise NotChecked(f"The mask holds fewer than {count} levels.")


class LevelOrder(Rule):
    """Numbers that do not grow from head to foot."""

    name, title, limits, weight = "level-order", "Order of levels", ("level_order",), 48
    fine = "Level numbers grow from head to foot."

    def measures(self, study: Study) -> Iterator[Measure]:
        """How far each structure lies above the one before it in the chain (0 where it lies below, as it should).

        Of what the view cuts at head or foot only a part is seen, whose middle says nothing.
        """
        _need_chain(study, (BODY, DISC), 2)
        chain = [found for found in chain_of(study) if found.kind is SACRUM or not study.cut_along(found)]
        for before, found in itertools.pairwise(chain):
            wrong = (before.centre[1] - found.centre[1]) * study.spacing_mm[1]
            sentence = f"The {found.name} lies above the {before.name}: levels are swapped, or the image is upside down."
            yield Measure(max(wrong, 0.0), "level_order", sentence, found.label, study.place_of(found))


class LevelGap(Rule):
    """Levels between others that are not in the mask."""

    name, title, limits, weight = "level-gap", "Missing levels", ("missing_levels",), 40
    fine = "No level is missing between the first and the last."

    def measures(self, study: Study) -> Iterator[Measure]:
        """The number of structures that the chain lacks; one sentence each."""
        _need_chain(study, (BODY, DISC), 2)
        missing = missing_of(study)
        for label in missing:
            sentence = f"The {name_of(label)} is not in the mask, though levels above and below it are."
            yield Measure(len(missing), "missing_levels", sentence, label, _between(study, *around(study, label)))
        if not missing:
            yield Measure(0, "missing_levels", self.fine)


def _between(study: Study, above: Found | None, below: Found | None) -> Place | None:
    if above is None or below is None:
        return None
    return study.place(np.mean([above.centre, below.centre], axis=0).tolist())


class LevelTwice(Rule):
    """One number on two bodies or two discs."""

    name, title, limits, weight = "level-twice", "Levels given twice", ("second_piece",), 47
    fine = "Every level number is given once."

    def measures(self, study: Study) -> Iterator[Measure]:
        """The largest piece a whole body height away from a structure's main piece, as share of that."""
        _need_chain(study, (BODY, DISC), 1)
        for found in study.of_kind(BODY, DISC):
            pieces, count = ndimage.label(found.mask, _CONNECTED)
            sizes = np.bincount(pieces.ravel(), minlength=count + 1)[1:]
            main = int(sizes.argmax()) + 1
            heights = np.array(ndimage.center_of_mass(found.mask, pieces, range(1, count + 1)))[:, 1] * study.spacing_mm[1]
            far = np.abs(heights - heights[main - 1]) > (APART_MM if study.has_parts else APART_WITH_ARCH_MM)
            second = int(np.where(far, sizes, 0).argmax()) + 1
            share = float(sizes[second - 1] / sizes[main - 1]) if far.any() else 0.0
            sentence = f"The number of the {found.name} is on two structures at different heights."
            yield Measure(share, "second_piece", sentence, found.label, study.place_of(found, pieces == second))


APART_MM, APART_WITH_ARCH_MM = 18.0, 27.0
"""Two pieces this far apart along the spine are two levels. An arch hangs lower than its body, by most of a body's height."""


class LevelDistance(Rule):
    """Neighbours by number that are no neighbours in the image: a level left out of the count."""

    name, title, limits, weight = "level-distance", "Distance of levels", ("level_distance",), 39
    fine = "Neighbouring levels follow each other at even distances."

    def measures(self, study: Study) -> Iterator[Measure]:
        """Distance of consecutive bodies (else discs) over the median of all; what the view cuts is left out."""
        _need_chain(study, (BODY, DISC), 3)
        for kind in (BODY, DISC):
            row = [found for found in chain_of(study) if found.kind is kind and not study.at_edge(found)]
            steps = [_distance_mm(study, *pair) for pair in itertools.pairwise(row)]
            missing = set(missing_of(study))
            if len(steps) < 2:
                continue
            for above, below, step in zip(row, row[1:], steps, strict=False):
                if missing & set(range(above.label + 1, below.label)):
                    continue  # said as a gap
                sentence = f"{above.name} and {below.name} lie far apart for neighbours: a level was not counted."
                place = study.place(np.mean([above.centre, below.centre], axis=0).tolist())
                yield Measure(step / float(np.median(steps)), "level_distance", sentence, below.label, place)


def _distance_mm(study: Study, one: Found, other: Found) -> float:
    return float(np.linalg.norm((np.array(one.centre) - other.centre) * study.spacing_mm))


class LevelCount(Rule):
    """More lumbar vertebrae than five, or too few to count (one that lacks its number is a missing level)."""

    name, title, weight = "level-count", "Number of lumbar vertebrae", 38
    limits = ("lumbar_vertebrae", "vertebrae_in_view")
    fine = "The number of vertebrae is a usual one."

    def measures(self, study: Study) -> Iterator[Measure]:
        """How many vertebrae there are, and how many of them are lumbar."""
        _need_chain(study, (BODY,), 1)
        bodies = study.of_kind(BODY)
        lumbar = [found for found in bodies if Anatomy.L1 <= found.label <= Anatomy.L6]
        lowest = max(bodies, key=lambda found: found.centre[1])
        place = study.place_of(lowest)
        yield Measure(len(bodies), "vertebrae_in_view", f"Only {len(bodies)} vertebrae are in the mask.", lowest.label, place)
        many = f"{len(lumbar)} lumbar vertebrae: a transitional vertebra, or levels shifted by one."
        yield Measure(len(lumbar), "lumbar_vertebrae", many, lowest.label, place)
