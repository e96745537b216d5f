"""OpenID Connect: what an ID token has to be, who it is of, and which roles their groups give. No I/O.

OpenID Connect Core 1.0 Section 3.1.3.7 says what is checked of an ID token, Back-Channel Logout 1.0 Section 2.6 what of
a logout token. Only signatures with a public key are taken: never `none`, never a shared secret.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from sagittal.access.secrets import untold
from sagittal.errors import Invalid, Refused
from sagittal.runtime.settings import RoleAt, parse_role

LEEWAY_S = 60
"""How far the provider's clock and ours may be apart."""
OLDEST_S = 600
"""An ID token is used at once: one that was issued longer ago is not taken."""

_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519", "EdDSA")
_LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
_MOST_TOKEN_CHARACTERS = 64 * 1024
_MOST_GROUPS = 1000


class Discovery(msgspec.Struct, frozen=True):
    """What a provider says of itself (OpenID Connect Discovery 1.0 Section 3)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    end_session_endpoint: str | None = None
    id_token_signing_alg_values_supported: tuple[str, ...] = ("RS256",)
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)
    authorization_response_iss_parameter_supported: bool = False

    def algorithms(self) -> tuple[str, ...]:
        """Those of its signatures that we take."""
        return tuple(name for name in _ALGORITHMS if name in self.id_token_signing_alg_values_supported) or ("RS256",)


class _Keys(msgspec.Struct, frozen=True):
    keys: list[dict[str, Any]]  # Any: each JWK is checked by its parser


@untold("nonce", "access_token")
class Expected(NamedTuple):
    """What an ID token has to say."""

    client_id: str
    nonce: str
    access_token: str


@untold("id_token")
class Identity(NamedTuple):
    """Who signed in at the provider.

    Attributes:
        name: what they are called there, as an account's name.
        groups: None where the ID token does not tell.
        session: the provider's name of the session (`sid`), `""` if it tells none.
        id_token: as it came, for the sign-out.
    """

    issuer: str
    subject: str
    name: str
    full_name: str
    groups: tuple[str, ...] | None
    session: str
    id_token: str


class Over(NamedTuple):
    """What a provider says is over: one of its sessions, or all of a subject."""

    session: str
    subject: str


class UnknownKey(Refused):
    """The token is signed with a key that was not among the provider's: they may have changed."""


def identity_of(
    id_token: str, keys: KeySet, discovery: Discovery, expected: Expected, *, groups_claim: str, now_s: int
) -> Identity:
    """Who an ID token is of.

    Raises:
        UnknownKey: it may be good with the provider's newest keys.
        Refused: it is not good; which claim is not is told, no value is.
    """
    token = _verified(id_token, keys, discovery)
    options = {
        "iss": {"essential": True, "value": discovery.issuer},
        "aud": {"essential": True, "value": expected.client_id},
    }
    params = {"nonce": expected.nonce, "client_id": expected.client_id, "access_token": expected.access_token}
    claims = CodeIDToken(token.claims, token.header, options, params)
    try:
        claims.validate(now=now_s, leeway=LEEWAY_S)
    except (JoseError, TypeError, ValueError) as error:
        raise Refused(f"the ID token is not good: {_told(error)}") from error
    if token.claims["iat"] < now_s - OLDEST_S:
        raise Refused("the ID token is not good: iat is long ago")
    return _identity(token.claims, discovery.issuer, groups_claim, id_token)


def over_of(logout_token: str, keys: KeySet, discovery: Discovery, client_id: str, now_s: int) -> Over:
    """What a logout token says is over. Raises UnknownKey and Refused as `identity_of` does."""
    token = _verified(logout_token, keys, discovery)
    registry = jwt.JWTClaimsRegistry(
        now=now_s,
        leeway=LEEWAY_S,
        iss={"essential": True, "value": discovery.issuer},
        aud={"essential": True, "value": client_id},
        iat={"essential": True},
        jti={"essential": True},
        events={"essential": True},
    )
    try:
        registry.validate(token.claims)
    except (JoseError, TypeError, ValueError) as error:
        raise Refused(f"the logout token is not good: {_told(error)}") from error
    events, session, subject = (token.claims.get(name) for name in ("events", "sid", "sub"))
    if token.claims["iat"] < now_s - OLDEST_S and "exp" not in token.claims:
        raise Refused("the logout token is not good: iat is long ago")
    if not isinstance(events, dict) or _LOGOUT_EVENT not in events or "nonce" in token.claims:
        raise Refused("the logout token is not good: it is no logout token")
    if not isinstance(session or "", str) or not isinstance(subject or "", str) or not (session or subject):
        raise Refused("the logout token is not good: it names neither a session nor a subject")
    return Over(session or "", subject or "")


def roles_of(groups: Iterable[str], mapping: Mapping[str, tuple[str, ...]]) -> tuple[RoleAt, ...]:
    """The roles that groups give, by the setting `oidc_roles`.

    >>> roles_of(["doctors", "others"], {"doctors": ("radiologist@north", "teacher")})
    (RoleAt(role='radiologist', facility='north'), RoleAt(role='teacher', facility='*'))
    """
    said = {text for group in groups for text in mapping.get(group, ())}
    return tuple(sorted(parse_role(text, "oidc_roles") for text in said))


def groups_in(claims: Mapping[str, object], claim: str) -> tuple[str, ...] | None:
    """The groups that a claim lists; None if it is not there. A dot leads into an object, as in realm_access.roles."""
    found: object = claims.get(claim)
    if found is None and "." in claim:
        found = claims
        for part in claim.split("."):
            found = found.get(part) if isinstance(found, dict) else None
    if found is None:
        return None
    listed = found if isinstance(found, list) else [found]
    return tuple(name for name in listed[:_MOST_GROUPS] if isinstance(name, str))


def keys_in(document: bytes) -> KeySet:
    """The public keys for signatures in a JSON Web Key Set (RFC 7517). Raises Invalid."""
    try:
        said = msgspec.json.decode(document, type=_Keys).keys
        usable = [key for key in said if key.get("kty") != "oct" and key.get("use", "sig") == "sig"]
        return KeySet.import_key_set({"keys": usable})
    except (msgspec.DecodeError, JoseError, KeyError, ValueError, TypeError) as error:
        raise Invalid(f"the provider's keys cannot be read: {type(error).__name__}") from error


def _verified(token: str, keys: KeySet, discovery: Discovery) -> jwt.Token:
    if len(token) > _MOST_TOKEN_CHARACTERS:
        raise Refused(f"the token is longer than {_MOST_TOKEN_CHARACTERS} characters")
    algorithms = discovery.algorithms()
    # Providers put headers of their own beside the registered ones.
    registry = JWSRegistry(algorithms=algorithms, strict_check_header=False)
    try:
        return jwt.decode(token, keys, algorithms=algorithms, registry=registry)
    except InvalidKeyIdError as error:
        raise UnknownKey("the token is signed with a key that the provider does not show") from error
    except (JoseError, ValueError, TypeError) as error:
        raise Refused(f"the token's signature is not good: {_told(error)}") from error


def _identity(claims: Mapping[str, Any], issuer: str, groups_claim: str, id_token: str) -> Identity:  # Any: JSON
    subject = claims["sub"]
    names = (claims.get(claim) for claim in ("preferred_username", "email", "sub"))
    name = next(said for said in names if isinstance(said, str) and said)
    full_name, session = (claims.get(claim) for claim in ("name", "sid"))
    return Identity(
        issuer,
        subject,
        name,
        full_name if isinstance(full_name, str) else "",
        groups_in(claims, groups_claim),
        session if isinstance(session, str) else "",
        id_token,
    )


def _told(error: Exception) -> str:
    """What is wrong, without what the token says."""
    claim = getattr(error, "claim", "")
    return f"{claim} {getattr(error, 'error', '')}".strip() if claim else type(error).__name__
