"""A row of the index as an answer."""

import functools
from typing import Any

import msgspec
from sqlalchemy import Row
from sqlalchemy.sql import ColumnElement

from sagittal.dicom.registry import vr_of
from sagittal.find.levels import SHAPES, levels_up
from sagittal.find.query import Found, Level

_ONLINE = '"00080056":{"vr":"CS","Value":["ONLINE"]}'  # Instance Availability (PS3.4 Section C.4.1.1.4)
_TIMEZONE = '"00080201"'


def own_columns(level: Level) -> list[ColumnElement[Any]]:  # Any: columns of any type
    """What an answer is made of at its own level: JSON first, then the computed columns."""
    shape = SHAPES[level]
    return [shape.table.c.attributes, *(shape.table.c[name] for name in shape.computed.values())]


def above_columns(level: Level) -> list[ColumnElement[Any]]:  # Any: as above
    """The JSON of the levels above, nearest first."""
    return [SHAPES[one].table.c.attributes for one in levels_up(level)[1:]]


class AnswerMaker:
    """Makes answers of rows selected as `own_columns`, then `above_columns`.

    Attributes:
        width: how many columns of a row these are.

    Remembers what rows have in common, as the instances of a series what is above them: `Found.above` is then the same
    object in all of them.
    """

    def __init__(self, level: Level) -> None:
        self._level = level
        self._computed = tuple(SHAPES[level].computed)
        self._first = 1 + len(self._computed)
        self._stop = self._first + len(levels_up(level)) - 1
        self.width = self._stop
        self._texts: list[str] = []
        self._above = ""  # of the row before, without regard to its own members
        self._is_timed = False

    def found(self, row: Row[Any]) -> Found:  # Any: as above
        """The answer of a row."""
        members = [row[0][1:-1]]
        if self._level is not Level.PATIENT:
            members.append(_ONLINE)
        members += [_member(tag, row[index]) for index, tag in enumerate(self._computed, 1)]
        own = ",".join([member for member in members if member])
        texts = list(row[self._first : self._stop])
        if texts != self._texts:
            self._texts = texts
            self._above = _joined([inner for text in texts if (inner := text[1:-1])])
            self._is_timed = _TIMEZONE in self._above
        if self._is_timed and _TIMEZONE in own:
            return Found(own, _without_timezone(self._above))
        return Found(own, self._above)


@functools.lru_cache(maxsize=4096)
def _member(tag: int, value: str | int) -> str:
    vr = vr_of(tag)
    if isinstance(value, int):
        return f'"{tag:08X}":{{"vr":"{vr}","Value":[{value}]}}'
    if not value:
        return ""
    return f'"{tag:08X}":{{"vr":"{vr}","Value":{msgspec.json.encode(value.split(chr(92))).decode()}}}'


def _joined(above: list[str]) -> str:
    """The members of the levels above, nearest first, without those that a nearer level has said.

    Timezone Offset From UTC (0008,0201) is the only attribute of several levels.
    """
    text = ",".join(above)
    if text.count(_TIMEZONE) < 2:
        return text
    kept: dict[str, object] = {}
    for members in reversed(above):
        kept |= msgspec.json.decode("{" + members + "}")
    return msgspec.json.encode(kept).decode()[1:-1]


@functools.lru_cache(maxsize=16)
def _without_timezone(above: str) -> str:
    kept: dict[str, object] = msgspec.json.decode("{" + above + "}")
    kept.pop(_TIMEZONE.strip('"'), None)
    return msgspec.json.encode(kept).decode()[1:-1]
