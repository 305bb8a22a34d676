"""Where the work stands: a bar for people on stderr, or one JSON object a line for programs on stdout."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from spinemr.imaging.progress import Progress, ProgressCallback, silent
from spinemr.pipeline.speaking import json_line


class ProgressMode(str, Enum):
    """How progress is shown."""

    AUTO = "auto"
    BAR = "bar"
    JSON = "json"
    NONE = "none"


ProgressOption = Annotated[
    ProgressMode,
    typer.Option(
        "--progress",
        metavar="HOW",
        help="auto (a bar on terminals), bar, none, or json: one object a line on stdout and nothing else.",
    ),
]


@contextmanager
def shown(mode: ProgressMode) -> Iterator[ProgressCallback]:
    """The callback that shows progress in this way while the block runs."""
    if mode is ProgressMode.JSON:
        yield json_line
    elif mode is ProgressMode.BAR or (mode is ProgressMode.AUTO and sys.stderr.isatty()):
        with _bar() as callback:
            yield callback
    else:
        yield silent


@contextmanager
def _bar() -> Iterator[ProgressCallback]:
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    # In a file, where nothing can be redrawn, the last state is all that appears.
    with Bar(*columns, console=console, transient=console.is_terminal) as bar:
        task = bar.add_task("", total=1.0)

        def update(report: Progress) -> None:
            bar.update(task, completed=report.fraction, description=report.message or report.phase)

        yield update
