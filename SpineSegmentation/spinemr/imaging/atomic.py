"""Results appear whole or not at all: written beside their target under another name, then renamed.

A half-written result that looks finished is worse than none. What is temporary lies in the target's
folder (a rename across file systems is a copy), keeps its suffixes (writers choose the format by them)
and is removed whatever stops the work, also Ctrl-C. What a kill leaves goes when something is written there again
(:mod:`spinemr.imaging.leftovers`).
"""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from spinemr.imaging.errors import OutputError
from spinemr.imaging.formats import split_suffix
from spinemr.imaging.leftovers import remove_leftovers, temporary_name

_FORBIDDEN = "you have no permission to write there"
_REASONS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EACCES: _FORBIDDEN,
    errno.EPERM: _FORBIDDEN,
    errno.EROFS: "the disk is read-only",
    errno.ENAMETOOLONG: "the name is too long",
    errno.ENOTDIR: "a part of the path is a file, not a folder",
    errno.EEXIST: "a part of the path is a file, not a folder",
    errno.EISDIR: "it is a folder",
}


@contextmanager
def atomic_path(target: str | os.PathLike[str]) -> Iterator[Path]:
    """A path to write to that becomes ``target`` when the block ends well and vanishes when it does not.

    Missing parent folders are made first, and removed again if the block fails. Any ``OSError`` inside
    (disk full, no permission) becomes an :class:`OutputError` of one sentence.
    """
    final = Path(target)
    # The stem is left out: with the random part a long name would exceed what the file system allows.
    with _reported(final), _parents_of(final):
        remove_leftovers(final.parent)
        temporary = final.parent / f"{temporary_name()}{split_suffix(final)[1]}"
        try:
            yield temporary
            temporary.replace(final)
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise


@contextmanager
def atomic_group(target: str | os.PathLike[str]) -> Iterator[Path]:
    """Like :func:`atomic_path` for formats of several files that name each other (``.mhd`` with ``.zraw``).

    The path carries the target's own name inside a temporary folder; everything written into that folder
    moves beside the target at the end, the target itself last.
    """
    final = Path(target)
    with _reported(final), _parents_of(final):
        remove_leftovers(final.parent)
        folder = final.parent / temporary_name()
        folder.mkdir()
        try:
            yield folder / final.name
            for written in sorted(folder.iterdir(), key=lambda path: path.name == final.name):
                written.replace(final.parent / written.name)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def write_text_atomic(text: str, target: str | os.PathLike[str]) -> None:
    """Write UTF-8 text, whole or not at all; line ends stay as they are, and what UTF-8 cannot hold is escaped."""
    with atomic_path(target) as temporary:
        temporary.write_bytes(text.encode("utf-8", errors="backslashreplace"))


def write_json_atomic(value: object, target: str | os.PathLike[str]) -> None:
    """Write a value as indented JSON; not-a-number has no place in JSON and raises ``ValueError``."""
    write_text_atomic(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n", target)


def write_error(target: Path, error: OSError) -> OutputError:
    """The sentence for a person about a file that could not be written."""
    reason = _REASONS.get(error.errno or 0, error.strerror or "the system refused")
    return OutputError(f"Cannot write {target}: {reason}.", "Choose another place or make room.")


@contextmanager
def _reported(final: Path) -> Iterator[None]:
    if final.is_dir():
        raise OutputError(f"Cannot write {final}: it is a folder.", "Give the name of a file.")
    try:
        yield
    except OSError as error:
        raise write_error(final, error) from error


@contextmanager
def _parents_of(final: Path) -> Iterator[None]:
    """Make the folders that are missing; take them away again, innermost first, if the block fails."""
    missing = [folder for folder in final.parents if not folder.exists()]
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        for folder in missing:
            with suppress(OSError):
                folder.rmdir()
        raise
