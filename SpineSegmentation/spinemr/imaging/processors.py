"""How many processors one piece of work takes: fewer while others of this software work on the same machine.

Eight studies at once with a thread for each processor are slower than with one thread each, and take more memory. On Linux
whoever works holds a socket in the abstract name space, which costs nothing, leaves nothing on the disk, and is gone with its
process however that ends. Elsewhere nobody is counted.
"""

from __future__ import annotations

import math
import os
import re
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

THREADS_VARIABLE = "OMP_NUM_THREADS"
"""Fixes the number: whoever sets it has shared out the processors already."""
_SOCKETS = Path("/proc/net/unix")
_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def processors() -> int:
    """Processors this process may use: those it is bound to, or what its container has a right to."""
    there = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(there, _quota()))


@contextmanager
def fair_share(most: int = 0) -> Iterator[int]:
    """Threads to work with while the block runs, of ``most`` or of all processors: an equal part for each who is at work."""
    with _at_work() as workers:
        yield threads_among(workers, most)


def threads_among(workers: int, most: int = 0) -> int:
    """Threads for one of so many workers; at least one."""
    wanted = os.environ.get(THREADS_VARIABLE, "")
    there = most or processors()
    if wanted.isdecimal() and int(wanted) > 0:
        return min(int(wanted), there)
    return max(1, there // max(1, workers))


@contextmanager
def _at_work() -> Iterator[int]:
    """Be counted; how many are at work, this one included."""
    family = getattr(socket, "AF_UNIX", None)
    if family is None or not _SOCKETS.exists():
        yield 1
        return
    sign = socket.socket(family, socket.SOCK_DGRAM)
    try:
        try:
            sign.bind(f"\0{_prefix()}{os.getpid()}-{secrets.token_hex(6)}")
        except OSError:  # a sandbox that allows none
            yield 1
            return
        yield max(1, _counted())
    finally:
        sign.close()


def _counted() -> int:
    try:
        text = _SOCKETS.read_text(encoding="utf-8", errors="replace")
        return len(set(re.findall(rf"@{_prefix()}(\d+)-", text)))
    except OSError:
        return 1


def _prefix() -> str:
    """Of one user: others' work is the system's business."""
    return f"spinemr-at-work-{os.getuid() if hasattr(os, 'getuid') else 0}-"


def _quota() -> int:
    """Whole processors that a container's share of time amounts to; very many where there is no limit."""
    try:
        quota, period = _QUOTA.read_text(encoding="ascii").split()
        return math.ceil(int(quota) / int(period))
    except (OSError, ValueError):
        return 1 << 16
