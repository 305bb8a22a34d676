from __future__ import annotations

import numpy as np
import pytest

from spinemr.segmentation.classes import NetworkClass
from spinemr.segmentation.instances import OrphanRules, fill_between_slices, remove_orphans

SPACING_MM = (4.0, 1.0, 1.0)
DISC = np.uint8(NetworkClass.DISC)


@pytest.fixture
def disc():
    """A disc of five slices, 6 x 20 pixels each, in nine slices."""
    classes = np.zeros((9, 60, 60), dtype=np.uint8)
    classes[2:7, 30:36, 20:40] = DISC
    return classes


def test_a_clean_volume_stays_as_it_is(disc):
    assert np.array_equal(remove_orphans(disc, SPACING_MM), disc)


@pytest.mark.parametrize(("pixels", "kept"), [(9, False), (10, True)])
def test_rule_one_removes_areas_of_fewer_than_ten_pixels(disc, pixels, kept):
    disc[2:7, 40, 20 : 20 + pixels] = DISC
    assert bool(remove_orphans(disc, SPACING_MM)[4, 40, 20]) is kept


def test_rule_one_asks_for_an_area_where_pixels_are_small(disc):
    disc[2:7, 40, 20:35] = DISC
    assert not remove_orphans(disc, (4.0, 0.4, 0.4))[4, 40, 20]
    assert remove_orphans(disc, (4.0, 0.4, 0.4), OrphanRules(min_area_mm2=2.0))[4, 40, 20]


def test_rule_two_removes_what_the_central_slices_do_not_show(disc):
    disc[7:9, 5:12, 5:20] = DISC
    cleaned = remove_orphans(disc, SPACING_MM)
    assert not cleaned[7:9, 5:12].any()
    assert cleaned[2:7, 30:36, 20:40].all()


def test_rule_two_does_not_hold_for_lateral_structures(disc):
    classes = np.where(disc == DISC, np.uint8(NetworkClass.POSTERIOR), disc)
    classes[7:9, 25:37, 5:18] = NetworkClass.POSTERIOR
    classes[6, 25:37, 5:18] = NetworkClass.POSTERIOR
    assert remove_orphans(classes, SPACING_MM)[8, 30, 10] == NetworkClass.POSTERIOR


def test_rule_three_removes_what_no_neighbouring_slice_shows(disc):
    disc[4, 5:12, 5:20] = DISC
    cleaned = remove_orphans(disc, SPACING_MM)
    assert not cleaned[4, 5:12].any()


def test_a_single_slice_is_judged_by_size_only(disc):
    disc[4, 5:12, 5:20] = DISC
    disc[4, 50, 50:55] = DISC
    cleaned = remove_orphans(disc[4:5], SPACING_MM)
    assert cleaned[0, 8, 10] == DISC and cleaned[0, 33, 30] == DISC
    assert not cleaned[0, 50].any()


def test_a_slice_the_network_missed_is_filled_from_both_neighbours(disc):
    damaged = disc.copy()
    damaged[4] = 0
    assert np.array_equal(fill_between_slices(damaged), disc)
    damaged[3] = 0
    assert not fill_between_slices(damaged)[3:5].any()
