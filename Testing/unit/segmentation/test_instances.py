from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from spinemr.imaging.anatomy import Anatomy, disc_below, posterior_of
from spinemr.imaging.errors import InputError
from spinemr.imaging.geometry import WorkingFrame
from spinemr.segmentation.classes import NetworkClass, class_table
from spinemr.segmentation.instances import NoLumbarSpineError, label_spine
from spinemr.synthesis.study import draw_study

LUMBAR = [int(level) for level in (Anatomy.T12, Anatomy.L1, Anatomy.L2, Anatomy.L3, Anatomy.L4, Anatomy.L5)]
DISCS = [disc_below(level) for level in LUMBAR]
CASES = [
    (1, (), "cedar-3t-stir", None),
    (3, (), "birch-1.5t-flash", None),
    (4, (), "cedar-1.5t-t1", None),
    (20, ("scoliosis",), "cedar-3t-stir", None),
    (52, ("scoliosis",), "cedar-1.5t-t1", None),
    (22, ("sacralised_l5",), "cedar-3t-stir", None),
    (23, ("spondylolisthesis",), "cedar-3t-stir", None),
    (24, ("fracture",), "cedar-3t-stir", None),
    (25, ("metal",), "cedar-3t-stir", None),
    (31, (), "cedar-1.5t-t1", "V"),
]


def dice(a, b):
    return 2 * np.count_nonzero(a & b) / (np.count_nonzero(a) + np.count_nonzero(b))


def renamed(found, true, labels):
    """Structures most of whose voxels carry another number (or none) in the result."""
    wrong = {}
    for label in labels:
        inside = found[true == label]
        most = int(np.bincount(inside).argmax()) if inside.size else label
        if most != label:
            wrong[label] = most
    return wrong


@pytest.fixture
def healthy(drawn_labels):
    return drawn_labels(1)


@pytest.mark.parametrize(("seed", "pathologies", "scanner", "grade"), CASES)
def test_instances_and_levels_return_from_classes_alone(drawn_labels, seed, pathologies, scanner, grade):
    drawn = drawn_labels(seed, *pathologies, scanner=scanner, grade=grade)
    result = label_spine(drawn.classes, drawn.spacing_mm)
    for label in [*LUMBAR, *DISCS, Anatomy.SACRUM, Anatomy.CANAL]:
        assert dice(result.labels == label, drawn.labels == label) > 0.97, label
    for level in LUMBAR[2:]:
        assert dice(result.labels == posterior_of(level), drawn.labels == posterior_of(level)) > 0.6, level
    assert result.report.counted_from == "sacrum"
    assert result.report.missing == ()


def test_a_clean_study_has_no_flags_and_says_that_levels_could_be_shifted(healthy):
    report = label_spine(healthy.classes, healthy.spacing_mm).report
    assert report.flags == ()
    assert report.level_confidence > 0.9
    assert "shifted by one" in report.notes[0]
    assert "T12 and L1" in report.notes[1]


def test_a_remnant_of_a_lumbosacral_disc_is_flagged_as_transitional(drawn_labels):
    drawn = drawn_labels(22, "sacralised_l5")
    report = label_spine(drawn.classes, drawn.spacing_mm).report
    assert any("transitional" in flag for flag in report.flags)
    assert report.level_confidence < 0.7


def test_a_shift_renames_every_level_and_leaves_the_sacrum(healthy):
    plain = label_spine(healthy.classes, healthy.spacing_mm).labels
    lower = label_spine(healthy.classes, healthy.spacing_mm, shift=1)
    higher = label_spine(healthy.classes, healthy.spacing_mm, shift=-1)
    assert lower.report.shift == 1
    assert np.array_equal(lower.labels == Anatomy.L6, plain == Anatomy.L5)
    assert np.array_equal(higher.labels == disc_below(Anatomy.L3), plain == disc_below(Anatomy.L4))
    assert np.array_equal(lower.labels == Anatomy.SACRUM, plain == Anatomy.SACRUM)
    with pytest.raises(InputError, match="shift of \\+2"):
        label_spine(healthy.classes, healthy.spacing_mm, shift=2)


@pytest.mark.parametrize("disc", DISCS[1:])
@pytest.mark.parametrize("filled", [False, True])
def test_a_missing_or_fused_disc_keeps_its_place_in_the_count(healthy, disc, filled):
    bone = NetworkClass.BODY if filled and disc != 124 else NetworkClass.BACKGROUND
    classes = np.where(healthy.labels == disc, np.uint8(bone), healthy.classes)
    result = label_spine(classes, healthy.spacing_mm)
    assert renamed(result.labels, healthy.labels, LUMBAR) == {}
    assert any("disc was not seen" in flag or "No disc was seen" in flag for flag in result.report.flags)
    assert result.report.level_confidence < 0.85


@pytest.mark.parametrize("level", [Anatomy.L1, Anatomy.L3, Anatomy.L5])
def test_a_body_lost_in_a_void_keeps_its_place_in_the_count(healthy, level):
    classes = np.where(healthy.labels == level, np.uint8(0), healthy.classes)
    result = label_spine(classes, healthy.spacing_mm)
    others = [label for label in (*LUMBAR, *DISCS) if label != level]
    assert renamed(result.labels, healthy.labels, others) == {}
    assert result.report.missing == (level,)
    assert any(f"body of {level.name} was not seen" in flag for flag in result.report.flags)


@pytest.mark.parametrize("level", [Anatomy.L2, Anatomy.L5])
@pytest.mark.parametrize("filler", [NetworkClass.BACKGROUND, NetworkClass.DISC])
def test_a_body_cut_in_two_stays_one_vertebra(healthy, level, filler):
    classes = healthy.classes.copy()
    body = healthy.labels == level
    rows = np.flatnonzero(body.any(axis=(0, 2)))
    middle = int(rows.mean())
    line = np.zeros_like(body)
    line[:, middle - 2 : middle + 2] = True
    classes[body & line] = filler
    result = label_spine(classes, healthy.spacing_mm)
    assert renamed(result.labels, healthy.labels, LUMBAR + DISCS) == {}
    assert bool(result.report.flags) is (filler is NetworkClass.DISC)


@pytest.mark.parametrize("seed", [2, 5])
def test_blobs_anywhere_change_no_level(drawn_labels, seed):
    drawn = drawn_labels(seed)
    rng = np.random.default_rng(seed)
    classes = drawn.classes.copy()
    z, y, x = (np.arange(size) * spacing for size, spacing in zip(classes.shape, drawn.spacing_mm, strict=True))
    for _ in range(25):
        at = [rng.uniform(0, axis[-1]) for axis in (z, y, x)]
        distance = (z[:, None, None] - at[0]) ** 2 + (y[:, None] - at[1]) ** 2 + (x - at[2]) ** 2
        classes[distance < rng.uniform(2, 8) ** 2] = rng.integers(0, 7)
    assert renamed(label_spine(classes, drawn.spacing_mm).labels, drawn.labels, LUMBAR + DISCS) == {}


def test_scattered_wrong_pixels_change_no_level(healthy, rng):
    classes = healthy.classes.copy()
    wrong = rng.random(classes.shape) < 0.03
    classes[wrong] = rng.integers(0, 7, np.count_nonzero(wrong))
    result = label_spine(classes, healthy.spacing_mm)
    assert renamed(result.labels, healthy.labels, LUMBAR + DISCS) == {}
    far = healthy.labels[:, :, :60] == 0
    assert np.count_nonzero(result.labels[:, :, :60][far]) < 0.01 * np.count_nonzero(wrong[:, :, :60])


def test_a_mirrored_stack_gives_the_mirrored_labels(healthy):
    plain = label_spine(healthy.classes, healthy.spacing_mm).labels
    mirrored = label_spine(healthy.classes[::-1], healthy.spacing_mm).labels[::-1]
    assert np.mean(plain == mirrored) > 0.999


@pytest.mark.parametrize("count", [1, 2])
def test_one_or_two_slices_are_enough(healthy, count):
    middle = int((healthy.labels == Anatomy.CANAL).sum(axis=(1, 2)).argmax())
    part = slice(middle, middle + count)
    result = label_spine(healthy.classes[part], healthy.spacing_mm)
    assert renamed(result.labels, healthy.labels[part], LUMBAR + DISCS) == {}
    assert renamed(result.labels, healthy.labels[part], [posterior_of(level) for level in LUMBAR[1:]]) == {}


def test_without_a_sacrum_the_lowest_disc_is_l5_s1_and_that_is_said(healthy):
    classes = np.where(healthy.classes == NetworkClass.SACRUM, np.uint8(0), healthy.classes)
    result = label_spine(classes, healthy.spacing_mm)
    assert renamed(result.labels, healthy.labels, LUMBAR + DISCS) == {}
    assert result.report.counted_from == "lowest disc"
    assert result.report.level_confidence < 0.8
    assert "lowest disc was taken for L5-S1" in result.report.flags[0]


def test_a_sacrum_taken_for_bodies_is_no_vertebra(healthy):
    classes = np.where(healthy.classes == NetworkClass.SACRUM, np.uint8(NetworkClass.BODY), healthy.classes)
    result = label_spine(classes, healthy.spacing_mm)
    assert renamed(result.labels, healthy.labels, LUMBAR + DISCS) == {}
    assert any("counted as sacrum" in flag for flag in result.report.flags)


def test_an_image_upside_down_is_not_renumbered_in_silence(healthy):
    report = label_spine(healthy.classes[:, ::-1], healthy.spacing_mm).report
    assert report.level_confidence < 0.1
    assert any("upside down" in flag for flag in report.flags)


def test_a_view_that_ends_at_the_last_disc_is_doubted(healthy):
    bottom = int(np.flatnonzero((healthy.labels == disc_below(Anatomy.L4)).any(axis=(0, 2)))[-1]) + 2
    report = label_spine(healthy.classes[:, :bottom], healthy.spacing_mm).report
    assert report.level_confidence < 0.5
    assert any("in view" in flag or "view ends" in flag for flag in report.flags)


def test_confidence_of_voxels_becomes_that_of_structures(healthy):
    confidence = np.where(healthy.labels == Anatomy.L3, 0.5, 0.9).astype(np.float32)
    found = {s.label: s for s in label_spine(healthy.classes, healthy.spacing_mm, confidence).report.structures}
    assert found[Anatomy.L3].confidence == pytest.approx(0.5, abs=0.02)
    assert found[Anatomy.L4].confidence == pytest.approx(0.9, abs=0.02)
    voxels = np.count_nonzero(healthy.labels == Anatomy.L4)
    assert found[Anatomy.L4].volume_mm3 == pytest.approx(voxels * np.prod(healthy.spacing_mm), rel=0.02)
    assert not found[Anatomy.L4].cut_by_view
    assert found[Anatomy.SACRUM].cut_by_view


def test_the_report_is_plain_values(healthy):
    plain = label_spine(healthy.classes, healthy.spacing_mm).report.as_dict()
    assert plain["structures"][-1]["name"].endswith("posterior elements")
    assert {type(entry["label"]) for entry in plain["structures"]} == {int}


@pytest.mark.parametrize("kind", ["nothing", "noise", "one block", "round brain", "canal only"])
def test_what_is_no_lumbar_spine_is_refused(kind):
    rng = np.random.default_rng(0)
    classes = np.zeros((9, 160, 160), dtype=np.uint8)
    if kind == "noise":
        classes[rng.random(classes.shape) < 0.05] = 1
    elif kind == "one block":
        classes[2:7, 60:100, 60:100] = NetworkClass.BODY
    elif kind == "round brain":
        y, x = np.ogrid[:160, :160]
        classes[:, (y - 80) ** 2 + (x - 80) ** 2 < 3600] = NetworkClass.CORD
    elif kind == "canal only":
        classes[3:6, :, 80:90] = NetworkClass.CANAL
    with pytest.raises(NoLumbarSpineError, match="No lumbar spine found"):
        label_spine(classes, (4.4, 1.0, 1.0))


@pytest.mark.parametrize(
    ("classes", "spacing"),
    [
        (np.zeros((4, 4), np.uint8), (1.0, 1.0, 1.0)),
        (np.zeros((0, 4, 4), np.uint8), (1.0, 1.0, 1.0)),
        (np.full((2, 4, 4), 9, np.uint8), (1.0, 1.0, 1.0)),
        (np.ones((2, 4, 4), np.uint8), (1.0, 0.0, 1.0)),
    ],
)
def test_impossible_volumes_are_refused(classes, spacing):
    with pytest.raises(InputError):
        label_spine(classes, spacing)


@pytest.mark.realdata
def test_real_labels_without_a_sacrum_are_counted_from_the_lowest_disc(data_dir):
    files = sorted((data_dir / "spider_t2space").glob("*_label.nii.gz"))
    assert files
    for path in files[::4]:
        image = sitk.DICOMOrient(sitk.ReadImage(str(path)), "LPS")
        spider = sitk.GetArrayFromImage(image)
        classes, spacing = _spider_classes(spider, image)
        result = label_spine(classes, spacing)
        discs = sorted(label for label in np.unique(result.labels) if 100 < label < 130)
        assert discs[-1] == disc_below(Anatomy.L5), path.name
        assert np.array_equal(np.diff(discs), np.ones(len(discs) - 1)), path.name
        lost = np.count_nonzero((classes == NetworkClass.DISC) & (result.labels == 0)) / np.count_nonzero(
            classes == NetworkClass.DISC
        )
        assert lost < 0.02, path.name
        assert result.report.counted_from == "lowest disc", path.name


def _spider_classes(spider, image):
    """SPIDER's union of body and posterior elements parted at the canal, in the working frame."""
    volume = np.transpose(spider, (2, 0, 1))[:, ::-1]
    column, row, slice_ = image.GetSpacing()[1], image.GetSpacing()[2], image.GetSpacing()[0]
    canal = volume == 3
    reach = np.where(canal.any(axis=2), canal.argmax(axis=2), volume.shape[2])
    back = np.arange(volume.shape[2])[None, None] > reach[..., None]
    classes = np.zeros(volume.shape, dtype=np.uint8)
    classes[(volume == 1) & ~back] = NetworkClass.BODY
    classes[(volume == 1) & back] = NetworkClass.POSTERIOR
    classes[volume == 2] = NetworkClass.DISC
    classes[canal] = NetworkClass.CANAL
    return classes, (slice_, row, column)


@pytest.mark.realdata
def test_levels_of_real_bodies_in_single_slices_are_right(data_dir):
    right = 0
    files = sorted((data_dir / "t1_midsagittal" / "labels").glob("*.png"))[::8]
    assert files
    for path in files:
        drawn = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))
        classes = np.zeros((1, *drawn.shape), dtype=np.uint8)
        classes[0][(drawn >= 1) & (drawn <= 5)] = NetworkClass.BODY
        classes[0][drawn == 6] = NetworkClass.SACRUM
        classes[0][drawn >= 11] = NetworkClass.DISC
        found = label_spine(classes, (4.0, 0.6875, 0.6875)).labels[0]
        levels = [level for level in range(1, 6) if (drawn == level).any()]
        right += all(int(np.bincount(found[drawn == level]).argmax()) == Anatomy.T12 + level for level in levels)
    assert right / len(files) >= 0.95


def test_islands_of_cord_below_the_conus_are_roots_and_count_as_canal():
    study = draw_study(11, scanner="cedar-1.5t-t2", grade="II", pathology=())
    labels = WorkingFrame.of(study.labels).forward_array(sitk.GetArrayFromImage(study.labels))
    classes = class_table()[labels]
    island = np.zeros(classes.shape, dtype=bool)
    middle = np.argwhere(labels == 123).mean(axis=0).astype(int)
    island[middle[0], middle[1] - 3 : middle[1] + 4] = True
    island &= classes == NetworkClass.CANAL
    assert island.sum() > 20
    classes[island] = NetworkClass.CORD
    named = label_spine(classes, (5.0, 0.78, 0.78)).labels
    assert (named[island] == Anatomy.CANAL).all()
    assert (named[labels == Anatomy.CORD] == Anatomy.CORD).mean() > 0.9
