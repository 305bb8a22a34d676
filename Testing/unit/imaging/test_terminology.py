"""Codes are DICOM's own, names are English, neighbours never look alike."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from pydicom.sr import _cid_dict, _concepts_dict  # pydicom's copy of DICOM PS3.16

from spinemr.imaging import Anatomy, all_structures, colour_of, disc_below, name_of, posterior_of, term_of
from spinemr.imaging.anatomy import MOBILE_VERTEBRAE, StructureKind, below


@pytest.mark.parametrize("level", [Anatomy(number) for number in range(1, 25)])
def test_every_level_has_dicom_s_code(level):
    concepts = _concepts_dict.concepts["SCT"]
    assert f"{level.name}Vertebra" in _cid_dict.cid_concepts[7603]["SCT"]
    assert term_of(level).type.value in concepts[f"{level.name}Vertebra"]
    if level is not Anatomy.C1:
        disc = f"{level.name}{below(level)}Disc"
        assert disc in _cid_dict.cid_concepts[7604]["SCT"]
        assert term_of(disc_below(level)).type.value in concepts[disc]


@pytest.mark.parametrize(
    ("label", "name", "code", "region"),
    [
        (Anatomy.SACRUM, "Sacrum", "54735007", None),
        (Anatomy.CORD, "SpinalCord", "2748008", None),
        (Anatomy.CANAL, "VertebralCanal", "61853006", None),
        (posterior_of(Anatomy.L4), "ArchOfVertebra", "40265002", "11994002"),
        (posterior_of(Anatomy.SACRUM), "ArchOfVertebra", "40265002", "54735007"),
        (Anatomy.L6, "Vertebra", "51282000", None),
        (Anatomy.T13, "Vertebra", "51282000", None),
    ],
)
def test_other_structures_have_dicom_s_codes_too(label, name, code, region):
    term = term_of(label)
    assert code in _concepts_dict.concepts["SCT"][name]
    assert term.type.value == code
    assert (term.region.value if term.region else None) == region


def test_every_structure_has_a_term_and_a_name_of_its_own():
    terms = [term_of(part.label) for part in all_structures()]
    assert len(terms) == 3 * len(MOBILE_VERTEBRAE) + 4
    assert len({term.name for term in terms}) == len(terms)
    assert all(term.name == name_of(term.label) and term.category.value == "123037004" for term in terms)
    assert all(term.type.scheme == "SCT" and term.type.value.isdigit() and term.type.meaning for term in terms)


def test_numbers_that_name_nothing_have_no_term():
    for label in (0, 27, 62, 99, 200, 255):
        with pytest.raises(ValueError, match="not the number of any structure"):
            term_of(label)


def lab(colour: tuple[float, float, float]) -> np.ndarray:
    """CIE L*a*b* of linear-light RGB under D65."""
    matrix = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    x, y, z = np.cbrt(matrix @ np.asarray(colour) / (0.9505, 1.0, 1.089))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


SEEN_BY = {
    "everybody": np.eye(3),
    # Machado et al., IEEE TVCG 2009, severity 1.0, on linear light
    "protanopes": np.array([[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]),
    "deuteranopes": np.array([[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]),
}


def neighbours() -> list[tuple[int, int]]:
    """Structures that touch in a usual lumbar and lower thoracic spine."""
    chain = [*(Anatomy(number) for number in range(Anatomy.T8, Anatomy.L6 + 1)), Anatomy.SACRUM]
    pairs: list[tuple[int, int]] = [(Anatomy.CANAL, Anatomy.CORD), (Anatomy.CANAL, Anatomy.SACRUM)]
    for upper, lower in itertools.pairwise([*chain]):
        disc = disc_below(upper)
        pairs += [(upper, lower), (upper, disc), (disc, lower), (disc, Anatomy.CANAL), (upper, Anatomy.CANAL)]
        pairs += [(posterior_of(upper), Anatomy.CANAL), (posterior_of(upper), upper)]
    pairs += [(Anatomy.T12, Anatomy.T13), (Anatomy.T13, Anatomy.L1), (Anatomy.T13, disc_below(Anatomy.T13))]
    pairs += [(disc_below(Anatomy.L5), Anatomy.SACRUM), (Anatomy.L5, Anatomy.SACRUM)]
    return pairs


@pytest.mark.parametrize("eyes", SEEN_BY)
def test_neighbours_differ_for_colour_blind_eyes_too(eyes):
    def seen(label: int) -> np.ndarray:
        channels = np.array(colour_of(label)) / 255
        linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
        return lab(np.clip(SEEN_BY[eyes] @ linear, 0, 1))

    close = [(name_of(a), name_of(b), float(np.linalg.norm(seen(a) - seen(b)))) for a, b in neighbours()]
    assert min(distance for *_, distance in close) > 15, sorted(close, key=lambda pair: pair[2])[:5]


def test_a_part_has_the_hue_of_its_vertebra_and_discs_are_cold():
    for level in MOBILE_VERTEBRAE:
        red, _, blue = colour_of(level)
        assert red > blue
        red, _, blue = colour_of(disc_below(level))
        assert blue > red
        assert np.argmax(colour_of(posterior_of(level))) == np.argmax(colour_of(level))
    assert {term_of(part.label).colour for part in all_structures() if part.kind is StructureKind.CANAL} == {(204, 121, 167)}
