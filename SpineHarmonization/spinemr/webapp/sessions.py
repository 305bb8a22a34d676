"""Processes of sessions: each browser tab has its own, with its own scene and folder, and both go when the tab does."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import shutil
import signal
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from spinemr.imaging.errors import SpineMRError
from spinemr.pipeline.child_process import environment

MODULE = "spinemr.webapp.session_process"
KEY_HEADER, KEY_VARIABLE = "X-SpineMR-Key", "SPINEMR_SESSION_KEY"
"""The front's word to a session that a request went through it."""
START_S = 90.0
IDLE_S = 30.0
"""How long a session without a browser stays: long enough to load its page again."""
_PATIENCE_S = 3.0


@dataclass
class Session:
    """A process with its folder."""

    name: str
    key: str
    folder: Path
    process: asyncio.subprocess.Process
    port: int
    connections: int = 0
    leaving: asyncio.Task[None] | None = field(default=None, repr=False)

    @property
    def is_alive(self) -> bool:
        """Whether its process runs."""
        return self.process.returncode is None


class Sessions:
    """All sessions of a front."""

    def __init__(self, *, limit: int, upload_limit_bytes: int, idle_s: float = IDLE_S) -> None:
        self._limit, self._upload_limit_bytes, self._idle_s = limit, upload_limit_bytes, idle_s
        self._open: dict[str, Session] = {}
        self._spare: asyncio.Task[Session] | None = None

    def prepare(self, image: Path | None = None) -> None:
        """Start the process of the next session, so that its page opens at once; it begins with ``image``."""
        self._spare = asyncio.create_task(self._started(image))

    async def new(self) -> Session:
        """A session nobody else has."""
        spare, self._spare = self._spare, None
        if len(self._open) >= self._limit:
            self._spare = spare
            raise SpineMRError(f"All {self._limit} sessions are in use.", "Close another tab of SpineMR, then try again.")
        session = await (spare if spare is not None else self._started(None))
        self._open[session.name] = session
        self._leave_later(session)
        return session

    def find(self, name: str) -> Session | None:
        """An open session; ``None`` where there is none of this name, or its process has ended."""
        session = self._open.get(name)
        return session if session is not None and session.is_alive else None

    def connected(self, session: Session) -> None:
        """A page of the session is open."""
        session.connections += 1
        if session.leaving is not None:
            session.leaving.cancel()
            session.leaving = None

    def disconnected(self, session: Session) -> None:
        """A page of the session was closed, or is being loaded again."""
        session.connections -= 1
        if session.connections <= 0:
            self._leave_later(session)

    async def close(self) -> None:
        """End all of them."""
        if self._spare is not None:
            spare, self._spare = self._spare, None
            spare.cancel()
            with contextlib.suppress(asyncio.CancelledError, SpineMRError):
                await _end(await spare)
        await asyncio.gather(*(self._close(session) for session in tuple(self._open.values())))

    def _leave_later(self, session: Session) -> None:
        async def leave() -> None:
            await asyncio.sleep(self._idle_s)
            session.leaving = None
            await self._close(session)

        session.leaving = asyncio.create_task(leave())

    async def _close(self, session: Session) -> None:
        if session.leaving is not None:
            session.leaving.cancel()
        self._open.pop(session.name, None)
        await _end(session)

    async def _started(self, image: Path | None) -> Session:
        folder = Path(tempfile.mkdtemp(prefix="spinemr-"))
        key = secrets.token_urlsafe(24)
        words = [str(folder), "--upload-limit", str(self._upload_limit_bytes)]
        words += [] if image is None else ["--image", str(image)]
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", MODULE, *words, env={**os.environ, **environment(), KEY_VARIABLE: key},
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=_errors(),
                start_new_session=sys.platform != "win32",
            )  # fmt: skip
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise SpineMRError(f"A session could not be started: {error.strerror}.") from error
        session = Session(secrets.token_hex(16), key, folder, process, 0)
        try:
            session.port = await asyncio.wait_for(_port_of(process), START_S)
        except BaseException as error:
            await _end(session)
            if isinstance(error, asyncio.CancelledError):
                raise
            raise SpineMRError("A session could not be started.", "SPINEMR_DEBUG=1 shows why.") from error
        return session


async def _port_of(process: asyncio.subprocess.Process) -> int:
    """The port a session says it listens on; other lines are passed over."""
    assert process.stdout is not None
    while line := await process.stdout.readline():
        with contextlib.suppress(ValueError, KeyError, TypeError):
            return int(json.loads(line)["port"])
    raise SpineMRError("The session ended before it began.")


async def _end(session: Session) -> None:
    """End a session and everything it started, and remove its folder."""
    process = session.process
    if process.returncode is None:
        _signal(process.pid, signal.SIGTERM)
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(process.wait(), _PATIENCE_S)
    _signal(process.pid, getattr(signal, "SIGKILL", signal.SIGTERM))
    if process.returncode is None:
        await process.wait()
    await asyncio.to_thread(shutil.rmtree, session.folder, ignore_errors=True)


def _signal(leader: int, number: int) -> None:
    """To the process and what it started."""
    with contextlib.suppress(OSError):
        if sys.platform == "win32":
            os.kill(leader, signal.SIGTERM)
        else:
            os.killpg(leader, number)


def _errors() -> int | None:
    """Where a session's own messages go: nowhere, or with SPINEMR_DEBUG to the terminal."""
    return None if os.environ.get("SPINEMR_DEBUG") else asyncio.subprocess.DEVNULL
