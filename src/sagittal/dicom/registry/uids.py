"""What a UID names (PS3.6 Annex A)."""

import functools

from sagittal.dicom.registry.tables import UidEntry, uids

_STORAGE_ROOT = "1.2.840.10008.5.1.4.1.1."
_NOT_STORED = frozenset(
    {
        "1.2.840.10008.1.3.10",  # Media Storage Directory: a file on a medium, never sent
        "1.2.840.10008.1.20.1",  # Storage Commitment Push Model
        "1.2.840.10008.1.20.2",  # Storage Commitment Pull Model
    }
)


def uid_entry(uid: str) -> UidEntry | None:
    """The line of PS3.6 Table A-1 for `uid`, None if it has none."""
    return uids().get(uid)


def uid_name(uid: str) -> str:
    """The name for people of a registered UID, else the UID itself.

    >>> uid_name("1.2.840.10008.5.1.4.1.1.2"), uid_name("1.2.3")
    ('CT Image Storage', '1.2.3')
    """
    entry = uids().get(uid)
    return entry.name if entry is not None and entry.name else uid


def uid_keyword(uid: str) -> str:
    """The keyword of a registered UID, else "".

    >>> uid_keyword("1.2.840.10008.1.2.1")
    'ExplicitVRLittleEndian'
    """
    entry = uids().get(uid)
    return entry.keyword if entry is not None else ""


def is_storage_class(uid: str) -> bool:
    """Whether `uid` is a Storage SOP Class of the standard, retired ones and DICOS included (PS3.4 Section B.5).

    A UID below the standard's storage root that this edition does not list is taken for one of a later edition.

    >>> is_storage_class("1.2.840.10008.5.1.4.1.1.2"), is_storage_class("1.2.840.10008.1.1")
    (True, False)
    """
    entry = uids().get(uid)
    if entry is None or not entry.name:
        return uid.startswith(_STORAGE_ROOT)
    return entry.kind == "SOP Class" and "Storage" in entry.name and uid not in _NOT_STORED


def is_transfer_syntax(uid: str) -> bool:
    """Whether `uid` is a Transfer Syntax of the standard, retired ones included.

    >>> is_transfer_syntax("1.2.840.10008.1.2"), is_transfer_syntax("1.2.840.10008.1.1")
    (True, False)
    """
    entry = uids().get(uid)
    return entry is not None and entry.kind == "Transfer Syntax"


@functools.cache
def storage_classes() -> tuple[str, ...]:
    """Every registered Storage SOP Class, in order of UID."""
    return tuple(sorted(uid for uid in uids() if is_storage_class(uid)))
