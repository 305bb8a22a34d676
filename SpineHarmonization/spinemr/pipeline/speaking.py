"""How a process speaks to whoever started it: progress as JSON lines, notes, and one sentence of what went wrong.

Nothing heavy is imported here: the command line loads it before it knows what is wanted.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TextIO

from spinemr.imaging.errors import Cancelled, ImagingWarning, SpineMRError
from spinemr.imaging.progress import Progress

OK, INTERNAL, USER, CANCELLED = 0, 1, 2, 130
"""Exit codes: done, a mistake in this software, something somebody can correct, cancelled."""
NOTE = "Note:"
"""Begins lines on stderr that are no complaints."""
DEBUG_VARIABLE = "SPINEMR_DEBUG"
NO_MEMORY = "There is not enough memory for this image. Crop it or close other programs."


@dataclass(frozen=True)
class Failure:
    """How a process ends that could not do what it was asked for."""

    code: int
    sentence: str


def explained(error: BaseException) -> Failure:
    """What went wrong, for a person; the text of unexpected errors is left out, as it may quote what stands in a file."""
    if isinstance(error, (KeyboardInterrupt, Cancelled)):
        return Failure(CANCELLED, "Cancelled.")
    if isinstance(error, SpineMRError):
        return Failure(error.exit_code, str(error))
    if isinstance(error, MemoryError):
        return Failure(USER, NO_MEMORY)
    if isinstance(error, OSError) and error.errno and error.strerror:  # a path too long, a disk that is gone
        return Failure(USER, f"The system refused to read or write a file: {error.strerror}. Check the paths.")
    what = f"Internal error: {type(error).__name__} in {_place(error)}."
    return Failure(INTERNAL, f"{what} {DEBUG_VARIABLE}=1 shows the details; please report it.")


def wants_debugging() -> bool:
    """Whether tracebacks and developers' warnings are asked for by the environment."""
    return os.environ.get(DEBUG_VARIABLE, "") not in ("", "0")


def json_line(report: Progress) -> None:
    """A report as a line of JSON on stdout."""
    try:
        sys.stdout.write(json.dumps(report.as_dict(), ensure_ascii=True) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:  # the parent is gone, nobody waits for the result
        raise Cancelled from None


@contextmanager
def notes_told(tell: Callable[[str], None], is_debugging: Callable[[], bool] = wants_debugging) -> Iterator[None]:
    """Tell what the library warns users of, once each, and other warnings to developers only."""
    told: set[str] = set()

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,  # noqa: ARG001
        line: str | None = None,
    ) -> None:
        if issubclass(category, ImagingWarning):
            if str(message) not in told:
                tell(f"{NOTE} {message}")
            told.add(str(message))
        elif is_debugging():
            tell(warnings.formatwarning(message, category, filename, lineno, line).rstrip())

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = show
        yield


def never_fail_to_print(*streams: TextIO) -> None:
    """A file name the terminal's encoding lacks is printed with escapes instead of ending the program."""
    for stream in streams:
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def _place(error: BaseException) -> str:
    """File and line of the last frame in this software."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "spinemr" in frame.filename] or frames
    return f"{os.path.basename(ours[-1].filename)}:{ours[-1].lineno}" if ours else "an unknown place"  # noqa: PTH119
