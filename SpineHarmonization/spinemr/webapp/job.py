"""Work in a process beside a session: it can neither freeze the page nor take the session down, and can be cancelled."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from spinemr.imaging.progress import ProgressCallback
from spinemr.pipeline.child_process import LineReader, Outcome, environment, outcome_of, report_of
from spinemr.pipeline.jobs import MODULE

PATIENCE_S = 3.0
"""How long a process may clean up after it was asked to stop."""


class Job:
    """One process that does one job."""

    def __init__(self, progress: ProgressCallback, log: Callable[[str], None]) -> None:
        self._progress, self._log = progress, log
        self._process: asyncio.subprocess.Process | None = None
        self._cancelled = False

    @property
    def was_cancelled(self) -> bool:
        """Whether somebody asked it to stop."""
        return self._cancelled

    async def run(self, file: Path) -> Outcome:
        """Start what the file of a job says, report and wait."""
        if self._cancelled:
            return Outcome(0, True, "")
        try:
            self._process = process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", MODULE, str(file), env={**os.environ, **environment()},
                stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            )  # fmt: skip
        except OSError as error:
            return Outcome(1, False, f"The work could not be started: {error.strerror}.")
        if self.was_cancelled:  # while it was being started
            _ask_to_stop(process)
        complaints: list[str] = []
        await asyncio.gather(
            _each_line(process.stdout, self._heard), _each_line(process.stderr, lambda line: self._told(line, complaints))
        )
        return outcome_of(await process.wait(), complaints, cancelled=self._cancelled)

    async def cancel(self) -> None:
        """Ask it to stop and clean up; if it has not after some seconds it is killed."""
        self._cancelled = True
        process = self._process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            _ask_to_stop(process)
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(process.wait(), PATIENCE_S)
            if process.returncode is None:
                process.kill()

    def _heard(self, line: str) -> None:
        report = report_of(line)
        if report is None:
            self._log(line)
        else:
            self._progress(report)

    def _told(self, line: str, complaints: list[str]) -> None:
        complaints.append(line)
        self._log(line)


def _ask_to_stop(process: asyncio.subprocess.Process) -> None:
    if sys.platform == "win32":  # a process without a window cannot be asked; the interpreter may run behind a launcher
        command = ["taskkill", "/PID", str(process.pid), "/T", "/F"]
        subprocess.run(command, capture_output=True, check=False, creationflags=subprocess.CREATE_NO_WINDOW)
    else:
        process.terminate()


async def _each_line(stream: asyncio.StreamReader | None, take: Callable[[str], None]) -> None:
    assert stream is not None
    reader = LineReader()
    while piece := await stream.read(1 << 16):
        for line in reader.lines(piece):
            take(line)
    for line in reader.lines(b"", last=True):
        take(line)
