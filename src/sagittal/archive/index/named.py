"""The attributes that the site wants to search by, beyond those that every index has; and how far their index is."""

import sqlite3
from collections.abc import Sequence

import msgspec

from sagittal.archive.index.attributes import INDEX_TAGS, SPECIFIC_CHARACTER_SET, TIMEZONE_OFFSET
from sagittal.dicom.attribute_path import AttributePath, parse_attribute

LOAD_SQL = (
    "SELECT id, name, filled_to, fill_to, done, of_instances FROM query_attributes WHERE NOT is_dropped ORDER BY id"
)
_BLOCKS = range(0x10, 0x100)


class NamedAttribute(msgspec.Struct, frozen=True):
    """One of them.

    Attributes:
        id: of its row.
        path: which attribute.
        filled_to, fill_to: instances (their rows) between these two do not have their values in the index yet.
        done, of: how many instances have been looked at, of those that were there when it was named.
    """

    id: int
    path: AttributePath
    filled_to: int = 0
    fill_to: int = 0
    done: int = 0
    of: int = 0

    @property
    def is_ready(self) -> bool:
        """Whether every instance has its values in the index."""
        return self.filled_to >= self.fill_to


class Named(msgspec.Struct, frozen=True):
    """All of them, at one moment. False if there are none."""

    attributes: tuple[NamedAttribute, ...] = ()

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self.attributes)

    @property
    def unready(self) -> tuple[NamedAttribute, ...]:
        """Those that cannot be searched by yet."""
        return tuple(one for one in self.attributes if not one.is_ready)


class Wanted(msgspec.Struct, frozen=True):
    """What the header reader is to keep.

    Attributes:
        tags: of top-level elements.
        optional: those of them without which an instance is taken all the same.
    """

    tags: frozenset[int]
    optional: frozenset[int] = frozenset()


EVERY_INDEX = Wanted(INDEX_TAGS)
"""What the index keeps at every site."""


def wanted_for(attributes: Sequence[NamedAttribute], *, alone: bool = False) -> Wanted:
    """What is to be kept for `attributes`, beside what every index has or `alone`.

    A private element is looked for in every block that its creator may have reserved.
    """
    if not attributes and not alone:
        return EVERY_INDEX
    tags: set[int] = set()
    for attribute in attributes:
        tag, creator = attribute.path.steps[0]
        if creator:
            group = tag & 0xFFFF0000
            tags.update(group | block for block in _BLOCKS)
            tags.update(tag | block << 8 for block in _BLOCKS)
        else:
            tags.add(tag)
    always = {SPECIFIC_CHARACTER_SET, TIMEZONE_OFFSET} if alone else INDEX_TAGS
    return Wanted(frozenset(tags | always), frozenset(tags - always))


def load_named(connection: sqlite3.Connection) -> Named:
    """What the index has of them."""
    rows = connection.execute(LOAD_SQL).fetchall()
    return Named(tuple(NamedAttribute(row[0], parse_attribute(row[1]), *row[2:]) for row in rows))
