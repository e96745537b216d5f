"""All that the pages do can be asked of the API: a table, action by action.

A page whose action is in no row fails the test, and so does a row whose route is not there.
"""

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from .conftest import Whole

Action = tuple[str, str]

DOES: Final[dict[Action, tuple[Action, ...]]] = {
    ("GET", "/about"): (("GET", "/api/about"),),
    ("GET", "/"): (("GET", "/api/about"),),
    ("POST", "/language"): (("PUT", "/api/preferences/language"),),
    # Studies
    ("GET", "/studies"): (
        ("POST", "/api/studies/search"),
        ("GET", "/api/studies/facilities"),
        ("GET", "/api/preferences"),
    ),
    ("POST", "/studies"): (("POST", "/api/studies/search"),),
    ("POST", "/studies/columns"): (("PUT", "/api/preferences/columns"),),
    ("POST", "/studies/saved"): (("POST", "/api/preferences/filters"),),
    ("POST", "/studies/saved/{number}/remove"): (("DELETE", "/api/preferences/filters/{filters}"),),
    ("GET", "/studies/changes"): (("GET", "/api/studies/changes"),),
    ("GET", "/patients/{number}"): (("GET", "/api/patients/{patient}"),),
    ("GET", "/studies/{uid}"): (("GET", "/api/studies/{study}"),),
    ("GET", "/studies/{uid}/tags"): (("GET", "/api/studies/{study}/tags"),),
    ("GET", "/studies/{uid}/files.zip"): (("GET", "/api/studies/{study}/files.zip"),),
    ("GET", "/studies/{uid}/pictures.zip"): (("GET", "/api/studies/{study}/pictures.zip"),),
    ("POST", "/studies/{uid}/send"): (("POST", "/api/studies/{study}/send"),),
    ("POST", "/studies/{uid}/reject"): (("POST", "/api/rejections"),),
    ("GET", "/rejections"): (("GET", "/api/rejections"), ("GET", "/api/rejections/{rejection}")),
    ("POST", "/rejections/{number}/restore"): (("POST", "/api/rejections/{rejection}/undo"),),
    ("GET", "/quarantine"): (("GET", "/api/quarantine"), ("GET", "/api/quarantine/decisions")),
    ("GET", "/quarantine/{number}"): (("GET", "/api/quarantine/{number}"),),
    ("POST", "/quarantine/{number}/decide"): (("POST", "/api/quarantine/{number}/decide"),),
    ("POST", "/quarantine/{number}/verify"): (("POST", "/api/quarantine/{number}/verify"),),
    ("POST", "/quarantine/{number}/reject"): (("POST", "/api/rejections"),),
    ("POST", "/quarantine/decisions/{number}/undo"): (("POST", "/api/quarantine/decisions/{decision}/undo"),),
    # The light viewer
    ("GET", "/view/{study}"): (("GET", "/api/studies/{study}"),),
    ("GET", "/view/{study}/study"): (("GET", "/api/studies/{study}"),),
    ("GET", "/view/{study}/kept"): (("GET", "/api/studies/{study}/findings"),),
    ("POST", "/view/{study}/kept"): (("POST", "/api/studies/{study}/findings"),),
    # Uploads
    ("GET", "/upload"): (
        ("POST", "/api/uploads"),
        ("PATCH", "/api/uploads/{upload}"),
        ("GET", "/api/uploads/{upload}/report"),
    ),
    # Administration
    ("GET", "/admin/people"): (("GET", "/api/accounts"), ("GET", "/api/accounts/{account}")),
    ("POST", "/admin/people"): (("POST", "/api/accounts"),),
    ("POST", "/admin/people/{number}/disable"): (("PATCH", "/api/accounts/{account}"),),
    ("POST", "/admin/people/{number}/enable"): (("PATCH", "/api/accounts/{account}"),),
    ("POST", "/admin/people/{number}/roles"): (("PUT", "/api/accounts/{account}/roles"),),
    ("POST", "/admin/people/{number}/password"): (("PUT", "/api/accounts/{account}/password"),),
    ("GET", "/admin/roles"): (("GET", "/api/roles"),),
    ("POST", "/admin/roles"): (("PUT", "/api/roles/{role}/{relation}"),),
    ("GET", "/admin/network"): (("GET", "/api/facilities"), ("GET", "/api/devices"), ("GET", "/api/destinations")),
    ("POST", "/admin/network/facilities"): (("POST", "/api/facilities"),),
    ("POST", "/admin/network/facilities/remove"): (("DELETE", "/api/facilities/{facility}"),),
    ("POST", "/admin/network/devices"): (("POST", "/api/devices"),),
    ("POST", "/admin/network/devices/{number}/{what}"): (
        ("PATCH", "/api/devices/{device}"),
        ("DELETE", "/api/devices/{device}"),
    ),
    ("POST", "/admin/network/echo"): (("POST", "/api/destinations/{aet}/echo"),),
    ("GET", "/admin/handed-out"): (("GET", "/api/tokens"), ("GET", "/api/links")),
    ("POST", "/admin/handed-out/tokens/{number}/revoke"): (("DELETE", "/api/tokens/{token}"),),
    ("POST", "/admin/handed-out/links/{number}/revoke"): (("DELETE", "/api/links/{link}"),),
    ("GET", "/admin/storage"): (("GET", "/api/storage"),),
    ("GET", "/admin/settings"): (("GET", "/api/settings"),),
    ("GET", "/admin/ledger"): (("POST", "/api/ledger/search"),),
    ("POST", "/admin/ledger"): (("POST", "/api/ledger/search"),),
    # One's own account
    ("GET", "/account"): (
        ("GET", "/api/account"),
        ("GET", "/api/account/tokens"),
        ("GET", "/api/account/links"),
        ("GET", "/api/account/sessions"),
        ("GET", "/api/account/passkeys"),
    ),
    ("POST", "/account/password"): (("PUT", "/api/account/password"),),
    ("POST", "/account/sessions/{public}/end"): (("DELETE", "/api/account/sessions/{session}"),),
    ("POST", "/account/sessions/end-others"): (("DELETE", "/api/account/sessions"),),
    ("POST", "/account/tokens"): (("POST", "/api/account/tokens"),),
    ("POST", "/account/tokens/{number}/revoke"): (("DELETE", "/api/account/tokens/{token}"),),
    ("POST", "/account/links"): (("POST", "/api/account/links"),),
    ("POST", "/account/links/{number}/revoke"): (("DELETE", "/api/account/links/{link}"),),
    ("POST", "/account/passkeys/begin"): (("POST", "/api/account/passkeys/begin"),),
    ("POST", "/account/passkeys"): (("POST", "/api/account/passkeys"),),
    ("POST", "/account/passkeys/{number}/rename"): (("PATCH", "/api/account/passkeys/{passkey}"),),
    ("POST", "/account/passkeys/{number}/remove"): (("DELETE", "/api/account/passkeys/{passkey}"),),
    ("GET", "/account/totp"): (("GET", "/api/account/totp"), ("POST", "/api/account/totp")),
    ("POST", "/account/totp"): (("PUT", "/api/account/totp"),),
    ("POST", "/account/totp/codes"): (("POST", "/api/account/totp/recovery-codes"),),
    ("POST", "/account/totp/remove"): (("POST", "/api/account/totp/remove"),),
}
"""What of the API does the same as an action of a page."""

NOTHING: Final[dict[str, str]] = {
    r"/api/docs": "it is about the API",
    r"/admin": "leads to the first page of administration",
    r"/account/password": "asks for what is then sent",
    r"/sign-in(/.*)?|/sign-out|/first-start/.*": "a script shows a token or a password with each request instead",
    r"/link/.*": "an address for people; it opens a session, and what that sees is asked of DICOMweb and the API",
    r"/shared": "pictures by DICOMweb, of what a share link opened",
    r"/view/\{study\}/series/\{series\}.*": "what DICOMweb has as metadata, in the shape that one viewer wants it",
    r"/view/\{study\}/drawn/.*": "instances that DICOMweb has, as lines for one viewer",
    r"/view/files/.*|/upload/(shell|worker\.js|files/.*)": "files that pages are made of",
}
"""Pages that do nothing for which a script needs the API, and why."""


def test_every_action_of_a_page_has_a_route_of_the_api(whole: "Whole") -> None:
    actions = {(method, re.sub(r":\w+}", "}", path)) for method, path in whole.routes() if _is_page(path)}
    missing = {one for one in actions if one not in DOES and not _is_nothing(one[1])}

    assert missing == set()
    assert set(DOES) - actions == set()


def _is_page(path: str) -> bool:
    return not path.startswith("/api/") or path == "/api/docs"


def _is_nothing(path: str) -> bool:
    return any(re.fullmatch(pattern, path) for pattern in NOTHING)


def test_the_routes_of_the_table_are_there(whole: "Whole") -> None:
    paths = whole.api.description.document()["paths"]
    there = {(method.upper(), path) for path, said in paths.items() for method in said}
    assert {one for many in DOES.values() for one in many} - there == set()
