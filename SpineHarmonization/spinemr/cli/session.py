"""What holds for one call of the command line."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, field

from spinemr.pipeline.speaking import wants_debugging

_words: ContextVar[tuple[str, ...]] = ContextVar("words", default=())


@dataclass
class Session:
    """One call: its words after the program's name, and whether tracebacks are wanted."""

    words: tuple[str, ...] = ()
    debug: bool = field(default_factory=wants_debugging)

    def __post_init__(self) -> None:
        _words.set(self.words)


def command_line() -> tuple[str, ...]:
    """The words of the call that is running, for the provenance of what it makes."""
    return ("spinemr", *_words.get())
