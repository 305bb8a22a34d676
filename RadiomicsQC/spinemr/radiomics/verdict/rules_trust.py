"""Rules about what is known: confidences of the segmentation, and appearances the models know."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from importlib.resources import files

from spinemr.imaging.anatomy import StructureKind
from spinemr.radiomics.verdict.appearance import STATISTICS, image_statistics
from spinemr.radiomics.verdict.known import Appearances
from spinemr.radiomics.verdict.profile import parsed
from spinemr.radiomics.verdict.rule import Measure, NotChecked, Rule, need_labels
from spinemr.radiomics.verdict.study import Study

KNOWN_APPEARANCES = "known_appearances.json"


class StructureConfidence(Rule):
    """Structures the segmentation itself is not sure of."""

    name, title, limits, weight = "structure-confidence", "Confidence of structures", ("structure_confidence",), 22
    fine = "The segmentation is sure of its structures."

    def measures(self, study: Study) -> Iterator[Measure]:
        """The confidence of each body and disc that the view does not cut."""
        if study.case.confidences is None or not study.case.confidences.structures:
            raise NotChecked("There are no confidences.")
        need_labels(study)
        for found in study.of_kind(StructureKind.BODY, StructureKind.DISC):
            sure = study.case.confidences.structures.get(found.label)
            if sure is not None and not study.at_edge(found):
                sentence = f"The segmentation is not sure of the {found.name}."
                yield Measure(sure, "structure_confidence", sentence, found.label, study.place_of(found))


class LevelConfidence(Rule):
    """Level numbers that may be shifted."""

    name, title, limits, weight = "level-confidence", "Confidence of levels", ("level_confidence",), 37
    fine = "The count of levels is as sure as it can be in a lumbar view; it could still be shifted by one."

    def measures(self, study: Study) -> Iterator[Measure]:
        """The confidence of the count; the sentence carries what the segmentation found unusual."""
        if study.case.confidences is None or study.case.confidences.levels is None:
            raise NotChecked("There is no confidence of the levels.")
        why = " ".join(study.case.confidences.flags)
        lowest = max(study.of_kind(StructureKind.BODY, StructureKind.DISC), key=lambda found: found.centre[1], default=None)
        place = None if lowest is None else study.place_of(lowest)
        sentence = f"Levels may be shifted by one or more. {why}".rstrip()
        yield Measure(study.case.confidences.levels, "level_confidence", sentence, place=place)


class FarAppearance(Rule):
    """An image that looks like nothing the models know."""

    name, title, limits, weight = "far-appearance", "Known appearance", ("appearance_distance",), 36
    fine = "The image looks like others the models know."

    def measures(self, study: Study) -> Iterator[Measure]:
        """Distance from the nearest known scanner, in units of the distance that 99 % of known images keep within."""
        need_labels(study)
        own = study.case.known
        known = shipped_appearances() if own is None else own.appearances
        if known is None:
            raise NotChecked("The profile holds no appearances.")
        assert study.case.segmentation is not None
        statistics = image_statistics(study.case.image, study.case.segmentation)
        distance, group = known.distance(statistics)
        odd = STATISTICS[known.oddest(statistics, group)]
        sentence = f"The image looks like none the models know (nearest: {group}; what differs most: {odd})."
        middle = study.of_kind(StructureKind.BODY) or list(study.structures.values())
        place = study.place_of(middle[len(middle) // 2])
        yield Measure(distance / known.usual_distance, "appearance_distance", sentence, place=place)


@cache
def shipped_appearances() -> Appearances | None:
    """Those of ``verdict/data/known_appearances.json``."""
    text = files(__package__).joinpath("data", KNOWN_APPEARANCES).read_text(encoding="utf-8")
    return parsed(json.loads(text), KNOWN_APPEARANCES).appearances
