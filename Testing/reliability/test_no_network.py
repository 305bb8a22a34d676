"""No test, and no program a test starts, gets beyond this computer; and that would be noticed."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import network_guard
import pytest

OUTSIDE = ("192.0.2.1", 80)
"""An address that documentation may use and nobody has."""


@pytest.fixture
def forgiven(network_attempts: Path):
    """The attempts of this test, which is meant to make some."""
    before = network_attempts.read_text(encoding="utf-8")
    yield lambda: network_attempts.read_text(encoding="utf-8")[len(before) :]
    network_attempts.write_text(before, encoding="utf-8")


def test_the_network_is_refused_and_noted(forgiven):
    with pytest.raises(network_guard.NetworkRefused, match=r"192\.0\.2\.1"):
        socket.create_connection(OUTSIDE, timeout=1)
    with pytest.raises(network_guard.NetworkRefused):
        socket.getaddrinfo("example.org", 443)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one, pytest.raises(network_guard.NetworkRefused):
        one.sendto(b"x", OUTSIDE)
    assert len(forgiven().splitlines()) == 3


def test_programs_that_are_started_are_refused_it(forgiven):
    code = "import socket; socket.create_connection(('192.0.2.1', 80), 1)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "NetworkRefused" in done.stderr
    assert "192.0.2.1" in forgiven()


def test_no_package_reports_that_it_is_used(seeds, tmp_path):
    """OpenVINO looks up an address of Google and keeps a number of the user in ~/intel when it is imported."""
    words = ["segment", str(seeds.image), "-o", str(tmp_path / "labels.nii.gz"), "--device", "cpu"]
    environment = {**os.environ, "HOME": str(tmp_path / "home"), "CI": "", "TMPDIR": str(tmp_path / "tmp")}
    for name in ("home", "tmp"):
        (tmp_path / name).mkdir()
    command = [sys.executable, "-m", "spinemr.cli", *words]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert "No lumbar spine found" in done.stderr, done.stderr
    assert [*(tmp_path / "home").iterdir(), *(tmp_path / "tmp").iterdir()] == []


def test_this_computer_is_reached():
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname(), timeout=5) as one:
        assert one.getpeername() == server.getsockname()


@pytest.mark.parametrize(
    ("host", "own"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("", True), ("10.0.0.1", False), ("pypi.org", False)],
)
def test_which_hosts_are_this_computer(host, own):
    assert network_guard.is_own(host) is own
