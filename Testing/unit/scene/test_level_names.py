"""Which name a structure gets when levels are shifted."""

from __future__ import annotations

import pytest

from spinemr.imaging.anatomy import all_structures, structure
from spinemr.imaging.errors import InputError
from spinemr.scene.levels import shifted


@pytest.mark.parametrize(
    ("label", "levels", "becomes"),
    [
        (23, 1, 24), (24, 1, 25), (20, -1, 19), (19, 1, 20), (124, -1, 123), (119, 1, 120), (223, 1, 224), (25, -1, 24),
        (22, 0, 22), (20, -3, 17), (26, 1, 26), (226, -1, 226), (60, 1, 60), (61, -2, 61), (28, 1, 20), (128, -1, 119),
    ],
)  # fmt: skip
def test_vertebra_disc_and_posterior_elements_go_together(label, levels, becomes):
    assert shifted(label, levels) == becomes


def test_a_thirteenth_thoracic_vertebra_keeps_its_place():
    assert shifted(19, 1, with_t13=True) == 28
    assert shifted(20, -1, with_t13=True) == 28
    assert shifted(119, 2, with_t13=True) == 120


@pytest.mark.parametrize("with_t13", [False, True])
def test_shifting_there_and_back_changes_nothing(with_t13):
    for part in all_structures():
        if part.vertebra not in (1, 25, 28):
            assert shifted(shifted(part.label, 1, with_t13=with_t13), -1, with_t13=with_t13) == part.label
            assert structure(shifted(part.label, 1, with_t13=with_t13)).kind is part.kind


@pytest.mark.parametrize(("label", "levels"), [(25, 1), (125, 1), (224, 2), (1, -1), (20, -20)])
def test_levels_that_have_no_name_are_refused(label, levels):
    with pytest.raises(InputError, match=r"A shift of [+-]\d+ leaves no name for the .*\. Levels go from C1 to L6"):
        shifted(label, levels)
