"""One run at a time in a folder: a lock the system takes back when its holder ends, however it ends."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from spinemr.imaging.atomic import write_error
from spinemr.imaging.errors import OutputError

_TAKEN = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)


@contextmanager
def only_run(path: Path, folder: Path) -> Iterator[None]:
    """Hold the lock of a folder, or raise :class:`OutputError` where another run holds it.

    The file stays, unless its folder goes with a run that finished nothing; who got hold of it just before is too late.
    """
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise write_error(path, error) from error
    try:
        _take(handle, folder)
        if not path.exists() or not os.path.samestat(os.fstat(handle), path.stat()):
            raise _taken(folder)
        yield
    finally:
        os.close(handle)


def _take(handle: int, folder: Path) -> None:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _TAKEN:
            raise _taken(folder) from None
        hint = "Choose a folder on another disk."
        raise OutputError(f"{folder} lies on a file system without locks, so that two runs could mix there.", hint) from error


def _taken(folder: Path) -> OutputError:
    return OutputError(f"Another run is at work in {folder}.", "Wait for it, or choose another folder.")
