"""Loaded by every worker of our own before its first study.

Ctrl-C in a terminal reaches all processes at once; workers leave it to the process that started them, which ends them in order.
"""

from __future__ import annotations

import logging
import signal


def dask_setup(_worker: object) -> None:
    """What Dask calls when a worker starts."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for name in ("distributed", "tornado", "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
