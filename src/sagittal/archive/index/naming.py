"""Changes to the attributes that the site searches by: named, filled in over what is there, and dropped."""

import sqlite3
from collections.abc import Sequence
from typing import Final, NamedTuple

from sagittal.archive.index.named import Named, load_named
from sagittal.archive.index.statements import INSERT_VALUE
from sagittal.archive.index.values import Row
from sagittal.archive.index.writer import IndexWriter
from sagittal.dicom.attribute_path import AttributePath

_FORGOTTEN_AT_ONCE: Final = 2000


class Instance(NamedTuple):
    """An instance that values are filled in for.

    Attributes:
        id: of its row.
        pack, file_offset: where it was when its values were read.
    """

    id: int
    pack: str
    file_offset: int


def name_attributes(index: IndexWriter, paths: Sequence[AttributePath]) -> Named:
    """Makes `paths` the attributes that are searched by; new ones are ready once all that is there is filled in.

    Must not be called while instances come in, whose headers may have been read for other attributes.
    """
    wanted = dict.fromkeys(map(str, paths))
    with index.transaction() as connection:
        known = {str(one.path): one.id for one in load_named(connection).attributes}
        for name in known.keys() - wanted.keys():
            connection.execute("UPDATE query_attributes SET is_dropped = 1 WHERE id = ?", (known[name],))
        new = [name for name in wanted if name not in known]
        if new:
            last, count = connection.execute("SELECT coalesce(max(id), 0), count(*) FROM instances").fetchone()
            connection.executemany(
                "INSERT INTO query_attributes (name, fill_to, of_instances) VALUES (?, ?, ?)",
                [(name, last, count) for name in new],
            )
        named = load_named(connection)
    index.name(named)
    return named


def fill_in(
    index: IndexWriter, attributes: Sequence[int], up_to: int, found: Sequence[tuple[Instance, Sequence[Row]]]
) -> Named | None:
    """Puts in the values of instances that were there before.

    Args:
        index: where to.
        attributes: which (their rows).
        up_to: all instances up to this row are done then.
        found: instances, in order, with the rows of their values.

    Returns:
        how far all are; None if an instance lies elsewhere by now, so that these are to be read again.
    """
    with index.transaction() as connection:
        there = [(instance, rows, _place_of(connection, instance.id)) for instance, rows in found]
        if any(place is not None and place != instance[1:] for instance, _, place in there):
            return None
        there = [one for one in there if one[2] is not None]
        marks = ", ".join("?" for _ in attributes)
        connection.executemany(
            f"DELETE FROM attribute_values WHERE instance = ? AND attribute IN ({marks})",  # noqa: S608  # marks only
            [(instance.id, *attributes) for instance, _, _ in there],
        )
        connection.executemany(INSERT_VALUE.sql, [row for _, rows, _ in there for row in rows])
        connection.execute(
            f"UPDATE query_attributes SET filled_to = ?, done = done + ? WHERE id IN ({marks})",  # noqa: S608  # as above
            (up_to, len(found), *attributes),
        )
        named = load_named(connection)
    index.name_again(named)
    return named


def _place_of(connection: sqlite3.Connection, instance: int) -> tuple[str, int] | None:
    found = connection.execute("SELECT pack, file_offset FROM instances WHERE id = ?", (instance,)).fetchone()
    return (found[0], found[1]) if found else None


def forget_some(index: IndexWriter) -> bool:
    """Takes out some values of attributes that are no longer named; False if there are none left."""
    with index.transaction() as connection:
        dropped = connection.execute("SELECT id FROM query_attributes WHERE is_dropped ORDER BY id LIMIT 1").fetchone()
        if dropped is None:
            return False
        taken = connection.execute(
            "DELETE FROM attribute_values WHERE (instance, attribute, items, place) IN"
            " (SELECT instance, attribute, items, place FROM attribute_values WHERE attribute = ? LIMIT ?)",
            (*dropped, _FORGOTTEN_AT_ONCE),
        ).rowcount
        if taken < _FORGOTTEN_AT_ONCE:
            connection.execute("DELETE FROM query_attributes WHERE id = ?", dropped)
    return True
