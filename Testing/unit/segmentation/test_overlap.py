from __future__ import annotations

import math

import numpy as np
import pytest

from spinemr.segmentation.overlap import Overlap


def test_a_case_counted_by_hand():
    prediction = np.array([1, 1, 1, 1, 0, 0, 0, 0, 0, 0], dtype=bool)
    truth = np.array([0, 1, 1, 1, 1, 1, 0, 0, 0, 0], dtype=bool)
    overlap = Overlap.of(prediction, truth)
    assert overlap == Overlap(predicted=4, true=5, both=3)
    assert overlap.dsc == pytest.approx(6 / 9)
    assert overlap.iou == pytest.approx(3 / 6)
    assert overlap.precision == pytest.approx(3 / 4)
    assert overlap.recall == pytest.approx(3 / 5)
    assert overlap.volume_ratio == pytest.approx(4 / 5)


def test_dice_and_jaccard_obey_their_identity():
    rng = np.random.default_rng(0)
    for share in (0.1, 0.5, 0.9):
        overlap = Overlap.of(rng.random((9, 9, 9)) < share, rng.random((9, 9, 9)) < 0.4)
        assert overlap.dsc == pytest.approx(2 * overlap.iou / (1 + overlap.iou))
        assert overlap.dsc == pytest.approx(2 / (1 / overlap.precision + 1 / overlap.recall))


@pytest.mark.parametrize(
    ("overlap", "dsc", "iou", "precision", "recall", "ratio"),
    [
        (Overlap(0, 0, 0), math.nan, math.nan, math.nan, math.nan, math.nan),
        (Overlap(5, 0, 0), 0, 0, 0, math.nan, math.nan),
        (Overlap(0, 5, 0), 0, 0, math.nan, 0, 0),
        (Overlap(5, 5, 0), 0, 0, 0, 0, 1),
        (Overlap(5, 5, 5), 1, 1, 1, 1, 1),
    ],
)
def test_empty_masks_follow_the_stated_convention(overlap, dsc, iou, precision, recall, ratio):
    found = [overlap.dsc, overlap.iou, overlap.precision, overlap.recall, overlap.volume_ratio]
    assert np.allclose(found, [dsc, iou, precision, recall, ratio], equal_nan=True)
