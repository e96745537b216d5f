"""SQL text made once from the Core tables, for the statements that run with every instance."""

from typing import NamedTuple

from sqlalchemy import BindParameter, ClauseElement, ColumnElement, Table, bindparam, delete, insert, select, update
from sqlalchemy.dialects import sqlite

from sagittal.archive.index import schema

_DIALECT = sqlite.dialect(paramstyle="qmark")


class Hot(NamedTuple):
    """A statement as SQLite takes it.

    Attributes:
        sql: with question marks.
        names: of the values, in their order.
    """

    sql: str
    names: tuple[str, ...]


def hot(statement: ClauseElement) -> Hot:
    """Compiles a Core statement whose values are all `bindparam`s."""
    compiled = statement.compile(dialect=_DIALECT)
    names = compiled.positiontup  # type: ignore[attr-defined]  # SQLCompiler has it, Compiled does not say so
    return Hot(str(compiled), tuple(names or ()))


def insert_into(table: Table, *left_out: str) -> Hot:
    """A row of all columns of `table` but `left_out`, in their order."""
    columns: dict[str, BindParameter[object]] = {
        column.name: bindparam(column.name) for column in table.columns if column.name not in left_out
    }
    return hot(insert(table).values(columns))


def update_by(table: Table, key: str, *names: str) -> Hot:
    """Sets the columns `names` of the row whose `key` is given last."""
    return hot(
        update(table).where(table.c[key] == bindparam(f"{key}_")).values({name: bindparam(name) for name in names})
    )


def select_by(table: Table, *keys: str) -> Hot:
    """All columns of the rows whose `keys` are given."""
    conditions: list[ColumnElement[bool]] = [table.c[key] == bindparam(key) for key in keys]
    return hot(select(table).where(*conditions))


def delete_by(table: Table, key: str) -> Hot:
    """Deletes the rows whose `key` is given."""
    return hot(delete(table).where(table.c[key] == bindparam(key)))


def columns_of(table: Table) -> tuple[str, ...]:
    """The names of all columns, in their order."""
    return tuple(column.name for column in table.columns)


INSERT_INSTANCE = insert_into(schema.instances)
INSERT_CONFLICT = insert_into(schema.conflicts)
INSERT_EVENT = insert_into(schema.events)
RESTORE_INSTANCE = update_by(
    schema.instances,
    "sop_instance_uid",
    *("pack", "file_offset", "file_length", "data_set_offset", "digest", "is_corrupt"),
)
INSERT_PACK = insert_into(schema.packs)
INSERT_VALUE = insert_into(schema.attribute_values)

KNOWN_INSTANCE = "SELECT sop_instance_uid, digest_data_set, is_corrupt FROM instances WHERE sop_instance_uid = ?"
KNOWN_INSTANCES = (
    "SELECT sop_instance_uid, digest_data_set, is_corrupt FROM instances"
    " WHERE sop_instance_uid IN (SELECT value FROM json_each(?))"
)
KNOWN_CONFLICTS = KNOWN_INSTANCES.replace("FROM instances", "FROM conflicts")

LAST_END = (
    "SELECT max(ending) FROM (SELECT file_offset + file_length AS ending FROM instances"
    " JOIN series ON series.id = instances.series WHERE series.series_instance_uid = ? AND instances.pack = ?"
    " UNION ALL SELECT file_offset + file_length FROM conflicts WHERE pack = ?"
    " UNION ALL SELECT file_offset + file_length FROM rejected WHERE pack = ?)"
)
"""Where the last member of a pack that the index has ends, without its padding."""

LAST_REJECTED = "SELECT coalesce(max(row_id), 0) FROM rejected WHERE is_conflict = 0"
LAST_REJECTED_CONFLICT = "SELECT coalesce(max(row_id), 0) FROM rejected WHERE is_conflict = 1"
SET_COUNTER = "INSERT INTO counters (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"

NAME_IN = {table: f"INSERT INTO {names} (rowid, name_folded) VALUES (?, ?)" for names, table in schema.NAME_TABLES}  # noqa: S608  # names of tables
"""By table, how the folded name of a row becomes one that is searched."""

NAME_OUT = {
    table: f"INSERT INTO {names} ({names}, rowid, name_folded) VALUES ('delete', ?, ?)"  # noqa: S608  # names of tables
    for names, table in schema.NAME_TABLES
}
"""By table, how it is taken out again: the table of names keeps no text of its own, so one has to say it."""
