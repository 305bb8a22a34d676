from __future__ import annotations

import csv
import json

import numpy as np
import pytest
import SimpleITK as sitk

from spinemr.imaging.files import write_image, write_labels
from spinemr.radiomics.table import FeatureRow, FeatureTable
from spinemr.radiomics.table_files import write_table

NAMES = ("original_glcm_Idmn", "original_glcm_Contrast")


def table(image, factor):
    rng = np.random.default_rng(5)
    rows = []
    for case in range(6):
        values = rng.uniform(1.0, 2.0, 2) * factor
        rows.append(FeatureRow(f"Mueller{case}", image, 124, "L5-S1 disc", dict(zip(NAMES, values.tolist(), strict=True)), "s"))
    return FeatureTable(tuple(rows))


@pytest.fixture
def tables(tmp_path):
    """Two tables, and one that holds both kinds of rows."""
    one, other = table("source", 1.0), table("harmonized", 1.25)
    write_table(one, tmp_path / "a.csv")
    write_table(other, tmp_path / "b.json")
    write_table(FeatureTable((*one.rows, *other.rows)), tmp_path / "both.csv")
    return tmp_path


def test_compare_writes_all_formats_and_prints_a_table(spinemr, tables):
    outcome = spinemr(
        "radiomics",
        "compare",
        tables / "a.csv",
        tables / "b.json",
        *[w for s in ("csv", "json", "html") for w in ("-o", tables / f"c.{s}")],
    )
    assert outcome.code == 0, outcome.err
    assert "original_glcm_Idmn" in outcome.out and "25.0" in outcome.out and "Number of pairs: 6" in outcome.out
    with (tables / "c.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["feature"] for row in rows] == list(NAMES)
    assert float(rows[0]["relative_error"]) == pytest.approx(0.25)
    content = json.loads((tables / "c.json").read_text())
    assert content["rows"][1]["count"] == 6 and content["provenance"]["inputs"][0]["name"] == "a.csv"
    page = (tables / "c.html").read_text(encoding="utf-8")
    assert "Relative error of B against A" in page and "Mueller" not in page


def test_compare_parts_one_table_by_image(spinemr, tables):
    both = tables / "both.csv"
    outcome = spinemr(
        "radiomics",
        "compare",
        both,
        both,
        "--image-a",
        "source",
        "--image-b",
        "harmonized",
        "--by-structure",
        "-o",
        tables / "c.html",
    )
    assert outcome.code == 0, outcome.err
    assert "harmonized against source" in outcome.out


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("a.csv", "nowhere.csv"), "nowhere.csv"),
        (("a.csv", "b.json", "-o", "c.xlsx"), ".csv, .json, .html"),
        (("a.csv", "b.json", "--image-a", "moon"), "no rows of the image 'moon'"),
        (("a.csv", "b.json", "--names", "one"), "does not name two tables"),
        (("a.csv", "b.json", "--feature", "x"), "has the feature x"),
        (("both.csv", "both.csv"), "two rows for label 124"),
    ],
)
def test_compare_says_what_is_wrong(spinemr, tables, words, complaint, monkeypatch):
    monkeypatch.chdir(tables)
    outcome = spinemr("radiomics", "compare", *words)
    assert outcome.code == 2
    assert complaint in outcome.complaint


@pytest.fixture
def study(tmp_path):
    """A folder with an image and its mask."""
    array = np.random.default_rng(2).normal(200, 20, (5, 48, 48)).astype(np.float32)
    labels = np.zeros(array.shape, dtype=np.uint8)
    labels[1:4, 10:20, 10:30], labels[1:4, 22:26, 10:30] = 23, 123
    image, mask = sitk.GetImageFromArray(array), sitk.GetImageFromArray(labels)
    for one in (image, mask):
        one.SetSpacing((1.5, 1.5, 4.0))
        one.SetDirection((0.0, 0.0, -1.0, 1.0, 0.0, 0.0, 0.0, -1.0, 0.0))
    folder = tmp_path / "Mueller_Anna"
    folder.mkdir()
    write_image(image, folder / "scan.nii.gz")
    write_labels(mask, folder / "mask.nii.gz")
    return folder


def test_report_writes_its_page_into_the_folder(spinemr, study):
    outcome = spinemr("radiomics", "report", study)
    assert outcome.code == 0, outcome.err
    page = (study / "report.html").read_text(encoding="utf-8")
    assert "Mueller" not in page and "scan.nii" not in page
    assert any(word in outcome.out for word in ("pass", "review", "do not trust"))
    assert spinemr("radiomics", "report", study).code == 0, "a page that is there is written anew"


def test_report_goes_elsewhere_with_another_title_and_tells_progress(spinemr, study, tmp_path):
    outcome = spinemr("radiomics", "report", study, "-o", tmp_path / "p.html", "--title", "Case 7 <b>", "--progress", "json")
    assert outcome.code == 0, outcome.err
    lines = [json.loads(line) for line in outcome.out.splitlines()]
    assert lines[-1]["fraction"] == 1.0
    assert "<h1>Case 7 &lt;b&gt;</h1>" in (tmp_path / "p.html").read_text(encoding="utf-8")


def test_report_says_what_is_wrong(spinemr, study, tmp_path):
    assert "There is no folder" in spinemr("radiomics", "report", tmp_path / "nowhere").complaint
    assert "a report is .html" in spinemr("radiomics", "report", study, "-o", tmp_path / "p.pdf").complaint
    (study / "scan.nii.gz").unlink()
    outcome = spinemr("radiomics", "report", study)
    assert outcome.code == 2 and "--image" in outcome.complaint
    assert not (study / "report.html").exists()
