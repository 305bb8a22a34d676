"""Results appear whole or not at all, whatever stops the work."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest

from spinemr.imaging.atomic import atomic_group, atomic_path, write_json_atomic, write_text_atomic
from spinemr.imaging.errors import OutputError


def everything_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def write_half(target: Path, stop: BaseException, way=atomic_path) -> None:
    with way(target) as temporary:
        temporary.write_bytes(b"half")
        raise stop


def test_the_target_appears_at_the_end_of_the_block_only(tmp_path):
    target = tmp_path / "a b é.nii.gz"
    with atomic_path(target) as temporary:
        temporary.write_bytes(b"whole")
        assert not target.exists()
        assert temporary.parent == tmp_path
        assert temporary.name.endswith(".nii.gz")
    assert target.read_bytes() == b"whole"
    assert everything_in(tmp_path) == ["a b é.nii.gz"]


@pytest.mark.parametrize("stop", [ValueError("no"), KeyboardInterrupt(), SystemExit(3), OSError(errno.ENOSPC, "full")])
def test_nothing_stays_when_the_work_is_stopped(tmp_path, stop):
    expected = OutputError if isinstance(stop, OSError) else type(stop)
    with pytest.raises(expected):
        write_half(tmp_path / "new" / "deep" / "a.json", stop)
    assert everything_in(tmp_path) == []


def test_an_older_result_survives_a_failure(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(RuntimeError):
        write_half(target, RuntimeError())
    assert target.read_text() == "old"
    assert everything_in(tmp_path) == ["a.txt"]


@pytest.mark.parametrize(
    ("number", "said"),
    [(errno.ENOSPC, "disk is full"), (errno.EACCES, "no permission"), (errno.EROFS, "read-only"), (errno.EIO, "Input/output")],
)
def test_the_system_s_reason_becomes_one_sentence(tmp_path, number, said):
    with pytest.raises(OutputError, match=said) as failure, atomic_path(tmp_path / "a.csv"):
        raise OSError(number, os.strerror(number))
    assert "\n" not in str(failure.value)
    assert "a.csv" in failure.value.message


def test_a_folder_in_the_place_of_the_target_is_refused_before_any_work(tmp_path):
    (tmp_path / "out.nii.gz").mkdir()
    with pytest.raises(OutputError, match="it is a folder"), atomic_path(tmp_path / "out.nii.gz"):
        pytest.fail("the block must not run")


def test_a_file_in_the_place_of_a_parent_folder_is_refused(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="is a file, not a folder"), atomic_path(tmp_path / "file" / "a.txt"):
        pytest.fail("the block must not run")


def test_a_folder_without_permission_is_refused(tmp_path, monkeypatch):
    def forbidden(*_args, **_kwargs):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", forbidden)
    with pytest.raises(OutputError, match="no permission"), atomic_path(tmp_path / "new" / "a.txt"):
        pytest.fail("the block must not run")


def test_a_name_as_long_as_the_system_allows_still_works(tmp_path):
    target = tmp_path / ("x" * 248 + ".nii.gz")
    with atomic_path(target) as temporary:
        temporary.write_bytes(b"1")
    assert target.exists()


def test_a_group_of_files_moves_together_and_the_header_last(tmp_path, monkeypatch):
    order = []
    move = Path.replace
    monkeypatch.setattr(Path, "replace", lambda self, target: (order.append(self.name), move(self, target))[1])
    with atomic_group(tmp_path / "a.mhd") as temporary:
        temporary.write_text("header")
        temporary.with_suffix(".zraw").write_text("pixels")
        assert temporary.name == "a.mhd"
    assert order == ["a.zraw", "a.mhd"]
    assert everything_in(tmp_path) == ["a.mhd", "a.zraw"]


def test_a_failed_group_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        write_half(tmp_path / "sub" / "a.mhd", KeyboardInterrupt(), atomic_group)
    assert everything_in(tmp_path) == []


def test_text_and_json_are_utf8_and_exact(tmp_path):
    write_text_atomic("Lékař\r\n", tmp_path / "a.txt")
    assert (tmp_path / "a.txt").read_bytes() == "Lékař\r\n".encode()
    write_json_atomic({"name": "Lékař", "value": 1.5}, tmp_path / "a.json")
    assert json.loads((tmp_path / "a.json").read_text("utf-8")) == {"name": "Lékař", "value": 1.5}
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json_atomic({"value": float("nan")}, tmp_path / "b.json")
    assert everything_in(tmp_path) == ["a.json", "a.txt"]
