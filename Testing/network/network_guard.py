"""Keeps tests, and the Python programs they start, off every network but this computer's own.

Python tells its audit hooks of connections, of addresses looked up and of packets sent before they happen; what would leave the
computer is refused, and noted in the file that ``SPINEMR_NETWORK_ATTEMPTS`` names, so that code that hides the refusal is found.
"""

from __future__ import annotations

import ipaddress
import os
import sys
from typing import Any

ATTEMPTS_VARIABLE = "SPINEMR_NETWORK_ATTEMPTS"
_OWN_NAME = os.uname().nodename if hasattr(os, "uname") else os.environ.get("COMPUTERNAME")
"""PyTorch's launcher of several processes asks for it."""
_installed = False


class NetworkRefused(OSError):
    """A test reached for the network."""


def install() -> None:
    """Refuse from now on; a hook cannot be taken back."""
    global _installed
    if not _installed:
        sys.addaudithook(_watch)
        _installed = True


def is_own(host: object) -> bool:
    """Whether a host is this computer."""
    if isinstance(host, bytes):
        host = host.decode("ascii", "replace")
    if host in (None, "", "localhost", _OWN_NAME):
        return True
    try:
        address = ipaddress.ip_address(str(host).partition("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        address = arguments[1]
        if isinstance(address, tuple) and address and not is_own(address[0]):
            _refuse(event, address[0])
    elif event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr") and not is_own(arguments[0]):
        _refuse(event, arguments[0])


def _refuse(event: str, host: object) -> None:
    attempt = f"{event} {host}"
    path = os.environ.get(ATTEMPTS_VARIABLE)
    if path:
        with open(path, "a", encoding="utf-8") as file:  # noqa: PTH123 - as little as can be is imported by every child
            file.write(f"{attempt}\n")
    raise NetworkRefused(f"no test may reach the network: {attempt}")
