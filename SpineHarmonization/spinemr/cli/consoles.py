"""Where text for people goes: results to stdout, all else to stderr; colours only on terminals that want them."""

from __future__ import annotations

from rich.console import Console

_FILE_WIDTH = 120
"""Tables that go to a file or a pipe are laid out this wide."""


class _Pipe(Console):
    """A console that reports a closed pipe instead of ending the program."""

    def on_broken_pipe(self) -> None:
        """Leave it to the caller."""
        raise BrokenPipeError


def results() -> Console:
    """Tables and cards on stdout."""
    console = _Pipe(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = _FILE_WIDTH
    return console


def messages() -> Console:
    """Notes and errors on stderr, one line each: never wrapped."""
    return _Pipe(stderr=True, soft_wrap=True, highlight=False, markup=False)
