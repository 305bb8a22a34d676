"""A case from image to report: what lies in the folder, that it is right, and that nobody is named in it."""

from __future__ import annotations

import csv
import gzip
import json
import re

import numpy as np
import pytest
import SimpleITK as sitk

from spinemr.imaging.errors import ImagingWarning, InputError
from spinemr.imaging.files import read_image, read_labels
from spinemr.imaging.geometry import same_grid
from spinemr.pipeline.result import TITLES
from spinemr.pipeline.results_folder import RESULTS
from spinemr.pipeline.run import run_case, run_case_into


def values(path):
    return sitk.GetArrayFromImage(sitk.ReadImage(str(path)))


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def quality_of(folder):
    return json.loads((folder / "qc.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory, drawn, tools):
    """The results of one run, and what it reported."""
    from spinemr.imaging.files import write_image
    from spinemr.pipeline.request import CaseRequest

    place = tmp_path_factory.mktemp("Novakova_Anna 1")
    write_image(drawn.image, place / "MUDr_Lékař 腰椎.nii.gz")
    reports = []
    run_case_into(
        CaseRequest(place / "MUDr_Lékař 腰椎.nii.gz", case="case 7", harmonize="zscore"),
        place / "výsledky_1",
        tools,
        command=["spinemr", "run", str(place / "MUDr_Lékař 腰椎.nii.gz"), "-o", str(place / "výsledky_1")],
        progress=reports.append,
    )
    (place / "progress.json").write_text(json.dumps([report.as_dict() for report in reports]), encoding="utf-8")
    return place / "výsledky_1"


def test_all_nine_files_are_there_and_nothing_else(folder):
    assert sorted(path.name for path in folder.iterdir()) == sorted(RESULTS)


def test_every_volume_lies_on_the_grid_of_the_image_and_reads_back(folder, drawn):
    for name in ("source.nii.gz", "harmonized.nii.gz"):
        assert same_grid(read_image(folder / name), drawn.image)
    for name in ("segmentation.nii.gz", "segmentation.seg.nrrd"):
        assert same_grid(read_labels(folder / name), drawn.image)
    assert np.array_equal(values(folder / "source.nii.gz"), sitk.GetArrayFromImage(drawn.image))
    assert np.array_equal(
        sitk.GetArrayFromImage(read_labels(folder / "segmentation.seg.nrrd")), values(folder / "segmentation.nii.gz")
    )


def test_harmonized_is_the_source_on_another_scale(folder):
    before, after = values(folder / "source.nii.gz").ravel(), values(folder / "harmonized.nii.gz").ravel()
    slope, offset = np.polyfit(before, after, 1)
    assert slope > 0
    assert np.allclose(after, slope * before + offset, atol=1e-2)


def test_structures_are_those_that_were_drawn(folder, drawn):
    found, truth = values(folder / "segmentation.nii.gz"), sitk.GetArrayFromImage(drawn.labels)
    truth = np.where(truth > 200, truth - 200, truth)
    for label in (21, 22, 23, 24, 122, 123, 124, 61):
        overlap = 2 * np.count_nonzero((found == label) & (truth == label))
        assert overlap / (np.count_nonzero(found == label) + np.count_nonzero(truth == label)) > 0.85, label
    assert found.max() < 200


def test_measurements_are_those_of_the_anatomy(folder, drawn):
    rows = {row["structure"]: row for row in rows_of(folder / "measurements.csv")}
    truth = {disc["structure"]: disc for disc in drawn.truth["discs"]}
    for name in ("L1-L2 disc", "L3-L4 disc", "L4-L5 disc"):
        assert float(rows[name]["height_middle_mm"]) == pytest.approx(truth[name]["height_middle_mm"], abs=2.0)
    assert float(rows["lumbar spine"]["lordosis_l1_s1_deg"]) == pytest.approx(drawn.truth["lordosis_l1_s1_deg"], abs=10.0)


def test_features_are_those_of_the_voxels_in_the_files(folder):
    rows = {(row["image"], int(row["label"])): row for row in rows_of(folder / "features.csv")}
    labels = values(folder / "segmentation.nii.gz")
    assert {label for _, label in rows} == set(np.unique(labels).tolist()) - {0}
    assert {row["case"] for row in rows.values()} == {"case 7"}
    for name in ("source", "harmonized"):
        inside = values(folder / f"{name}.nii.gz")[labels == 123].astype(float)
        assert float(rows[name, 123]["original_firstorder_Mean"]) == pytest.approx(inside.mean(), rel=1e-5)
        assert float(rows[name, 123]["original_shape_VoxelVolume"]) == pytest.approx(inside.size * 1.56 * 1.56 * 6, rel=1e-5)
    # Bins are counted, not as wide as something: another scale has the same texture.
    entropies = [float(rows[name, 123]["original_firstorder_Entropy"]) for name in ("source", "harmonized")]
    assert entropies[0] == pytest.approx(entropies[1], abs=1e-3)


def test_quality_says_how_everything_went(folder):
    said = quality_of(folder)
    assert list(said["stages"]) == list(TITLES)
    assert {stage["state"] for stage in said["stages"].values()} == {"done"}
    assert said["case"] == "case 7"
    assert said["verdict"] in ("pass", "review", "do not trust")
    assert {"reasons", "passed", "not_checked"} <= set(said)
    assert len(said["reasons"]) + len(said["passed"]) + len(said["not_checked"]) >= 24
    assert said["harmonization"]["method"] == "zscore" and said["harmonization"]["strength"] == 1.0
    assert said["preservation"]["moved_max_mm"] == 0.0
    assert said["preservation"]["edge_alignment"] == pytest.approx(1.0, abs=1e-4)
    assert said["segmentation"]["segmented_on"] == "source" and said["segmentation"]["counted_from"] == "sacrum"
    assert {one["name"] for one in said["segmentation"]["structures"]} >= {"L4 vertebra", "L5-S1 disc", "sacrum"}


def test_provenance_has_digest_model_and_the_seconds_of_each_stage(folder):
    said = json.loads((folder / "provenance.json").read_text(encoding="utf-8"))
    assert said["tool"] == "spinemr run"
    assert said["command"] == ["spinemr", "run", "IMAGE", "-o", "DIR"]
    assert [one["name"] for one in said["inputs"]] == ["IMAGE"]
    assert said["models"] == {"told": "ab" * 32}
    assert list(said["seconds"]) == list(TITLES)
    assert all(seconds >= 0 for seconds in said["seconds"].values())


def test_the_report_shows_verdict_structures_and_pictures_without_the_network(folder):
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert quality_of(folder)["reasons"][0]["sentence"] in page
    assert "L4-L5 disc" in page and page.count("data:image/png") >= 4
    facts = dict(re.findall(r"<tr><t[hd][^>]*>([^<]*)</t[hd]><td[^>]*>([^<]*)</td></tr>", page))
    assert facts["Harmonized by"] == "zscore"
    assert facts["Harmonized intensities"] == quality_of(folder)["harmonization"]["units"]
    assert facts["Segmented"] == "the source image"
    confidence = quality_of(folder)["segmentation"]["level_confidence"]
    assert facts["Levels counted from"] == f"the sacrum, confidence {confidence:.2f}"
    assert "no movement of edges in any slice" in page
    assert page.index("Not a medical device") < page.index("L4-L5 disc")
    assert not re.findall(r"(?:src|href)=[\"'](?!#|data:)", page)


def test_nothing_names_the_folder_or_the_file(folder):
    for path in folder.iterdir():
        content = path.read_bytes()
        text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode("utf-8", errors="ignore")
        assert not [word for word in ("Novakova_", "MUDr_", "sledky_1") if word in text], path.name


def test_progress_grows_through_all_stages_to_one(folder):
    reports = json.loads((folder.parent / "progress.json").read_text(encoding="utf-8"))
    fractions = [report["fraction"] for report in reports]
    assert fractions == sorted(fractions)
    assert fractions[0] == 0.0 and fractions[-1] == 1.0
    assert list(dict.fromkeys(report["phase"] for report in reports)) == list(TITLES)


def test_parts_and_another_numbering(request_of, tools, tmp_path):
    with pytest.warns(ImagingWarning, match="left out: sacrum"):
        run_case_into(request_of(parts=True, scheme="spider", harmonize="none"), tmp_path / "out", tools)
    assert quality_of(tmp_path / "out")["notes"] == ["No counterpart in the other label scheme, left out: sacrum."]
    assert {1, 201, 100} <= set(np.unique(values(tmp_path / "out" / "segmentation.nii.gz")).tolist())
    slicer = set(np.unique(sitk.GetArrayFromImage(read_labels(tmp_path / "out" / "segmentation.seg.nrrd"))).tolist())
    assert {24, 224, 124} <= slicer
    assert {"224"} <= {row["label"] for row in rows_of(tmp_path / "out" / "features.csv")}


def test_without_harmonization_there_is_no_harmonized_image_and_no_failure(request_of, tools, tmp_path):
    result = run_case_into(request_of(harmonize="none"), tmp_path / "out", tools)
    assert not result.failed
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(set(RESULTS) - {"harmonized.nii.gz"})
    said = quality_of(tmp_path / "out")
    assert said["stages"]["harmonize"] == {"state": "skipped", "sentence": "It was not asked for."}
    assert said["harmonization"] is None and said["preservation"] is None
    assert {row["image"] for row in rows_of(tmp_path / "out" / "features.csv")} == {"source"}


def test_a_shift_moves_every_level(request_of, tools):
    plain, shifted = (run_case(request_of(shift=shift), tools) for shift in (0, -1))
    assert 24 in np.unique(sitk.GetArrayFromImage(plain.labels))
    assert 24 not in np.unique(sitk.GetArrayFromImage(shifted.labels))


def test_segmenting_what_was_harmonized(request_of, tools, model):
    seen = []

    class Watching:
        device = "cpu"

        def __call__(self, images):
            seen.append(images)
            return model.runtime(images)

    from dataclasses import replace

    watching = replace(tools, model=replace(model, runtime=Watching()))
    result = run_case(request_of(segment_on="harmonized"), watching)
    assert seen and not result.failed
    assert result.as_quality()["segmentation"]["segmented_on"] == "harmonized"


def test_tools_serve_many_cases_and_are_opened_for_one(request_of, tools, monkeypatch):
    opened = []
    monkeypatch.setattr("spinemr.pipeline.request.open_model", lambda *given, **_: opened.append(given) or tools.model)
    assert run_case(request_of(), tools).labels is not None
    assert opened == []
    assert run_case(request_of(device="cpu"), None).labels is not None
    assert opened == [("balanced", "cpu")]


def test_a_second_case_into_the_same_folder_replaces_the_first(request_of, tools, tmp_path):
    run_case_into(request_of(), tmp_path / "out", tools)
    run_case_into(request_of(harmonize="none", case="second"), tmp_path / "out", tools)
    assert not (tmp_path / "out" / "harmonized.nii.gz").exists()
    assert quality_of(tmp_path / "out")["case"] == "second"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"strength": 1.5}, "strength"),
        ({"scheme": "mine"}, "label scheme mine"),
        ({"harmonize": "none", "target": "x.json"}, "target is of no use"),
        ({"harmonize": "none", "segment_on": "harmonized"}, "no harmonized image"),
    ],
)
def test_requests_that_contradict_themselves(request_of, options, said):
    with pytest.raises(InputError, match=said):
        request_of(**options)


def test_an_oblique_image_keeps_its_grid(drawn, request_of, tools, tmp_path):
    from spinemr.imaging.files import write_image

    image = sitk.Image(drawn.image)
    turn = np.reshape(sitk.Euler3DTransform((0.0, 0.0, 0.0), 0.1, 0.05, 0.0).GetMatrix(), (3, 3))
    image.SetDirection((turn @ np.reshape(image.GetDirection(), (3, 3))).ravel().tolist())
    image.SetOrigin((-17.5, 31.25, 99.0))
    write_image(image, tmp_path / "oblique.nii.gz")
    result = run_case_into(request_of(image=tmp_path / "oblique.nii.gz"), tmp_path / "out", tools)
    assert not result.failed
    for name in ("harmonized.nii.gz", "segmentation.nii.gz"):
        assert same_grid(read_image(tmp_path / "out" / name) if name[0] == "h" else read_labels(tmp_path / "out" / name), image)
    assert 24 in np.unique(values(tmp_path / "out" / "segmentation.nii.gz"))
