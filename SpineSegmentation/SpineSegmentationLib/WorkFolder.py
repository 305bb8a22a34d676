"""Folders for the files that go to and from the child process: short paths of plain letters, removed when they are done with."""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path

import slicer

_PREFIX = "spinemr-"
_made: set[Path] = set()


def newWorkFolder() -> Path:
    """An empty folder; user names with accents or blanks broke readers and writers of other extensions."""
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=_place()))
    _made.add(folder)
    return folder


def removeWorkFolder(folder: Path | None) -> None:
    """Remove a folder of :func:`newWorkFolder`; any other is left alone."""
    if folder in _made:
        _made.discard(folder)
        shutil.rmtree(folder, ignore_errors=True)


def removeAllWorkFolders() -> None:
    """Remove what is left when Slicer closes."""
    for folder in tuple(_made):
        removeWorkFolder(folder)


def isPlain(path: str) -> bool:
    """Whether a path has neither blanks nor letters beyond ASCII."""
    return path.isascii() and " " not in path


def _place() -> str:
    """The first plain folder that can be written to, else Slicer's own."""
    own = slicer.app.temporaryPath
    candidates = [own, _shortName(own), tempfile.gettempdir(), _shortName(tempfile.gettempdir())]
    candidates += [os.environ.get("PUBLIC", ""), os.environ.get("PROGRAMDATA", "")] if sys.platform == "win32" else ["/var/tmp"]
    plain = [path for path in candidates if path and isPlain(path) and os.path.isdir(path) and os.access(path, os.W_OK)]
    return plain[0] if plain else own


def _shortName(path: str) -> str:
    """Windows' name of eight letters for each folder of a path, where the disk keeps them."""
    if sys.platform != "win32":
        return ""
    import ctypes

    buffer = ctypes.create_unicode_buffer(1024)
    length = ctypes.windll.kernel32.GetShortPathNameW(path, buffer, len(buffer))
    return buffer.value if 0 < length < len(buffer) else ""


atexit.register(removeAllWorkFolders)
