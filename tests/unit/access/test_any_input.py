"""Whatever comes from outside is taken or refused in our own words."""

import json
from typing import Any
from urllib.parse import urljoin, urlsplit

from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey, KeySet

from sagittal.access import ceremonies, oidc
from sagittal.access.accounts import check_name, name_key
from sagittal.access.oidc import Discovery, Expected
from sagittal.access.passwords import check_new, normalised
from sagittal.access.signin_oidc import local_path
from sagittal.access.throttle import network_of
from sagittal.access.tokens import digest_of_token
from sagittal.access.totp import step_of
from sagittal.errors import Invalid, Refused
from sagittal.runtime.settings import Settings, load

KEYS = KeySet([ECKey.generate_key("P-256", {"kid": "1"})])
DISCOVERY = Discovery(
    "https://id", "https://id/a", "https://id/t", "https://id/k", id_token_signing_alg_values_supported=("ES256",)
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(st.text())
def test_what_we_return_to_is_always_here(text: str) -> None:
    base = "https://pacs.example.org/sign-in"
    assert urlsplit(urljoin(base, local_path(text))).netloc == "pacs.example.org"


@given(st.sampled_from(["", "/", "//", "/\\", "\t/", "https:", "/\t/"]), st.text())
def test_nor_with_what_browsers_take_for_a_host(start: str, text: str) -> None:
    path = local_path(start + text)
    assert path.startswith("/")
    assert not path.startswith(("//", "/\\", "/\t"))


@given(st.text())
def test_names_have_one_key_however_often_it_is_made(text: str) -> None:
    assert name_key(name_key(text)) == name_key(text)


@given(st.text())
def test_a_name_is_taken_or_invalid(text: str) -> None:
    try:
        assert check_name(text) == text
    except Invalid:
        return


@given(st.text(), st.text())
def test_a_password_is_taken_or_invalid(text: str, name: str) -> None:
    normalised(text).encode()
    try:
        check_new(text, name)
    except Invalid:
        return
    assert len(set(text)) > 1


@given(st.text())
def test_what_looks_like_a_token_is_looked_up_and_nothing_else(text: str) -> None:
    assert digest_of_token(text) is None
    digest_of_token("sgt_" + text)


@given(st.text())
def test_any_text_may_be_typed_as_a_code(text: str) -> None:
    assert step_of(b"x" * 20, text + "x", 1_800_000_000, 0) is None


@given(st.text() | st.ip_addresses().map(str))
def test_every_address_is_of_a_network(text: str) -> None:
    assert network_of(network_of(text)) == network_of(text)


def identity(token: str) -> None:
    oidc.identity_of(token, KEYS, DISCOVERY, Expected("x", "n", "a"), groups_claim="groups", now_s=1_800_000_000)


@given(st.text() | st.from_regex(r"[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*", fullmatch=True))
def test_a_token_of_rubbish_is_refused(text: str) -> None:
    try:
        identity(text)
    except Refused:
        return
    raise AssertionError("taken")


@given(
    st.dictionaries(
        st.sampled_from(["iss", "aud", "exp", "iat", "nbf", "nonce", "sub", "azp", "amr", "at_hash", "auth_time"]), JSON
    )
)
def test_claims_of_rubbish_are_refused_even_when_well_signed(claims: dict[str, Any]) -> None:
    from joserfc import jwt

    token = jwt.encode({"alg": "ES256", "kid": "1"}, claims, KEYS)
    for check in (identity, lambda said: oidc.over_of(said, KEYS, DISCOVERY, "x", 1_800_000_000)):
        try:
            check(token)
        except Refused:
            continue
        raise AssertionError("taken")


@given(st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_keys_of_rubbish_are_invalid(document: bytes) -> None:
    try:
        oidc.keys_in(document)
    except Invalid:
        return
    raise AssertionError("taken")


@given(st.dictionaries(st.text(max_size=5), JSON), st.text(max_size=12))
def test_groups_are_text_wherever_they_lie(claims: dict[str, Any], claim: str) -> None:
    found = oidc.groups_in(claims, claim)
    assert found is None or all(isinstance(name, str) for name in found)


@given(st.text() | JSON.map(json.dumps))
def test_an_answer_of_rubbish_is_refused(text: str) -> None:
    try:
        ceremonies.claimed(text)
    except Refused:
        return
    raise AssertionError("taken")


@given(st.text(min_size=1))
def test_a_public_url_is_taken_or_invalid(text: str) -> None:
    try:
        assert isinstance(load(environment={}, overrides={"public_url": text}), Settings)
    except Invalid:
        return
