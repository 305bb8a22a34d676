"""OpenVINO and NNCF report to their maker when they are imported, unless the package they do that with is not there.

OpenVINO 2026.4 looks up www.google-analytics.com, sends an event, and keeps a number of the user in ~/intel. This software
reaches for no network, so that package is kept out of sight while the others are imported; they have a stand-in for it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

_REPORTER = "openvino_telemetry"


@contextmanager
def unreported() -> Iterator[None]:
    """Inside the block the reporting package cannot be imported, unless somebody else did so before."""
    hidden = _REPORTER not in sys.modules
    if hidden:
        # Python's way to forbid an import
        sys.modules[_REPORTER] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        if hidden:
            sys.modules.pop(_REPORTER, None)
