"""Around the page: ports, tokens, other sites, limits, sessions that crash, and what is left behind."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest

pytestmark = pytest.mark.browser


def ask(
    address: str, path: str = "/", method: str = "GET", body: bytes | None = None, **headers: str
) -> http.client.HTTPResponse:
    """An answer without following where it leads."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=90)
    connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
    return connection.getresponse()


def soon(holds: Callable[[], bool], seconds: float = 30.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if holds():
            return True
        time.sleep(0.2)
    return False


def form(name: str, content: bytes) -> tuple[bytes, str]:
    head = f'--x\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode()
    return head + content + b"\r\n--x--\r\n", "multipart/form-data; boundary=x"


def session_processes(app) -> list[int]:
    listed = subprocess.run(["ps", "-axo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    pairs = [tuple(map(int, line.split())) for line in listed.splitlines()]
    return [process for process, parent in pairs if parent == app.process.pid]


def test_a_second_start_on_a_port_says_that_it_is_busy(app):
    port = urlsplit(app.address).port
    command = [sys.executable, "-m", "spinemr.cli", "app", "--no-open", "--port", str(port)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert f"Port {port} is in use." in done.stderr and "Traceback" not in done.stderr


def test_a_missing_image_is_said_before_anything_starts():
    command = [sys.executable, "-m", "spinemr.cli", "app", "--no-open", "--port", "0", "nowhere.nii.gz"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2 and "There is no file or folder nowhere.nii.gz." in done.stderr


def test_other_names_and_other_sites_are_refused(app):
    assert ask(app.address, Host="evil.example").status == 403
    assert ask(app.address, Origin="http://evil.example").status == 403
    assert ask(app.address, "/s/0123/index.html").status == 410


def test_a_session_is_reached_through_the_front_only(app):
    answer = ask(app.address)
    assert answer.status == 303
    assert re.fullmatch(r"/s/[0-9a-f]{32}/index.html", answer.headers["Location"])
    owners = [f"pid={process}," for process in session_processes(app)]
    listening = subprocess.run(["ss", "-ltnpH"], capture_output=True, text=True, check=True).stdout.splitlines()
    ports = [line.split()[3] for line in listening if any(owner in line for owner in owners)]
    assert ports
    for port in ports:
        assert port.startswith("127.0.0.1:")
        assert ask(f"http://{port}", "/index.html").status == 403


def test_elsewhere_the_token_is_needed_and_goes_into_a_cookie(start_app):
    app = start_app("--host", "0.0.0.0")
    here = f"http://127.0.0.1:{urlsplit(app.address).port}"
    token = urlsplit(app.address).query.removeprefix("token=")
    assert len(token) >= 32
    assert ask(here).status == 403 and ask(here, "/?token=wrong").status == 403
    answer = ask(here, f"/?token={token}")
    assert answer.status == 303 and "token" not in answer.headers["Location"]
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie
    page = answer.headers["Location"]
    assert ask(here, page).status == 403
    assert ask(here, page, Cookie=cookie.split(";")[0]).status == 200


def test_what_is_too_large_is_refused_in_a_sentence(start_app):
    app = start_app("--upload-limit", "1", "--sessions", "1")
    place = ask(app.address).headers["Location"].removesuffix("index.html")
    body, kind = form("DOE.nii", bytes(2 << 20))
    answer = ask(app.address, place + "upload", "POST", body, Content_Type=kind)
    said = json.loads(answer.read())["error"]
    assert answer.status == 400 and "larger than 1 MB" in said and "DOE" not in said
    second = ask(app.address)
    assert second.status == 503 and b"in use" in second.read()


def test_a_session_that_crashes_takes_no_other_down(start_app):
    app = start_app()
    first, second = (ask(app.address).headers["Location"] for _ in range(2))
    assert ask(app.address, first).status == ask(app.address, second).status == 200
    os.kill(session_processes(app)[0], signal.SIGKILL)
    assert soon(lambda: sorted(ask(app.address, one).status for one in (first, second)) == [200, 410])
    assert ask(app.address).status == 303


def test_nothing_is_left_when_the_app_ends(start_app, new_page):
    app = start_app()
    page = new_page(app.address)
    ask(app.address)
    assert len(app.folders()) == len(session_processes(app)) == 2
    app.process.terminate()
    app.process.wait(30)
    assert not app.folders() and app.process.returncode == 0
    page.get_by_test_id("closed").wait_for()
