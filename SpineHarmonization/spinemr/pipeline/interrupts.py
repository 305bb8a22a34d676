"""Ctrl-C and a request to terminate both stop the work in the same, clean way."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_STOPPING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name))
_CLEANING_UP_S = 1.0
"""Further signals within this time are the same impatient request and do not interrupt the cleaning up."""


@contextmanager
def interruptible() -> Iterator[None]:
    """Inside the block, signals that end a program raise :class:`KeyboardInterrupt`, so that every ``finally`` runs."""
    if threading.current_thread() is not threading.main_thread():  # Python delivers signals to the main thread only
        yield
        return
    last = -_CLEANING_UP_S

    def stop(_number: int, _frame: FrameType | None) -> None:
        nonlocal last
        now = time.monotonic()
        repeated, last = now - last < _CLEANING_UP_S, now
        if not repeated:
            raise KeyboardInterrupt

    # A signal that is ignored stays ignored: nohup has to keep working.
    caught = [number for number in _STOPPING if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, stop) for number in caught}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
