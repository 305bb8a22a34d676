"""Cohorts whose files somebody damaged: each is named in one sentence, with what to do, and nothing is written."""

from __future__ import annotations

import json
import shutil

import pytest

from spinemr.cli.main import main
from spinemr.cohort.bids import studies_of_bids
from spinemr.imaging.files import write_image

pytest.importorskip("pyarrow")
DEEP = "[" * 100_000


@pytest.fixture(scope="module")
def sound(finished, tmp_path_factory):
    """The cohort with two of its studies, and the id of one of them."""
    root = tmp_path_factory.mktemp("sound") / "cohort"
    shutil.copytree(finished, root)
    for folder in sorted((root / "studies").iterdir())[2:]:
        shutil.rmtree(folder)
    return root


@pytest.fixture
def copy(sound, tmp_path):
    shutil.copytree(sound, tmp_path / "cohort")
    return tmp_path / "cohort"


def content(root):
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def refused(capsys, root, *words):
    """What is said; nothing of the cohort may change."""
    before = content(root)
    capsys.readouterr()
    assert main([str(word) for word in words]) == 2
    assert content(root) == before
    return capsys.readouterr().err.strip()


@pytest.mark.parametrize(
    ("name", "damaged", "said"),
    [
        ("measurements.csv", b"label;structure\n1;L4\n", "A file of the study {id} is missing or damaged"),
        ("measurements.csv", b"label,structure,height_middle_mm\n1,L4,abc\n", "A file of the study {id} is missing or damaged"),
        ("measurements.csv", b"\xff\xfe\0", "A file of the study {id} is missing or damaged"),
        ("features.csv", b"\x1f\x8b\xff", "A file of the study {id} is missing or damaged"),
        ("study.json", DEEP.encode(), "The study.json of {id} is missing or damaged"),
        ("qc.json", DEEP.encode(), "The qc.json of {id} is missing or damaged"),
        ("qc.json", b'{"verdict": 5}', "A file of the study {id} is damaged"),
        ("qc.json", b'{"stages": [1]}', "A file of the study {id} is missing or damaged"),
    ],
)
def test_files_of_a_study(copy, capsys, name, damaged, said):
    study = sorted((copy / "studies").iterdir())[0]
    (study / name).write_bytes(damaged)
    assert said.format(id=study.name) in refused(capsys, copy, "cohort", "report", copy)


def test_a_record_of_another_study(copy, capsys):
    study = sorted((copy / "studies").iterdir())[0]
    record = json.loads((study / "study.json").read_text(encoding="utf-8"))
    (study / "study.json").write_text(json.dumps({**record, "id": "../../x"}), encoding="utf-8")
    assert f"The study.json of {study.name} is missing or damaged" in refused(capsys, copy, "cohort", "report", copy)


@pytest.mark.parametrize("damaged", ["{", DEEP, "[]", '{"id": "x"}', '{"failures": [1]}'])
def test_notes_of_failures(copy, capsys, damaged):
    noted = next((copy / ".cohort" / "failed").iterdir())
    noted.write_text(damaged, encoding="utf-8")
    assert f"failed/{noted.name} is damaged. Remove it" in refused(capsys, copy, "cohort", "report", copy)


@pytest.mark.parametrize("lost", ["id", "scanner", "failures"])
def test_notes_of_failures_that_lack_something(copy, capsys, lost):
    noted = next((copy / ".cohort" / "failed").iterdir())
    told = json.loads(noted.read_text(encoding="utf-8"))
    noted.write_text(json.dumps({name: value for name, value in told.items() if name != lost}), encoding="utf-8")
    assert f"failed/{noted.name} is damaged. Remove it" in refused(capsys, copy, "cohort", "report", copy)


@pytest.mark.parametrize("options", [[], {}, {"settings": 5}])
def test_what_a_cohort_says_of_itself(copy, capsys, options):
    about = json.loads((copy / "cohort.json").read_text(encoding="utf-8"))
    (copy / "cohort.json").write_text(json.dumps({**about, "options": options}), encoding="utf-8")
    code = main(["cohort", "report", str(copy)])
    assert (code, capsys.readouterr().err.count("\n")) == (2, 1)
    (copy / "cohort.json").write_text(DEEP, encoding="utf-8")
    assert "holds no cohort" in refused(capsys, copy, "cohort", "report", copy)


@pytest.mark.parametrize(
    "change", [lambda all_: all_[: len(all_) // 2], lambda all_: all_[:40] + b"x" * 200 + all_[240:], lambda _: b""]
)
def test_tables(copy, capsys, tmp_path, change):
    path = copy / "studies.parquet"
    path.write_bytes(change(path.read_bytes()))
    said = refused(capsys, copy, "cohort", "fit", "nyul", copy, "-o", tmp_path / "fitted.json")
    assert said == "studies.parquet is damaged. Write the tables anew with: spinemr cohort report"
    assert not (tmp_path / "fitted.json").exists()


def test_an_empty_key_is_not_made_anew_by_who_only_asks(copy, capsys, heap):
    (copy / ".cohort" / "key").write_bytes(b"")
    assert "key is damaged" in refused(capsys, copy, "cohort", "which", heap, copy)


def test_a_sidecar_without_end_tells_nothing(images, names, tmp_path):
    write_image(images[0], tmp_path / "sub-1" / "anat" / "sub-1_T2w.nii.gz")
    (tmp_path / "T2w.json").write_text(DEEP, encoding="utf-8")
    assert [study.scanner for study in studies_of_bids(tmp_path, names)] == [""]
