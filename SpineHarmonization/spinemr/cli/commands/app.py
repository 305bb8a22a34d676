"""``spinemr app``: the browser app."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spinemr.imaging.errors import InputError

PORT = 8090


def command(
    image: Annotated[
        Path | None,
        typer.Argument(metavar="[IMAGE]", help="What the first page opens: an image, or a DICOM folder.", show_default=False),
    ] = None,
    port: Annotated[int, typer.Option(metavar="N", help="The port to listen on; 0 takes a free one.")] = PORT,
    open_page: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in this computer's browser.")] = True,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Where to listen. Elsewhere than here a token is needed, which is printed.")
    ] = "127.0.0.1",
    sessions: Annotated[int, typer.Option(min=1, max=64, metavar="N", help="How many pages may be open at once.")] = 8,
    upload_limit: Annotated[int, typer.Option(min=1, metavar="MB", help="The largest study that may be sent.")] = 2048,
) -> None:
    """Harmonize, segment, correct and judge studies in the browser.

    Each browser tab has its own study, which is gone from this computer soon
    after the tab is closed. Nothing is sent anywhere else. Ctrl-C ends it.

    Not a medical device.

    Example: [bold]spinemr app[/bold]

    Example: [bold]spinemr app study.nii.gz --port 0 --no-open[/bold]
    """
    _check_installed()
    from spinemr.webapp.access import is_loopback, new_token
    from spinemr.webapp.front import FrontSettings, serve

    if image is not None and not image.exists():
        raise InputError(f"There is no file or folder {image}.", "Check the path.")
    token = "" if is_loopback(host) else new_token()
    settings = FrontSettings(host, port, token, None if image is None else image.resolve(), sessions, upload_limit)

    def ready(address: str) -> None:
        typer.echo(f"SpineMR is at {address}")
        typer.echo("Press Ctrl-C to end it.")
        if open_page:
            typer.launch(address)

    serve(settings, ready)


def _check_installed() -> None:
    from importlib.util import find_spec

    missing = [name for name in ("trame_slicer", "slicer", "aiohttp") if find_spec(name) is None]
    if missing:
        raise InputError(
            f"The browser app needs packages that are not installed ({', '.join(missing)}).",
            "Install them with Python 3.11 or 3.12: pip install 'spinemr[app]'",
        )
