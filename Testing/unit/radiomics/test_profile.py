from __future__ import annotations

import json

import numpy as np
import pytest
import SimpleITK as sitk

from spinemr.imaging.errors import InputError
from spinemr.radiomics.table import FeatureRow, FeatureTable
from spinemr.radiomics.verdict.appearance import STATISTICS, image_statistics
from spinemr.radiomics.verdict.known import Appearances
from spinemr.radiomics.verdict.pairs import pairs_of
from spinemr.radiomics.verdict.profile import make_profile, read_profile, write_profile
from spinemr.radiomics.verdict.rules_trust import shipped_appearances


def rows(values, label=123, structure="L4-L5 disc"):
    return tuple(FeatureRow(f"case {i}", "source", label, structure, {"original_glcm_Idmn": v}) for i, v in enumerate(values))


def test_means_deviations_and_percentiles_by_hand():
    profile = make_profile(FeatureTable(rows((1.0, 2.0, 3.0, 6.0))), name="four")
    summary = profile.features["L4-L5 disc"]["original_glcm_Idmn"]
    assert (profile.studies, summary.n, summary.mean) == (4, 4, 3.0)
    assert summary.sd == pytest.approx(np.sqrt(14 / 3))
    assert summary.percentiles == pytest.approx((1.15, 1.75, 2.5, 3.75, 5.55))
    assert summary.distance(3.0 + 2 * summary.sd) == pytest.approx(2)


def test_levels_of_a_kind_are_also_summed_up_together():
    profile = make_profile(FeatureTable((*rows((1.0, 2.0, 3.0)), *rows((5.0, 6.0, 7.0), 122, "L3-L4 disc"))), name="discs")
    assert set(profile.features) == {"L4-L5 disc", "L3-L4 disc", "disc"}
    assert profile.features["disc"]["original_glcm_Idmn"].mean == 4
    unknown = FeatureRow("x", "source", 120, "L1-L2 disc")
    assert profile.summaries(unknown)["original_glcm_Idmn"].n == 6


def test_labels_that_are_not_anatomy_have_no_kind():
    profile = make_profile(FeatureTable(rows((1.0, 2.0, 3.0), 3, "label 3")), name="plain")
    assert set(profile.features) == {"label 3"}


def test_what_few_studies_have_and_what_is_not_a_number_stay_out():
    profile = make_profile(FeatureTable(rows((1.0, np.nan, 2.0, np.inf))), name="gaps")
    assert profile.features == {}
    constant = make_profile(FeatureTable(rows((4.0, 4.0, 4.0))), name="constant")
    assert np.isnan(constant.features["disc"]["original_glcm_Idmn"].distance(5.0))


def test_too_few_studies_are_refused():
    with pytest.raises(InputError, match="at least 3 studies, not 2"):
        make_profile(FeatureTable(rows((1.0, 2.0))), name="two")


def looks(rng, group, offset, count):
    return [(group, {name: offset + 0.1 * rng.normal() for name in STATISTICS}) for _ in range(count)]


def test_files_hold_what_was_written(tmp_path, rng):
    groups = looks(rng, "alder", 0.0, 8) + looks(rng, "birch", 3.0, 8)
    profile = make_profile(FeatureTable(rows((1.0, 2.0, 3.0))), groups, name="both", made={"command": ["spinemr"]})
    write_profile(profile, tmp_path / "p.json")
    read = read_profile(tmp_path / "p.json")
    assert read.features == profile.features
    assert read.name == "both" and read.studies == 16 and read.made["command"] == ["spinemr"]
    assert "spinemr" in read.made["versions"]
    probe = dict.fromkeys(STATISTICS, 1.0)
    assert read.appearances.distance(probe)[0] == pytest.approx(profile.appearances.distance(probe)[0], rel=1e-3)
    assert "case" not in (tmp_path / "p.json").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        '{"format": 99}',
        '{"format": 1, "name": "x"}',
        "\xff",
        '{"format": 1, "name": "x", "studies": 3, "features": {"a": {"b": {}}}}',
    ],
)
def test_files_that_are_no_profiles_are_refused_in_a_sentence(tmp_path, content):
    path = tmp_path / "bad.json"
    path.write_text(content, encoding="latin-1")
    with pytest.raises(InputError, match=r"bad\.json"):
        read_profile(path)
    with pytest.raises(InputError, match="Cannot read"):
        read_profile(tmp_path / "none.json")


# appearances


def test_the_nearest_scanner_is_found(rng):
    known = Appearances.of(looks(rng, "alder", 0.0, 12) + looks(rng, "birch", 3.0, 12))
    near, group = known.distance(dict.fromkeys(STATISTICS, 2.9))
    assert group == "birch" and near < known.usual_distance
    far, _ = known.distance(dict.fromkeys(STATISTICS, 1.5))
    assert far > 5 * known.usual_distance


def test_distance_by_hand():
    names, mean, covariance = ("noise", "low"), {"one": (1.0, 2.0)}, ((0.25, 0.0), (0.0, 1.0))
    known = Appearances(names, mean, {"one": 5}, covariance, 1.0)
    assert known.distance({"noise": 2.0, "low": 4.0}) == (pytest.approx(np.sqrt((4 + 4) / 2)), "one")
    assert known.distance({"noise": 2.0, "low": float("nan")}) == (pytest.approx(2.0), "one")
    assert known.oddest({"noise": 1.1, "low": 4.0}, "one") == "low"
    with pytest.raises(InputError, match="none of the statistics"):
        known.distance({"high": 1.0})


def test_groups_may_lack_a_statistic(rng):
    bare = [("bare", {**values, "canal_to_bone": float("nan")}) for _, values in looks(rng, "", 5.0, 6)]
    known = Appearances.of([*looks(rng, "alder", 0.0, 12), *bare])
    assert known.distance(dict.fromkeys(STATISTICS, 5.0))[1] == "bare"
    assert (
        Appearances.from_dict(json.loads(json.dumps(known.as_dict(), allow_nan=False))).distance(dict.fromkeys(STATISTICS, 5.0))[
            1
        ]
        == "bare"
    )


def test_too_few_studies_have_no_appearance(rng):
    profile = make_profile(FeatureTable(rows((1.0, 2.0, 3.0))), looks(rng, "alder", 0.0, 5), name="few")
    assert profile.appearances is None
    with pytest.raises(InputError, match="10 or more"):
        Appearances.of(looks(rng, "alder", 0.0, 5))


def test_statistics_know_neither_scale_nor_offset_nor_order_of_axes(drawn_case):
    case = drawn_case()
    own = image_statistics(case.image, case.segmentation)
    scaled = image_statistics(sitk.Cast(case.image, sitk.sitkFloat64) * 3 + 500, case.segmentation)
    turned = image_statistics(sitk.PermuteAxes(case.image, (2, 0, 1)), case.segmentation)
    assert set(own) == set(STATISTICS)
    for other in (scaled, turned):
        assert [other[name] for name in own] == pytest.approx(list(own.values()), abs=1e-4)


def test_statistics_say_what_they_mean(drawn_case, relabel):
    stir, t1 = drawn_case("cedar-3t-stir", 14), drawn_case("cedar-1.5t-t1", 11)
    one, other = (image_statistics(case.image, case.segmentation) for case in (stir, t1))
    assert one["canal_to_bone"] > 1 > 0 > other["canal_to_bone"]  # fluid is bright in STIR and dark in T1
    rng = np.random.default_rng(4)
    noisy = relabel(t1.image, lambda a: a + rng.normal(0, 0.05 * np.ptp(a), a.shape))
    smooth = sitk.SmoothingRecursiveGaussian(sitk.Cast(t1.image, sitk.sitkFloat32), (2.0, 2.0, 0.01))
    assert image_statistics(noisy, t1.segmentation)["noise"] > other["noise"] + 0.3
    assert image_statistics(smooth, t1.segmentation)["sharpness"] < other["sharpness"] - 0.5
    with pytest.raises(InputError, match="empty"):
        image_statistics(t1.image, t1.segmentation * 0)


def test_shipped_appearances_know_the_simulated_scanners(drawn_case, relabel):
    known = shipped_appearances()
    case = drawn_case("cedar-1.5t-t1", 11)
    distance, group = known.distance(image_statistics(case.image, case.segmentation))
    assert group.startswith("cedar-1.5t-t1")
    assert distance < known.usual_distance
    rng = np.random.default_rng(2)
    noise = relabel(case.image, lambda a: rng.random(a.shape))
    assert known.distance(image_statistics(noise, case.segmentation))[0] > 3 * known.usual_distance


# pairs


def touch(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")


def test_pairs_by_name_and_by_folder(tmp_path):
    touch(tmp_path, "p1.nii.gz", "p1_labels.nii.gz", "p2.mha", "p2-seg.nrrd", "alone.nii.gz", "notes.txt", "007_image.nii.gz")
    touch(tmp_path, "007_label.nii.gz", "p3/image.nii.gz", "p3/labels.seg.nrrd", "p3/labels.nii.gz", "mask/thing.txt")
    found = {pair.case: (pair.image.name, pair.mask.name) for pair in pairs_of(tmp_path)}
    assert found == {
        "007": ("007_image.nii.gz", "007_label.nii.gz"),
        "p1": ("p1.nii.gz", "p1_labels.nii.gz"),
        "p2": ("p2.mha", "p2-seg.nrrd"),
        "p3": ("image.nii.gz", "labels.nii.gz"),
    }


def test_manifests(tmp_path):
    text = "study,image,labels,scanner\na,a/i.nii.gz,a/l.nii.gz,alder\n,b.nii.gz,c.nii.gz,\n"
    (tmp_path / "manifest.csv").write_text("\ufeff" + text, encoding="utf-8")
    for place in (tmp_path, tmp_path / "manifest.csv"):
        first, second = pairs_of(place)
        assert (first.case, first.scanner, first.image) == ("a", "alder", tmp_path / "a" / "i.nii.gz")
        assert (second.case, second.scanner, second.mask) == ("line 3", "", tmp_path / "c.nii.gz")


@pytest.mark.parametrize("text", ["image\na.nii\n", "", "image,mask\na.nii,\n", "image,mask\n\xff,x\n"])
def test_bad_manifests_are_refused(tmp_path, text):
    (tmp_path / "m.csv").write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError):
        pairs_of(tmp_path / "m.csv")


def test_places_without_pairs_are_refused(tmp_path):
    with pytest.raises(InputError, match="no image with a mask"):
        pairs_of(tmp_path)
    with pytest.raises(InputError, match="neither"):
        pairs_of(tmp_path / "x.txt")
