"""A key of a query as a condition on a column.

A condition may let more through than the key (it never lets less); it then says so, and what comes out of the index is
looked at again by `sagittal.dicom.matching`.
"""

import re
from typing import NamedTuple, assert_never

from sqlalchemy import Column, Integer, Numeric, and_, cast, literal, or_, select, true
from sqlalchemy.sql import ColumnElement

from sagittal.archive.index import schema
from sagittal.dicom.matching import (
    AnyOf,
    Empty,
    Match,
    Name,
    Number,
    Range,
    Single,
    UidList,
    Universal,
    Wildcard,
)

_TRIGRAM = 3
_HIGHEST = "\U0010ffff"


class Condition(NamedTuple):
    """`clause` holds for every row that matches; if `is_exact`, for no other."""

    clause: ColumnElement[bool]
    is_exact: bool


ALL = Condition(true(), True)


def compile_match(column: Column[str], match: Match, *, is_single: bool) -> Condition:
    """The condition for `match` on a text column.

    Args:
        column: text, several values joined by a backslash; for Name any PN column, whose folded form stands beside it.
        is_single: the attribute has at most one value.
    """
    match match:
        case Universal():
            return ALL
        case Empty():
            return Condition(column == "", True)
        case AnyOf(matches=several):
            parts = [compile_match(column, one, is_single=is_single) for one in several]
            return Condition(or_(*(part.clause for part in parts)), all(part.is_exact for part in parts))
        case Number(value=number):
            if isinstance(column.type, Integer):
                return Condition(column == int(number), number == int(number))
            return Condition(and_(column != "", cast(column, Numeric) == number), False)
        case Name():
            return _name(column, match)
        case Range():
            return _range(column, match)
        case Single() | Wildcard() | UidList():
            return _text(column, match, is_single=is_single)
        case _:
            assert_never(match)


def _text(column: Column[str], match: Single | Wildcard | UidList, *, is_single: bool) -> Condition:
    if isinstance(match, Wildcard):
        if is_single:
            return Condition(_glob(column, match.pattern), True)
        return Condition(column.op("GLOB")(f"*{_escaped(match.pattern)}*"), False)
    values = match.uids if isinstance(match, UidList) else (match.value.strip(" "),)
    if is_single:
        return Condition(column.in_(values) if len(values) > 1 else column == values[0], True)
    among = literal("\\").concat(column).concat("\\")
    return Condition(or_(*(among.op("GLOB")(f"*\\{_escaped(value, literally=True)}\\*") for value in values)), True)


def _range(column: Column[str], wanted: Range) -> Condition:
    """DA columns are kept in the canonical form; TM and DT values may be of any precision, so an hour decides first."""
    if wanted.vr == "DA":
        low, high = wanted.low, wanted.high
    elif wanted.vr == "TM":
        low, high = wanted.low[:2], wanted.high[:2] + _HIGHEST if wanted.high else ""
    else:
        return Condition(column != "", False)
    clauses = [column != "", *([column >= low] if low else []), *([column <= high] if high else [])]
    return Condition(and_(*clauses), wanted.vr == "DA")


def _name(column: Column[str], wanted: Name) -> Condition:
    """A superset by the folded form, in which component groups stand one after the other."""
    folded = _folded(column)
    clauses = [_word(folded, word) for word in wanted.words]
    for group in wanted.groups:
        clauses += [_group(folded, group)] if group else []
    return Condition(and_(*clauses) if clauses else true(), False)


def _folded(column: Column[str]) -> ColumnElement[str]:
    names = {"patient_name": "name_folded", "referring_physician_name": "referring_folded"}
    return column.table.c.get(names.get(column.name, ""), column)


def _word(folded: ColumnElement[str], word: str) -> ColumnElement[bool]:
    return _candidates(folded, f"*{word}*") if _is_folded(folded) else folded != ""


def _group(folded: ColumnElement[str], pattern: str) -> ColumnElement[bool]:
    return _candidates(folded, f"*{pattern}*") if _is_folded(folded) else folded != ""


def _is_folded(column: ColumnElement[str]) -> bool:
    return isinstance(column, Column) and column.name.endswith("_folded")


def _candidates(folded: ColumnElement[str], pattern: str) -> ColumnElement[bool]:
    """Rows whose folded name holds the pattern; by trigrams where a piece of it is long enough."""
    holds = folded.op("GLOB")(_escaped(pattern))
    pieces = [piece for piece in re.split(r"[*?]+", pattern) if len(piece) >= _TRIGRAM]
    names = {"patients": schema.patient_names, "studies": schema.study_names}
    if not pieces or not isinstance(folded, Column) or folded.name != "name_folded":
        return holds
    table = folded.table
    trigrams = names[str(getattr(table, "name", ""))]
    said = " AND ".join('"' + piece.replace('"', '""') + '"' for piece in pieces)
    ids = select(trigrams.c.rowid).where(trigrams.c.name_folded.op("MATCH")(said))
    return and_(table.c.id.in_(ids), holds)


def _glob(column: Column[str], pattern: str) -> ColumnElement[bool]:
    """GLOB with the range of its literal beginning beside it, which an index can serve."""
    globbed: ColumnElement[bool] = column.op("GLOB")(_escaped(pattern))
    beginning = re.split(r"[*?]", pattern, maxsplit=1)[0]
    if not beginning:
        return globbed
    return and_(column >= beginning, column < beginning + _HIGHEST, globbed)


def _escaped(pattern: str, *, literally: bool = False) -> str:
    """A DICOM pattern as a GLOB pattern: `*` and `?` mean the same, `[` is special in GLOB only."""
    special = r"([\[*?])" if literally else r"(\[)"
    return re.sub(special, r"[\1]", pattern)
