"""The command line as a child: its words, its lines, its end; and that those words are understood."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
import SimpleITK as sitk

from spinemr.imaging.progress import Progress
from spinemr.pipeline.child_process import MODULE, LineReader, environment, outcome_of, report_of, words_of_run
from spinemr.pipeline.request import CaseRequest


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
        (2, ["measuring failed: no disc. Kept in /tmp/x: qc.json"], False, "measuring failed: no disc."),
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


def test_the_words_of_a_request_are_understood_by_the_command_line(tmp_path):
    """An image without enough pixels is refused by the reader, so that nothing long runs behind words that were understood."""
    image = tmp_path / "image.nrrd"
    sitk.WriteImage(sitk.Image(4, 4, 2, sitk.sitkInt16), str(image))
    request = CaseRequest(image, harmonize="zscore", strength=0.5, segment_on="harmonized", shift=-1, parts=True, scheme="spider")
    command = [sys.executable, "-m", MODULE, *words_of_run(request, tmp_path / "results")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **environment()})
    assert done.returncode == 2
    assert "Try: spinemr run --help" not in done.stderr
    assert "pixels" in done.stderr
    assert [report_of(line).phase for line in done.stdout.splitlines()][:1] == ["read"]
