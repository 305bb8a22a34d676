"""Rules about the mask as such: its grid, what it holds, how it hangs together."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from spinemr.imaging.anatomy import StructureKind, disc_below, name_of, structure
from spinemr.imaging.geometry import Grid, WorkingFrame
from spinemr.radiomics.verdict.levels import chain_of
from spinemr.radiomics.verdict.rule import Measure, NotChecked, Rule, need_labels
from spinemr.radiomics.verdict.study import Found, Study

BODY, DISC, CANAL, SACRUM = StructureKind.BODY, StructureKind.DISC, StructureKind.CANAL, StructureKind.SACRUM
_CONNECTED = np.ones((3, 3, 3), dtype=bool)


class OtherGrid(Rule):
    """Mask and harmonized image have to lie on the voxels of the image; another order of axes is put right."""

    name, title, limits, weight = "other-grid", "Grid", ("grid_offset",), 50
    fine = "Everything lies on the grid of the image."

    def measures(self, study: Study) -> Iterator[Measure]:
        """The largest distance of corner voxels from where they should be."""
        others = {"mask": study.case.segmentation, "harmonized image": study.case.harmonized}
        if not any(others.values()):
            raise NotChecked("There is neither a mask nor a harmonized image.")
        for role, other in others.items():
            if other is not None:
                said = Grid.of(other).difference(Grid.of(study.case.image)) or "size differs"
                sentence = f"The {role} lies on another grid than the image ({said}): what it shows belongs to other voxels."
                yield Measure(offset_mm(other, study.case.image), "grid_offset", sentence)


def offset_mm(other: sitk.Image, image: sitk.Image) -> float:
    """The farthest that a corner voxel lies from its counterpart; infinite for another number of voxels."""
    if other.GetDimension() != 3 or other.GetNumberOfComponentsPerPixel() != 1:
        return float("inf")
    grids = [WorkingFrame.of(volume).working_grid for volume in (other, image)]
    if grids[0].size != grids[1].size:
        return float("inf")
    return float(np.linalg.norm(grids[0].corners_mm() - grids[1].corners_mm(), axis=1).max())


class EmptyMask(Rule):
    """A mask without any structure."""

    name, title, limits, weight = "empty-mask", "Empty mask", ("structures",), 49
    fine = "The mask holds structures."

    def measures(self, study: Study) -> Iterator[Measure]:
        """The number of structures."""
        if study.labels is None:
            need_labels(study)
        yield Measure(len(study.structures), "structures", "The mask is empty: no structure was found in this study.")


class UnknownNumbers(Rule):
    """Labels that name no structure, as masks in other numberings have."""

    name, title, limits, weight = "unknown-numbers", "Numbers of the mask", ("unknown_numbers",), 30
    fine = "Every number in the mask names a structure."

    def measures(self, study: Study) -> Iterator[Measure]:
        """How many numbers mean nothing."""
        if study.labels is None:
            need_labels(study)
        named = ", ".join(str(label) for label in study.unknown[:5])
        sentence = f"The mask holds numbers that name no structure ({named}): is it in another numbering than VerSe's?"
        where = np.argwhere(study.labels == study.unknown[0]) if study.unknown else None
        place = study.place(where[len(where) // 2]) if where is not None else None
        yield Measure(len(study.unknown), "unknown_numbers", sentence, place=place)


class TinyStructure(Rule):
    """Bodies and discs much smaller than their neighbours: a splinter, not a structure."""

    name, title, limits, weight = "tiny-structure", "Tiny structure", ("share_of_neighbours",), 35
    fine = "No structure is much smaller than its neighbours."

    def measures(self, study: Study) -> Iterator[Measure]:
        """Volume over the mean of the next ones above and below of its kind; what the view cuts is left out."""
        need_labels(study)
        for found, share in beside_neighbours(study):
            sentence = f"The {found.name} is much smaller than its neighbours: part of it is missing from the mask."
            yield Measure(share, "share_of_neighbours", sentence, found.label, study.place_of(found))


class Volume(Rule):
    """Volumes outside of what anatomy allows."""

    name, title, weight = "volume", "Volume", 30
    limits = ("body_volume_low", "body_volume_high", "vertebra_volume_high", "disc_volume_low", "disc_volume_high")
    fine = "Volumes lie within the range of anatomy."

    def measures(self, study: Study) -> Iterator[Measure]:
        """The volume of each body (or whole vertebra) and disc; what the view cuts cannot be too small."""
        need_labels(study)
        for found in study.of_kind(BODY, DISC) if study.is_whole else ():
            volume = found.volume_mm3 / 1000
            kind = "disc" if found.kind is DISC else "body" if study.has_parts else "vertebra"
            place = study.place_of(found)
            large = f"The {found.name} is larger than anatomy allows: its mask leaks into its neighbours."
            yield Measure(volume, f"{kind}_volume_high", large, found.label, place)
            if not study.at_edge(found):
                small = f"The {found.name} is smaller than anatomy allows."
                yield Measure(volume, "disc_volume_low" if kind == "disc" else "body_volume_low", small, found.label, place)


class Outgrown(Rule):
    """Discs and bodies much larger than their neighbours."""

    name, title, limits, weight = "outgrown", "Leak", ("times_neighbours",), 34
    fine = "No structure is much larger than its neighbours."

    def measures(self, study: Study) -> Iterator[Measure]:
        """Volume over the mean of the next ones above and below of its kind; what the view cuts is left out."""
        need_labels(study)
        for found, times in beside_neighbours(study):
            sentence = f"The {found.name} is much larger than its neighbours: its mask leaks."
            yield Measure(times, "times_neighbours", sentence, found.label, study.place_of(found))


def beside_neighbours(study: Study) -> Iterator[tuple[Found, float]]:
    """Bodies and discs with their volume as share of the mean of the next ones of their kind, where none is cut."""
    for kind in (BODY, DISC):
        row = [found for found in chain_of(study) if found.kind is kind and not study.at_edge(found)]
        for place, found in enumerate(row):
            near = [row[other].volume_mm3 for other in (place - 1, place + 1) if 0 <= other < len(row)]
            if near:
                yield found, found.volume_mm3 / float(np.mean(near))


class Fragments(Rule):
    """Bodies, discs, sacrum and canal in several pieces."""

    name, title, weight = "fragments", "Fragments", 25
    limits = ("share_off_largest", "vertebra_share_off_two_largest", "canal_share_off_largest")
    fine = "Structures are of one piece."

    def measures(self, study: Study) -> Iterator[Measure]:
        """Share of the voxels outside of the largest piece (of whole vertebrae: of the two largest, body and arch).

        A sacrum together with its arches is of many pieces.
        """
        need_labels(study)
        kinds = (BODY, DISC, CANAL, SACRUM) if study.has_parts else (BODY, DISC, CANAL)
        for found in study.of_kind(*kinds):
            pieces, sizes = _pieces(found)
            whole = found.kind is BODY and not study.has_parts
            kept = 2 if whole else 1
            order = np.argsort(-sizes)
            share = float(sizes[order[kept:]].sum() / sizes.sum())
            stray = pieces == order[kept] + 1 if len(sizes) > kept else None
            name = self.limits[1] if whole else self.limits[2] if found.kind is CANAL else self.limits[0]
            sentence = f"The {found.name} is in {len(sizes)} pieces."
            yield Measure(share, name, sentence, found.label, study.place_of(found, stray))


def _pieces(found: Found) -> tuple[np.ndarray, np.ndarray]:
    pieces, count = ndimage.label(found.mask, _CONNECTED)
    return pieces, np.bincount(pieces.ravel(), minlength=count + 1)[1:]


class Touching(Rule):
    """Structures in contact that have something between them in every spine."""

    name, title, limits, weight = "touching", "Touching neighbours", ("contact_bodies", "contact_strangers"), 33
    fine = "Structures that lie apart do not touch."

    def measures(self, study: Study) -> Iterator[Measure]:
        """Area of contact between two bodies, two discs, or a disc and a body that is not its own."""
        need_labels(study)
        assert study.labels is not None
        for (one, other), (area, place) in contacts(study.labels, study.spacing_mm).items():
            if one not in study.structures or other not in study.structures:
                continue
            kinds = {structure(one).kind, structure(other).kind}
            if kinds == {BODY} and not study.has_parts:
                continue  # joints of the arches touch
            if kinds <= {BODY, DISC} and not _belong(one, other):
                name = "contact_bodies" if kinds == {BODY} else "contact_strangers"
                sentence = f"{_capital(name_of(one))} and {name_of(other)} touch: one leaks, or what lies between is missing."
                yield Measure(area, name, sentence, max(one, other), study.place(place))


def _belong(one: int, other: int) -> bool:
    """Whether a disc and a body are neighbours by their numbers."""
    body, disc = sorted((one, other))
    if structure(body).kind is not BODY or structure(disc).kind is not DISC:
        return False
    above = disc - disc_below(1) + 1
    return body in {above, above + 1} or {above, body} in ({19, 28}, {28, 20}, {24, 25})


def contacts(
    labels: np.ndarray, spacing_mm: tuple[float, float, float]
) -> dict[tuple[int, int], tuple[float, tuple[float, float, float]]]:
    """Area in mm² and middle of the contact of every two labels that meet face to face."""
    areas: dict[tuple[int, int], float] = {}
    places: dict[tuple[int, int], np.ndarray] = {}
    for axis in range(3):
        face = float(np.prod(spacing_mm)) / spacing_mm[axis]
        first = np.moveaxis(labels, axis, 0)
        index = np.nonzero((first[:-1] != first[1:]) & (first[:-1] > 0) & (first[1:] > 0))
        pairs = np.sort(np.stack([first[:-1][index], first[1:][index]], axis=1), axis=1)
        where = np.stack(index, axis=1)[:, np.argsort(np.r_[axis, [other for other in range(3) if other != axis]])]
        keys, owner = np.unique(pairs, axis=0, return_inverse=True)
        for number, key in enumerate(keys):
            members = where[owner.ravel() == number]
            pair = int(key[0]), int(key[1])
            areas[pair] = areas.get(pair, 0.0) + len(members) * face
            places.setdefault(pair, members[len(members) // 2])
    return {pair: (area, tuple(float(step) for step in places[pair])) for pair, area in areas.items()}  # type: ignore[misc]


def _capital(name: str) -> str:
    return name[:1].upper() + name[1:]
