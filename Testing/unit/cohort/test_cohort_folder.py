"""The folder of a cohort: one run at a time, going on, refusing, and leaving nothing where nothing was finished."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from spinemr.cohort.cohort_folder import ABOUT, FORMAT, HIDDEN, STUDIES, TOOL, about_cohort, cohort_folder, failed_in
from spinemr.imaging.errors import InputError, OutputError

ABOUT_IT = {"tool": TOOL, "format": FORMAT, "options": {"model": "balanced", "strength": 1.0}}


def finish(folder, name="a"):
    (folder.studies / name).mkdir()


def content(root):
    return sorted(str(path.relative_to(root)) for path in root.rglob("*"))


def test_a_second_run_is_refused_while_the_first_is_at_work(tmp_path):
    root = tmp_path / "out"
    with cohort_folder(root, ABOUT_IT, resume=False) as folder:
        before = content(root)
        with pytest.raises(OutputError, match="Another run is at work"), cohort_folder(root, ABOUT_IT, resume=True):
            pass
        assert content(root) == before
        finish(folder)
    with cohort_folder(root, ABOUT_IT, resume=True) as folder:
        assert folder.finished() == {"a"}


def test_the_lock_of_a_killed_process_is_free(tmp_path):
    root = tmp_path / "out"
    program = (
        "import os, signal\nfrom pathlib import Path\nfrom spinemr.cohort.cohort_folder import cohort_folder\n"
        f"with cohort_folder(Path({str(root)!r}), {ABOUT_IT!r}, resume=False) as folder:\n"
        "    (folder.work / 'half').mkdir()\n    os.kill(os.getpid(), signal.SIGKILL if hasattr(signal, 'SIGKILL') else 9)\n"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode != 0
    assert len(list((root / HIDDEN).glob("work-*/half"))) == 1
    with cohort_folder(root, ABOUT_IT, resume=True) as folder:
        assert list((root / HIDDEN).glob("work-*")) == [folder.work]
        assert list(folder.work.iterdir()) == []


@pytest.mark.parametrize("renewed", [False, True])
def test_a_lock_whose_file_is_gone_is_none(tmp_path, monkeypatch, renewed):
    """Another run that had finished nothing took its folder away between the opening of the file and the lock on it."""
    from spinemr.cohort import lock

    path, real = tmp_path / "lock", lock._take

    def vanished(handle, folder):
        path.unlink()
        if renewed:
            path.touch()
        real(handle, folder)

    monkeypatch.setattr(lock, "_take", vanished)
    with pytest.raises(OutputError, match="Another run is at work"), lock.only_run(path, tmp_path):
        pass


def test_a_finished_cohort_is_gone_on_with_only_where_that_is_asked_for(tmp_path):
    with cohort_folder(tmp_path, ABOUT_IT, resume=True) as folder:
        finish(folder)
    with pytest.raises(OutputError, match="--resume"), cohort_folder(tmp_path, ABOUT_IT, resume=False):
        pass
    other = {**ABOUT_IT, "options": {"model": "best", "strength": 1.0}}
    with pytest.raises(InputError, match="started with another model"), cohort_folder(tmp_path, other, resume=True):
        pass
    assert about_cohort(tmp_path)["options"]["model"] == "balanced"


def test_where_nothing_was_finished_nothing_stays(tmp_path):
    root = tmp_path / "not" / "there"
    with pytest.raises(KeyboardInterrupt), cohort_folder(root, ABOUT_IT, resume=False):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_what_was_finished_stays_when_a_run_is_stopped(tmp_path):
    def stopped():
        with cohort_folder(tmp_path / "out", ABOUT_IT, resume=False) as folder:
            finish(folder)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert {STUDIES, ABOUT} <= {path.name for path in (tmp_path / "out").iterdir()}
    assert not list((tmp_path / "out" / HIDDEN).glob("work-*"))


def test_folders_of_others_are_refused_and_left_as_they_are(tmp_path):
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(OutputError, match="is not empty"), cohort_folder(tmp_path, ABOUT_IT, resume=True):
        pass
    with pytest.raises(OutputError, match="it is a file"), cohort_folder(tmp_path / "mine.txt", ABOUT_IT, resume=True):
        pass
    assert content(tmp_path) == ["mine.txt"]
    with pytest.raises(InputError, match="holds no cohort"):
        about_cohort(tmp_path)


def test_failures_are_noted_until_a_study_is_finished(tmp_path):
    with cohort_folder(tmp_path, ABOUT_IT, resume=False) as folder:
        folder.note_failures(
            "a",
            [{"stage": "read", "cause": "data", "sentence": "It is empty."}],
            {"id": "a", "scanner": "s", "group": "", "subject": ""},
        )
        assert [one["failures"][0]["sentence"] for one in failed_in(tmp_path)] == ["It is empty."]
        folder.forget_failures("a")
        folder.forget_failures("b")
        assert failed_in(tmp_path) == []


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="permissions do not bind root")
def test_a_folder_that_cannot_be_written_to_is_said(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="no permission"), cohort_folder(tmp_path / "out", ABOUT_IT, resume=False):
        pass
