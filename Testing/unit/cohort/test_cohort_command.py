"""``spinemr cohort`` as it is typed: what it says, what it refuses, and files that other commands take."""

from __future__ import annotations

import json

import pytest

from spinemr.cli.main import main
from spinemr.harmonization.registry import read_method
from spinemr.imaging.files import write_image
from spinemr.radiomics.statistics.combat import ComBat
from spinemr.radiomics.table_files import read_table
from spinemr.radiomics.verdict.profile import read_profile

pytest.importorskip("pyarrow")


@pytest.fixture
def spinemr(capsys):
    """``spinemr("cohort", ...)``: exit code, lines on stdout, text on stderr."""

    def typed(*words):
        capsys.readouterr()
        code = main([str(word) for word in words])
        captured = capsys.readouterr()
        return code, captured.out.splitlines(), captured.err.strip()

    return typed


@pytest.fixture
def place(images, tmp_path):
    write_image(images[0], tmp_path / "in" / "a.nii.gz")
    (tmp_path / "in" / "b.nii.gz").write_bytes(b"no image")
    (tmp_path / "in" / "m.csv").write_text("id,path\na,a.nii.gz\nb,b.nii.gz\n", encoding="utf-8")
    return tmp_path


@pytest.mark.usefixtures("threads")
def test_a_cohort_says_how_many_finished_and_where_to_read(spinemr, place):
    words = ("cohort", place / "in" / "m.csv", "-o", place / "out", "--harmonize", "none", "--keep", "tables")
    code, lines, error = spinemr(*words)
    assert (code, error) == (0, "")
    assert lines[:2] == ["1 of 2 studies finished", f"1 failed: {place / 'out' / 'failures.parquet'} says why"]
    assert lines[2].endswith("report.html")
    assert spinemr(*words)[0] == 2
    code, lines, error = spinemr(*words, "--resume", "--json")
    assert (code, error) == (0, "Note: 1 of 2 studies failed.")
    assert [json.loads(line)["phase"] for line in lines][:2] == ["find", "studies"]
    code, lines, error = spinemr("cohort", "report", place / "out")
    assert (code, lines, error) == (0, [f"1 studies; read {place / 'out' / 'report.html'}"], "")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("missing.csv", "-o", "OUT"), "There is no file or folder missing.csv"),
        (("IN", "-o", "OUT", "--workers", "2", "--scheduler", "tcp://x:1"), "A cluster has its own workers"),
        (("IN", "-o", "OUT", "--memory", "10"), "A worker needs 600 MB or more"),
        (("IN", "-o", "OUT", "--harmonize", "none", "--target", "x"), "A target is of no use without harmonization"),
        (("IN", "-o", "IN"), "is not empty"),
        (("report", "IN"), "holds no cohort"),
        (("fit", "nyul", "IN", "-o", "x.json"), "has no studies.parquet"),
        (("fit", "nyul", "IN", "-o", "x.txt"), "what is fitted is JSON"),
    ],
)
def test_what_cannot_be_is_one_line_and_leaves_nothing(spinemr, place, words, complaint):
    named = {"OUT": place / "out", "IN": place / "in"}
    code, lines, error = spinemr("cohort", *(named.get(word, word) for word in words))
    assert (code, lines) == (2, [])
    assert complaint in error
    assert len(error.splitlines()) == 1
    assert not (place / "out").exists()


def test_missing_packages_are_named(spinemr, place, monkeypatch):
    monkeypatch.setattr("spinemr.cohort.needed.find_spec", lambda name: None if name == "distributed" else True)
    code, _, error = spinemr("cohort", place / "in", "-o", place / "out")
    assert (code, error) == (2, "Cohorts need the package distributed. Install: pip install 'spinemr[cohort]'")


def test_fits_are_files_that_other_commands_take(spinemr, finished, tmp_path):
    assert spinemr("cohort", "fit", "nyul", finished, "-o", tmp_path / "nyul.json")[1] == [
        f"{tmp_path / 'nyul.json'}: the scale of 10 studies"
    ]
    assert read_method(tmp_path / "nyul.json").images == 10
    image = next((finished / "studies").glob("*/source.nii.gz"))
    assert spinemr("harmonize", image, "-o", tmp_path / "h.nii.gz", "--target", tmp_path / "nyul.json")[0] == 0
    assert spinemr("cohort", "fit", "profile", finished, "-o", tmp_path / "profile.json")[0] == 0
    assert read_profile(tmp_path / "profile.json").name == "profile"
    assert spinemr("cohort", "fit", "combat", finished, "-o", tmp_path / "combat.json")[0] == 0
    assert ComBat.load(tmp_path / "combat.json").batches == ("alder", "birch")


def test_a_table_is_corrected_by_a_fitted_combat(spinemr, finished, tmp_path):
    spinemr("cohort", "fit", "combat", finished, "-o", tmp_path / "combat.json")
    table, out = finished / "features.parquet", tmp_path / "out.csv"
    assert spinemr("radiomics", "correct", table, tmp_path / "combat.json", "-o", out)[0] == 0
    before, after = read_table(table), read_table(out)
    model = ComBat.load(tmp_path / "combat.json")
    rows = before.where(image="source")
    expected = model.apply_to_table(rows, {"structure": [row.structure for row in rows]})
    assert after.where(image="source") == expected
    assert after.where(image="harmonized") == before.where(image="harmonized")
    lone = next((finished / "studies").glob("*/features.csv"))
    code, _, error = spinemr("radiomics", "correct", lone, tmp_path / "combat.json", "-o", out)
    assert (code, error) == (2, "Some rows of the table name no scanner. Name it with --scanner.")
    assert spinemr("radiomics", "correct", lone, tmp_path / "combat.json", "-o", out, "--scanner", "birch")[0] == 0
    code, _, error = spinemr("radiomics", "correct", lone, tmp_path / "combat.json", "-o", out, "--image", "reference")
    assert (code, error) == (2, "The table has no rows of the image reference. There are harmonized, source.")
    spinemr("cohort", "fit", "combat", finished, "-o", tmp_path / "groups.json", "--keep-group")
    assert "kept groups" in spinemr("radiomics", "correct", table, tmp_path / "groups.json", "-o", out)[2]
