"""The process of one session: ``python -m spinemr.webapp.session_process FOLDER``, started by the front and ended with it."""

from __future__ import annotations

import argparse
import gc
import json
import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aiohttp import web
from trame.app import get_server
from trame_slicer import module as slicer_module

from spinemr.imaging.errors import SpineMRError
from spinemr.webapp import page
from spinemr.webapp.session import Session
from spinemr.webapp.sessions import KEY_HEADER, KEY_VARIABLE
from spinemr.webapp.uploads import Received
from spinemr.webapp.whole_job import REFERENCE

STATIC = Path(__file__).with_name("static")
Begin = Callable[[Path], None]


def main() -> None:
    """Serve one session until the front closes this process's standard input."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--upload-limit", type=int, required=True, metavar="BYTES")
    parser.add_argument("--image", type=Path)
    options = parser.parse_args()
    sys.argv[1:] = []  # trame reads them, too
    key = os.environ.pop(KEY_VARIABLE, "")
    threading.Thread(target=_end_with_the_front, daemon=True).start()
    server = get_server(client_type="vue3")
    server.enable_module(slicer_module)
    own = {"serve": {"spinemr": str(STATIC)}, "scripts": ["spinemr/spinemr.js"], "styles": ["spinemr/spinemr.css"]}
    server.enable_module(own)
    session = Session(server, options.folder)
    page.build(session)
    server.controller.on_server_bind.add(lambda wslink: _add_routes(wslink.app, session, options.upload_limit, key))
    server.controller.on_server_ready.add(lambda **_: _begin(server, session, options.image))
    server.start(port=0, host="127.0.0.1", open_browser=False, show_connection_info=False, timeout=0, disable_logging=True)


def _end_with_the_front() -> None:
    while os.read(0, 4096):  # a buffered reader would hold the interpreter up at its end
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _begin(server: Any, session: Session, image: Path | None) -> None:  # noqa: ANN401 - a server of trame
    sys.stdout.write(json.dumps({"port": server.port}) + "\n")
    sys.stdout.flush()
    gc.collect()
    gc.freeze()  # what was loaded stays: else each full collection looks through it for a tenth of a second, amid a stroke
    if image is not None:
        session.start(lambda: session.open_file(image), "Opening the study")


def _add_routes(app: web.Application, session: Session, limit_bytes: int, key: str) -> None:
    async def guard(request: web.Request, handler: Any) -> web.StreamResponse:  # noqa: ANN401
        if key and request.headers.get(KEY_HEADER) != key:
            return web.Response(status=403)
        answer: web.StreamResponse = await handler(request)
        return answer

    async def receive(request: web.Request, folder: Path, of: Callable[[Received], Path], start: Begin) -> web.Response:
        if session.state.working:
            return web.json_response({"error": "SpineMR is at work; wait for it, or cancel it."}, status=409)
        try:
            received = Received(folder, limit_bytes)
            async for part in await request.multipart():
                await received.take(part)
            path = of(received)
        except SpineMRError as error:
            shutil.rmtree(folder, ignore_errors=True)
            return web.json_response({"error": str(error)}, status=400)
        start(path)
        return web.json_response({})

    async def upload(request: web.Request) -> web.Response:
        begin: Begin = lambda path: session.start(lambda: session.open_file(path), "Opening the study")  # noqa: E731
        return await receive(request, session.folder_to_receive(), Received.image, begin)

    async def reference(request: web.Request) -> web.Response:
        begin: Begin = lambda path: session.start(  # noqa: E731
            lambda: session.whole_job.take_reference(path), "Reading the reference"
        )
        return await receive(request, session.folder_to_receive(REFERENCE), Received.reference, begin)

    async def export(request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        try:
            path = session.exports.write(name)
        except SpineMRError as error:
            return web.Response(status=409, text=str(error))
        headers = {"Content-Disposition": f'attachment; filename="{path.name}"', "Cache-Control": "no-store"}
        return web.FileResponse(path, headers=headers)

    app.middlewares.append(web.middleware(guard))
    app.router.add_post("/upload", upload)
    app.router.add_post("/reference", reference)
    app.router.add_get("/export/{name}", export)


if __name__ == "__main__":
    main()
