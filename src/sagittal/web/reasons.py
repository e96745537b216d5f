"""What rooms say when they refuse, in the language of whoever reads it.

Rooms speak English and know no reader. Pages know each sentence that can come from behind them, with `%(name)s` where
it has values, and say it in the catalogue's words. What is not listed here is shown as the room said it.
"""

import re
from functools import cache
from typing import Final

from sagittal.web.wording import language, term, translated

OF_PAGES: Final = (
    "nothing of yours has that number",
    "a device is disabled, enabled or removed",
    "this is for people who are signed in with an account, in a browser",
    "a whole number is expected",
    "the form cannot be read",
    "the JSON is not as expected",
    "a form has at most %(number)s bytes",
    "sign in first",
    "your password is to be changed before anything else",
    "pages are not in that language",
    "nothing was shared here",
    "there is no such patient",
    "there is no such patient, or none of whom you may see a study",
    "these filters are not saved any more",
    "no more filters can be kept here; remove one first",
    "saved filters are to have a name",
    "there can be %(number)s saved filters; remove one first",
    "this site has no OpenID provider",
    "too many pages are kept up to date; close some",
    "nothing has a UID of that form",
    "pictures are jpeg or png",
    "there is nothing in it that could be a picture",
    "at most %(number)s pictures are given at once; take one series after the other",
    "the settings have no such destination",
    "the list has no such order",
    "a decision is keep, take or both",
    "a date is expected, as 2024-05-17",
    "there is no such study, or none that you may see",
    "there is nothing to keep",
    "a finding is in an instance of the study; one names another",
    "a page of another site, or none, sent this; only our own pages may",
    "this archive is open to its own machine only (--open), by the name localhost",
)
"""Of the pages themselves, and of the gate before them."""

OF_ACCESS: Final = (
    "%(kind)s %(name)s may not %(action)s",
    "an account's name is to have 1 to %(number)s printable characters, no colon",
    "there is no facility %(name)s; `sagittal facility add` makes one",
    "there is no facility %(name)s",
    "no account has the number %(number)s",
    "no account has the name %(name)s",
    "that would leave no administrator; make another one first",
    "there is an account of the name %(name)s",
    "nobody takes their own account out of use",
    "there is no device %(number)s",
    "an AE title neither begins nor ends with a space; got %(name)s",
    "there is no role %(name)s; there are %(names)s",
    "a device has at most %(number)s addresses; got %(got)s",
    "a certificate is named by its SHA-256 in 64 hexadecimal digits",
    "facility %(facility)s has a device %(name)s",
    "expected an IP address or network; got %(text)s",
    "a facility's name has 1 to 32 of a-z, 0-9, '.', '-' and '_'; got %(name)s",
    "there is a facility %(name)s",
    "a deployment has at most %(number)s facilities",
    "facility %(name)s still has devices",
    "facility %(facility)s is called %(name)s already",
    "this site has accounts; its administrators make others",
    "a PIN is to have %(least)s to %(most)s characters",
    "a link is to a study",
    "a link is to be opened at least once",
    "a link is to expire in the future",
    "nothing is to be seen under this link, or not any more",
    "no link has the number %(number)s",
    "no link that is good has the number %(number)s",
    "it can be good for %(least)s to %(most)s days",
    "the code is wrong, or was used",
    "you may not export the study, so nobody may download it by a link of yours",
    "there is no such study, or no such series of it, that you may share",
    "there is no such session, or not any more",
    "a token cannot be for what you may not do yourself: %(action)s",
    "an account has at most %(number)s tokens; revoke one first",
    "an account has at most %(number)s links; revoke one first",
    "an account has at most %(number)s passkeys; remove one first",
    "the passkey was asked of another account",
    "no passkey of an account here",
    "a passkey is to be called something",
    "the account has no passkey of the number %(number)s",
    "the passkey is kept already",
    "the passkey is not what was asked for",
    "the answer is not that of an authenticator",
    "the answer of an authenticator is longer than %(number)s characters",
    "a password is to have %(least)s to %(most)s characters; got %(got)s",
    "a password is to have at least %(number)s different characters",
    "a password is not to hold the name of its account",
    "a password is not to be a row of the keyboard or the alphabet",
    "%(number)s sign-ins are being looked at; try again in a moment",
    "sign in again",
    "the token is not good, or not any more",
    "the name or the password is wrong",
    "the PIN is wrong",
    "this sign-in was not begun here; begin again",
    "the OpenID provider did not let you in",
    "the answer is of another OpenID provider",
    "the OpenID provider does not answer: %(what)s",
    "the account is disabled",
    "you are in no group that may use this site",
    "too many attempts; the next one is looked at in %(seconds)s s",
    "this is not open any more; begin again",
    "a token is to be for some of %(names)s",
    "a token is to have a label of 1 to %(number)s characters, by which it is known",
    "a token is to expire in the future",
    "no token that is good has the number %(number)s",
    "the account has a second factor; take it off first",
    "the account has no second factor to confirm",
    "the code is not the one expected; is the clock of the telephone right?",
    "the new password is the old one",
    "preferences have at most %(number)s characters; got %(got)s",
    "the patient of study %(uid)s does not consent to %(purpose)s",
    "the patient of study %(uid)s has not consented to %(purpose)s",
)
"""Of who may what."""

OF_ROOMS: Final = (
    "there is no rejection %(number)s",
    "a note has at most %(number)s characters; got %(got)s",
    "nothing is kept under these UIDs",
    "nothing of what is named is kept",
    "%(kind)s %(name)s may not change all of what is named",
    "nothing of rejection %(number)s is left to restore: it is back, sent again, or purged",
    "out of time; it may have been done all the same",
    "study %(uid)s is held (hold %(number)s)",
    "nothing is kept aside under number %(number)s",
    "there is no decision %(number)s",
    "decision %(number)s is undone already, or what it set aside is purged",
    "it is not as it was when you looked: somebody decided, or more came",
    "the same was sent again since and is kept aside: decide about that",
    "what was taken has not its place any more: undo first what was decided later",
    "the other one is rejected: restore that first",
    "the copy is rejected: restore that first",
    "the newcomer %(number)s is damaged: it cannot be taken",
    "what decision %(number)s set aside cannot be read any more",
    "instance %(uid)s cannot get another UID: %(why)s",
    "what is in Transfer Syntax %(uid)s cannot get another UID",
    "instance %(uid)s has no pixel data",
    "instance %(uid)s has no pixels that could be shown",
    "instance %(uid)s cannot be shown: %(why)s",
    "nothing is kept under %(uid)s",
    "the peer does not accept %(uid)s",
    "%(where)s wants TLS, which is not set up here",
    "the peer does not answer our association request",
    "no connection to %(where)s: %(why)s",
    "the peer failed at %(what)s: %(status)s, %(why)s",
    "the peer did not answer within %(seconds)s s",
)
"""Of what is done with studies, and of sending them on."""

_UNPACKS: Final = (
    "the ZIP would unpack to %(files)s files of %(bytes)s bytes; "
    "at most %(most)s files of %(room)s bytes are taken at a time"
)
OF_FILES: Final = (
    "the file is empty",
    "the file cannot be read as a ZIP",
    "the file ends within its header, after %(number)s bytes",
    "a DICOMDIR is a table of contents, not an instance to be kept",
    "a Media Storage Directory (DICOMDIR) is a table of contents, not an instance to be kept",
    "the instance is larger than max_object_bytes=%(number)s",
    "the data set ends within its pixel data: %(missing)s bytes of %(all)s are missing",
    _UNPACKS,
    "the ZIP lists %(files)s files; at most %(most)s are taken at a time",
    "the name of an upload has 1024 characters at most, its metadata 8192",
    "there is no such upload",
    "at most %(number)s uploads of one account are open at a time",
    "there are too many uploads; try again later",
    "there is no space for this upload now; try again when others are brought in",
    "neither DICM at byte 128 nor a data set at the beginning: too short for a DICOM file",
    "neither DICM at byte 128 nor a data set at the beginning, which reads %(tag)s",
    "the header of the data set is not complete yet",
    "the header of the data set is longer than max_header_bytes=%(number)s",
    "the data set has more than max_elements=%(number)s elements",
    "the data set ends within an element, after %(number)s bytes",
    "the deflated data set ends within its deflate stream",
    "sequences are nested deeper than max_depth=%(number)s",
)
"""Of files that do not go in: the page of uploads says these by itself."""

REASONS: Final = (*OF_PAGES, *OF_ACCESS, *OF_ROOMS, *OF_FILES)

_MOST_CHARACTERS: Final = 600
_VALUE: Final = re.compile(r"%\\\((\w+)\\\)s")


def reason(text: str) -> str:
    """A sentence of a room in the reader's language, its values filled in; as it is where it is not known here.

    >>> reason("there is no device 7")
    'there is no device 7'
    """
    said = translated(text)
    if language() == "en" or said != text or len(text) > _MOST_CHARACTERS:
        return said
    for known, pattern in _patterns():
        if (found := pattern.fullmatch(text)) is not None:
            return translated(known) % {name: term(value) for name, value in found.groupdict().items()}
    return text


def said_of_files() -> list[tuple[str, str]]:
    """What may be said of files, each with its translation; nothing where the language is the rooms' own."""
    return [(known, translated(known)) for known in OF_FILES if translated(known) != known]


@cache
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """The sentences with values; those that begin with one last, as they match most."""
    some = sorted((one for one in REASONS if "%(" in one), key=lambda one: one.startswith("%("))
    return tuple(
        (one, re.compile(re.sub(r"%\\\((\w+)\\\)s", r"(?P<\1>.+?)", re.escape(one)), re.DOTALL)) for one in some
    )
