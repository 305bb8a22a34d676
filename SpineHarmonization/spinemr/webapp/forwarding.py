"""Requests and web sockets handed on to a session's process."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
from aiohttp import web

from spinemr.webapp.sessions import KEY_HEADER, Session

_OWN_HOP = {"connection", "keep-alive", "transfer-encoding", "upgrade", "host", "content-length", "content-encoding"}
"""Headers that belong to one connection, not to the message."""
_PASSED_ON = ("Content-Type", "Accept", "Range", "If-Modified-Since", "If-None-Match")


async def forward(request: web.Request, session: Session, client: aiohttp.ClientSession, path: str) -> web.StreamResponse:
    """The session's answer to a request, passed on as it comes."""
    headers = {KEY_HEADER: session.key, **{name: request.headers[name] for name in _PASSED_ON if name in request.headers}}
    body = request.content if request.body_exists else None
    address = f"http://127.0.0.1:{session.port}/{path}"
    async with client.request(request.method, address, headers=headers, data=body, allow_redirects=False) as answer:
        kept = {name: value for name, value in answer.headers.items() if name.lower() not in _OWN_HOP}
        response = web.StreamResponse(status=answer.status, headers=kept)
        await response.prepare(request)
        async for piece in answer.content.iter_chunked(1 << 16):
            await response.write(piece)
        await response.write_eof()
        return response


async def forward_socket(
    request: web.Request, session: Session, client: aiohttp.ClientSession, path: str
) -> web.WebSocketResponse:
    """Messages in both directions until one side closes."""
    outer = web.WebSocketResponse(max_msg_size=0, compress=False, heartbeat=20)
    await outer.prepare(request)
    address = f"http://127.0.0.1:{session.port}/{path}"
    async with client.ws_connect(address, headers={KEY_HEADER: session.key}, max_msg_size=0, compress=0) as inner:
        directions = [asyncio.create_task(_pump(outer, inner)), asyncio.create_task(_pump(inner, outer))]
        try:
            await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in directions:
                task.cancel()
    await outer.close()
    return outer


async def _pump(source: Any, target: Any) -> None:  # noqa: ANN401 - a socket of either side
    async for message in source:
        if message.type is aiohttp.WSMsgType.BINARY:
            await target.send_bytes(message.data)
        elif message.type is aiohttp.WSMsgType.TEXT:
            await target.send_str(message.data)
