"""A whole cohort: what lies in its folder, what its tables and report say, going on, and that nobody is named."""

from __future__ import annotations

import csv
import gzip
import json
import math
import re

import numpy as np
import pytest

from spinemr.cohort.cohort_folder import failed_in, finished_in
from spinemr.cohort.collecting import collect
from spinemr.cohort.report_numbers import report_numbers
from spinemr.cohort.rows import TABLES
from spinemr.cohort.tables import read_columns, table_path
from spinemr.imaging.errors import InputError, OutputError
from spinemr.imaging.files import write_image
from spinemr.pipeline.results_folder import RESULTS
from spinemr.radiomics.table_files import read_table

pytest.importorskip("pyarrow")


def manifest_of(folder, names):
    path = folder / "studies.csv"
    lines = [f"{name},{name}.nii.gz" for name in names]
    path.write_text("\n".join(["id,path", *lines]) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def three(tmp_path, images):
    """A manifest of three studies with ids; the last one's file is missing."""
    for name, image in zip("ab", images, strict=False):
        write_image(image, tmp_path / "in" / f"{name}.nii.gz")
    return manifest_of(tmp_path / "in", "abc")


def test_every_study_has_a_whole_folder_and_the_broken_one_has_none(finished):
    assert {path.name for path in finished.iterdir()} == {
        ".cohort", "studies", "cohort.json", "report.html", *(f"{name}.parquet" for name in TABLES)
    }  # fmt: skip
    folders = sorted((finished / "studies").iterdir())
    assert len(folders) == 10
    assert all({path.name for path in folder.iterdir()} == {*RESULTS, "study.json"} for folder in folders)
    assert sorted(path.name for path in (finished / ".cohort").iterdir()) == ["failed", "key", "lock"]


def test_the_table_of_studies_knows_them_all(finished):
    told = read_columns(finished, "studies")
    assert len(told["case"]) == 11
    assert sorted(told["state"]) == ["failed", *["finished"] * 10]
    assert told["scanner"].count("alder") == 6
    assert told["group"].count("well") == 5
    done = [place for place, state in enumerate(told["state"]) if state == "finished"]
    assert {told["verdict"][place] for place in done} <= {"pass", "review", "do not trust"}
    assert {(told["columns"][place], told["slices"][place], told["harmonized_by"][place]) for place in done} == {
        (80, 4, "zscore")
    }
    for place in done:
        quality = json.loads((finished / told["folder"][place] / "qc.json").read_text(encoding="utf-8"))
        assert (quality["case"], quality["verdict"]) == (told["case"][place], told["verdict"][place])


def test_failures_say_why_without_saying_who(finished):
    told = read_columns(finished, "failures")
    assert (told["stage"], told["cause"], told["scanner"]) == (["read"], ["data"], ["alder"])
    assert told["sentence"][0].startswith("Cannot read the image: ")
    assert told["case"] == [failed_in(finished)[0]["id"]]


def test_tables_hold_what_a_single_run_gives(finished, single):
    result, folder = single
    told = read_columns(finished, "studies", ["case", "image_sha256"])
    case = told["case"][told["image_sha256"].index(result.provenance.inputs[0].sha256)]
    of_case = [row for row in read_table(table_path(finished, "features")) if row.case == case]
    assert [(row.image, row.label, row.structure, row.features) for row in of_case] == [
        (row.image, row.label, row.structure, row.features) for row in read_table(folder / "features.csv")
    ]
    assert {row.scanner for row in of_case} == {"alder"}
    measured = read_columns(finished, "measurements")
    with (folder / "measurements.csv").open(encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    rows = [row for row, name in enumerate(measured["case"]) if name == case]
    assert [measured["structure"][row] for row in rows] == [line["structure"] for line in lines]
    for name in ("height_middle_mm", "volume_mm3", "lordosis_l1_s1_deg"):
        assert [measured[name][row] for row in rows] == [float(line[name]) if line[name] else None for line in lines]
    verdicts = read_columns(finished, "verdicts")
    reasons = [
        s
        for c, s, o in zip(verdicts["case"], verdicts["sentence"], verdicts["outcome"], strict=True)
        if c == case and o == "review"
    ]
    assert reasons == [reason.sentence for reason in result.verdict.reasons if reason.outcome.value == "review"]


def test_tables_can_be_read_with_duckdb(finished):
    duckdb = pytest.importorskip("duckdb")
    query = (
        f"select scanner, count(*) from '{finished}/studies.parquet' where state = 'finished' group by scanner order by scanner"
    )
    assert duckdb.sql(query).fetchall() == [("alder", 5), ("birch", 5)]


def test_the_report_says_what_the_tables_say(finished):
    page = (finished / "report.html").read_text(encoding="utf-8")
    numbers = report_numbers(finished)
    assert (numbers.studies, numbers.finished) == (11, 10)
    assert "11, of them 10 finished and 1 failed" in page
    assert numbers.groups == {"ill": 6, "well": 5}
    assert sum(numbers.verdict_counts.values()) == 10
    for verdict, count in numbers.verdict_counts.items():
        assert f"{count} {verdict}" in page
    assert {scanner: sum(counts.values()) for scanner, counts in numbers.verdicts.items()} == {"alder": 5, "birch": 5}
    for line in numbers.failures:
        assert line.case in page
        assert line.sentence in page
    linked = re.findall(r'href="([^"]+)"', page)
    assert all((finished / target).is_file() for target in linked)
    assert len(linked) >= len(numbers.outliers)
    assert "http" not in "".join(linked)


def test_noise_of_one_scanner_is_seen_before_and_after(finished):
    found = {(one.image, one.kind): one for one in report_numbers(finished).dependences}
    assert set(found) == {(image, kind) for image in ("source", "harmonized") for kind in ("discs", "vertebrae")}
    source = found["source", "discs"]
    assert source.distances["original_firstorder_Entropy"] == 1.0
    assert source.studies == 10
    assert not any("shape" in name for name in source.distances)
    by_test = {(row.test, row.correction): row.mean_count for row in source.rows}
    assert by_test["ks", "none"] >= by_test["ks", "benjamini-hochberg"]


def test_nobody_is_named_anywhere(finished, planted):
    for path in finished.rglob("*"):
        assert not any(name.lower() in str(path.relative_to(finished)).lower() for name in planted)
        if path.is_file():
            content = path.read_bytes()
            plain = gzip.decompress(content) if path.suffix == ".gz" else content
            if path.suffix == ".parquet":
                columns = read_columns(finished, path.stem)
                plain = "\n".join(str(value) for name in columns for value in {str(v) for v in columns[name]}).encode()
            assert not any(name.encode() in plain for name in planted), path


def test_going_on_does_only_what_is_missing(run, three, tmp_path, monkeypatch):
    reports = []
    first = run(three, tmp_path / "out", progress=reports.append)
    assert (first.studies, first.finished, first.failed, first.resumed) == (3, 2, 1, 0)
    assert [report.fraction for report in reports] == sorted(report.fraction for report in reports)
    assert any("3 of 3 studies, 1 failed" in report.message for report in reports)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out" / "studies").rglob("*")}
    write_image_again = (three.parent / "a.nii.gz").read_bytes()
    (three.parent / "c.nii.gz").write_bytes(write_image_again)
    worked = []
    from spinemr.cohort import task

    real = task._done
    monkeypatch.setattr(task, "_done", lambda study, *rest: worked.append(study.id) or real(study, *rest))
    with pytest.raises(OutputError, match="holds a cohort already"):
        run(three, tmp_path / "out")
    second = run(three, tmp_path / "out", resume=True)
    assert (second.finished, second.failed, second.resumed, worked) == (3, 0, 2, ["c"])
    assert before.items() <= {path: path.stat().st_mtime_ns for path in (tmp_path / "out" / "studies").rglob("*")}.items()
    assert read_columns(tmp_path / "out", "failures")["case"] == []
    third = run(three, tmp_path / "out", resume=True)
    assert (third.finished, third.resumed, worked) == (3, 3, ["c"])


def test_scanners_can_be_named_later(run, three, tmp_path):
    run(three, tmp_path / "out")
    three.write_text("id,path,scanner\na,a.nii.gz,alder\nb,b.nii.gz,birch\n", encoding="utf-8")
    run(three, tmp_path / "out", resume=True)
    assert read_columns(tmp_path / "out", "studies", ["case", "scanner"]) == {
        "case": ["a", "b", "c"],
        "scanner": ["alder", "birch", ""],
    }
    assert {row.scanner for row in read_table(tmp_path / "out" / "features.parquet")} == {"alder", "birch"}


def test_tables_and_report_are_written_anew_from_the_folders(run, three, tmp_path):
    out = tmp_path / "out"
    run(three, out)
    before = {name: read_columns(out, name) for name in TABLES}
    for name in TABLES:
        table_path(out, name).unlink()
    (out / "report.html").unlink()
    with pytest.raises(InputError, match="spinemr cohort report"):
        read_columns(out, "studies")
    assert collect(out) == 2
    assert {name: read_columns(out, name) for name in TABLES} == before
    assert (out / "report.html").exists()


def test_ctrl_c_keeps_what_is_finished_and_nothing_else(run, three, tmp_path):
    def stop(report):
        if report.message.startswith("1 of 3"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), pytest.warns(match="--resume"):
        run(three, tmp_path / "out", progress=stop)
    out = tmp_path / "out"
    assert len(finished_in(out)) + len(failed_in(out)) == 1
    assert not list((out / ".cohort").glob("work-*"))
    assert run(three, out, resume=True).finished == 2


def test_what_is_hopeless_ends_the_run_in_one_sentence(run, three, tmp_path, monkeypatch):
    def full(*_args):
        raise OutputError("Cannot write there: the disk is full.")

    monkeypatch.setattr("spinemr.cohort.task._put_in_place", full)
    with pytest.raises(OutputError, match="the disk is full"):
        run(three, tmp_path / "out")
    assert not (tmp_path / "out").exists() or finished_in(tmp_path / "out") == set()


def test_a_damaged_study_is_named_with_what_to_do(run, three, tmp_path):
    run(three, tmp_path / "out")
    (tmp_path / "out" / "studies" / "a" / "study.json").write_text("{", encoding="utf-8")
    with pytest.raises(InputError, match=r"study.json of a is missing or damaged. Remove its folder"):
        collect(tmp_path / "out")


def test_one_study_without_scanner_has_a_report_too(run, three, tmp_path):
    three.write_text("id,path\na,a.nii.gz\n", encoding="utf-8")
    run(three, tmp_path / "out")
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "It needs two or more scanners" in page
    assert "No study lies far from the others." in page
    assert math.isfinite(report_numbers(tmp_path / "out").seconds)
    assert np.isfinite(report_numbers(tmp_path / "out").peak_mb)
