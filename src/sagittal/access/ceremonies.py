"""The two ceremonies of WebAuthn (W3C Level 3 Sections 7.1 and 7.2): what a browser is asked, and its answer verified.

What py_webauthn verifies is the challenge, the origin, the hash of the relying party's name, the flags, the signature,
and that the counter of signatures grows where there is one. It takes a tenth of a second to load: where it is needed.
"""

import json
from collections.abc import Iterable
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from webauthn import (
    base64url_to_bytes,
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from sagittal.errors import Refused

_MOST_CREDENTIAL_ID_BYTES = 1023  # WebAuthn Section 4, Credential ID
# What the library raises about what browsers send: its own, and those of the parsers under it.
_FAILURES = (WebAuthnException, InvalidSignature, ValueError, TypeError, KeyError, IndexError, AttributeError)


class Question(NamedTuple):
    """What the browser asks its authenticator (JSON), and the challenge in it."""

    options: str
    challenge: bytes


class Party(NamedTuple):
    """Who we are to authenticators."""

    id: str
    name: str
    origins: tuple[str, ...]


class Made(NamedTuple):
    """A credential that an authenticator made."""

    credential_id: bytes
    public_key: bytes
    sign_count: int
    is_backed_up: bool


class Used(NamedTuple):
    """A credential that an authenticator signed with."""

    sign_count: int
    is_backed_up: bool


class Claimed(NamedTuple):
    """Which credential an answer says it is of, and whose; not yet verified."""

    credential_id: bytes
    user_handle: bytes


def ask_for_new(
    party: Party, *, handle: bytes, name: str, full_name: str, known: Iterable[bytes], timeout_s: int
) -> Question:
    """A new, discoverable credential that verifies its user; none of an authenticator that has one of `known`."""
    options = generate_registration_options(
        rp_id=party.id,
        rp_name=party.name,
        user_id=handle,
        user_name=name,
        user_display_name=full_name,
        exclude_credentials=[PublicKeyCredentialDescriptor(id=credential) for credential in known],
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        timeout=timeout_s * 1000,
    )
    return Question(options_to_json(options), options.challenge)


def ask_for_any(party: Party, timeout_s: int) -> Question:
    """A signature by whichever credential of ours the authenticator has, after it has verified its user."""
    options = generate_authentication_options(
        rp_id=party.id, user_verification=UserVerificationRequirement.REQUIRED, timeout=timeout_s * 1000
    )
    return Question(options_to_json(options), options.challenge)


def verify_new(party: Party, challenge: bytes, response: str) -> Made:
    """The credential that was made. Raises Refused if it is not what was asked for."""
    try:
        verified = verify_registration_response(
            credential=response,
            expected_challenge=challenge,
            expected_rp_id=party.id,
            expected_origin=list(party.origins),
            require_user_verification=True,
        )
    except _FAILURES as error:
        raise Refused("the passkey is not what was asked for") from error
    if not 0 < len(verified.credential_id) <= _MOST_CREDENTIAL_ID_BYTES:
        raise Refused("the passkey is not what was asked for")
    return Made(
        verified.credential_id, verified.credential_public_key, verified.sign_count, verified.credential_backed_up
    )


def claimed(response: str) -> Claimed:
    """Which credential an answer is of, as it says. Raises Refused."""
    try:
        said = json.loads(response)
        handle = said["response"].get("userHandle") or ""
        return Claimed(base64url_to_bytes(said["rawId"]), base64url_to_bytes(handle))
    except (*_FAILURES, RecursionError) as error:
        raise Refused("the answer is not that of an authenticator") from error


def verify_any(party: Party, challenge: bytes, response: str, *, public_key: bytes, sign_count: int) -> Used:
    """The credential that signed. Raises Refused if it did not."""
    try:
        verified = verify_authentication_response(
            credential=response,
            expected_challenge=challenge,
            expected_rp_id=party.id,
            expected_origin=list(party.origins),
            credential_public_key=public_key,
            credential_current_sign_count=sign_count,
            require_user_verification=True,
        )
    except _FAILURES as error:
        raise Refused("the answer is not that of an authenticator") from error
    return Used(verified.new_sign_count, verified.credential_backed_up)
