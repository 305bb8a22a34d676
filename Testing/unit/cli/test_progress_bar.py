from __future__ import annotations

import json

import pytest

from spinemr.cli.progress_bar import ProgressMode, shown
from spinemr.imaging.errors import Cancelled
from spinemr.imaging.progress import Progress, silent


def test_json_is_one_object_a_line_on_stdout(capsys):
    with shown(ProgressMode.JSON) as report:
        report(Progress("draw", 0.4, "L\u00e9k\u00e1\u0159"))
        report(Progress("draw", 1.0))
    captured = capsys.readouterr()
    assert captured.err == ""
    assert [json.loads(line) for line in captured.out.splitlines()] == [
        {"phase": "draw", "fraction": 0.4, "message": "L\u00e9k\u00e1\u0159"},
        {"phase": "draw", "fraction": 1.0, "message": ""},
    ]
    assert captured.out.isascii()  # whatever the encoding of the pipe


def test_auto_is_silent_where_nobody_looks():
    with shown(ProgressMode.AUTO) as report:
        assert report is silent
    with shown(ProgressMode.NONE) as report:
        assert report is silent


def test_the_bar_is_on_stderr_and_takes_brackets_for_text(capsys):
    with shown(ProgressMode.BAR) as report:
        report(Progress("read", 0.5, "[red]file[1].nii.gz"))
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "[red]file[1].nii.gz" in captured.err


def test_a_parent_that_is_gone_cancels_the_work(monkeypatch):
    class Gone:
        def write(self, _text):
            raise BrokenPipeError

    monkeypatch.setattr("sys.stdout", Gone())
    with shown(ProgressMode.JSON) as report, pytest.raises(Cancelled):
        report(Progress("draw", 0.1))
