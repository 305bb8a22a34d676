"""A process with everything it started: Slicer's Python runs behind a launcher, which leaves its child behind when killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterable

_LIST_SECONDS = 5.0


def descendants(process: int, parents: Iterable[tuple[int, int]]) -> list[int]:
    """The process and everything below it, from pairs of process and parent; children come before their parents."""
    children: dict[int, list[int]] = {}
    for child, parent in parents:
        if child != parent:
            children.setdefault(parent, []).append(child)
    found, waiting = [process], [process]
    while waiting:
        for child in children.get(waiting.pop(), []):
            if child not in found:
                found.append(child)
                waiting.append(child)
    return found[::-1]


def askToStop(process: int) -> list[int]:
    """Ask a process and its children to end and clean up; returns whom to :func:`kill` if they do not.

    On Windows a process without a window cannot be asked, so that it is ended.
    """
    if sys.platform == "win32":
        kill([process])
        return []
    members = descendants(process, _parents())
    _signal(members, signal.SIGTERM)
    return members


def kill(processes: Iterable[int]) -> None:
    """End processes at once, on Windows with everything they started."""
    if sys.platform == "win32":
        for process in processes:
            _quietly(["taskkill", "/PID", str(process), "/T", "/F"])
    else:
        _signal(processes, signal.SIGKILL)


def killTree(process: int) -> None:
    """End a process and everything it started at once."""
    kill([process] if sys.platform == "win32" else descendants(process, _parents()))


def _signal(processes: Iterable[int], number: int) -> None:
    for process in processes:
        try:
            os.kill(process, number)
        except OSError:  # it has ended by itself
            continue


def _parents() -> list[tuple[int, int]]:
    """Process and parent of everything that runs; ``ps`` knows these options on Linux and macOS."""
    listed = _quietly(["ps", "-axo", "pid=,ppid="])
    pairs = (line.split() for line in listed.splitlines())
    return [(int(pair[0]), int(pair[1])) for pair in pairs if len(pair) == 2]


def _quietly(command: list[str]) -> str:
    hidden = {"creationflags": subprocess.CREATE_NO_WINDOW} if sys.platform == "win32" else {}
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_LIST_SECONDS, check=False, **hidden)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout
