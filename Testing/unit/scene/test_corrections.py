"""What a person changed in a mask, told in numbers and sentences."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import SimpleITK as sitk

from spinemr.imaging.errors import GeometryError, InputError
from spinemr.scene.corrections import compare


def image_of(values):
    image = sitk.GetImageFromArray(np.asarray(values, dtype=np.uint8))
    image.SetSpacing((2.0, 2.0, 2.5))  # 10 mm3 a voxel
    return image


def blocks(**boxes):
    """A map of 4 x 20 x 20 voxels with a block ``(first row, last row)`` for each label, 10 voxels a row and slice."""
    values = np.zeros((4, 20, 20), dtype=np.uint8)
    for name, (top, bottom) in boxes.items():
        values[1:3, top:bottom, 5:15] = int(name[1:])
    return values


AUTOMATIC = blocks(_23=(2, 8), _123=(8, 10), _24=(10, 16))


def change_of(correction, label):
    return next(change for change in correction.structures if change.label == label)


def test_nothing_changed_is_said_so():
    found = compare(image_of(AUTOMATIC), image_of(AUTOMATIC))
    assert [change.label for change in found.structures] == [23, 123, 24]
    assert found.changes == ()
    assert found.dice == 1.0
    assert found.sentences() == ("The mask is as the software drew it.",)
    assert found.as_dict()["changed"] is False
    assert found.as_dict()["unchanged"] == [23, 123, 24]


def test_voxels_added_and_removed_are_counted_by_structure():
    corrected = AUTOMATIC.copy()
    corrected[1:3, 8:9, 5:15] = 23  # a row of the disc is L4's now: 20 voxels
    corrected[1:3, 16:18, 5:10] = 24  # 20 voxels of background become L5
    found = compare(image_of(AUTOMATIC), image_of(corrected))
    upper, disc, lower = found.structures
    assert (upper.automatic_voxels, upper.corrected_voxels, upper.added_voxels, upper.removed_voxels) == (120, 140, 20, 0)
    assert (disc.automatic_voxels, disc.corrected_voxels, disc.added_voxels, disc.removed_voxels) == (40, 20, 0, 20)
    assert (lower.added_voxels, lower.removed_voxels) == (20, 0)
    assert upper.dice == pytest.approx(2 * 120 / 260)
    assert disc.dice == pytest.approx(2 * 20 / 60)
    assert found.dice == pytest.approx((2 * 120 / 260 + 2 / 3 + 2 * 120 / 260) / 3)
    assert disc.automatic_mm3 == 400.0
    assert disc.corrected_mm3 == 200.0
    assert upper.became is None
    assert found.changed_labels == {23, 123, 24}


def test_sentences_name_structure_amount_and_dice():
    corrected = blocks(_23=(3, 9), _123=(9, 10), _61=(18, 20))
    found = compare(image_of(AUTOMATIC), image_of(corrected))
    said = found.sentences()
    assert said[0] == "4 of 4 structures changed by hand; mean Dice 0.500."
    assert said[1] == "L4 vertebra was corrected: 20 voxels (0.20 ml) added and 20 voxels (0.20 ml) removed, Dice 0.833."
    assert said[2] == "L4-L5 disc was corrected: 20 voxels (0.20 ml) removed, Dice 0.667."
    assert said[3] == "L5 vertebra was removed: 120 voxels (1.20 ml)."
    assert said[4] == "Spinal canal was drawn by hand: 40 voxels (0.40 ml)."
    assert said[5] == "Measurements to take again: L4 vertebra, L4-L5 disc, spinal canal."
    assert change_of(found, 24).dice == 0.0


def test_a_renamed_structure_is_told_as_such():
    corrected = AUTOMATIC.copy()
    corrected[AUTOMATIC == 24] = 25
    found = compare(image_of(AUTOMATIC), image_of(corrected))
    assert change_of(found, 24).became == 25
    assert "L5 vertebra is called L6 vertebra now." in found.sentences()
    shifted = AUTOMATIC.copy()
    shifted[AUTOMATIC == 23], shifted[AUTOMATIC == 24] = 24, 25
    assert change_of(compare(image_of(AUTOMATIC), image_of(shifted)), 24).sentence == (
        "L5 vertebra is called L6 vertebra now, and other voxels carry its name."
    )


@pytest.mark.parametrize(
    ("changed", "again"),
    [
        (24, {24, 123, 124, 23}),
        (123, {123}),
        (26, {26, 124, 24}),
        (61, {61, 123, 124}),
        (223, {223}),
    ],
)  # fmt: skip
def test_what_is_measured_between_structures_is_to_be_measured_again(changed, again):
    automatic = blocks(_23=(0, 3), _123=(3, 5), _24=(5, 8), _124=(8, 10), _26=(10, 13), _61=(13, 16), _223=(16, 19))
    corrected = automatic.copy()
    corrected[1, np.flatnonzero((automatic == changed).any(axis=(0, 2)))[0], 5] = 0
    assert compare(image_of(automatic), image_of(corrected)).remeasured_labels == again


def test_a_structure_that_is_gone_is_not_to_be_measured():
    found = compare(image_of(AUTOMATIC), image_of(AUTOMATIC * (AUTOMATIC != 24)))
    assert found.remeasured_labels == {23, 123}


def test_the_audit_entry_is_plain_json():
    corrected = blocks(_23=(2, 7), _123=(8, 10), _24=(10, 16))
    entry = json.loads(json.dumps(compare(image_of(AUTOMATIC), image_of(corrected)).as_dict()))
    assert entry["changed"] is True
    assert entry["unchanged"] == [123, 24]
    (change,) = entry["structures"]
    assert change["label"] == 23
    assert change["name"] == "L4 vertebra"
    assert change["removed_voxels"] == 20
    assert change["dice"] == pytest.approx(200 / 220, abs=1e-6)
    assert change["automatic_mm3"] == 1200.0


def test_a_mask_drawn_from_nothing_has_no_mean_dice():
    found = compare(image_of(AUTOMATIC * 0), image_of(AUTOMATIC))
    assert math.isnan(found.dice)
    assert found.as_dict()["mean_dice"] is None
    assert found.sentences()[0] == "3 of 3 structures changed by hand."


def test_two_empty_masks_are_equal():
    found = compare(image_of(AUTOMATIC * 0), image_of(AUTOMATIC * 0))
    assert found.structures == ()
    assert found.sentences() == ("The mask is as the software drew it.",)


def test_reordered_axes_are_no_change():
    labels = image_of(AUTOMATIC)
    turned = sitk.PermuteAxes(sitk.Flip(labels, [False, True, False]), [1, 2, 0])
    assert compare(labels, turned).changes == ()


def test_other_grids_and_other_numbers_are_refused():
    moved = image_of(AUTOMATIC)
    moved.SetOrigin((5.0, 0.0, 0.0))
    with pytest.raises(GeometryError, match="another grid"):
        compare(image_of(AUTOMATIC), moved)
    with pytest.raises(InputError, match="not numbers of structures"):
        compare(sitk.Cast(image_of(AUTOMATIC), sitk.sitkFloat32), image_of(AUTOMATIC))
    with pytest.raises(InputError, match="not numbers of structures"):
        compare(image_of(AUTOMATIC), sitk.Cast(image_of(AUTOMATIC), sitk.sitkInt16) - 1)
    with pytest.raises(InputError, match="holds 27, which is not"):
        compare(image_of(AUTOMATIC), image_of(np.where(AUTOMATIC == 23, 27, AUTOMATIC)))
