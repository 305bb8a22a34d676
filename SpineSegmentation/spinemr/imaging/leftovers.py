"""What a killed process leaves behind: names that tell whose it was, and its removal by whoever writes there next.

The name of everything temporary carries the machine and the process that made it. What belongs to a process of this machine
that is gone, or is older than any work takes, is nobody's any more.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
import socket
import time
from contextlib import suppress
from functools import cache
from pathlib import Path

WRITING, REPLACED = ".writing", ".replaced"
"""Work that is not complete; what a complete result is about to take the place of."""
_NAME = re.compile(r"^\.(?:writing|replaced)-(?:([0-9a-f]{8})-(\d+)-)?[0-9a-f]{12}(?!\w)")
OLD_S = 7 * 24 * 3600.0
"""Nothing is written for a week: this old, things go wherever they came from."""


def temporary_name(kind: str = WRITING) -> str:
    """A name that nobody else takes and that tells whose it is."""
    return f"{kind}-{_machine()}-{os.getpid()}-{secrets.token_hex(6)}"


def remove_leftovers(folder: Path) -> None:
    """Remove what processes that are gone left in a folder; a result they were about to replace comes back."""
    try:
        found = [Path(entry.path) for entry in os.scandir(folder) if _NAME.match(entry.name)]
    except OSError:
        return
    for path in found:
        with suppress(OSError):
            if _is_abandoned(path):
                _remove(path)


def _is_abandoned(path: Path) -> bool:
    match = _NAME.match(path.name)
    if match is None:
        return False
    if match[1] == _machine() and not _is_alive(int(match[2])):
        return True
    return time.time() - path.lstat().st_mtime > OLD_S


def _remove(path: Path) -> None:
    if not path.is_dir() or path.is_symlink():
        path.unlink()
        return
    if path.name.startswith(REPLACED):
        for result in path.iterdir():
            if not (path.parent / result.name).exists():
                result.rename(path.parent / result.name)
    shutil.rmtree(path, ignore_errors=True)


def _is_alive(process: int) -> bool:
    if process == os.getpid():
        return True
    if os.name == "nt":  # there a signal of number 0 is no question
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


@cache
def _machine() -> str:
    """The computer, and on it the container: process numbers mean something else in another one."""
    try:
        container = str(os.stat("/proc/self/ns/pid").st_ino)  # noqa: PTH116
    except OSError:
        container = ""
    return hashlib.sha256(f"{socket.gethostname()}/{container}".encode()).hexdigest()[:8]
