"""Rules about a harmonized image: did anatomy stay where it was, and did features come nearer to the reference."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import SimpleITK as sitk

from spinemr.imaging.anatomy import StructureKind
from spinemr.radiomics.preservation.preservation import Preservation
from spinemr.radiomics.table import FeatureRow, FeatureTable
from spinemr.radiomics.verdict.profile import Profile
from spinemr.radiomics.verdict.rule import Measure, NotChecked, Rule
from spinemr.radiomics.verdict.study import Study

_JUDGED = (StructureKind.BODY, StructureKind.DISC, StructureKind.SACRUM, StructureKind.CANAL)


def compared(study: Study) -> Preservation:
    """The preservation of a case, which :func:`~spinemr.radiomics.verdict.judge.judge` computes where it can."""
    if study.case.preservation is not None:
        return study.case.preservation
    if study.case.harmonized is None:
        raise NotChecked("There is no harmonized image.")
    raise NotChecked("The harmonized image lies on another grid.")


class MovedAnatomy(Rule):
    """Structures that lie elsewhere in the harmonized image."""

    name, title, limits, weight = "moved-anatomy", "Anatomy in its place", ("moved_structure", "moved_anywhere"), 46
    fine = "Harmonization left every structure where it was."

    def measures(self, study: Study) -> Iterator[Measure]:
        """Upper quartile of the movement in each structure; without a mask, the 95th percentile over the image."""
        found = compared(study)
        where = f"farthest near voxel {found.farthest.voxel}"
        sentence = f"Harmonization moved part of the image by up to {found.moved_max_mm:.1f} mm ({where})."
        if not study.structures:
            yield Measure(found.moved_p95_mm, "moved_anywhere", sentence, place=found.farthest)
            return
        moved = study.viewing.frame.forward_array(sitk.GetArrayFromImage(found.movement_map))
        for one in study.of_kind(*_JUDGED):
            lengths = np.where(one.mask, moved[one.box], np.nan)
            far = float(np.nanpercentile(lengths, 75))
            index = np.unravel_index(np.nanargmax(lengths), lengths.shape)
            place = study.place([step + side.start for step, side in zip(index, one.box, strict=True)])
            said = f"Harmonization moved the {one.name} by {far:.1f} mm."
            yield Measure(far, "moved_structure", said, one.label, place)


class ChangedEdges(Rule):
    """Edges that harmonization removed, drew anew or bent."""

    name, title, limits, weight = "changed-edges", "Edges kept", ("edge_alignment",), 31
    fine = "Edges of the harmonized image lie where those of the original do."

    def measures(self, study: Study) -> Iterator[Measure]:
        """Edge alignment of the spine, and the slice in which it is least."""
        found = compared(study)
        if np.isnan(found.edge_alignment):
            raise NotChecked("The images show no edges.")
        sentence = "The harmonized image has edges where the original has none, or lacks some: anatomy may be invented or lost."
        yield Measure(found.edge_alignment, "edge_alignment", sentence, place=found.least_aligned)


class FeaturesFurther(Rule):
    """Features that harmonization took away from the reference instead of towards it."""

    name, title, weight = "features-further", "Features towards the reference", 26
    limits = ("distance_ratio",)
    fine = "Features are no further from the reference than before."

    def measures(self, study: Study) -> Iterator[Measure]:
        """For each structure its features' median distance from the reference after, over that before, in standard deviations.

        A distance below one standard deviation counts as one: within the spread of the reference nothing is far.
        """
        case = study.case
        if case.reference is None or not case.reference.features:
            raise NotChecked("There is no reference profile with features.")
        if case.features_before is None or case.features_after is None:
            raise NotChecked("There are no features of image and harmonized image.")
        pairs = list(_pairs(case.features_before, case.features_after))
        known = [(pair, _distances(*pair, case.reference)) for pair in pairs]
        if not any(distances is not None for _, distances in known):
            raise NotChecked("The reference knows none of the structures and features.")
        for (row, _), distances in known:
            if distances is not None:
                before, after = distances
                sentence = (
                    f"The features of the {row.structure} are further from the reference after harmonization than before "
                    f"({after:.1f} against {before:.1f} standard deviations)."
                )
                found = study.structures.get(row.label)
                place = None if found is None else study.place_of(found)
                yield Measure(
                    max(after, 1.0) / max(before, 1.0), "distance_ratio", sentence, None if found is None else found.label, place
                )


def _pairs(before: FeatureTable, after: FeatureTable) -> Iterator[tuple[FeatureRow, FeatureRow]]:
    later = {(row.case, row.label): row for row in after}
    for row in before:
        if (row.case, row.label) in later:
            yield row, later[row.case, row.label]


def _distances(before: FeatureRow, after: FeatureRow, reference: Profile) -> tuple[float, float] | None:
    """Median distance before and after over the features that change with grey values and the reference knows."""
    pairs = []
    for name, summary in reference.summaries(before).items():
        values = before.features.get(name), after.features.get(name)
        if "_shape" in name or values[0] is None or values[1] is None:
            continue
        distances = summary.distance(values[0]), summary.distance(values[1])
        if np.isfinite(distances).all():
            pairs.append(distances)
    if not pairs:
        return None
    one, other = np.median(np.array(pairs), axis=0)
    return float(one), float(other)
