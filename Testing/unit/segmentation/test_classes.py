"""Sets of possible classes: what each kind of source says about a pixel, and what it leaves open."""

import numpy as np
import pytest

from spinemr.imaging.anatomy import Anatomy
from spinemr.imaging.errors import InputError
from spinemr.segmentation.classes import (
    ANYTHING,
    STRUCTURES,
    VERTEBRA,
    WHOLE_CANAL,
    NetworkClass,
    certainly,
    class_table,
    possibly,
    set_table,
)

L4, L4_ARCH, DISC, S1_ARCH = 23, 223, 123, 226


def test_each_anatomy_number_has_its_class():
    table = class_table()
    numbers = [0, L4, L4_ARCH, DISC, Anatomy.CANAL, Anatomy.CORD, Anatomy.SACRUM, S1_ARCH, 99]
    classes = ["BACKGROUND", "BODY", "POSTERIOR", "DISC", "CANAL", "CORD", "SACRUM", "SACRUM", "BACKGROUND"]
    assert [NetworkClass(table[number]).name for number in numbers] == classes


def test_a_source_that_labels_everything_leaves_nothing_open():
    sets = set_table(STRUCTURES)
    np.testing.assert_array_equal(sets, np.left_shift(1, class_table()))


def test_whole_vertebrae_leave_open_which_part_it_is_and_what_hides_in_the_background():
    sets = set_table(["vertebra", "disc", "canal"])
    assert sets[L4] == sets[L4_ARCH] == VERTEBRA
    assert sets[DISC] == NetworkClass.DISC.bit
    assert sets[Anatomy.CORD] == sets[Anatomy.CANAL] == WHOLE_CANAL
    assert sets[0] == sets[Anatomy.SACRUM] == NetworkClass.BACKGROUND.bit | NetworkClass.SACRUM.bit


def test_one_part_of_a_labelled_whole_leaves_only_the_other():
    sets = set_table(["vertebra", "body"])
    assert (sets[L4], sets[L4_ARCH]) == (NetworkClass.BODY.bit, NetworkClass.POSTERIOR.bit)
    assert not possibly(sets[:1], VERTEBRA).any()


def test_bodies_alone_say_nothing_about_anything_else():
    sets = set_table(["body"])
    assert sets[L4] == NetworkClass.BODY.bit
    assert sets[0] == sets[L4_ARCH] == sets[DISC] == ANYTHING & ~NetworkClass.BODY.bit


def test_certainly_and_possibly():
    sets = np.array([NetworkClass.BODY.bit, VERTEBRA, ANYTHING, NetworkClass.DISC.bit], np.uint8)
    assert certainly(sets, VERTEBRA).tolist() == [True, True, False, False]
    assert possibly(sets, NetworkClass.BODY.bit).tolist() == [True, True, True, False]


@pytest.mark.parametrize("labelled", [["rib"], []])
def test_unknown_structures_and_none_are_refused(labelled):
    with pytest.raises(InputError, match="structure"):
        set_table(labelled)
