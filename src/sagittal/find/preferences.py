"""How somebody likes the list of studies: its columns, and filters that they saved. Doors say where it is kept."""

from typing import Final, Literal, Protocol, get_args

import msgspec

from sagittal.errors import Invalid, NotFound
from sagittal.find.listing import Listing, SortedBy

Column = Literal[
    "patient_id", "birth", "date", "modality", "description", "accession", "referring", "facility", "size", "received"
]
COLUMNS: Final[tuple[Column, ...]] = get_args(Column)
USUAL: Final[tuple[Column, ...]] = ("patient_id", "birth", "date", "modality", "description", "accession", "size")

MOST_FILTERS: Final = 24
MOST_NAME: Final = 60


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

    def listing(self, after: int, limit: int) -> Listing:
        """The same as the list is asked, for the page behind the row `after`."""
        return Listing(
            text=self.text,
            modality=self.modality,
            since=self.since,
            until=self.until,
            facility=self.facility,
            sorted_by=self.sorted_by,
            is_falling=self.is_falling,
            after=after,
            limit=limit,
        )


class Saved(msgspec.Struct, frozen=True):
    """Filters under a name."""

    id: int
    name: str
    asked: Asked


class Preferences(msgspec.Struct, frozen=True, omit_defaults=True):
    """How somebody likes the list, and in which language they read; `""` for what their browser says."""

    columns: tuple[Column, ...] = USUAL
    filters: tuple[Saved, ...] = ()
    language: str = ""

    def with_columns(self, columns: tuple[Column, ...]) -> "Preferences":
        """With other columns."""
        return msgspec.structs.replace(self, columns=columns)

    def with_language(self, language: str) -> "Preferences":
        """With another language."""
        return msgspec.structs.replace(self, language=language)

    def with_filter(self, name: str, asked: Asked) -> "Preferences":
        """With one more, or another under a name that is taken. Raises Invalid."""
        name = name.strip()[:MOST_NAME]
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


def read_preferences(text: str) -> Preferences:
    """What a text says that was kept; what cannot be read is as if nothing was."""
    try:
        return msgspec.json.decode(text, type=Preferences) if text else Preferences()
    except (msgspec.DecodeError, ValueError):
        return Preferences()
