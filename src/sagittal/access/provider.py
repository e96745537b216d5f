"""The OpenID provider as we talk to it: what it says of itself, its keys, the exchange of a code, its sign-out."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlencode, urlsplit

import httpx2
import msgspec
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from joserfc.jwk import KeySet

from sagittal.access import oidc
from sagittal.access.oidc import Discovery, Expected, Identity, Over, UnknownKey
from sagittal.access.secrets import is_same, new_secret, untold
from sagittal.errors import Invalid, PeerFailed, Refused
from sagittal.runtime.log import get_logger
from sagittal.runtime.settings import Settings

log = get_logger(__name__)

T = TypeVar("T")

_TIMEOUT_S = 10.0
_MOST_BYTES = 1024 * 1024
_BELIEVED_S = 3600
_KEYS_AGAIN_S = 30  # an unknown key has them fetched anew, but not more often than this
_MOST_CODE_CHARACTERS = 4096


@untold("state", "nonce", "verifier")
class Pending(msgspec.Struct, frozen=True):
    """What a browser was sent away with, kept until it comes back."""

    state: str
    nonce: str
    verifier: str
    redirect_uri: str
    return_to: str


@untold("url")
class Sent(NamedTuple):
    """Where the browser goes, and what is kept meanwhile."""

    url: str
    pending: Pending


@untold("state", "code")
class Returned(NamedTuple):
    """What a browser comes back with: the query of the redirect."""

    state: str = ""
    code: str = ""
    error: str = ""
    iss: str = ""


class Provider:
    """An OpenID provider. Belongs to one event loop; `close` it at the end.

    Args:
        settings: the `oidc_` ones.
        secret: the client secret, `""` for a public client (PKCE protects the code either way).
        clock: nanoseconds since 1970-01-01 UTC.
    """

    def __init__(self, settings: Settings, secret: str, clock: Callable[[], int] = time.time_ns) -> None:
        self._settings = settings
        self._secret = secret
        self._clock = clock
        self._transport = _Capped()
        self._client = httpx2.AsyncClient(transport=self._transport, timeout=_TIMEOUT_S, follow_redirects=False)
        self._lock = asyncio.Lock()
        self._discovery: Discovery | None = None
        self._discovered_s = 0
        self._keys: KeySet | None = None
        self._keys_s = 0

    async def send_away(self, redirect_uri: str, return_to: str) -> Sent:
        """Where somebody signs in (authorization code with PKCE, RFC 7636). Raises PeerFailed."""
        discovery = await self._discover()
        pending = Pending(new_secret(), new_secret(), new_secret(), redirect_uri, return_to)
        async with self._oauth(discovery, redirect_uri) as client:
            url, _ = client.create_authorization_url(
                discovery.authorization_endpoint,
                state=pending.state,
                code_verifier=pending.verifier,
                nonce=pending.nonce,
            )
        return Sent(str(url), pending)

    async def take_back(self, pending: Pending, returned: Returned) -> Identity:
        """Who comes back.

        Raises:
            Refused: it is not the sign-in that was begun, the provider says no, or its ID token is not good.
            PeerFailed: the provider does not answer as it should.
        """
        discovery = await self._discover()
        if not is_same(pending.state, returned.state):
            raise Refused("this sign-in was not begun here; begin again")
        if returned.error or not 0 < len(returned.code) <= _MOST_CODE_CHARACTERS:
            raise Refused("the OpenID provider did not let you in")
        if (returned.iss or discovery.authorization_response_iss_parameter_supported) and (
            returned.iss != discovery.issuer
        ):
            raise Refused("the answer is of another OpenID provider")  # RFC 9207 Section 2.4
        token = await self._exchange(discovery, pending, returned.code)
        id_token, access_token = (token.get(name) for name in ("id_token", "access_token"))
        if not isinstance(id_token, str) or not isinstance(access_token, str):
            raise PeerFailed("the OpenID provider's answer to a code has no ID token")
        expected = Expected(self._settings.oidc_client_id, pending.nonce, access_token)
        claim = self._settings.oidc_groups_claim
        identity = await self._with_keys(
            lambda keys: oidc.identity_of(id_token, keys, discovery, expected, groups_claim=claim, now_s=self._now_s())
        )
        if identity.groups is None and discovery.userinfo_endpoint:
            groups = await self._groups(discovery.userinfo_endpoint, identity.subject, access_token)
            identity = identity._replace(groups=groups)
        return identity

    async def over(self, logout_token: str) -> Over:
        """What the provider says is over (back-channel logout). Raises Refused and PeerFailed."""
        discovery = await self._discover()
        client_id = self._settings.oidc_client_id
        return await self._with_keys(lambda keys: oidc.over_of(logout_token, keys, discovery, client_id, self._now_s()))

    async def sign_out_url(self, id_token: str, return_to: str) -> str:
        """Where a browser signs out of the provider, too (RP-Initiated Logout 1.0); `""` if there is no such place."""
        discovery = await self._discover()
        if not discovery.end_session_endpoint:
            return ""
        said = {"client_id": self._settings.oidc_client_id, "post_logout_redirect_uri": return_to}
        said |= {"id_token_hint": id_token} if id_token else {}
        joint = "&" if urlsplit(discovery.end_session_endpoint).query else "?"
        return f"{discovery.end_session_endpoint}{joint}{urlencode(said)}"

    async def close(self) -> None:
        """Lets connections go."""
        await self._client.aclose()

    # What is asked of the provider

    async def _exchange(self, discovery: Discovery, pending: Pending, code: str) -> dict[str, object]:
        async with self._oauth(discovery, pending.redirect_uri) as client:
            try:
                token: dict[str, object] = await client.fetch_token(
                    discovery.token_endpoint,
                    grant_type="authorization_code",
                    code=code,
                    code_verifier=pending.verifier,
                    redirect_uri=pending.redirect_uri,
                )
            except AuthlibBaseError as error:
                log.warning("openid provider refuses a code", error=str(error.error)[:100])
                raise Refused("the OpenID provider did not let you in") from error
            except (httpx2.HTTPError, ValueError) as error:
                raise PeerFailed(f"the OpenID provider does not exchange a code: {type(error).__name__}") from error
        return token

    def _oauth(self, discovery: Discovery, redirect_uri: str) -> Any:  # Any: Authlib is untyped
        return AsyncOAuth2Client(
            client_id=self._settings.oidc_client_id,
            client_secret=self._secret or None,
            token_endpoint_auth_method=self._method(discovery),
            scope=" ".join(self._settings.oidc_scopes),
            redirect_uri=redirect_uri,
            code_challenge_method="S256",
            transport=_Lent(self._transport),
            timeout=_TIMEOUT_S,
        )

    def _method(self, discovery: Discovery) -> str:
        if not self._secret:
            return "none"
        named = discovery.token_endpoint_auth_methods_supported
        is_posted = "client_secret_basic" not in named and "client_secret_post" in named
        return "client_secret_post" if is_posted else "client_secret_basic"

    async def _groups(self, userinfo: str, subject: str, access_token: str) -> tuple[str, ...] | None:
        """What the provider tells of somebody's groups beside the ID token (Core Section 5.3)."""
        body = await self._get(userinfo, {"Authorization": f"Bearer {access_token}"})
        said = _decoded(body, dict[str, Any], "userinfo")  # Any: JSON, of which single claims are checked
        if said.get("sub") != subject:
            raise Refused("the OpenID provider's userinfo is of somebody else")
        return oidc.groups_in(said, self._settings.oidc_groups_claim)

    async def _with_keys(self, run: Callable[[KeySet], T]) -> T:
        """What `run` gives with the provider's keys, which are fetched anew, once, if it knows one that we do not."""
        keys = await self._fetched_keys(_BELIEVED_S)
        try:
            return run(keys)
        except UnknownKey:
            newer = await self._fetched_keys(_KEYS_AGAIN_S)
            if newer is keys:
                raise
            return run(newer)

    async def _fetched_keys(self, believed_s: int) -> KeySet:
        discovery = await self._discover()
        async with self._lock:
            if self._keys is None or self._now_s() - self._keys_s >= believed_s:
                body = await self._get(discovery.jwks_uri)
                try:
                    self._keys = oidc.keys_in(body)
                except Invalid as error:
                    raise PeerFailed(str(error)) from error
                self._keys_s = self._now_s()
            return self._keys

    async def _discover(self) -> Discovery:
        async with self._lock:
            if self._discovery is None or self._now_s() - self._discovered_s >= _BELIEVED_S:
                issuer = self._settings.oidc_issuer.rstrip("/")
                body = await self._get(f"{issuer}/.well-known/openid-configuration")
                said = _decoded(body, Discovery, "configuration")
                if said.issuer.rstrip("/") != issuer:
                    raise PeerFailed("the OpenID provider says it is another than oidc_issuer")
                _check_addresses(said, issuer)
                self._discovery, self._discovered_s = said, self._now_s()
            return self._discovery

    async def _get(self, url: str, headers: dict[str, str] | None = None) -> bytes:
        try:
            answer = await self._client.get(url, headers={"Accept": "application/json", **(headers or {})})
        except httpx2.HTTPError as error:
            raise PeerFailed(f"the OpenID provider does not answer: {type(error).__name__}") from error
        if answer.status_code != 200:
            raise PeerFailed(f"the OpenID provider answers with status {answer.status_code}")
        return answer.content

    def _now_s(self) -> int:
        return self._clock() // 1_000_000_000


def _check_addresses(said: Discovery, issuer: str) -> None:
    """Where the provider itself is asked under TLS, so is all that it names."""
    named = (said.authorization_endpoint, said.token_endpoint, said.jwks_uri)
    others = (said.userinfo_endpoint, said.end_session_endpoint)
    for url in (*named, *(url for url in others if url)):
        if urlsplit(url).scheme not in {"https", urlsplit(issuer).scheme}:
            raise PeerFailed("the OpenID provider names an address without TLS")


def _decoded(body: bytes, kind: type[T], what: str) -> T:
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.DecodeError as error:
        raise PeerFailed(f"the OpenID provider's {what} cannot be read: {type(error).__name__}") from error


class _Capped(httpx2.AsyncBaseTransport):
    """Connections whose answers end at a limit."""

    def __init__(self) -> None:
        self._connections = httpx2.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        answer = await self._connections.handle_async_request(request)
        stream = answer.stream
        if isinstance(stream, httpx2.AsyncByteStream):
            answer.stream = _CappedStream(stream)
        return answer

    async def aclose(self) -> None:
        await self._connections.aclose()


class _CappedStream(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        total = 0
        async for piece in self._stream:
            total += len(piece)
            if total > _MOST_BYTES:
                raise httpx2.ReadError(f"more than {_MOST_BYTES} bytes")
            yield piece

    async def aclose(self) -> None:
        await self._stream.aclose()


class _Lent(httpx2.AsyncBaseTransport):
    """The same connections, for a client that is closed before they are."""

    def __init__(self, transport: httpx2.AsyncBaseTransport) -> None:
        self._transport = transport

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        return await self._transport.handle_async_request(request)
