"""Who is answered: this computer, its own pages, and who has the token."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from spinemr.webapp.access import COOKIE, is_loopback, new_token, refusal


def request(host: str = "127.0.0.1:8090", origin: str = "", token: str = "", cookie: str = "") -> SimpleNamespace:
    return SimpleNamespace(
        host=host,
        headers={"Origin": origin} if origin else {},
        query={"token": token} if token else {},
        cookies={COOKIE: cookie} if cookie else {},
    )


@pytest.mark.parametrize(
    ("host", "expected"),
    [("localhost", True), ("127.0.0.1", True), ("127.8.8.8", True), ("::1", True), ("0.0.0.0", False), ("192.168.1.2", False),
     ("evil.example", False), ("", False)],
)  # fmt: skip
def test_what_is_this_computer(host, expected):
    assert is_loopback(host) is expected


@pytest.mark.parametrize("host", ["127.0.0.1:8090", "localhost:8090", "[::1]:8090"])
def test_this_computers_own_names_are_answered_without_a_token(host):
    assert refusal(request(host, origin=f"http://{host}"), "127.0.0.1", "") == ""


def test_another_name_that_leads_here_is_not():
    assert "own address" in refusal(request("evil.example:8090"), "127.0.0.1", "")


def test_pages_of_other_sites_are_not():
    assert "another site" in refusal(request(origin="http://evil.example"), "127.0.0.1", "")
    assert "another site" in refusal(request(origin="http://127.0.0.1:9999"), "127.0.0.1", "")


def test_elsewhere_the_token_is_needed_in_the_address_or_the_cookie():
    token = new_token()
    assert len(token) >= 32 and token != new_token()
    assert refusal(request("spine.example", token=token), "0.0.0.0", token) == ""
    assert refusal(request("spine.example", cookie=token), "0.0.0.0", token) == ""
    for wrong in (request("spine.example"), request("spine.example", token="x"), request("127.0.0.1", cookie=token[:-1])):
        assert "token" in refusal(wrong, "0.0.0.0", token)
