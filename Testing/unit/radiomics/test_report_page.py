from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from xml.etree import ElementTree as ET

import numpy as np
import pytest
import SimpleITK as sitk

from spinemr.imaging.errors import GeometryError, ImagingWarning, InputError
from spinemr.imaging.files import write_image, write_labels
from spinemr.radiomics.report.case_folder import find_files, read_case
from spinemr.radiomics.report.content import ReportContent, ReportMap, ReportReason, ReportVerdict, StructureRow
from spinemr.radiomics.report.page import report_page, write_report
from spinemr.radiomics.report.sections import NOT_A_DEVICE, column_title, features_section, relative
from spinemr.radiomics.table import FeatureRow, FeatureTable
from spinemr.radiomics.table_files import write_table
from spinemr.radiomics.verdict.case import Case
from spinemr.radiomics.verdict.judge import judge

DIRECTION = (0.0, 0.0, -1.0, 1.0, 0.0, 0.0, 0.0, -1.0, 0.0)
ODD = "<script>alert('é')</script> & Lékař"
FEATURES = ("original_glcm_Idmn", "original_glcm_Correlation", "original_firstorder_Mean")


@pytest.fixture
def study(rng):
    """A small image with two bodies, a disc, and a brighter twin."""
    array = rng.normal(200, 20, (6, 64, 64)).astype(np.float32)
    labels = np.zeros(array.shape, dtype=np.uint8)
    labels[1:5, 10:24, 20:40], labels[1:5, 26:30, 20:40], labels[1:5, 32:46, 20:40] = 22, 122, 23
    array[labels > 100] += 150
    image, harmonized, mask = (sitk.GetImageFromArray(a) for a in (array, array * 1.5 + 10, labels))
    for one in (image, harmonized, mask):
        one.SetSpacing((1.5, 1.5, 4.0))
        one.SetDirection(DIRECTION)
    return image, harmonized, mask


def table_of(values):
    rows = [FeatureRow("case", image, 122, "L3-L4 disc", dict(zip(FEATURES, row, strict=True))) for image, row in values.items()]
    return FeatureTable(tuple(rows))


FEATURE_TABLE = table_of({"source": (2.0, 0.5, 100.0), "harmonized": (1.1, 0.45, 130.0), "reference": (1.0, 0.4, 0.0)})
VERDICT = ReportVerdict(
    "review",
    (ReportReason("Disc cut", "The disc reaches the edge.", 0.12, "", 0.05, "review", "L3-L4 disc", 2),),
    ("Grid",),
    ("Reference",),
)


def parsed(page):
    return ET.fromstring(page.removeprefix("<!DOCTYPE html>\n"))


def text_of(page):
    return " ".join(" ".join(parsed(page).find("body").itertext()).split())


def full(study):
    image, harmonized, mask = study
    return ReportContent(
        title="A report",
        verdict=VERDICT,
        facts={"Grid": "64 × 64 × 6"},
        image=image,
        harmonized=harmonized,
        labels=mask,
        structures=(
            StructureRow(22, 12000.0, 0.91, {"height_anterior_mm": 21.0}),
            StructureRow(122, 3000.0, 0.5, {"depth_mm": 30.0}),
        ),
        features=FEATURE_TABLE,
        maps=(ReportMap(sitk.Cast(mask, sitk.sitkFloat32), "movement", "mm", 2.0),),
        notes=("Levels could be shifted by one.",),
        provenance={"Versions": "spinemr 0.1"},
    )


def test_the_page_is_sound_whole_and_self_contained(study, tmp_path):
    page = report_page(full(study))
    root = parsed(page)
    assert not list(root.iter("script")) and not list(root.iter("link"))
    for one in root.iter():
        for name in ("src", "href"):
            assert one.get(name, "#").startswith(("#", "data:image/png;base64,")), one.attrib
    outside = re.sub(r'data:image/png;base64,[^"]+', "", page)
    assert "http" not in outside and "@import" not in outside and "url(" not in outside
    assert text_of(page).count(NOT_A_DEVICE) == 1
    write_report(full(study), tmp_path / "r.html")
    assert (tmp_path / "r.html").stat().st_size < 1_500_000


def test_ids_are_unique_and_reasons_lead_to_the_picture_of_their_slice(study):
    root = parsed(report_page(full(study)))
    ids = [one.get("id") for one in root.iter() if one.get("id")]
    assert len(ids) == len(set(ids))
    (link,) = root.iter("a")
    assert link.text == "3" and link.get("href") == "#slice-3" and "slice-3" in ids
    (shown,) = [one for one in root.iter("figure") if one.get("id") == "slice-3"]
    assert "Slice 3 of 6" in "".join(shown.itertext())


@pytest.mark.parametrize(("status", "word"), [("pass", "PASS"), ("review", "REVIEW"), ("do not trust", "DO NOT TRUST")])
def test_the_verdict_is_a_word_and_a_shape_before_anything_else(status, word):
    page = report_page(ReportContent("T", replace(VERDICT, status=status)))
    text = text_of(page)
    assert text.index(word) < text.index("Disc cut")
    box = next(one for one in parsed(page).iter("div") if one.get("role") == "status")
    shapes = {one.tag for one in box.find("svg")}
    assert shapes, "a sign stands beside the word"
    assert "Passed (1): Grid." in text and "Not checked (1): Reference." in text


def test_figure_limit_and_unit_stand_in_the_row_of_their_reason():
    reason = ReportReason("Moved", "Edges moved.", 1.40, "mm", 1.0, "do not trust", slice=None)
    rows = [
        ["".join(cell.itertext()) for cell in row]
        for row in parsed(report_page(ReportContent("T", ReportVerdict("do not trust", (reason,))))).iter("tr")
    ]
    assert rows[1] == ["✕ Moved", "Edges moved.", "–", "1.4 mm", "1 mm", "–"]


def test_a_real_verdict_is_understood(study):
    image, harmonized, mask = study
    found = judge(Case(image, mask, harmonized))
    verdict = ReportVerdict.from_dict(json.loads(json.dumps(found.as_dict())))
    assert verdict.status == found.decision
    assert [reason.name for reason in verdict.reasons] == [finding.title for finding in found.reasons]
    assert len(verdict.passed) == len(found.passed) and len(verdict.not_checked) == len(found.not_checked)


@pytest.mark.parametrize("values", [{}, {"status": "fine"}, {"verdict": None}, {"verdict": 3}])
def test_a_verdict_without_a_known_word_is_refused(values):
    with pytest.raises(InputError, match="none of pass"):
        ReportVerdict.from_dict(values)


def test_damaged_reasons_do_not_stop_a_report():
    verdict = ReportVerdict.from_dict(
        {
            "status": "passed",
            "reasons": [{"rule": "r", "figure": float("nan"), "limit": "x", "slice": -1}, "only a name"],
            "passed": "no list",
        }
    )
    assert verdict.status == "pass" and verdict.passed == ()
    assert verdict.reasons[0] == ReportReason("r", "", None, "", None, "review", "", None)
    assert verdict.reasons[1].name == "only a name"


def test_features_are_compared_with_the_reference():
    page = ET.fromstring(f"<body>{features_section(FEATURE_TABLE)}</body>")
    rows = {row[0].text: ["".join(cell.itertext()) for cell in row[1:]] for row in page.iter("tr")}
    assert rows["Idmn"] == ["2.000", "1.100", "1.000", "100.0", "10.0"]
    assert rows["Correlation"][3:] == ["25.0", "12.5"]
    assert rows["Mean"][3:] == ["–", "–"], "against a reference of zero there is no relative error"
    assert [one.text for one in page.iter("b")] == ["10.0", "12.5"]
    assert relative(3.0, -2.0) == pytest.approx(2.5) and math.isnan(relative(1.0, 0.0))


def test_structures_stand_in_groups_with_units():
    rows = (
        StructureRow(122, 3000.0, 0.5, {"depth_mm": 30.0, "height_index": 0.35, "cut_by_view": 1.0}),
        StructureRow(22, 12000.0, 0.914, {"wedge_deg": -3.26, "depth_mm": math.nan}),
        StructureRow(0, measurements={"lordosis_l1_s1_deg": 51.26}),
    )
    page = report_page(ReportContent("T", structures=rows))
    tables = [[["".join(cell.itertext()) for cell in row] for row in table.iter("tr")] for table in parsed(page).iter("table")]
    assert tables[0] == [["Structure", "Volume (cm³)", "Confidence (0–1)", "Wedge (°)"], ["L3 vertebra", "12.00", "0.91", "−3.3"]]
    assert tables[1][0][-3:] == ["Depth (mm)", "Height index", "Remark"]
    assert tables[1][1] == ["L3-L4 disc", "3.00", "0.50", "30.0", "0.35", "cut by the field of view"]
    assert "Lordosis L1–S1 (°): 51.3" in text_of(page)
    assert column_title("volume_mm3") == "Volume (mm³)"


def test_odd_texts_are_escaped_everywhere(study):
    content = full(study)
    odd = replace(
        content,
        title=ODD,
        verdict=ReportVerdict("review", (ReportReason(ODD, ODD, 1.0, ODD, 2.0, "review", ODD, 1),), (ODD,), (ODD,)),
        facts={ODD: ODD},
        features=FeatureTable(tuple(replace(row, structure=ODD, features={ODD: 1.0}) for row in FEATURE_TABLE)),
        notes=(ODD,),
        provenance={ODD: ODD},
        structures=(StructureRow(22, note=ODD),),
        maps=(replace(content.maps[0], title=ODD, unit=ODD),),
    )
    page = report_page(odd)
    assert "<script" not in page and not list(parsed(page).iter("script"))
    assert text_of(page).count(ODD) > 10


def test_empty_and_poor_content_still_makes_a_page(study):
    image, _, mask = study
    empty_mask = sitk.Image(mask)
    empty_mask *= 0
    no_values = FeatureTable(
        (FeatureRow("c", "source", 1, "x", {"f": math.nan}), FeatureRow("c", "reference", 1, "x", {"f": math.nan}))
    )
    one = sitk.Image(image[:, :, 2:3])
    for content in (
        ReportContent("T"),
        ReportContent("T", image=image),
        ReportContent("T", image=image, labels=empty_mask, harmonized=image),
        ReportContent("T", features=no_values),
        ReportContent("T", image=one, labels=mask[:, :, 2:3]),
    ):
        assert "T" in text_of(report_page(content))


def test_axial_slices_are_woven_in_the_middle_of_what_is_labelled(study):
    image, harmonized, mask = (sitk.Image(one) for one in study)
    for one in (image, harmonized, mask):
        one.SetDirection((1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0))
    text = text_of(report_page(ReportContent("T", image=image, harmonized=harmonized, labels=mask)))
    assert "Axial slices of the source image with the contours of its structures, from head to foot." in text
    assert "Slice 3: source" in text or "Slice 4: source" in text


@pytest.fixture
def folder(study, tmp_path):
    """What a run leaves, under a name nobody should read."""
    image, harmonized, mask = study
    home = tmp_path / "Mueller_Anna_19610203"
    home.mkdir()
    write_image(image, home / "image.nii.gz")
    write_image(harmonized, home / "harmonized.nii.gz")
    write_labels(mask, home / "segmentation.nii.gz")
    write_table(FeatureTable(tuple(replace(row, case="Mueller_Anna") for row in FEATURE_TABLE)), home / "features.csv")
    (home / "measurements.csv").write_text("label,structure,depth_mm\n122,L3-L4 disc,31.5\n,lumbar spine,\n")
    (home / "qc.json").write_text(
        json.dumps({"verdict": "do not trust", "reasons": [{"title": "Moved", "slice": 1}], "passed": []})
    )
    (home / "segmentation.json").write_text(
        json.dumps({"structures": [{"label": 122, "confidence": 0.77}], "level_confidence": 0.9, "flags": ["One disc is thin."]})
    )
    made = {
        "tool": "spinemr run",
        "versions": {"spinemr": "9.9"},
        "inputs": [{"name": "Mueller_Anna.nii.gz", "sha256": "ab" * 32}],
    }
    (home / "provenance.json").write_text(json.dumps({**made, "command": ["spinemr", "run", "Mueller_Anna.nii.gz"]}))
    return home


def test_a_run_folder_becomes_a_report_without_names(folder):
    content = read_case(folder)
    assert content.verdict is not None and content.verdict.status == "do not trust"
    assert {row.label: row.confidence for row in content.structures if row.label == 122} == {122: 0.77}
    assert next(row for row in content.structures if row.label == 122).measurements == {"depth_mm": 31.5}
    assert next(row for row in content.structures if row.label == 22).volume_mm3 == pytest.approx(4 * 14 * 20 * 9.0)
    assert content.maps and content.notes[0] == "One disc is thin."
    page = report_page(content)
    text = text_of(page)
    for kept in ("DO NOT TRUST", "31.5", "0.77", "spinemr 9.9", "abababab", "Source and harmonized"):
        assert kept in text
    assert "Mueller" not in page and "Anna" not in page and "1961" not in page


def test_a_plain_folder_is_judged_now(study, tmp_path):
    image, _, mask = study
    write_image(image, tmp_path / "whatever.nrrd")
    write_labels(mask, tmp_path / "mask.nrrd")
    write_table(FEATURE_TABLE, tmp_path / "my table.csv")
    content = read_case(tmp_path)
    assert content.verdict is not None and content.verdict.passed
    assert len(content.features) == 3 and content.harmonized is None


def test_a_folder_without_the_source_shows_the_harmonized_image(folder):
    (folder / "image.nii.gz").unlink()
    content = read_case(folder)
    assert content.image_name == "harmonized" and content.harmonized is None
    assert "source image is not in the folder" in " ".join(content.notes)
    assert "slices of the harmonized image" in text_of(report_page(content))


def test_a_named_image_goes_before_the_folder(folder, study, tmp_path):
    write_image(study[0], tmp_path / "elsewhere.nii.gz")
    assert find_files(folder, tmp_path / "elsewhere.nii.gz").image == tmp_path / "elsewhere.nii.gz"


def test_what_lacks_is_said(study, tmp_path):
    with pytest.raises(InputError, match="There is no folder"):
        find_files(tmp_path / "nowhere")
    with pytest.raises(InputError, match="holds no image"):
        find_files(tmp_path)
    write_image(study[0], tmp_path / "a.nii.gz")
    write_image(study[0], tmp_path / "b.nii.gz")
    with pytest.raises(InputError, match="2 images, none of which is called image or source"):
        find_files(tmp_path)


def test_files_that_do_not_fit_are_refused(folder, study):
    (folder / "qc.json").write_text("{broken")
    with pytest.raises(InputError, match=r"qc\.json"):
        read_case(folder)
    (folder / "qc.json").unlink()
    (folder / "measurements.csv").write_text("label,depth_mm\nnine,x\n")
    with pytest.warns(ImagingWarning, match="is left out"):
        read_case(folder)
    write_labels(study[2][:40, :, :], folder / "segmentation.nii.gz")
    with pytest.raises(GeometryError, match="The mask lies on another grid"):
        read_case(folder)
