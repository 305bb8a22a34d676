from __future__ import annotations

import math

import numpy as np
import pytest

from spinemr.imaging.anatomy import Anatomy, StructureKind
from spinemr.imaging.errors import InputError
from spinemr.segmentation.slice_selection import Detection, box_iou, box_of, detect, instance_masks, select_slice


def plane(*boxes):
    """A slice with bodies L1, L2 ... in boxes (first row, first column, last row + 1, last column + 1)."""
    labels = np.zeros((60, 60), dtype=np.uint8)
    for label, (top, left, bottom, right) in enumerate(boxes, start=int(Anatomy.L1)):
        labels[top:bottom, left:right] = label
    return labels


def test_the_slice_with_most_vertebrae_is_selected():
    one, two = plane((0, 0, 10, 10)), plane((0, 0, 10, 10), (20, 0, 30, 10))
    assert select_slice(np.stack([one, one, two, one])) == 2


def test_a_body_seen_only_at_its_flank_does_not_count():
    full, flank = plane((0, 0, 10, 10), (20, 0, 30, 10)), plane((0, 0, 10, 10), (20, 0, 22, 10))
    flank[:, 30:33] = Anatomy.CANAL
    assert select_slice(np.stack([flank, full, flank])) == 1


def test_among_equal_slices_the_one_with_most_canal_is_taken():
    stack = np.stack([plane((0, 0, 10, 10))] * 5)
    stack[3, :, 30:33] = Anatomy.CANAL
    stack[2, :, 30:32] = Anatomy.CANAL
    assert select_slice(stack) == 3


def test_a_drawn_study_is_seen_from_its_middle(drawn_labels):
    drawn = drawn_labels(1)
    middle = (len(drawn.labels) - 1) / 2
    assert abs(select_slice(drawn.labels) - middle) * drawn.spacing_mm[0] <= 7.0


def test_without_vertebrae_there_is_nothing_to_select():
    with pytest.raises(InputError, match="No vertebral body"):
        select_slice(np.zeros((3, 4, 4), dtype=np.uint8))


def test_masks_are_bodies_and_discs_by_label():
    labels = plane((0, 0, 10, 10))
    labels[12:14, 0:10] = 120
    labels[:, 30:33] = Anatomy.CANAL
    labels[0:4, 40:44] = 220
    masks = instance_masks(labels)
    assert sorted(masks) == [20, 120]
    assert masks[120].sum() == 20


def test_box_overlap_by_hand():
    assert box_iou((0, 0, 10, 10), (0, 5, 10, 15)) == pytest.approx(50 / 150)
    assert box_iou((0, 0, 10, 10), (20, 0, 30, 10)) == 0
    assert box_of(plane((3, 4, 9, 14)) > 0) == (3, 4, 9, 14)


def test_detection_counts_boxes_above_seven_tenths_whatever_their_number():
    truth = plane((0, 0, 10, 10), (20, 0, 30, 10), (40, 0, 50, 10))
    prediction = np.roll(plane((40, 0, 50, 9), (0, 0, 10, 7), (20, 30, 30, 40)), 0)
    found = detect(prediction, truth)
    assert found == Detection(detected=1, missed=2, invented=2)
    assert found.accuracy == pytest.approx(1 / 3)
    assert found.precision == pytest.approx(1 / 3)
    assert detect(prediction, truth, threshold=0.69).detected == 2


def test_detection_of_nothing_is_not_perfect():
    empty = np.zeros((5, 5), dtype=np.uint8)
    found = detect(empty, empty, StructureKind.DISC)
    assert math.isnan(found.accuracy) and math.isnan(found.precision)
    assert detect(empty, plane((0, 0, 10, 10))).accuracy == 0
