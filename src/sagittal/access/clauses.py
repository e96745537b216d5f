"""A condition in SQL of ours as part of a statement of SQLAlchemy Core, at the price of its text.

`text()` with bound parameters costs the cache of compiled statements a microsecond for each of them, in each query.
"""

from functools import lru_cache
from typing import Any, Final

from sqlalchemy import Boolean, Integer, bindparam
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import ColumnElement
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.visitors import InternalTraversal

_IN_KEY: Final = [("sql", InternalTraversal.dp_string), ("prefix", InternalTraversal.dp_string)]
"""What tells such a condition from others in the cache of statements."""


class Condition(ColumnElement[bool]):
    """SQL with question marks, whose values a statement is executed with: `<prefix>_0` and so on."""

    inherit_cache = True
    _traverse_internals = _IN_KEY
    type = Boolean()

    def __init__(self, sql: str, prefix: str) -> None:
        self.sql = sql
        self.prefix = prefix

    def self_group(self, against: object = None) -> "Condition":
        """Itself: it stands in parentheses, and is no value to be compared with 1, which would hide its indexes."""
        del against
        return self


class Flag(ColumnElement[int]):
    """A column that is 1 where a Condition holds, else 0."""

    inherit_cache = True
    _traverse_internals = _IN_KEY
    type = Integer()

    def __init__(self, condition: Condition) -> None:
        self.sql = condition.sql
        self.prefix = condition.prefix


@lru_cache(1024)
def condition(sql: str, prefix: str) -> Condition:
    """The condition of a text; the same object for the same."""
    return Condition(sql, prefix)


@compiles(Condition)
def _compile_condition(element: Condition, compiler: SQLCompiler, **_: Any) -> str:  # Any: what SQLAlchemy passes on
    return _compiled(element.sql, element.prefix, compiler)


@compiles(Flag)
def _compile_flag(element: Flag, compiler: SQLCompiler, **_: Any) -> str:  # Any: as above
    return f"CASE WHEN {_compiled(element.sql, element.prefix, compiler)} THEN 1 ELSE 0 END"


def _compiled(sql: str, prefix: str, compiler: SQLCompiler) -> str:
    *before, last = sql.split("?")
    marks = (compiler.process(bindparam(f"{prefix}_{number}")) for number in range(len(before)))
    return f"({''.join(text + mark for text, mark in zip(before, marks, strict=True))}{last})"
