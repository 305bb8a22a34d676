"""``spinemr cohort`` as it is typed: what it says, what it refuses, and files that other commands take."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from spinemr.cli.main import main
from spinemr.harmonization.registry import read_method
from spinemr.imaging.errors import InputError
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
        (("IN", "-o", "OUT", "--scheduler", "head"), "head is not the address of a scheduler"),
        (("which", "IN", "IN"), "holds no cohort"),
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


@pytest.mark.usefixtures("threads")
def test_who_has_the_images_learns_which_is_which(spinemr, place):
    inside, out = place / "in", place / "out"
    (inside / "m.csv").write_text("path\na.nii.gz\nb.nii.gz\n", encoding="utf-8")
    spinemr("cohort", inside / "m.csv", "-o", out, "--harmonize", "none", "--keep", "tables")
    (inside / "m.csv").write_text('path\na.nii.gz\nb.nii.gz\n"c, d.nii.gz"\n', encoding="utf-8")
    code, lines, error = spinemr("cohort", "which", inside / "m.csv", out)
    assert (code, error, lines[0]) == (0, "", "id,state,path")
    told = {path: (name, state) for name, state, path in csv.reader(lines[1:])}
    assert {Path(path).name: state for path, (_, state) in told.items()} == {
        "a.nii.gz": "finished", "b.nii.gz": "failed", "c, d.nii.gz": "open"
    }  # fmt: skip
    assert (out / "studies" / told[str(inside / "a.nii.gz")][0]).is_dir()
    assert len(spinemr("cohort", "which", inside / "m.csv", out, "--failed")[1]) == 2
    (out / ".cohort" / "key").unlink()
    assert "key is missing" in spinemr("cohort", "which", inside / "m.csv", out)[2]
    assert not (out / ".cohort" / "key").exists()


@pytest.mark.usefixtures("threads")
def test_studies_that_lack_a_stage_are_counted(spinemr, place, monkeypatch):
    def broken(*_args, **_more):
        raise InputError("Nothing can be measured.")

    monkeypatch.setattr("spinemr.pipeline.stages.measure_image", broken)
    lines = spinemr("cohort", place / "in" / "m.csv", "-o", place / "out", "--harmonize", "none", "--keep", "tables")[1]
    assert lines[0] == "1 of 2 studies finished"
    assert lines[1].startswith("1 of them without a stage that failed: ")


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
