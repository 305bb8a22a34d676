"""Numbers of VerSe, TPTBox, SPIDER and TotalSpineSeg, held against what these projects published."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st

from spinemr.imaging import Anatomy, all_structures, disc_below, from_scheme, posterior_of, to_scheme, without_parts
from spinemr.imaging.anatomy import MOBILE_VERTEBRAE
from spinemr.imaging.errors import ImagingWarning, InputError

VERSE = {  # VerSe challenge (anjany/verse) and TPTBox Vertebra_Instance
    "C1": 1, "C7": 7, "T1": 8, "T12": 19, "L1": 20, "L5": 24, "L6": 25, "SACRUM": 26, "T13": 28, "CORD": 60, "CANAL": 61,
}  # fmt: skip
TOTALSPINESEG = {  # neuropoly/totalspineseg, totalspineseg/resources/labels_maps/tss_map.json
    60: 1, 61: 2, 1: 11, 2: 12, 3: 13, 4: 14, 5: 15, 6: 16, 7: 17, 8: 21, 9: 22, 10: 23, 11: 24, 12: 25, 13: 26, 14: 27, 15: 28,
    16: 29, 17: 30, 18: 31, 19: 32, 20: 41, 21: 42, 22: 43, 23: 44, 24: 45, 26: 50, 102: 63, 103: 64, 104: 65, 105: 66, 106: 67,
    107: 71, 108: 72, 109: 73, 110: 74, 111: 75, 112: 76, 113: 77, 114: 78, 115: 79, 116: 80, 117: 81, 118: 82, 119: 91, 120: 92,
    121: 93, 122: 94, 123: 95, 124: 100,
}  # fmt: skip
SPIDER = {  # spider.grand-challenge.org: vertebrae from the bottom (L5 = 1), canal 100, discs 201 (L5/S1) and on
    24: 1, 23: 2, 22: 3, 21: 4, 20: 5, 19: 6, 18: 7, 17: 8, 61: 100, 124: 201, 123: 202, 122: 203, 121: 204, 120: 205, 119: 206,
}  # fmt: skip


def label_map(labels: object) -> sitk.Image:
    image = sitk.GetImageFromArray(np.array([0, *labels], dtype=np.uint16).reshape(1, 1, -1))
    image.SetSpacing((0.5, 0.6, 4.0))
    image.SetDirection((0, 0, 1, 1, 0, 0, 0, -1, 0))
    return image


def values_of(image: sitk.Image) -> list[int]:
    return sitk.GetArrayFromImage(image).ravel().tolist()[1:]


def test_our_numbers_are_verse_s():
    assert {name: int(Anatomy[name]) for name in VERSE} == VERSE
    assert disc_below(Anatomy.L5) == 124, "TPTBox: disc = vertebra + 100"


@pytest.mark.parametrize(("name", "table"), [("totalspineseg", TOTALSPINESEG), ("spider", SPIDER)])
def test_published_numbers_both_ways(name, table, told_user):
    ours, theirs = list(table), list(table.values())
    assert values_of(to_scheme(label_map(ours), name)) == theirs
    assert values_of(from_scheme(label_map(theirs), name)) == ours
    assert not told_user()


@pytest.mark.parametrize("name", ["spider", "totalspineseg"])
def test_parts_are_united_where_the_scheme_has_none(name):
    with_parts, without = [23, posterior_of(23)], [23, 23]
    assert values_of(to_scheme(label_map(with_parts), name)) == values_of(to_scheme(label_map(without), name))


def test_verse_keeps_parts():
    assert values_of(to_scheme(label_map([23, 223, 123, 61]), "verse")) == [23, 223, 123, 61]


@pytest.mark.parametrize(
    ("labels", "name", "result", "said"),
    [
        ([24, 26], "spider", [1, 0], "sacrum"),
        ([24, 226], "spider", [1, 0], "sacrum posterior elements"),
        ([24, 28, 128], "totalspineseg", [45, 0, 0], "T13 vertebra, T13-L1 disc"),
        ([24, 99], "verse", [24, 0], "99"),
    ],
)
def test_what_has_no_counterpart_is_left_out_and_named(labels, name, result, said):
    with pytest.warns(ImagingWarning, match=said):
        assert values_of(to_scheme(label_map(labels), name)) == result


def test_the_cord_lies_in_spider_s_canal():
    assert values_of(to_scheme(label_map([60, 61]), "spider")) == [100, 100]


def test_spider_counts_from_the_lowest_lumbar_vertebra():
    assert values_of(to_scheme(label_map([25, 24, 125, 124]), "spider")) == [1, 2, 201, 202]
    assert values_of(to_scheme(label_map([20, 28, 19]), "spider")) == [5, 6, 7]
    assert values_of(from_scheme(label_map([1, 101, 7, 107]), "spider")) == [24, 24, 18, 18]


def test_six_lumbar_vertebrae_in_totalspineseg():
    assert values_of(to_scheme(label_map([25, 24, 124, 125]), "totalspineseg")) == [46, 45, 96, 100]
    assert values_of(from_scheme(label_map([46, 45, 96, 100]), "totalspineseg")) == [25, 24, 124, 125]


def test_tptbox_s_sacral_vertebrae_join_the_sacrum_and_the_coccyx_goes():
    with pytest.warns(ImagingWarning, match="27"):
        assert values_of(from_scheme(label_map([26, 29, 30, 33, 27]), "verse")) == [26, 26, 26, 26, 0]


@given(
    st.sets(st.sampled_from([part.label for part in all_structures()]), min_size=1),
    st.sampled_from(["verse", "totalspineseg", "spider"]),
)
def test_what_a_scheme_can_say_comes_back(labels, name):
    extra = {Anatomy.T13, disc_below(Anatomy.T13), posterior_of(Anatomy.T13)}
    six = {Anatomy.L6, disc_below(Anatomy.L6), posterior_of(Anatomy.L6)}
    if name != "verse":
        labels = {label for label in labels if label not in extra | {101}}
    if name == "spider":
        labels = {label for label in labels if label not in six | {26, 226, 60}}
    if name == "totalspineseg" and labels & six:
        labels |= {int(Anatomy.L6)}  # the number of a last disc alone does not tell L5 from L6
    expected = [label if name == "verse" else without_parts(label) for label in sorted(labels)]
    with warnings.catch_warnings():
        warnings.simplefilter("error", ImagingWarning)
        there = to_scheme(label_map(sorted(labels)), name)
        assert values_of(from_scheme(there, name)) == expected
    assert there.GetPixelID() == sitk.sitkUInt8


def test_the_grid_is_kept_and_unknown_schemes_are_named():
    labels = label_map(MOBILE_VERTEBRAE)
    assert to_scheme(labels, "VerSe").GetDirection() == labels.GetDirection()
    assert to_scheme(labels, "verse").GetSpacing() == labels.GetSpacing()
    with pytest.raises(InputError, match="Known are verse, spider, totalspineseg"):
        to_scheme(labels, "nora")


def test_an_empty_map_stays_empty():
    assert values_of(to_scheme(label_map([0, 0]), "spider")) == [0, 0]
