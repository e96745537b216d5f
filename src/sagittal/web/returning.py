"""Where somebody goes once they have signed in: the path in the address, what was asked of it in a cookie.

A query string may name a patient, and addresses end up in histories and logs. The cookie is of ten minutes and of no
script; what it says counts only for the path that it was made for.
"""

import base64
import binascii
from typing import Final
from urllib.parse import quote

from sagittal.access.signin_oidc import local_path

COOKIE: Final = "sagittal-next"
KEPT_S: Final = 600
_MOST_CHARACTERS: Final = 2000


def address(path: str) -> str:
    """Of the page where they sign in.

    >>> address("/studies")
    '/sign-in?next=%2Fstudies'
    """
    return f"/sign-in?next={quote(path, safe='')}"


def cookie_value(path: str, query: str) -> str:
    """What keeps a query; `""` where there is none, or one too long to be kept.

    >>> whole(cookie_value("/studies", "PatientName=DOE"), "/studies")
    '/studies?PatientName=DOE'
    """
    said = f"{path}?{query}"
    return base64.urlsafe_b64encode(said.encode()).decode() if query and len(said) <= _MOST_CHARACTERS else ""


def whole(kept: str, to: str) -> str:
    """The path `to` with what was asked of it, if that was kept.

    >>> whole(cookie_value("/studies", "a=1"), "/account"), whole("no base64", "/studies")
    ('/account', '/studies')
    """
    try:
        said = local_path(base64.b64decode(kept.encode(), b"-_", validate=True).decode())
    except (binascii.Error, ValueError):
        return to
    return said if said.partition("?")[0] == to else to
