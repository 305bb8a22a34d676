"""A job in a process beside another program: its file, its lines, its end, and what it can do without."""

from __future__ import annotations

import json

import pytest

from spinemr.imaging.progress import Progress
from spinemr.pipeline.child_process import LineReader, outcome_of, report_of


def test_lines_come_whole_however_they_are_cut():
    text = "eins\nzwei ä\r\n\ndrei"
    for size in (1, 2, 3, 100):
        reader, data = LineReader(), text.encode()
        pieces = [data[start : start + size] for start in range(0, len(data), size)]
        found = [line for piece in pieces for line in reader.lines(piece)]
        assert found == ["eins", "zwei ä"]
        assert reader.lines(b"", last=True) == ["drei"]


@pytest.mark.parametrize("line", ["", "no", "[]", "{}", "null", '{"phase": "read"}', '{"phase": "read", "fraction": "half"}'])
def test_other_lines_are_no_reports(line):
    assert report_of(line) is None


def test_a_report_is_read_back():
    report = Progress("segment", 0.25, "slice 3 of 15")
    assert report_of(json.dumps(report.as_dict())) == report


@pytest.mark.parametrize(
    ("code", "complaints", "cancelled", "message"),
    [
        (0, ["Note: 2D."], False, ""),
        (2, ["Note: 2D.", "There is no model x.", "Choose another."], False, "There is no model x. Choose another."),
        (-9, [], False, "The work ended unexpectedly; the computer may have run out of memory."),
        (-15, ["half a line"], True, ""),
        (130, ["Cancelled."], False, ""),
    ],
)
def test_an_end_is_told_in_the_childs_own_words(code, complaints, cancelled, message):
    outcome = outcome_of(code, complaints, cancelled=cancelled)
    assert outcome.message == message
    assert outcome.succeeded == (code == 0)
    assert outcome.cancelled == (cancelled or code == 130)


def test_an_end_without_a_word_is_said_in_the_parents_words():
    assert outcome_of(-9, ["Note: 2D."], cancelled=False, unexpected="Konec.").message == "Konec."
