"""What a request shows of whoever sends it."""

import base64
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from litestar.types import HTTPScope

from sagittal.errors import Invalid
from sagittal.web.visiting import Networks, Shown, cookies_in, parse_networks, shown_by

PROXIES = parse_networks(["10.0.0.0/8", "2001:db8::1"], "trusted_proxies")


def shown(client: str, *, proxies: Networks = PROXIES, scheme: str = "http", **headers: str) -> Shown:
    raw = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
    scope: dict[str, Any] = {"client": (client, 1234), "scheme": scheme, "headers": raw}
    return shown_by(cast("HTTPScope", scope), proxies)


def behind(client: str, proxies: Networks = PROXIES) -> Shown:
    """A request that a proxy has brought, or somebody who says so."""
    return shown(
        client,
        proxies=proxies,
        host="inside:8080",
        x_forwarded_for="192.0.2.7",
        x_forwarded_proto="https",
        x_forwarded_host="pacs.example.org",
    )


def test_what_a_named_proxy_forwards_is_believed() -> None:
    said = behind("10.1.2.3")
    assert said[:3] == ("192.0.2.7", "https", "pacs.example.org")
    assert said.is_from_proxy


@pytest.mark.parametrize("proxies", [PROXIES, ()])
def test_what_anybody_else_forwards_is_not(proxies: Networks) -> None:
    said = behind("192.0.2.99", proxies)
    assert said[:3] == ("192.0.2.99", "http", "inside:8080")
    assert not said.is_from_proxy


def test_of_a_chain_the_last_address_counts_that_is_no_proxy_of_ours() -> None:
    chain = "127.0.0.1, 198.51.100.4, 10.9.9.9"
    assert shown("10.1.2.3", x_forwarded_for=chain).address == "198.51.100.4"
    assert shown("10.1.2.3", x_forwarded_for="10.9.9.9, 10.8.8.8").address == "10.9.9.9"


def test_a_proxy_that_forwards_no_address_is_the_address() -> None:
    assert shown("10.1.2.3", x_forwarded_for="unknown").address == "10.1.2.3"
    assert shown("10.1.2.3").address == "10.1.2.3"


def test_an_address_of_ipv4_in_ipv6_is_the_same_proxy() -> None:
    assert behind("::ffff:10.1.2.3").address == "192.0.2.7"


def test_over_tls_only_the_cookie_counts_that_no_other_host_can_set() -> None:
    cookie = "sagittal=planted; __Host-sagittal=ours"
    assert shown("192.0.2.1", scheme="https", cookie=cookie).session() == "ours"
    assert shown("192.0.2.1", scheme="https", cookie="sagittal=planted").session() == ""
    assert shown("127.0.0.1", cookie=cookie).session() == "planted"


@pytest.mark.parametrize(
    ("headers", "is_own"),
    [
        ({"sec_fetch_site": "same-origin"}, True),
        ({"sec_fetch_site": "none"}, True),
        ({"sec_fetch_site": "same-site"}, False),
        ({"sec_fetch_site": "cross-site", "origin": "http://here"}, False),
        ({"origin": "http://here"}, True),
        ({"origin": "https://here"}, False),
        ({"origin": "http://here.evil.example"}, False),
        ({"origin": "null"}, False),
        ({}, False),
    ],
)
def test_only_our_own_pages_may_have_a_browser_send_something(headers: dict[str, str], is_own: bool) -> None:
    said = shown("192.0.2.1", host="here", **headers)  # type: ignore[arg-type]  # all are headers
    assert said.is_of_own_page() is is_own


def test_a_name_and_password_are_read_and_what_is_malformed_is_told() -> None:
    said = base64.b64encode("jö:a:b".encode()).decode()
    assert shown("192.0.2.1", authorization=f"Basic {said}").basic() == ("jö", "a:b")
    assert shown("192.0.2.1", authorization="Bearer x").basic() is None
    for wrong in ("Basic !", "Basic", f"Basic {base64.b64encode(b'no colon').decode()}"):
        with pytest.raises(Invalid):
            shown("192.0.2.1", authorization=wrong).basic()


@given(st.text())
def test_any_cookie_header_is_read(header: str) -> None:
    assert len(cookies_in(header)) <= 50
