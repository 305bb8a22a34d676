"""What this process holds in memory."""

from __future__ import annotations

import sys
from typing import Any

_MB = 1e6


def memory_mb() -> tuple[float, float]:
    """Now, and the most it ever held."""
    import psutil  # Dask brings it

    told: Any = psutil.Process().memory_info()
    return told.rss / _MB, max(told.rss, _peak_bytes(told)) / _MB


def _peak_bytes(told: Any) -> float:  # noqa: ANN401 - psutil's answer differs from system to system
    if sys.platform == "win32":
        return float(told.peak_wset)
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)
