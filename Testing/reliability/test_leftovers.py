"""What killed processes leave: whose it is, who removes it, and results that it must not spoil."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from spinemr.imaging import leftovers
from spinemr.imaging.atomic import write_text_atomic
from spinemr.imaging.staged_folder import staged_folder
from spinemr.pipeline.request import CaseRequest
from spinemr.pipeline.results_folder import PROVENANCE, QUALITY, results_folder

GONE = 2**22 + 1
"""More than the number of any process."""


def _left(folder: Path, kind: str = leftovers.WRITING, process: int = GONE) -> Path:
    return folder / f"{kind}-{leftovers._machine()}-{process}-0123456789ab"


def test_what_a_killed_process_left_goes_with_the_next_result(tmp_path):
    (tmp_path / f"{_left(tmp_path).name}.nii.gz").write_bytes(b"half")
    _left(tmp_path).mkdir()
    (_left(tmp_path) / "half.csv").touch()
    write_text_atomic("whole", tmp_path / "result.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["result.txt"]


def test_what_others_write_now_stays(tmp_path):
    mine = tmp_path / leftovers.temporary_name()
    others = tmp_path / ".writing-00000000-7-0123456789ab"
    parents = _left(tmp_path, process=os.getppid())
    foreign = tmp_path / ".writing-notes"
    for path in (mine, others, parents, foreign):
        path.touch()
    leftovers.remove_leftovers(tmp_path)
    assert all(path.exists() for path in (mine, others, parents, foreign))
    month_ago = time.time() - 30 * 24 * 3600
    for path in (others, foreign):
        os.utime(path, (month_ago, month_ago))
    leftovers.remove_leftovers(tmp_path)
    assert [path.exists() for path in (mine, others, parents, foreign)] == [True, False, True, True]


def test_a_folder_about_to_be_replaced_comes_back(tmp_path):
    """The kill came between putting the old folder aside and the new one in its place."""
    aside = _left(tmp_path, leftovers.REPLACED)
    (aside / "study").mkdir(parents=True)
    (aside / "study" / "old.txt").touch()
    with pytest.raises(ZeroDivisionError), staged_folder(tmp_path / "study", replaceable=lambda _: True):
        _ = 1 / 0
    assert [path.name for path in tmp_path.iterdir()] == ["study"]
    assert (tmp_path / "study" / "old.txt").exists()


def test_results_that_a_kill_left_in_part_can_be_made_again(tmp_path):
    """What says whose results these are used to come last: the folder was then refused as somebody else's."""
    request, target = CaseRequest(tmp_path / "image.nii.gz"), tmp_path / "results"
    moved: list[str] = []

    class Killed(BaseException):
        """Stands for SIGKILL."""

    def fatal(self, other):
        moved.append(self.name)
        if len(moved) == 3:
            raise Killed
        return self.rename(other)

    def fill(folder: Path) -> None:
        for name in ("source.nii.gz", "report.html", QUALITY):
            (folder / name).write_text("{}", encoding="utf-8")
        (folder / PROVENANCE).write_text('{"tool": "spinemr run"}', encoding="utf-8")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Path, "replace", fatal)
        with pytest.raises(Killed), results_folder(target, request) as staging:
            fill(staging)
    assert moved[0] == PROVENANCE
    assert not (target / QUALITY).exists()
    with results_folder(target, request) as staging:
        fill(staging)
    assert (target / QUALITY).exists()
