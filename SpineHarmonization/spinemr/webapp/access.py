"""Who may talk to the app: everyone on this computer, and from elsewhere whoever has the token."""

from __future__ import annotations

import hmac
import ipaddress
import secrets
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from aiohttp import web

COOKIE = "spinemr_token"
TOKEN = "token"
"""The parameter of the first address, which puts the token into a cookie and goes from the address."""


def is_loopback(host: str) -> bool:
    """Whether only this computer can reach an address."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def new_token() -> str:
    """A token nobody can guess."""
    return secrets.token_urlsafe(24)


def refusal(request: web.Request, host: str, token: str) -> str:
    """Why a request is not answered; empty where it is.

    On this computer pages of other sites must not reach the app through the user's browser, so the name in the address has to
    be this computer's, and what changes something has to come from the app's own pages.
    """
    if token and not _has_token(request, token):
        return "This address needs the token that SpineMR printed when it started."
    name = _name_of(f"//{request.host}")
    if not token and not (is_loopback(name) or name == host):
        return "SpineMR answers on this computer's own address only."
    origin = request.headers.get("Origin")
    if origin and urlsplit(origin).netloc.lower() != request.host.lower():
        return "This request comes from another site."
    return ""


def _has_token(request: web.Request, token: str) -> bool:
    given = request.query.get(TOKEN) or request.cookies.get(COOKIE) or ""
    return hmac.compare_digest(given.encode(), token.encode())


def _name_of(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""
