"""Unique identifiers and application entity titles (PS3.5 Section 9, PS3.8 Section 9.3.2)."""

import re
import uuid
from typing import NewType

from sagittal.errors import Invalid

StudyUID = NewType("StudyUID", str)
SeriesUID = NewType("SeriesUID", str)
InstanceUID = NewType("InstanceUID", str)
SOPClassUID = NewType("SOPClassUID", str)
TransferSyntaxUID = NewType("TransferSyntaxUID", str)

_UID = re.compile(r"[0-9]+(?:\.[0-9]+)*")
_AET = re.compile(r"[ -\[\]-~]{1,16}")

MAX_UID_LENGTH = 64


def is_uid(text: str) -> bool:
    """Whether `text` can name something: dotted digits, at most 64 characters.

    Departs from PS3.5 Section 9.1: a component with leading zeros is accepted, as modalities in the field write them.

    >>> is_uid("1.2.840.10008.1.1"), is_uid("1..2"), is_uid("../../etc")
    (True, False, False)
    """
    return len(text) <= MAX_UID_LENGTH and _UID.fullmatch(text) is not None


def check_uid(text: str, what: str) -> str:
    """`text` without its padding, or Invalid naming `what` (an attribute's keyword) when it is no UID."""
    bare = text.strip("\0 ")
    if not is_uid(bare):
        raise Invalid(
            f"{what} is to be digits and dots, at most 64 characters; got {len(bare)} characters of another form"
        )
    return bare


def new_uid() -> str:
    """A UID nobody else has, from a random UUID (PS3.5 Section B.2).

    >>> new_uid().startswith("2.25.")
    True
    """
    return f"2.25.{uuid.uuid4().int}"


def check_ae_title(text: str) -> str:
    """The AE title without insignificant spaces, or Invalid: 1 to 16 printable ASCII characters, no backslash.

    >>> check_ae_title(" CT 1   ")
    'CT 1'
    """
    bare = text.strip(" \0")
    if _AET.fullmatch(bare) is None:
        raise Invalid(
            f"an AE title has 1 to 16 printable ASCII characters without backslash; got {len(bare)} characters"
        )
    return bare
