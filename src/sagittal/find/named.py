"""Keys of attributes that the site has named (`query_attributes`): which they are, and what they are called in answers.

A private element is asked for by its number and, beside it, the private creator element of its block, as it would stand
in a data set: (0009,1027) with (0009,0010) GEMS_IDEN_01. Any block will do. Without the creator it is whatever the site
has named with that group and those last two digits, if that is one.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from sagittal.archive.index.named import Named, NamedAttribute
from sagittal.dicom.dataset import RawElement
from sagittal.dicom.json_model import text_value
from sagittal.dicom.matching import Key
from sagittal.dicom.registry import is_private, is_private_creator
from sagittal.errors import Invalid

Path = tuple[int, ...]

_ONE_VALUE_VRS = frozenset({"LT", "ST", "UR", "UT"})
_COMMA_VRS = frozenset({"CS", "UI"})
_BINARY_VRS = frozenset({"AT", "FD", "FL", "SL", "SS", "SV", "UL", "US", "UV"})
_MASK = 0xFFFF00FF  # of a private element without its block


class Asked(NamedTuple):
    """A named attribute as a query has it.

    Attributes:
        path: tags, with the blocks that the query chose.
        creators: of the private ones among them: where their creator elements are to stand, and what these say.
    """

    attribute: NamedAttribute
    path: Path
    creators: tuple[tuple[Path, str], ...] = ()


class Resolved(msgspec.Struct, frozen=True):
    """A query's keys, sorted out.

    Attributes:
        keys: of named attributes, by the VR they are indexed by.
        asked: by path, the named attributes of these keys and of what is to be given beside them.
        others: the keys that are not of named attributes.
    """

    keys: tuple[Key, ...]
    asked: Mapping[Path, Asked]
    others: tuple[Key, ...]

    @property
    def given(self) -> frozenset[Path]:
        """Where answers have something of named attributes that can be searched by, their creators among it."""
        ready = [asked for asked in self.asked.values() if asked.attribute.is_ready]
        return frozenset((*(asked.path for asked in ready), *(path for asked in ready for path, _ in asked.creators)))


def resolve(named: Named, keys: Sequence[Key], included: Iterable[Path] = ()) -> Resolved:
    """Which of `keys`, and of the paths `included` beside them, are named attributes.

    Raises:
        Invalid: a private element could be one of several; names them.
    """
    if not named:
        return Resolved((), {}, tuple(keys))
    said = {
        key.path: key.values[0].strip(" \0")
        for key in keys
        if len(key.values) == 1 and is_private_creator(key.path[-1])
    }
    asked: dict[Path, Asked] = {}
    for path in (*(key.path for key in keys), *included):
        one = _asked(named, path, said)
        if one is not None:
            asked[path] = one
    creators = _creators(asked.values())
    return Resolved(
        tuple(_by_vr(key, asked[key.path].attribute.path.vr) for key in keys if key.path in asked),
        asked,
        tuple(key for key in keys if key.path not in asked and key.path not in creators),
    )


def _asked(named: Named, path: Path, said: Mapping[Path, str]) -> Asked | None:
    places = {index: _creator_path(path, index) for index, tag in enumerate(path) if is_private(tag)}
    if any(path[index] & 0xFFFF < 0x1000 for index in places):
        return None  # a creator element, or none that a creator could have
    found = [one for one in named.attributes if _is(one, path, {i: said.get(at) for i, at in places.items()})]
    if not found:
        return None
    if len(found) > 1:
        several = " or ".join(one.path.name for one in found)
        where = " and ".join(f"{at[-1]:08X}" for at in places.values())
        raise Invalid(f"{Key(path, 'UN').name} may be {several}: say the private creator in {where}")
    steps = found[0].path.steps
    return Asked(found[0], path, tuple((at, steps[index].creator) for index, at in places.items()))


def _is(attribute: NamedAttribute, path: Path, creators: Mapping[int, str | None]) -> bool:
    steps = attribute.path.steps
    return len(steps) == len(path) and all(
        step.tag == (tag & _MASK if is_private(tag) else tag) and creators.get(index) in (None, step.creator)
        for index, (step, tag) in enumerate(zip(steps, path, strict=True))
    )


def _creator_path(path: Path, index: int) -> Path:
    tag = path[index]
    return (*path[:index], tag & 0xFFFF0000 | tag >> 8 & 0xFF)


def _creators(asked: Iterable[Asked]) -> dict[Path, str]:
    """Where creator elements are, and what they say; Invalid if two would have to stand at one place."""
    found: dict[Path, str] = {}
    for one in asked:
        for path, creator in one.creators:
            if found.setdefault(path, creator) != creator:
                raise Invalid(
                    f"{Key(one.path, 'UN').name} is of another private creator than what else is asked for in block "
                    f"{path[-1]:08X}: use another block, with its creator"
                )
    return found


def _by_vr(key: Key, vr: str) -> Key:
    """The key by the VR it is indexed by; the number of a private element did not tell it to those who read the key."""
    if key.vr == vr:
        return key
    values = key.values
    if key.unread and vr in _BINARY_VRS:
        values = tuple(text_value(RawElement(vr, key.unread)).split("\\"))
    elif vr in _ONE_VALUE_VRS:
        values = ("\\".join(values),) if values else ()
    elif vr in _COMMA_VRS:
        values = tuple(part.strip() for value in values for part in re.split(r"[\\,]", value))
    return Key(key.path, vr, tuple(filter(None, values)))
