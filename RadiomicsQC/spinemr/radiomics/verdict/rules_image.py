"""Rules about the image: what the view cuts, how coarse it is, and whether its grey values can be read."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from spinemr.imaging.anatomy import StructureKind
from spinemr.radiomics.verdict.rule import Measure, Rule, need_labels
from spinemr.radiomics.verdict.study import Array, Found, Study

LUMBAR_DISCS = range(120, 126)
"""L1-L2 to L5-S1 (and under a sixth lumbar vertebra): those a lumbar study is made for."""
_SIDES = ("right", "left"), ("head", "foot"), ("front", "back")


class DiscCut(Rule):
    """Lumbar discs that the field of view cuts."""

    name, title, limits, weight = "disc-cut", "Discs cut by the view", ("disc_cut_area", "disc_cut_slices"), 28
    fine = "Every lumbar disc in the mask lies inside of the view."

    def measures(self, study: Study) -> Iterator[Measure]:
        """Area of a disc on the edges of the slices, and on the outer slices as share of its largest slice: the worse side."""
        need_labels(study)
        for found in study.of_kind(StructureKind.DISC):
            if found.label not in LUMBAR_DISCS:
                continue
            for axes in ((0,), (1, 2)) if study.is_whole else ((1, 2),):
                sides = [self._side(study, found, axis, end) for axis in axes for end in (0, 1)]
                yield max(sides, key=lambda measure: measure.figure)

    def _side(self, study: Study, found: Found, axis: int, end: int) -> Measure:
        side = found.box[axis]
        reached = side.start == 0 if end == 0 else side.stop == study.values.shape[axis]
        edge = np.zeros_like(found.mask)
        at = (slice(None),) * axis + ((0, -1)[end],)
        edge[at] = found.mask[at]
        sentence = f"The {found.name} is cut by the edge of the view ({_SIDES[axis][end]}): it is not measured whole."
        voxels = int(edge.sum()) if reached else 0
        place = study.place_of(found, edge)
        if axis == 0:
            share = voxels / int(found.mask.sum(axis=(1, 2)).max())
            return Measure(share, "disc_cut_slices", sentence, found.label, place)
        area = voxels * float(np.prod(study.spacing_mm)) / study.spacing_mm[axis]
        return Measure(area, "disc_cut_area", sentence, found.label, place)


class TooCoarse(Rule):
    """Voxels too long for what has to be measured in them."""

    name, title, weight = "too-coarse", "Resolution", 20
    limits = ("spacing_head_foot", "slice_distance", "anisotropy")
    fine = "Voxels are small enough, and not too unequal."

    def measures(self, study: Study) -> Iterator[Measure]:
        """Spacing from head to foot, the largest spacing, and the largest over the smallest."""
        low, high = min(study.spacing_mm), max(study.spacing_mm)
        thin = f"Voxels are {study.spacing_mm[1]:.3g} mm long from head to foot: a thin disc is hardly one voxel high."
        yield Measure(study.spacing_mm[1], "spacing_head_foot", thin)
        yield Measure(high, "slice_distance", f"Slices are {high:.3g} mm apart: structures between them are not seen.")
        unequal = f"Voxels are {high / low:.3g} times as long as wide: texture in 3D compares what does not lie close together."
        yield Measure(high / low, "anisotropy", unequal)


class FewSlices(Rule):
    """Too few slices to know the sides of anything."""

    name, title, limits, weight = "few-slices", "Number of slices", ("slices",), 18
    fine = "There are slices enough."

    def measures(self, study: Study) -> Iterator[Measure]:
        """Slices as they were acquired."""
        count = study.viewing.shape[0]
        said = "1 slice" if count == 1 else f"{count} slices"
        yield Measure(count, "slices", f"The study has only {said}: volumes and 3D features say little.")


class Saturated(Rule):
    """Grey values cut off at the top or bottom of the range."""

    name, title, limits, weight = "saturated", "Saturation", ("saturated_high", "saturated_low"), 32
    fine = "Grey values are not cut off."

    def measures(self, study: Study) -> Iterator[Measure]:
        """Share of the voxels of bodies and discs (without a mask: of all) with the highest or lowest value of the image."""
        solid = [found.label for found in study.of_kind(StructureKind.BODY, StructureKind.DISC)]
        inside = np.isin(study.labels, solid) if study.labels is not None and solid else np.ones(study.values.shape, dtype=bool)
        ends = (("saturated_high", study.values.max(), "bright"), ("saturated_low", study.values.min(), "dark"))
        for name, extreme, end in ends:
            clipped = (study.values == extreme) & inside
            worst = clipped.sum(axis=(1, 2)).argmax()
            place = study.place(_middle(clipped, int(worst))) if clipped.any() else None
            sentence = f"Grey values are cut off at the {end} end: texture is lost there."
            yield Measure(float(clipped.sum() / inside.sum()), name, sentence, place=place)


class Constant(Rule):
    """Slices or whole images that hold (almost) one value."""

    name, title, limits, weight = "constant", "Constant intensities", ("grey_levels", "blank_slices"), 45
    fine = "Grey values differ in every slice of the spine."

    def measures(self, study: Study) -> Iterator[Measure]:
        """Different grey values in the structures (without a mask: in all), and slices among them that are blank."""
        inside = _inside(study)
        count = len(np.unique(study.values[inside]))
        middle = np.array(study.values.shape) // 2
        few = f"The structures hold only {count} different grey values: there is no texture to measure."
        yield Measure(count, "grey_levels", few, place=study.place(middle.tolist()))
        blank = _blank_slices(study)
        sentence = f"{len(blank)} of the slices between others show nothing."
        yield Measure(len(blank), "blank_slices", sentence, place=study.place((blank[0], *middle[1:])) if blank else None)


def _blank_slices(study: Study) -> list[int]:
    """Slices of one value that hold labels or lie between slices that show something (padding at the ends is none)."""
    shows = np.array([np.ptp(slice_) > 0 for slice_ in study.values])
    wanted = shows.copy()
    if study.labels is not None:
        wanted |= study.labels.any(axis=(1, 2))
    seen = np.flatnonzero(wanted)
    return [int(index) for index in range(seen[0], seen[-1] + 1) if not shows[index]] if seen.size else []


def _inside(study: Study) -> Array:
    """The structures, or everything where there are none."""
    if study.labels is None or not study.labels.any():
        return np.ones(study.values.shape, dtype=bool)
    return np.asarray(study.labels > 0)


def _middle(mask: Array, slice_: int) -> tuple[float, float, float]:
    rows, columns = np.nonzero(mask[slice_])
    return float(slice_), float(np.median(rows)), float(np.median(columns))
