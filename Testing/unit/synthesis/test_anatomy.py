"""The drawn anatomy: reproducible, in the right order, and true to its own ground truth."""

import dataclasses

import numpy as np
import pytest

from spinemr.imaging.anatomy import Anatomy
from spinemr.imaging.errors import Cancelled, InputError
from spinemr.imaging.progress import CancelToken
from spinemr.synthesis.anatomy import render as anatomy_render
from spinemr.synthesis.anatomy.assemble import draw_spine
from spinemr.synthesis.anatomy.render import TISSUE_IDS, SagittalGrid, render
from spinemr.synthesis.anatomy.request import GRADE_PREVALENCE, PATHOLOGIES, Request
from spinemr.synthesis.anatomy.truth import endplate_angle_deg, measurements

HEALTHY = Request(grade="I", pathologies=())
LUMBAR_DISCS = range(120, 125)


def grid_of(spine, spacing=0.8, slices=1, x=0.0, rows=340, columns=220, distance=4.0):
    centre = (float(spine.centre[0]) + x, float(spine.centre[1]) + 15.0, float(spine.centre[2]))
    return SagittalGrid(centre, slices, rows, columns, (distance, spacing, spacing), min(distance, 4.0))


def middle_labels(seed, request=HEALTHY, spacing=0.8, **changes):
    spine = draw_spine(seed, request)
    return spine, render(spine, grid_of(spine, spacing, **changes)).labels[0]


def centroid(labels, label):
    rows, columns = np.nonzero(labels == label)
    assert rows.size, f"label {label} is not in view"
    return rows.mean(), columns.mean()


def test_same_seed_same_anatomy_other_seed_another():
    first, again, other = (render(s, grid_of(s)) for s in (draw_spine(5), draw_spine(5), draw_spine(6)))
    for name in ("under", "over", "mix", "texture", "labels"):
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name))
    assert not np.array_equal(first.labels, other.labels)


@pytest.mark.parametrize("seed", range(4))
def test_structures_stand_in_order_from_head_to_foot(seed):
    _, labels = middle_labels(seed)
    chain = [20, 120, 21, 121, 22, 122, 23, 123, 24, 124, 26]
    rows = [centroid(labels, label)[0] for label in chain]
    assert rows == sorted(rows)


@pytest.mark.parametrize("seed", range(4))
def test_canal_lies_behind_bodies_and_before_spinous_processes(seed):
    _, labels = middle_labels(seed)
    for bone in (20, 21, 22, 23):
        row, column = centroid(labels, bone)
        around = labels[int(row) - 4 : int(row) + 5]
        sac = np.nonzero((around == Anatomy.CANAL) | (around == Anatomy.CORD))[1].mean()
        assert column < sac < centroid(labels, 200 + bone)[1]


@pytest.mark.parametrize("seed", range(3))
def test_disc_heights_in_the_labels_are_those_of_the_truth(seed, monkeypatch):
    monkeypatch.setattr(anatomy_render, "RELIEF_MM", 0.0)
    spacing = 0.25
    spine, labels = middle_labels(seed, spacing=spacing, rows=1000, columns=560)
    truth = {disc["label"]: disc for disc in measurements(spine)["discs"]}
    for label in LUMBAR_DISCS:
        disc = next(d for d in spine.discs if d.label == label)
        along = disc.frame.axes[1:, 2]
        steps = np.arange(-12.0, 12.0, 0.05)
        centre_row = (spine.centre[2] - disc.frame.origin[2]) / spacing + (labels.shape[0] - 1) / 2
        centre_column = (disc.frame.origin[1] - spine.centre[1] - 15.0) / spacing + (labels.shape[1] - 1) / 2
        rows = np.rint(centre_row - steps * along[1] / spacing).astype(int)
        columns = np.rint(centre_column + steps * along[0] / spacing).astype(int)
        measured = 0.05 * np.count_nonzero(labels[rows, columns] == label)
        assert measured == pytest.approx(truth[label]["height_middle_mm"], abs=0.5)


def test_relief_roughens_bones_by_less_than_a_pixel(monkeypatch):
    _, rough = middle_labels(1)
    monkeypatch.setattr(anatomy_render, "RELIEF_MM", 0.0)
    _, smooth = middle_labels(1)
    assert 0.002 < np.mean(rough != smooth) < 0.03


def test_body_and_posterior_elements_are_told_apart_and_both_there():
    _, labels = middle_labels(2)
    for bone in range(20, 25):
        assert np.count_nonzero(labels == bone) > 400
        assert np.count_nonzero(labels == 200 + bone) > 100


@pytest.mark.parametrize("pathologies", [(), ("osteophytes", "modic_1")])
def test_bodies_and_discs_end_at_their_width(pathologies):
    spine = draw_spine(7, Request(pathologies=pathologies))
    beyond = max(max(b.body.width for b in spine.vertebrae), max(d.width for d in spine.discs)) / 2 + 1.0
    labels = render(spine, grid_of(spine, x=beyond)).labels
    assert not np.isin(labels, [*range(18, 26), *range(118, 126)]).any()


def test_lateral_slice_has_pedicles_but_no_canal():
    spine = draw_spine(1, HEALTHY)
    lateral = render(spine, grid_of(spine, x=float(spine.vertebra(22).arch.pedicle_x))).labels
    assert np.count_nonzero(lateral == 222) > 300
    assert not np.isin(lateral, (Anatomy.CANAL, Anatomy.CORD)).any()


def test_lordosis_comes_out_near_the_published_mean():
    angles = [measurements(draw_spine(seed, Request(pathologies=())))["lordosis_l1_s1_deg"] for seed in range(80)]
    assert 41.0 < np.mean(angles) < 49.0
    assert 6.0 < np.std(angles) < 13.0


def test_dimensions_stay_in_the_published_ranges():
    for seed in range(40):
        for bone in measurements(draw_spine(seed, HEALTHY))["vertebrae"]:
            if bone["label"] in range(20, 25):
                assert 20.0 < bone["height_posterior_mm"] < 33.0
                assert 27.0 < bone["depth_mm"] < 43.0
                assert 33.0 < bone["width_mm"] < 60.0


def test_grades_follow_the_published_prevalence():
    spines = [draw_spine(seed, Request(pathologies=())) for seed in range(150)]
    grades = np.array([disc.grade for spine in spines for disc in spine.discs if disc.label in LUMBAR_DISCS])
    shares = [np.mean(grades == grade) for grade in range(1, 6)]
    np.testing.assert_allclose(shares, np.array(GRADE_PREVALENCE) / sum(GRADE_PREVALENCE), atol=0.09)


@pytest.mark.parametrize(("name", "grade"), [("I", 1), ("III", 3), ("V", 5)])
def test_asked_grade_is_drawn_at_every_level(name, grade):
    spine = draw_spine(9, Request(grade=name, pathologies=()))
    assert {disc.grade for disc in spine.discs} == {grade}
    assert {disc["pfirrmann"] for disc in measurements(spine)["discs"]} == {name}
    image = render(spine, grid_of(spine))
    assert np.count_nonzero(image.hard() == TISSUE_IDS[f"disc_nucleus_{name}"]) > 200


def test_worn_discs_are_lower():
    high, low = (measurements(draw_spine(4, Request(grade=g, pathologies=())))["discs"] for g in ("I", "V"))
    for a, b in zip(high, low, strict=True):
        if a["label"] in LUMBAR_DISCS:
            assert b["height_middle_mm"] < 0.75 * a["height_middle_mm"]


@pytest.mark.parametrize("name", [name for name in PATHOLOGIES if name != "l6"])
def test_each_pathology_is_in_the_truth_and_in_the_drawing(name):
    plain, changed = (draw_spine(11, Request(grade="II", pathologies=p)) for p in ((), (name,)))
    kinds = {entry["kind"] for entry in measurements(changed)["pathologies"]}
    assert kinds == {name}
    assert not measurements(plain)["pathologies"]
    stacks = [render(s, grid_of(s, spacing=1.0, slices=9, distance=5.0, rows=260, columns=170)) for s in (plain, changed)]
    assert np.count_nonzero(stacks[0].hard() != stacks[1].hard()) > 20


def test_l6_adds_a_vertebra_and_its_disc():
    spine, labels = middle_labels(3, Request(grade="I", pathologies=("l6",)))
    assert measurements(spine)["lumbar_vertebrae"] == 6
    rows = [centroid(labels, label)[0] for label in (24, 124, 25, 125, 26)]
    assert rows == sorted(rows)


def test_slip_moves_the_vertebra_forward_by_what_the_truth_says():
    plain, slipped = (draw_spine(8, Request(grade="IV", pathologies=p)) for p in ((), ("spondylolisthesis",)))
    entry = measurements(slipped)["pathologies"][0]
    before, after = (
        next(b["slip_mm"] for b in measurements(s)["vertebrae"] if b["label"] == entry["label"]) for s in (plain, slipped)
    )
    assert after - before == pytest.approx(entry["slip_mm"], abs=0.4)


def test_scoliosis_leaves_the_middle_plane_by_its_cobb_angle():
    spine = draw_spine(2, Request(pathologies=("scoliosis",)))
    sideways = [np.degrees(np.arctan2(b.frame.axes[0, 2], b.frame.axes[2, 2])) for b in spine.vertebrae]
    cobb = measurements(spine)["pathologies"][0]["cobb_deg"]
    assert np.ptp(sideways) == pytest.approx(cobb, rel=0.35)
    assert np.ptp([b.frame.origin[0] for b in spine.vertebrae]) > 3.0


def test_fracture_lowers_the_front_of_one_body():
    spine = draw_spine(6, Request(pathologies=("fracture",)))
    entry = measurements(spine)["pathologies"][0]
    body = spine.vertebra(entry["label"]).body
    assert body.height_anterior < 0.87 * body.height_posterior


def test_stenosis_narrows_the_sac_at_its_level_only():
    plain, narrow = (measurements(draw_spine(7, Request(grade="IV", pathologies=p))) for p in ((), ("stenosis",)))
    level = narrow["pathologies"][0]["label"]
    for a, b in zip(plain["discs"], narrow["discs"], strict=True):
        ratio = b["sac_depth_mm"] / a["sac_depth_mm"]
        assert (ratio < 0.75) if a["label"] == level else (ratio > 0.9)


def test_metal_hides_the_signal_but_not_the_truth():
    plain, metal = (draw_spine(5, Request(grade="II", pathologies=p)) for p in ((), ("metal",)))
    stacks = [render(s, grid_of(s, spacing=1.0, slices=9, distance=5.0, rows=260, columns=170)) for s in (plain, metal)]
    void = stacks[1].hard() == TISSUE_IDS["metal"]
    assert void.sum() > 300
    np.testing.assert_array_equal(stacks[0].labels, stacks[1].labels)


def test_asked_lists_replace_chance_and_unknown_names_are_refused():
    with pytest.raises(InputError, match="not a known pathology"):
        Request(pathologies=("gout",))
    with pytest.raises(InputError, match="Pfirrmann"):
        Request(grade="VI")
    with pytest.raises(InputError, match="at once"):
        Request(pathologies=("l6", "sacralised_l5"))


def test_conus_lies_between_t12_and_l3():
    for seed in range(40):
        spine = draw_spine(seed)
        assert spine.vertebra(Anatomy.L3).top[2] <= spine.canal.conus_z <= spine.vertebra(Anatomy.T12).frame.origin[2]


def test_angle_between_parallel_plates_is_zero():
    spine = draw_spine(1, HEALTHY)
    bone = spine.vertebra(Anatomy.L3)
    assert endplate_angle_deg(bone, bone) == 0.0
    flat = dataclasses.replace(bone.body, height_anterior=25.0, height_posterior=25.0)
    assert flat.wedge_deg == 0.0


def test_drawing_can_be_cancelled():
    token = CancelToken()
    token.cancel()
    spine = draw_spine(1)
    with pytest.raises(Cancelled):
        render(spine, grid_of(spine), progress=token.wrap())


def test_edges_have_partial_volume():
    spine = draw_spine(1, HEALTHY)
    tissue_map = render(spine, grid_of(spine))
    soft = (tissue_map.mix > 0.05) & (tissue_map.mix < 0.95)
    assert 0.05 < soft.mean() < 0.6
