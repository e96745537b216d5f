"""How somebody likes the study list: its columns, and filters that they saved. Kept by their account or in a cookie."""

import base64
import binascii
from typing import Final, Literal, Protocol, get_args

import msgspec
from litestar.datastructures import Cookie

from sagittal.errors import Invalid, NotFound
from sagittal.find.listing import SortedBy
from sagittal.web.forms import cookie_of, visit_of
from sagittal.web.pages import AnyRequest, actor_of

Column = Literal[
    "patient_id", "birth", "date", "modality", "description", "accession", "referring", "facility", "size", "received"
]
COLUMNS: Final[tuple[Column, ...]] = get_args(Column)
USUAL: Final[tuple[Column, ...]] = ("patient_id", "birth", "date", "modality", "description", "accession", "size")

MOST_FILTERS: Final = 24
_MOST_TEXT: Final = 200
_COOKIE: Final = "sagittal-list"
_MOST_COOKIE_BYTES: Final = 3800
_YEAR_S: Final = 365 * 24 * 3600


class KeptPreferences(Protocol):
    """Where accounts have what they prefer."""

    async def read(self, account: int) -> str:
        """The text of an account; `""` for none."""

    async def write(self, account: int, text: str) -> None:
        """Keeps another. Raises Invalid for one that is too long."""


class Asked(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is looked for, as the fields of the form have it."""

    text: str = ""
    modality: str = ""
    since: str = ""
    until: str = ""
    facility: str = ""
    sorted_by: SortedBy = "date"
    is_falling: bool = True


class Saved(msgspec.Struct, frozen=True):
    """Filters under a name."""

    id: int
    name: str
    asked: Asked


class Preferences(msgspec.Struct, frozen=True, omit_defaults=True):
    """How somebody likes the list."""

    columns: tuple[Column, ...] = USUAL
    filters: tuple[Saved, ...] = ()

    def with_filter(self, name: str, asked: Asked) -> "Preferences":
        """With one more, or another under a name that is taken. Raises Invalid."""
        name = name.strip()[:60]
        if not name:
            raise Invalid("saved filters are to have a name")
        others = tuple(one for one in self.filters if one.name != name)
        if len(others) >= MOST_FILTERS:
            raise Invalid(f"there can be {MOST_FILTERS} saved filters; remove one first")
        number = max((one.id for one in self.filters), default=0) + 1
        return msgspec.structs.replace(self, filters=(*others, Saved(number, name, asked)))

    def without_filter(self, number: int) -> "Preferences":
        """Without those of a number."""
        return msgspec.structs.replace(self, filters=tuple(one for one in self.filters if one.id != number))

    def filter(self, number: int) -> Asked:
        """The saved filters of a number. Raises NotFound."""
        for one in self.filters:
            if one.id == number:
                return one.asked
        raise NotFound("these filters are not saved any more")


async def preferences_of(request: AnyRequest, kept: KeptPreferences | None) -> Preferences:
    """What is kept of whoever asks; what cannot be read is as if nothing was."""
    account = actor_of(request).account
    try:
        if kept is not None and account:
            text = await kept.read(account)
        else:
            text = base64.urlsafe_b64decode(cookie_of(request, _COOKIE)).decode()
        return msgspec.json.decode(text, type=Preferences) if text else Preferences()
    except (msgspec.DecodeError, binascii.Error, ValueError):
        return Preferences()


async def keep_preferences(request: AnyRequest, kept: KeptPreferences | None, new: Preferences) -> tuple[Cookie, ...]:
    """Keeps them; gives the cookies that do, where there is no account. Raises Invalid if they are too many."""
    text = msgspec.json.encode(new)
    account = actor_of(request).account
    if kept is not None and account:
        await kept.write(account, text.decode())
        return ()
    value = base64.urlsafe_b64encode(text).decode()
    if len(value) > _MOST_COOKIE_BYTES:
        raise Invalid("no more filters can be kept here; remove one first")
    return (visit_of(request).cookie(value, _COOKIE, max_age_s=_YEAR_S),)
