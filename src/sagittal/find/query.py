"""What is asked, and what is answered."""

from enum import StrEnum
from typing import NamedTuple

import msgspec

from sagittal.dicom.matching import Key


class Level(StrEnum):
    """Query/Retrieve Level (PS3.4 Section C.6)."""

    PATIENT = "PATIENT"
    STUDY = "STUDY"
    SERIES = "SERIES"
    IMAGE = "IMAGE"


class Order(NamedTuple):
    """One attribute that answers are sorted by."""

    tag: int
    is_falling: bool = False


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """A question to the index. Studies are answered newest first, patients by name, series and instances by number.

    Attributes:
        level: of the entities that are asked for.
        keys: all of them must match; of any level, above or below (then some entity below must match).
        fuzzy: person names match by their words, in any order.
        combined: a range of a date and one of the time that belongs to it are one range.
        limit: most answers; None for all.
        offset: answers passed over first.
        included: attributes that are wanted in the answers beside those of the keys, as far as the site has named them.
        order: what answers are sorted by before the order of the level; attributes of the level or those above.
    """

    level: Level
    keys: tuple[Key, ...] = ()
    fuzzy: bool = False
    combined: bool = False
    limit: int | None = None
    offset: int = 0
    included: tuple[tuple[int, ...], ...] = ()
    order: tuple[Order, ...] = ()


class Found(NamedTuple):
    """One answer as DICOM JSON text: an object with every attribute the index has of the entity and those above it.

    Attributes:
        own: members of the entity's own level and what is computed of it, `"00080060":{...},...` without braces.
        above: members of the levels above, likewise.
    """

    own: str
    above: str

    def text(self, *, with_above: bool = True) -> str:
        """The JSON object.

        >>> Found('"00100020":{"vr":"LO"}', "").text()
        '{"00100020":{"vr":"LO"}}'
        """
        return "{" + ",".join(part for part in (self.own, self.above if with_above else "") if part) + "}"
