"""One study on a worker: put in place whole, or a reason that names nobody."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

import pytest

from spinemr.cohort.fetching import local_image
from spinemr.cohort.options import CohortOptions
from spinemr.cohort.outcome import Cause, End
from spinemr.cohort.reasons import anonymous_reason
from spinemr.cohort.record import read_record
from spinemr.cohort.study import Study
from spinemr.cohort.task import Place, do_study
from spinemr.harmonization.classical.nyul import PERCENTILES, percentiles_of
from spinemr.imaging.errors import InputError, OutputError, SpineMRError
from spinemr.imaging.files import read_image, write_image
from spinemr.pipeline.results_folder import HARMONIZED, LABELS, RESULTS, SEGMENTS, SOURCE

OPTIONS = CohortOptions(harmonize="zscore")
pytestmark = pytest.mark.usefixtures("threads")


@pytest.fixture
def place(tmp_path) -> Place:
    made = Place(tmp_path / "out" / "studies", tmp_path / "out" / "work")
    made.studies.mkdir(parents=True)
    made.work.mkdir()
    return made


@pytest.fixture
def study(images, tmp_path) -> Study:
    path = tmp_path / "Novakova Anna" / "MUDr. 19540712.nii.gz"
    write_image(images[0], path)
    return Study("study-1", str(path), "alder", "ill", "subject-1")


def test_a_study_is_put_in_place_with_its_record(study, place, images):
    outcome = do_study(study, OPTIONS, place)
    assert (outcome.study, outcome.end, outcome.failures) == ("study-1", End.FINISHED, ())
    assert 0 < outcome.memory_mb <= outcome.peak_mb
    folder = place.studies / "study-1"
    assert {path.name for path in folder.iterdir()} == {*RESULTS, "study.json"}
    assert list(place.work.iterdir()) == []
    record = read_record(folder)
    assert (record.id, record.scanner, record.group, record.subject) == ("study-1", "alder", "ill", "subject-1")
    assert record.size == images[0].GetSize()
    assert record.tissue_percentiles == pytest.approx(percentiles_of(images[0], PERCENTILES))
    assert record.looks["disc_to_bone"] == pytest.approx(record.looks["disc_to_bone"])


def test_a_study_that_is_there_is_not_done_twice(study, place):
    do_study(study, OPTIONS, place)
    before = (place.studies / "study-1" / "qc.json").stat().st_mtime_ns
    assert do_study(study, OPTIONS, place).end is End.FINISHED
    assert (place.studies / "study-1" / "qc.json").stat().st_mtime_ns == before


@pytest.mark.parametrize(("keep", "gone"), [("labels", {SOURCE, HARMONIZED}), ("tables", {SOURCE, HARMONIZED, LABELS, SEGMENTS})])
def test_files_that_are_not_wanted_are_left_out(study, place, keep, gone):
    do_study(study, CohortOptions(harmonize="zscore", keep=keep), place)
    assert {path.name for path in (place.studies / "study-1").iterdir()} == {*RESULTS, "study.json"} - gone


def test_a_broken_image_is_a_reason_without_a_name(place, tmp_path):
    path = tmp_path / "Novakova" / "Anna 19540712.nii.gz"
    path.parent.mkdir()
    path.write_bytes(b"no image")
    outcome = do_study(Study("study-2", str(path)), OPTIONS, place)
    assert (outcome.end, outcome.failures[0].cause, outcome.failures[0].stage) == (End.FAILED, Cause.DATA, "read")
    assert outcome.sentence.startswith("Cannot read the image: ")
    assert "Nov" not in outcome.sentence
    assert list(place.work.iterdir()) == list(place.studies.iterdir()) == []


def test_a_missing_image_too(place, tmp_path):
    outcome = do_study(Study("study-2", str(tmp_path / "Novakova.nii.gz")), OPTIONS, place)
    assert outcome.end is End.FAILED
    assert outcome.sentence == "The image is not there. Check the path."


def test_a_stage_that_fails_finishes_the_study_and_is_told(study, place, monkeypatch):
    def broken(*_args, **_more):
        raise InputError("Nothing can be measured.")

    monkeypatch.setattr("spinemr.pipeline.stages.measure_image", broken)
    outcome = do_study(study, OPTIONS, place)
    assert outcome.end is End.FINISHED
    assert [(one.stage, one.cause, one.sentence) for one in outcome.failures] == [
        ("measure", Cause.STAGE, "Nothing can be measured.")
    ]


def test_memory_and_mistakes_of_ours_are_told_apart(study, place, monkeypatch):
    def raising(error):
        def raised(*_args, **_more):
            raise error

        return raised

    monkeypatch.setattr("spinemr.cohort.task.run_case", raising(MemoryError()))
    assert do_study(study, OPTIONS, place).failures[0].cause is Cause.MEMORY
    monkeypatch.setattr("spinemr.cohort.task.run_case", raising(KeyError("Novakova")))
    outcome = do_study(study, OPTIONS, place)
    assert outcome.failures[0].cause is Cause.SOFTWARE
    assert "Novakova" not in outcome.sentence


def test_tools_that_cannot_be_opened_are_no_fault_of_a_study(study, place, monkeypatch):
    def none(_request):
        raise SpineMRError("There is no model named x.")

    monkeypatch.setattr("spinemr.cohort.task.open_tools", none)
    outcome = do_study(study, CohortOptions(harmonize="zscore", model="x"), place)
    assert (outcome.end, outcome.sentence) == (End.HOPELESS, "There is no model named x.")


def test_tools_are_opened_once_for_all_studies_of_a_worker(study, place, monkeypatch):
    from spinemr.cohort import task

    opened, real = [], task.open_tools
    monkeypatch.setattr(task, "open_tools", lambda request: opened.append(1) or real(request))
    options = CohortOptions(harmonize="zscore", strength=0.5)
    for number in range(3):
        do_study(Study(f"study-{number}", study.path), options, place)
    assert len(opened) == 1


def test_a_full_disk_is_hopeless_and_leaves_nothing(study, place, monkeypatch):
    def full(*_args):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("spinemr.cohort.task._put_in_place", full)
    outcome = do_study(study, OPTIONS, place)
    assert outcome.end is End.HOPELESS
    assert "the disk is full" in outcome.sentence
    assert list(place.work.iterdir()) == list(place.studies.iterdir()) == []


def test_files_that_could_not_be_written_are_hopeless_too(study, place, monkeypatch):
    def full(*_args):
        raise OutputError("Cannot write: the disk is full.")

    monkeypatch.setattr("spinemr.pipeline.writing.write_image", full)
    outcome = do_study(study, OPTIONS, place)
    assert (outcome.end, list(place.studies.iterdir())) == (End.HOPELESS, [])


def test_a_study_stops_when_its_run_is_gone(study, place, monkeypatch):
    from spinemr.cohort import task

    real = task.run_case

    def later(*args, **more):
        shutil.rmtree(place.work)
        return real(*args, **more)

    monkeypatch.setattr(task, "run_case", later)
    assert do_study(study, OPTIONS, place).end is End.STOPPED
    assert not place.work.exists()
    assert list(place.studies.iterdir()) == []


def test_a_worker_that_does_not_see_the_folder_says_so(study, tmp_path):
    outcome = do_study(study, OPTIONS, Place(tmp_path / "elsewhere", tmp_path / "work"))
    assert outcome.end is End.HOPELESS
    assert "cannot see" in outcome.sentence


def test_the_faster_of_two_wins(study, place, monkeypatch):
    from spinemr.cohort import task

    real = task._put_in_place

    def beaten(results, target):
        shutil.copytree(results, target)
        (target / "first").touch()
        real(results, target)

    monkeypatch.setattr(task, "_put_in_place", beaten)
    assert do_study(study, OPTIONS, place).end is End.FINISHED
    assert (place.studies / "study-1" / "first").exists()


def test_a_series_is_linked_under_names_that_tell_nothing(tmp_path):
    source = tmp_path / "heap"
    source.mkdir()
    for name in ("Novakova2", "Novakova1", "other"):
        (source / name).write_text(name, encoding="utf-8")
    (tmp_path / "staging").mkdir()
    linked = local_image(Study("a", str(source), files=("Novakova2", "Novakova1")), tmp_path / "staging")
    assert [path.read_text(encoding="utf-8") for path in sorted(linked.iterdir())] == ["Novakova2", "Novakova1"]
    assert not any("Nov" in path.name for path in linked.iterdir())


def test_addresses_are_fetched_by_fsspec(images, tmp_path):
    pytest.importorskip("fsspec")
    write_image(images[0], tmp_path / "Novakova.nii.gz")
    fetched = local_image(Study("a", f"file://{tmp_path}/Novakova.nii.gz"), tmp_path)
    assert fetched == tmp_path / "image.nii.gz"
    assert read_image(fetched).GetSize() == images[0].GetSize()
    for address in (f"file://{tmp_path}/missing.nii.gz", "nosuch://bucket/a.nii.gz"):
        with pytest.raises(InputError, match="cannot be fetched"):
            local_image(Study("a", address), tmp_path)


@pytest.mark.parametrize(
    "sentence",
    [
        "Cannot read /data/Novakova/19540712: a DICOM file is truncated.",
        "Cannot read /data/Novakova/19540712/IM0001.dcm: it is damaged.",
        "Series 3 of /data/Novakova/19540712 has uneven slices.\nNovakova",
        "The folder 19540712 of Novakova is odd.",
        "",
    ],
)
def test_reasons_hold_no_part_of_a_path(sentence):
    study = Study("a", "/data/Novakova/19540712", files=("IM0001.dcm",))
    said = anonymous_reason(sentence, study, OPTIONS.request(study, Path(study.path)), Path("/out/.cohort/work-1/a"))
    assert said
    assert not any(word in said for word in ("Novakova", "19540712", "IM0001"))


def test_a_record_that_is_none_is_said(tmp_path):
    (tmp_path / "study.json").write_text("{}", encoding="utf-8")
    with pytest.raises(InputError, match="missing or damaged"):
        read_record(tmp_path)
    (tmp_path / "study.json").unlink()
    with pytest.raises(InputError, match="missing or damaged"):
        read_record(tmp_path)
