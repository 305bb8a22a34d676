"""How fast a cohort goes, and when it will be done."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Pace:
    """Counts studies of one run; those finished before do not count for the rate."""

    total: int
    before: int = 0
    clock: Callable[[], float] = time.monotonic
    done: int = 0
    failed: int = 0
    _begun: float = field(init=False)

    def __post_init__(self) -> None:
        self._begun = self.clock()

    def ended(self, *, failed: bool) -> None:
        """One study more."""
        self.done += 1
        self.failed += failed

    @property
    def share(self) -> float:
        """Of all studies, 0 to 1."""
        return (self.before + self.done) / self.total if self.total else 1.0

    def told(self) -> str:
        """For a person: "37 of 200 studies, 2 failed, 14.2 a minute, 12 min left"."""
        parts = [f"{self.before + self.done} of {self.total} studies"]
        if self.failed:
            parts.append(f"{self.failed} failed")
        spent = self.clock() - self._begun
        if self.done and spent > 0:
            left = (self.total - self.before - self.done) * spent / self.done
            parts += [f"{_rate(self.done / spent)}", f"{duration(left)} left"]
        return ", ".join(parts)


def _rate(per_second: float) -> str:
    per_minute = 60 * per_second
    return f"{per_minute:.1f} a minute" if per_minute >= 1 else f"{60 * per_minute:.1f} an hour"


def duration(seconds: float) -> str:
    """In the unit a person would use: 40 s, 12 min, 3.5 h, 2.1 days."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 172800 else f"{seconds / 86400:.1f} days"
