"""What a browser talks to: gives each tab a session of its own and hands its requests on to it."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import html
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from aiohttp import web

from spinemr.imaging.errors import InputError, SpineMRError
from spinemr.webapp import access
from spinemr.webapp.forwarding import forward, forward_socket
from spinemr.webapp.sessions import IDLE_S, Session, Sessions

SESSION_LIMIT = 8
UPLOAD_LIMIT_MB = 2048
_HEADERS = {
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
}
_LAUNCHER = "paraview/"
"""Where a page of trame asks for the address of its web socket; it fills in protocol and host itself."""
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class FrontSettings:
    """Where the app listens, and what it allows."""

    host: str = "127.0.0.1"
    port: int = 8090
    token: str = ""
    """Empty: none is asked for, which is for loopback only."""
    image: Path | None = None
    """What the first session opens."""
    session_limit: int = SESSION_LIMIT
    upload_limit_mb: int = UPLOAD_LIMIT_MB
    idle_s: float = IDLE_S

    def __post_init__(self) -> None:
        if not self.token and not access.is_loopback(self.host):
            raise InputError(f"Listening on {self.host} needs a token.")

    def address(self, port: int) -> str:
        """What a person types into a browser."""
        wild = self.host in ("0.0.0.0", "::", "")
        host = socket.gethostname() if wild else self.host
        return f"http://{f'[{host}]' if ':' in host else host}:{port}/{f'?{access.TOKEN}={self.token}' if self.token else ''}"


class Front:
    """The application of a front."""

    def __init__(self, settings: FrontSettings) -> None:
        self._settings = settings
        self._client: aiohttp.ClientSession | None = None
        self.sessions = Sessions(
            limit=settings.session_limit, upload_limit_bytes=settings.upload_limit_mb << 20, idle_s=settings.idle_s
        )

    def application(self) -> web.Application:
        """Its routes."""

        async def guard(request: web.Request, handler: _Handler) -> web.StreamResponse:
            reason = access.refusal(request, self._settings.host, self._settings.token)
            return _page(403, "Not allowed", reason) if reason else await handler(request)

        app = web.Application(middlewares=[web.middleware(guard)])
        session = web.route("*", "/s/{name}/{path:.*}", self._hand_on)
        app.add_routes([web.get("/", self._enter), web.get("/s/{name}", self._to_page), session])
        app.cleanup_ctx.append(self._running)
        app.on_shutdown.append(self._end_sessions)
        return app

    async def _end_sessions(self, _app: web.Application) -> None:
        """Before the server waits for answers that are under way: sockets of open pages last as long as their sessions."""
        await self.sessions.close()

    async def _running(self, _app: web.Application) -> AsyncIterator[None]:
        limits = aiohttp.TCPConnector(limit=0)
        self._client = aiohttp.ClientSession(connector=limits, timeout=aiohttp.ClientTimeout(total=None), auto_decompress=False)
        self.sessions.prepare(self._settings.image)
        yield
        await self._client.close()
        await self.sessions.close()  # what was opened meanwhile

    async def _enter(self, _request: web.Request) -> web.StreamResponse:
        try:
            session = await self.sessions.new()
        except SpineMRError as error:
            return _page(503, "No session", str(error))
        response = web.Response(status=303, headers={**_HEADERS, "Location": f"/s/{session.name}/index.html"})
        if self._settings.token:
            response.set_cookie(access.COOKIE, self._settings.token, httponly=True, samesite="Strict")
        return response

    async def _to_page(self, request: web.Request) -> web.StreamResponse:
        raise web.HTTPSeeOther(f"/s/{request.match_info['name']}/index.html")

    async def _hand_on(self, request: web.Request) -> web.StreamResponse:
        session = self.sessions.find(request.match_info["name"])
        if session is None:
            return _page(410, "This session has ended", "Its data is gone from this computer.", again=True)
        assert self._client is not None
        path = request.match_info["path"]
        if path == _LAUNCHER:
            return web.json_response({"sessionURL": f"ws://use_host/s/{session.name}/ws"})
        try:
            if request.headers.get("Upgrade", "").lower() == "websocket":
                return await self._socket(request, session, path)
            return await forward(request, session, self._client, path)
        except (aiohttp.ClientError, ConnectionError):
            return _page(502, "The session does not answer", "It may have ended unexpectedly.", again=True)

    async def _socket(self, request: web.Request, session: Session, path: str) -> web.StreamResponse:
        assert self._client is not None
        self.sessions.connected(session)
        try:
            return await forward_socket(request, session, self._client, path)
        finally:
            self.sessions.disconnected(session)


def serve(settings: FrontSettings, ready: Callable[[str], None]) -> None:
    """Run until interrupted; ``ready`` hears the address once it answers."""
    asyncio.run(_serve(settings, ready))


async def _serve(settings: FrontSettings, ready: Callable[[str], None]) -> None:
    listening = _bound(settings)
    runner = web.AppRunner(Front(settings).application(), access_log=None)
    await runner.setup()
    try:
        await web.SockSite(runner, listening).start()
        ready(settings.address(listening.getsockname()[1]))
        await _interrupted()
    finally:
        await runner.cleanup()


async def _interrupted() -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        with contextlib.suppress(NotImplementedError, AttributeError, RuntimeError):
            loop.add_signal_handler(getattr(signal, name), stop.set)
    await stop.wait()


def _bound(settings: FrontSettings) -> socket.socket:
    """A listening socket; a port that is taken, or may not be had, is said in one sentence."""
    try:
        found = socket.getaddrinfo(settings.host or None, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, *_, address = found[0]
        return socket.create_server(address[:2], family=family)
    except socket.gaierror as error:
        raise InputError(f"There is no address {settings.host}.", "Use 127.0.0.1, or an address of this computer.") from error
    except OverflowError as error:
        raise InputError(f"{settings.port} is no port.", "Ports go from 0 to 65535; 0 takes a free one.") from error
    except OSError as error:
        raise InputError(*_why_not(settings, error)) from error


def _why_not(settings: FrontSettings, error: OSError) -> tuple[str, str]:
    if error.errno == errno.EADDRINUSE:
        another = "SpineMR may be open already: look there, or choose another port with --port (0 takes a free one)."
        return f"Port {settings.port} is in use.", another
    if error.errno == errno.EACCES:
        return f"Port {settings.port} may not be used.", "Choose one above 1023."
    return f"Cannot listen on {settings.host}:{settings.port}: {error.strerror or error}.", "Choose another address or port."


def _page(status: int, title: str, sentence: str, *, again: bool = False) -> web.Response:
    link = '<p><a href="/">Open a new session</a></p>' if again else ""
    text = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>SpineMR</title>'
        f'<body style="font:16px system-ui;background:#10151b;color:#e6edf3;display:grid;place-items:center;height:90vh">'
        f"<main><h1>{html.escape(title)}</h1><p>{html.escape(sentence)}</p>{link}</main>"
        f"<style>a{{color:#7cc4ff}}</style></body></html>"
    )
    return web.Response(status=status, text=text, content_type="text/html", headers=_HEADERS)
