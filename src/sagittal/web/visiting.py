"""What a request shows of whoever sends it: their address behind named proxies, whose page sent it, what they hold."""

import base64
import binascii
import ipaddress
from collections.abc import Iterable
from typing import Final, NamedTuple, TypeAlias
from urllib.parse import urlsplit

from litestar.types import HTTPScope

from sagittal.errors import Invalid

Networks: TypeAlias = tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
COOKIE: Final = "sagittal"
SECURE_COOKIE: Final = "__Host-sagittal"
"""The session's cookie: over TLS under a name that no other host and no plain HTTP can set."""

_MOST_COOKIES: Final = 50
_FORWARDED: Final = (b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host")
_TELLING: Final = frozenset((b"authorization", b"cookie", b"host", b"user-agent", b"accept-language", *_FORWARDED))
"""Headers that say who asks, from where, and in which language they are answered."""


class Shown(NamedTuple):
    """What a request shows.

    Attributes:
        address: of the client, without port; behind a named proxy the one it tells.
        scheme, host: as the client sees them.
        headers: by name in lower case; of several of one name the first.
        is_from_proxy: a named proxy brought it.
    """

    address: str
    scheme: str
    host: str
    headers: dict[str, str]
    is_from_proxy: bool

    @property
    def agent(self) -> str:
        """What the browser calls itself."""
        return self.headers.get("user-agent", "")[:256]

    def session(self) -> str:
        """The secret of the session's cookie; `""` without one."""
        name = SECURE_COOKIE if self.scheme == "https" else COOKIE
        return cookies_in(self.headers.get("cookie", "")).get(name, "")

    def bearer(self) -> str:
        """The token of `Authorization: Bearer`; `""` without one."""
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        return token.strip() if scheme.lower() == "bearer" else ""

    def basic(self) -> tuple[str, str] | None:
        """Name and password of `Authorization: Basic` (RFC 7617); None without them. Raises Invalid if malformed."""
        scheme, _, said = self.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            name, colon, password = base64.b64decode(said.strip(), validate=True).decode().partition(":")
        except (binascii.Error, ValueError) as error:
            raise Invalid("Authorization: Basic is to hold name and password in base64 of UTF-8") from error
        if not colon:
            raise Invalid("Authorization: Basic is to hold name and password with a colon between them")
        return name, password

    def is_of_own_page(self) -> bool:
        """Whether a page of ours, or no page at all, has the browser send it: what others make it send is not done."""
        site = self.headers.get("sec-fetch-site", "")
        if site:
            return site in ("same-origin", "none")
        origin = self.headers.get("origin", "")
        return bool(origin) and urlsplit(origin)[:2] == (self.scheme, self.host)

    def is_of_other_page(self) -> bool:
        """Whether a page of somebody else has the browser send it."""
        return ("sec-fetch-site" in self.headers or "origin" in self.headers) and not self.is_of_own_page()

    def is_for_person(self) -> bool:
        """Whether a person waits for a page."""
        return "text/html" in self.headers.get("accept", "")


def parse_networks(texts: Iterable[str], what: str) -> Networks:
    """Addresses and networks. Raises Invalid naming `what`."""
    found = []
    for text in texts:
        try:
            found.append(ipaddress.ip_network(text, strict=False))
        except ValueError as error:
            raise Invalid(f"{what} is to hold IP addresses and networks; got {text!r}") from error
    return tuple(found)


def shown_by(scope: HTTPScope, proxies: Networks) -> Shown:
    """What a request shows; forwarded headers count only from `proxies`."""
    headers: dict[str, str] = {}
    for name, value in scope["headers"]:
        headers.setdefault(name.decode("latin-1").lower(), value.decode("latin-1"))
    client = scope["client"]
    address, scheme, host = client[0] if client else "", scope["scheme"], headers.get("host", "")
    is_from_proxy = bool(proxies) and _is_in(address, proxies)
    if is_from_proxy:
        address = _forwarded_for(headers.get("x-forwarded-for", ""), address, proxies)
        scheme = headers.get("x-forwarded-proto", scheme).split(",")[-1].strip()
        host = headers.get("x-forwarded-host", host).split(",")[-1].strip()
    return Shown(address, "https" if scheme == "https" else "http", host, headers, is_from_proxy)


def telling(scope: HTTPScope) -> tuple[object, ...]:
    """All of a request that decides who is asking, from where, and in which language: equal for equal visitors."""
    client = scope["client"]
    said = [(name, value) for name, value in scope["headers"] if name.lower() in _TELLING]
    return (client[0] if client else "", scope["scheme"], *said)


def cookies_in(header: str) -> dict[str, str]:
    """The cookies of a Cookie header; of several of one name the first.

    >>> cookies_in("a=1; b=2; a=3")
    {'a': '1', 'b': '2'}
    """
    found: dict[str, str] = {}
    for part in header.split(";", _MOST_COOKIES)[:_MOST_COOKIES]:
        name, equals, value = part.strip().partition("=")
        if equals:
            found.setdefault(name, value)
    return found


def is_loopback(address: str) -> bool:
    """Whether an address is this machine's own."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return bool((mapped or parsed).is_loopback)


def is_loopback_name(host: str) -> bool:
    """Whether a Host header names this machine: no name of a page elsewhere that was bent to our address.

    >>> is_loopback_name("localhost:8080"), is_loopback_name("[::1]:80"), is_loopback_name("evil.example:8080")
    (True, True, False)
    """
    name = urlsplit(f"//{host}").hostname or ""
    return name == "localhost" or name.endswith(".localhost") or is_loopback(name)


def _forwarded_for(said: str, address: str, proxies: Networks) -> str:
    """The last address in the chain that is no proxy of ours: those before it could be anybody's word."""
    for one in reversed([part.strip() for part in said.split(",") if part.strip()]):
        try:
            ipaddress.ip_address(one)
        except ValueError:
            return address
        address = one
        if not _is_in(one, proxies):
            return one
    return address


def _is_in(address: str, networks: Networks) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    here = getattr(parsed, "ipv4_mapped", None) or parsed
    return any(here in network for network in networks)
