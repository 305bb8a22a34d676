"""Drawn studies: what is asked for is drawn, on a proper patient grid, the same for the same seed."""

import json

import numpy as np
import pytest
import SimpleITK as sitk

from spinemr.imaging.anatomy import Anatomy
from spinemr.imaging.errors import Cancelled, InputError
from spinemr.imaging.geometry import WorkingFrame, same_grid
from spinemr.imaging.progress import CancelToken, Progress
from spinemr.synthesis.scanners import SCANNERS
from spinemr.synthesis.study import CONTRASTS, choose_scanner, draw_pair, draw_study


@pytest.fixture(scope="module")
def t2_study():
    return draw_study(3, scanner="cedar-1.5t-t2", grade="II", pathology=())


def means(study, *labels):
    image, truth = (sitk.GetArrayFromImage(v) for v in (study.image, study.labels))
    return [float(image[truth == label].mean()) for label in labels]


def test_image_and_labels_share_a_sagittal_grid(t2_study):
    assert same_grid(t2_study.image, t2_study.labels)
    frame = WorkingFrame.of(t2_study.image)
    assert frame.is_sagittal
    assert frame.obliquity_deg == pytest.approx(0.0, abs=1e-6)
    protocol = SCANNERS["cedar-1.5t-t2"].protocol
    assert t2_study.image.GetSize() == (protocol.columns, protocol.rows, protocol.slice_count)
    assert t2_study.image.GetSpacing() == pytest.approx(tuple(t2_study.truth["spacing_mm"][::-1]), abs=1e-3)
    assert np.linalg.det(np.reshape(t2_study.image.GetDirection(), (3, 3))) == pytest.approx(1.0)


def test_labels_lie_where_the_truth_puts_the_bones(t2_study):
    for bone in t2_study.truth["vertebrae"]:
        if bone["label"] not in range(20, 25):
            continue
        index = t2_study.labels.TransformPhysicalPointToIndex(bone["centre_mm"])
        assert t2_study.labels[index] == bone["label"]


def test_head_is_up_front_is_left_and_all_lumbar_levels_are_in_view(t2_study):
    labels = WorkingFrame.of(t2_study.labels).forward_array(sitk.GetArrayViewFromImage(t2_study.labels))
    rows = [np.nonzero(labels == label)[1].mean() for label in range(20, 25)]
    assert rows == sorted(rows)
    assert np.nonzero(labels == 22)[2].mean() < np.nonzero(labels == Anatomy.CANAL)[2].mean()
    assert set(t2_study.truth["labels_in_view"]) >= {20, 21, 22, 23, 24, 26, 61, 120, 121, 122, 123, 124, 223}


def test_t2_shows_fluid_bright_and_t1_shows_it_dark(t2_study):
    canal, body = means(t2_study, int(Anatomy.CANAL), 22)
    assert canal > 1.15 * body
    t1 = draw_study(3, scanner="cedar-1.5t-t1", grade="II", pathology=())
    canal, body = means(t1, int(Anatomy.CANAL), 22)
    assert canal < 0.75 * body


def test_same_seed_same_study_and_truth_is_json():
    one, two = (draw_study(12, scanner="cedar-1.5t-t1") for _ in range(2))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(one.image), sitk.GetArrayFromImage(two.image))
    assert json.loads(json.dumps(one.truth)) == one.truth


@pytest.mark.parametrize("contrast", [c for c in CONTRASTS if c != "random"])
def test_contrast_chooses_a_scanner_that_gives_it(contrast):
    chosen = {choose_scanner(seed, contrast, None).protocol.weighting for seed in range(20)}
    assert chosen <= set(CONTRASTS[contrast])
    assert chosen


def test_random_mixture_is_drawn_and_named():
    study = draw_study(2, contrast="random", scanner="cedar-1.5t-t1")
    assert study.scanner == "random mixture"
    assert sitk.GetArrayFromImage(study.image).std() > 10


def test_pair_shows_one_anatomy_by_two_scanners():
    one, two = draw_pair(4, ("cedar-1.5t-t1", "cedar-1.5t-t2"))
    assert same_grid(one.image, two.image)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(one.labels), sitk.GetArrayFromImage(two.labels))
    assert one.truth["discs"] == two.truth["discs"]
    correlation = np.corrcoef(*(sitk.GetArrayFromImage(s.image).ravel().astype(float) for s in (one, two)))[0, 1]
    assert correlation < 0.9


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"contrast": "t3"}, "not a known contrast"),
        ({"scanner": "nowhere"}, "no simulated scanner"),
        ({"contrast": "t1", "scanner": "cedar-1.5t-t2"}, "gives t2, not t1"),
        ({"grade": "VI"}, "Pfirrmann"),
        ({"pathology": ("gout",)}, "not a known pathology"),
    ],
)
def test_impossible_wishes_are_refused_in_one_sentence(options, said):
    with pytest.raises(InputError, match=said):
        draw_study(1, **options)


def test_progress_rises_to_one_and_cancel_stops():
    seen: list[Progress] = []
    draw_study(1, scanner="cedar-1.5t-t1", progress=seen.append)
    fractions = [report.fraction for report in seen]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        draw_study(1, progress=token.wrap())
