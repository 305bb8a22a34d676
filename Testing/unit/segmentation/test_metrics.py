from __future__ import annotations

import json
import math

import numpy as np
import pytest
import SimpleITK as sitk

from spinemr.imaging.errors import Cancelled, GeometryError, InputError
from spinemr.imaging.geometry import WorkingFrame
from spinemr.imaging.progress import CancelToken, Progress
from spinemr.segmentation.metrics import Evaluation, Scores, evaluate, label_name

SPACING = (0.5, 0.8, 4.0)


def label_map(array: np.ndarray, spacing=SPACING, origin=(0, 0, 0)) -> sitk.Image:
    image = sitk.GetImageFromArray(np.asarray(array))
    image.SetSpacing(spacing)
    image.SetOrigin(origin)
    return image


def spine(shape=(5, 40, 30), parts: bool = True) -> np.ndarray:
    """L4 and L5 with posterior elements, a disc, a canal with the cord in it, the sacrum: boxes one can count."""
    labels = np.zeros(shape, dtype=np.uint8)
    for label, top, height in ((23, 2, 8), (123, 10, 3), (24, 13, 8), (124, 21, 3), (26, 24, 10)):
        labels[1:4, top : top + height, 2:12] = label
    labels[1:4, :36, 13:17] = 61
    labels[2, :8, 14:16] = 60
    labels[1:4, 3:8, 18:24] = 223 if parts else 23
    labels[1:4, 14:19, 18:24] = 224 if parts else 24
    return labels


def test_a_perfect_prediction_is_perfect_in_every_label_and_class():
    found = evaluate(label_map(spine()), label_map(spine()))
    assert list(found.labels) == [23, 24, 26, 60, 61, 123, 124, 223, 224]
    assert list(found.classes) == ["vertebra", "body", "posterior elements", "disc", "canal", "cord", "sacrum"]
    for scores in (*found.labels.values(), *found.classes.values(), found.mean_of_labels):
        assert (scores.dsc, scores.iou, scores.precision, scores.recall, scores.volume_ratio) == (1, 1, 1, 1, 1)
        assert (scores.hd95_mm, scores.assd_mm) == (0, 0)
    assert found.tells_parts_apart


def test_volumes_are_in_cubic_millimetres():
    scores = evaluate(label_map(spine()), label_map(spine())).labels[23]
    assert scores.true_mm3 == pytest.approx(3 * 8 * 10 * 0.5 * 0.8 * 4.0)
    assert scores.predicted_mm3 == scores.true_mm3


def test_a_shift_of_one_row_gives_what_the_boxes_say():
    truth = spine()
    shifted = np.roll(truth, 1, axis=1)
    scores = evaluate(label_map(shifted), label_map(truth)).labels[123]  # 3 rows of which 2 are shared
    assert scores.dsc == pytest.approx(2 / 3)
    assert scores.iou == pytest.approx(1 / 2)
    assert scores.hd95_mm == pytest.approx(0.8)  # the row spacing
    assert scores.volume_ratio == 1.0


def test_one_level_off_is_bad_by_label_and_good_by_class():
    truth = spine()
    table = np.arange(256, dtype=np.uint8)
    table[[23, 24, 223, 224, 123, 124]] = [22, 23, 222, 223, 122, 123]
    found = evaluate(label_map(table[truth]), label_map(truth))
    assert found.labels[23].dsc == 0.0
    assert found.labels[24].predicted_mm3 == 0.0
    assert found.classes["vertebra"].dsc == 1.0
    assert found.classes["disc"].dsc == 1.0


def test_structures_only_one_map_holds_follow_the_convention():
    truth, prediction = spine(), spine()
    prediction[prediction == 124] = 0
    prediction[0, 0, 0] = 20
    found = evaluate(label_map(prediction), label_map(truth))
    missed, invented = found.labels[124], found.labels[20]
    assert (missed.dsc, missed.recall, missed.volume_ratio) == (0, 0, 0)
    assert (invented.dsc, invented.precision) == (0, 0)
    for scores, names in ((missed, ("precision", "hd95_mm", "assd_mm")), (invented, ("recall", "volume_ratio", "hd95_mm"))):
        assert all(math.isnan(getattr(scores, name)) for name in names)
    assert found.mean_of_labels.dsc == pytest.approx(8 / 9)  # nine labels in the truth, one of them missed
    assert found.mean_of_labels.hd95_mm == 0.0


def test_parts_are_united_where_only_one_map_tells_them_apart():
    found = evaluate(label_map(spine(parts=False)), label_map(spine(parts=True)))
    assert list(found.labels) == [23, 24, 26, 60, 61, 123, 124]
    assert found.labels[23].dsc == 1.0
    assert not found.tells_parts_apart
    assert "body" not in found.classes
    assert found.classes["vertebra"].dsc == 1.0


def test_the_canal_as_a_class_includes_the_cord():
    prediction = spine()
    prediction[prediction == 60] = 61  # a prediction that knows no cord
    found = evaluate(label_map(prediction), label_map(spine()))
    assert found.classes["canal"].dsc == 1.0
    assert found.classes["cord"].dsc == 0.0
    assert found.labels[61].dsc < 1.0


def test_the_sacrum_includes_its_posterior_elements():
    truth = spine()
    truth[1:4, 25:30, 18:24] = 226
    found = evaluate(label_map(truth), label_map(truth))
    assert found.classes["sacrum"].true_mm3 == pytest.approx((3 * 10 * 10 + 3 * 5 * 6) * 1.6)
    assert found.labels[226].dsc == 1.0


def test_numbers_that_name_nothing_are_compared_but_belong_to_no_class():
    labels = np.zeros((3, 8, 8), dtype=np.uint16)
    labels[:, 2:5, 2:5] = 77
    labels[:, 6, 6] = 20
    labels[:, 7, 7] = 4000
    found = evaluate(label_map(labels), label_map(labels))
    assert label_name(77) == "label 77"
    assert found.labels[77].dsc == found.labels[4000].dsc == 1.0
    assert list(found.classes) == ["vertebra"]


def test_a_map_stored_in_another_order_gives_the_same_numbers():
    truth = label_map(spine())
    prediction = label_map(np.roll(spine(), 1, axis=2))
    reordered = WorkingFrame.of(prediction).forward(prediction)
    assert reordered.GetSize() != prediction.GetSize()
    assert evaluate(reordered, truth) == evaluate(prediction, truth)


def test_the_scores_do_not_depend_on_the_ground_around_the_structures():
    truth, prediction = spine(), np.roll(spine(), (0, 1, 1), axis=(0, 1, 2))
    padded = [label_map(np.pad(a, ((2, 2), (9, 9), (9, 9)))) for a in (prediction, truth)]
    assert evaluate(*padded).labels[123] == evaluate(label_map(prediction), label_map(truth)).labels[123]


def test_another_grid_is_refused_and_resampled_on_request():
    truth = label_map(spine())
    moved = label_map(spine(), origin=(0, 0.8, 0))  # one row further
    with pytest.raises(GeometryError, match="origin"):
        evaluate(moved, truth)
    assert evaluate(moved, truth, resample=True).labels[123].dsc == pytest.approx(2 / 3)


def test_one_slice_is_compared_in_its_plane():
    labels = np.zeros((1, 30, 30), dtype=np.uint8)
    labels[0, 5:25, 5:25] = 23
    inner = np.zeros_like(labels)
    inner[0, 8:22, 8:22] = 23
    scores = evaluate(label_map(inner, (1, 1, 5)), label_map(labels, (1, 1, 5))).labels[23]
    assert scores.hd95_mm == pytest.approx(3.0, abs=1.2)  # the outline, not the filled slice (which would give 0 one way)
    assert scores.assd_mm > 2.9


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16, np.int32, np.float32, np.float64])
def test_any_pixel_type_of_whole_numbers_will_do(dtype):
    assert evaluate(label_map(spine().astype(dtype)), label_map(spine())).labels[223].dsc == 1.0


@pytest.mark.parametrize("value", [0.5, -1.0, np.nan, 70000.0])
def test_an_image_in_place_of_a_mask_is_recognised(value):
    broken = spine().astype(np.float32)
    broken[0, 0, 0] = value
    with pytest.raises(InputError, match="whole numbers"):
        evaluate(label_map(broken), label_map(spine()))


def test_an_empty_prediction_scores_zero_but_two_empty_maps_are_nothing_to_compare():
    empty = label_map(np.zeros_like(spine()))
    found = evaluate(empty, label_map(spine()))
    assert found.mean_of_labels.dsc == 0.0
    with pytest.raises(InputError, match="Neither"):
        evaluate(empty, empty)


def test_the_result_is_valid_json_with_null_for_what_does_not_exist():
    prediction = spine()
    prediction[prediction == 124] = 0
    text = json.dumps(evaluate(label_map(prediction), label_map(spine())).as_dict(), allow_nan=False)
    back = json.loads(text)
    assert back["labels"]["124"]["hd95_mm"] is None
    assert back["labels"]["124"]["name"] == "L5-S1 disc"
    assert back["labels"]["124"]["dsc"] == 0.0
    assert set(back) == {"labels", "classes", "mean_of_labels", "tells_parts_apart"}


def test_the_mean_of_nothing_is_nothing():
    assert math.isnan(Scores.mean([]).dsc)
    assert Evaluation({}, {}, False).as_dict()["mean_of_labels"]["dsc"] is None


def test_progress_runs_to_the_end_and_can_be_stopped():
    reports: list[Progress] = []
    evaluate(label_map(spine()), label_map(spine()), progress=reports.append)
    assert [r.fraction for r in reports] == sorted(r.fraction for r in reports)
    assert reports[-1].fraction == 1.0
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        evaluate(label_map(spine()), label_map(spine()), progress=token.wrap())
