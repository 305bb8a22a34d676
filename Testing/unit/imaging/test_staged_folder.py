from __future__ import annotations

import os

import pytest

from spinemr.imaging.errors import OutputError
from spinemr.imaging.staged_folder import staged_folder


def fill(folder, *names: str) -> None:
    for name in names:
        (folder / name).write_text(name)


def names(folder) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_the_folder_appears_when_it_is_complete(tmp_path):
    with staged_folder(tmp_path / "a" / "b") as folder:
        fill(folder, "one", "two")
        assert not (tmp_path / "a" / "b").exists()
    assert names(tmp_path) == ["a", "a/b", "a/b/one", "a/b/two"]


@pytest.mark.parametrize("reason", [ValueError, KeyboardInterrupt, SystemExit])
def test_nothing_stays_behind_when_it_is_not(tmp_path, reason):
    def work():
        with staged_folder(tmp_path / "a" / "b") as folder:
            fill(folder, "one")
            raise reason

    with pytest.raises(reason):
        work()
    assert names(tmp_path) == []


def test_parents_somebody_else_uses_by_now_are_kept(tmp_path):
    def work():
        with staged_folder(tmp_path / "a" / "b"):
            fill(tmp_path / "a", "theirs")
            raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        work()
    assert names(tmp_path) == ["a", "a/theirs"]


def test_a_system_error_is_told_to_a_person(tmp_path):
    with pytest.raises(OutputError, match="disk is full"), staged_folder(tmp_path / "a"):
        raise OSError(28, "No space left on device")
    assert names(tmp_path) == []


def test_a_filled_folder_is_refused_before_any_work(tmp_path):
    fill(tmp_path, "mine")
    with pytest.raises(OutputError, match="not empty"), staged_folder(tmp_path):
        pytest.fail("the block must not run")
    with pytest.raises(OutputError, match="holds mine"), staged_folder(tmp_path, replaceable=lambda path: path.name == "ours"):
        pytest.fail("the block must not run")
    assert names(tmp_path) == ["mine"]


def test_a_replaced_folder_keeps_nothing_of_the_old_one(tmp_path):
    target = tmp_path / "a"
    target.mkdir()
    fill(target, "old")
    with staged_folder(target, replaceable=lambda _: True) as folder:
        fill(folder, "new")
        assert names(target) == ["old"]
    assert names(tmp_path) == ["a", "a/new"]


def test_the_old_folder_comes_back_when_the_swap_fails(tmp_path, monkeypatch):
    target = tmp_path / "a"
    target.mkdir()
    fill(target, "old")
    rename = type(target).rename

    def fails_for_the_new(self, to):
        if self.name.startswith(".writing-"):
            raise OSError(13, "Permission denied")
        return rename(self, to)

    monkeypatch.setattr(type(target), "rename", fails_for_the_new)
    with pytest.raises(OutputError, match="permission"), staged_folder(target, replaceable=lambda _: True) as folder:
        fill(folder, "new")
    assert names(tmp_path) == ["a", "a/old"]


def test_an_empty_folder_is_taken_and_a_file_is_not(tmp_path):
    (tmp_path / "empty").mkdir()
    with staged_folder(tmp_path / "empty") as folder:
        fill(folder, "one")
    assert names(tmp_path) == ["empty", "empty/one"]
    with pytest.raises(OutputError, match="it is a file"), staged_folder(tmp_path / "empty" / "one"):
        pytest.fail("the block must not run")
    with pytest.raises(OutputError, match="not a folder"), staged_folder(tmp_path / "empty" / "one" / "below"):
        pytest.fail("the block must not run")
    assert names(tmp_path) == ["empty", "empty/one"]


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_a_link_to_a_folder_stays_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real", target_is_directory=True)
    with staged_folder(tmp_path / "link") as folder:
        fill(folder, "one")
    assert (tmp_path / "link").is_symlink()
    assert names(tmp_path / "real") == ["one"]
