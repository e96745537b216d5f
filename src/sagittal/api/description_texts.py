"""What the description of the API says beside its routes."""

from collections.abc import Mapping
from typing import Any, Final

ABOUT: Final = """\
What DICOMweb has no words for, for scripts and for the pages of Sagittal alike: both stand on the same rooms, ask the
same policy and leave the same lines in the ledger.

Show a token (`Authorization: Bearer sgt_...`), a name and a password, or the session of a browser. What changes
something and comes with the session of a browser is done only if one of our own pages sent it.

Bodies are JSON. What is not as it is described here is refused with a problem (RFC 9457), and members that are not
described are not taken. Lists come in pages: `next` of one is the `cursor` of the next. Times are ISO 8601 in UTC.
What identifies a patient travels in bodies, never in addresses."""

SECURITY: Final[Mapping[str, Mapping[str, str]]] = {
    "token": {"type": "http", "scheme": "bearer", "description": "a token of `/api/account/tokens`"},
    "password": {"type": "http", "scheme": "basic", "description": "name and password, where nothing else is asked"},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "sagittal",
        "description": "the session of a browser; over TLS its name is `__Host-sagittal`",
    },
}

STATUSES: Final[Mapping[int, tuple[str, str]]] = {
    400: ("the request is malformed", "the request is not as it is described"),
    401: ("Unauthorized", "nobody is signed in, or what was shown is not good any more"),
    403: ("this site does not allow it", "the policy, or a limit of this site, says no"),
    404: ("nothing here answers to that name", "there is no such thing, or none that you may see"),
    409: ("it contradicts what is kept", "there is something already that it cannot be beside"),
    413: ("too large", "the body is larger than is taken"),
    415: ("this is not how a piece is sent", "the body is of another media type"),
    429: ("too many attempts; wait a little", "too many attempts; `Retry-After` says how long to wait"),
    460: ("checksum mismatch", "the bytes are not those that were meant"),
    500: ("an error of ours; the log has it", "an error of ours, or what is kept is damaged"),
    501: ("this server does not do that", "a legal request that this server does not do"),
    502: ("another system failed", "another system failed"),
    503: ("out of time, space or slots; try again later", "try again later; `Retry-After` says when"),
}
"""The title of a problem with a status, and what it means."""

_STUDIES = ("Studies", "The list of studies, a study, a patient, and what goes out of the house.")
_DECISIONS = ("Decisions", "About single studies: sharing, emergencies, holds, consents.")
_PEOPLE = ("People", "Administration: accounts, and what each role may.")
_NETWORK = ("Network", "Administration: facilities, devices, destinations.")
_HANDED = ("Handed out", "Administration: tokens and share links of everybody.")
_SITE = ("Site", "How this site is, and what was done here.")
_OWN = ("Own account", "Who asks, and what they do with their own account.")
_UPLOADS = ("Uploads", "Resumable uploads of files, ZIPs and the content of CDs.")
_ASIDE = ("Rejections and quarantine", "What was taken out of every answer or is kept aside, and the way back.")

TAGS: Final[Mapping[str, tuple[str, str]]] = {
    "studies": _STUDIES,
    "patients": _STUDIES,
    "preferences": _OWN,
    "account": _OWN,
    "uploads": _UPLOADS,
    "rejections": _ASIDE,
    "quarantine": _ASIDE,
    "shares": _DECISIONS,
    "break-glass": _DECISIONS,
    "holds": _DECISIONS,
    "consents": _DECISIONS,
    "accounts": _PEOPLE,
    "roles": _PEOPLE,
    "facilities": _NETWORK,
    "devices": _NETWORK,
    "destinations": _NETWORK,
    "tokens": _HANDED,
    "links": _HANDED,
    "about": _SITE,
    "storage": _SITE,
    "settings": _SITE,
    "ledger": _SITE,
    "openapi.json": _SITE,
}
"""The group of a route by the first word of its path, and what is said of that group."""

Members = dict[str, Any]  # Any: members of a JSON object
