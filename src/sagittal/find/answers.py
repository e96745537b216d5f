"""A row of the index as an answer."""

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


def found_of(level: Level, row: Row[Any]) -> Found:  # Any: as above
    """The answer of a row selected as `own_columns`, then `above_columns`."""
    computed = SHAPES[level].computed
    members = [_inner(row[0]), _ONLINE] if level is not Level.PATIENT else [_inner(row[0])]
    members += [_member(tag, row[1 + index]) for index, tag in enumerate(computed)]
    own = ",".join(member for member in members if member)
    first = 1 + len(computed)
    above = [inner for text in row[first : first + len(levels_up(level)) - 1] if (inner := _inner(text))]
    return Found(own, _joined(own, above))


def _inner(text: str) -> str:
    return text[1:-1]


def _member(tag: int, value: str | int) -> str:
    vr = vr_of(tag)
    if isinstance(value, int):
        return f'"{tag:08X}":{{"vr":"{vr}","Value":[{value}]}}'
    if not value:
        return ""
    return f'"{tag:08X}":{{"vr":"{vr}","Value":{msgspec.json.encode(value.split(chr(92))).decode()}}}'


def _joined(own: str, above: list[str]) -> str:
    """The members of the levels above, nearest first, without those that a nearer level has said.

    Timezone Offset From UTC (0008,0201) is the only attribute of several levels.
    """
    if ",".join((own, *above)).count(_TIMEZONE) < 2:
        return ",".join(above)
    kept: dict[str, object] = {}
    for members in reversed(above):
        kept |= msgspec.json.decode("{" + members + "}")
    if _TIMEZONE in own:
        kept.pop(_TIMEZONE.strip('"'), None)
    return msgspec.json.encode(kept).decode()[1:-1]
