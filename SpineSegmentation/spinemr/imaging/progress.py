"""How long work tells where it stands, and how it is stopped."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass

from spinemr.imaging.errors import Cancelled


@dataclass(frozen=True)
class Progress:
    """One report: the phase, how much of the whole is done (0..1), and a sentence for a person."""

    phase: str
    fraction: float
    message: str = ""

    def as_dict(self) -> dict[str, str | float]:
        """The fields as plain values, in the order the JSON lines of the command line show them."""
        return asdict(self)


ProgressCallback = Callable[[Progress], None]
"""Called now and then by long work; raising :class:`Cancelled` from it stops the work cleanly."""


def silent(report: Progress) -> None:
    """Take a report and do nothing with it: the default of every long call."""


class CancelToken:
    """A switch another thread can throw: the wrapped callback raises :class:`Cancelled` at the next report."""

    def __init__(self) -> None:
        self._stopped = threading.Event()

    @property
    def cancelled(self) -> bool:
        """Whether somebody asked to stop."""
        return self._stopped.is_set()

    def cancel(self) -> None:
        """Ask the work to stop at its next report."""
        self._stopped.set()

    def wrap(self, progress: ProgressCallback = silent) -> ProgressCallback:
        """The given callback, which now also stops the work once :meth:`cancel` was called."""

        def report(state: Progress) -> None:
            if self.cancelled:
                raise Cancelled()
            progress(state)

        return report


def within(progress: ProgressCallback, start: float, stop: float, phase: str = "") -> ProgressCallback:
    """A callback for a part of the work: its 0..1 becomes ``start..stop`` of the whole."""

    def report(state: Progress) -> None:
        fraction = start + (stop - start) * min(max(state.fraction, 0.0), 1.0)
        progress(Progress(phase or state.phase, fraction, state.message))

    return report
