"""Search queries as query strings (PS3.18 Section 8.3.4).

`?PatientName=M%C3%BCller*&00080060=MR&includefield=all&limit=20`: an attribute is a keyword of PS3.6 or eight
hexadecimal digits, or a dotted path of them into sequences. What has neither form is a parameter of somebody else's:
it is left out of the search and named among `ignored`, so that the door can warn.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

import msgspec

from sagittal.dicom.matching import Key
from sagittal.dicom.registry import is_private, parse_tag, tag_of, vr_of
from sagittal.errors import Invalid

MAX_QUERY_LENGTH = 65_536
MAX_PARAMETERS = 500
MAX_PATH_DEPTH = 8
_MAX_NUMBER_DIGITS = 9

_LOOKS_LIKE_ATTRIBUTE = re.compile(r"[0-9A-Fa-f]{8}|[A-Z][0-9A-Za-z]*")
_CODE_SEPARATORS = re.compile(r"[\\,]")
# No comma can be part of these values, and clients list them with commas as often as with the backslash of PS3.5.
_CODE_VRS = frozenset({"UI", "CS"})
_ONE_VALUE_VRS = frozenset({"LT", "ST", "UT", "UR"})  # a backslash is text (PS3.5 Section 6.2)
_SPACE_BEFORE_ZONE = re.compile(r" (?=\d{4}(?:$|-))")


class Parameter(NamedTuple):
    """One `name=value`, decoded."""

    name: str
    value: str


class Sorting(NamedTuple):
    """One member of `orderby`."""

    tag: int
    is_falling: bool


class Search(msgspec.Struct, frozen=True, kw_only=True):
    """What a query string asks for.

    Attributes:
        keys: what must match; a key without values matches everything and asks for the attribute.
        included: paths of attributes to return beside the usual ones (`includefield`).
        includes_all: `includefield=all`.
        limit: most answers wanted, None if not said.
        offset: answers to pass over first.
        is_fuzzy: `fuzzymatching=true`.
        order: `orderby`: what answers are sorted by, first things first.
        ignored: names of parameters that mean nothing in a search, in printable ASCII.
    """

    keys: tuple[Key, ...] = ()
    included: tuple[tuple[int, ...], ...] = ()
    includes_all: bool = False
    limit: int | None = None
    offset: int = 0
    is_fuzzy: bool = False
    order: tuple[Sorting, ...] = ()
    ignored: tuple[str, ...] = ()


def parse_parameters(query: bytes | str) -> tuple[Parameter, ...]:
    """The parameters of a query string in the order they came, percent-decoded as UTF-8, `+` being a space.

    >>> parse_parameters("PatientName=M%C3%BCller+*&limit=2")
    (Parameter(name='PatientName', value='Müller *'), Parameter(name='limit', value='2'))

    Raises:
        Invalid: it is too long, has too many parameters, or is not UTF-8 once decoded.
    """
    text = query.decode("latin-1") if isinstance(query, bytes) else query
    if len(text) > MAX_QUERY_LENGTH:
        raise Invalid(f"a query string has at most {MAX_QUERY_LENGTH} characters; got {len(text)}")
    pieces = [piece for piece in text.split("&") if piece]
    if len(pieces) > MAX_PARAMETERS:
        raise Invalid(f"a query string has at most {MAX_PARAMETERS} parameters; got {len(pieces)}")
    return tuple(_parameter(piece) for piece in pieces)


def _parameter(piece: str) -> Parameter:
    name, _, value = piece.partition("=")
    return Parameter(_unquote(name), _unquote(value, of=name))


def _unquote(text: str, of: str | None = None) -> str:
    """The name of a parameter, or the value `of` one."""
    if "%" not in text and text.isascii():
        return text.replace("+", " ")
    try:
        return unquote_to_bytes(text.replace("+", " ").encode("latin-1")).decode("utf-8")
    except UnicodeError as error:
        what = "a parameter's name" if of is None else f"the value of {_shown(of)}"
        raise Invalid(f"{what} is to be percent-encoded UTF-8; got other bytes") from error


def parse_search(parameters: Iterable[Parameter]) -> Search:
    """The search that the parameters describe; `accept` and `charset` belong to negotiation and are passed over.

    >>> search = parse_search(parse_parameters("StudyDate=20260101-&includefield=00081030,PatientSex&limit=5&x=1"))
    >>> search.keys[0].values, len(search.included), search.limit, search.ignored
    (('20260101-',), 2, 5, ('x',))

    Raises:
        Invalid: an attribute that PS3.6 does not have, one given twice, or a number that is none; the message names it.
    """
    keys: dict[tuple[int, ...], Key] = {}
    included: dict[tuple[int, ...], None] = {}
    ignored: dict[str, None] = {}
    said: dict[str, int | bool] = {}
    order: list[Sorting] = []
    includes_all = False
    for name, value in parameters:
        lowered = name.lower()
        if lowered == "includefield":
            for field in filter(None, (field.strip() for field in value.split(","))):
                includes_all |= field.lower() == "all"
                if field.lower() != "all":
                    included[parse_path(field)] = None
        elif lowered == "orderby":
            order += [_sorting(field) for field in filter(None, (field.strip() for field in value.split(",")))]
        elif lowered in _NUMBERS_AND_FLAGS:
            said[lowered] = _NUMBERS_AND_FLAGS[lowered](lowered, value)
        elif is_attribute(name):
            key = _key(name, value)
            if key.path in keys:
                raise Invalid(f"{_shown(name)} may be given once; it is there twice")
            keys[key.path] = key
        elif lowered not in _ELSEWHERE:
            ignored[_shown(name)] = None
    _check_kinds(keys.values(), said)
    return Search(
        keys=tuple(keys.values()),
        included=tuple(included),
        includes_all=includes_all,
        limit=said.get("limit"),
        offset=said.get("offset", 0),
        is_fuzzy=bool(said.get("fuzzymatching", False)),
        order=tuple(dict.fromkeys(order)),
        ignored=tuple(ignored),
    )


def _sorting(field: str) -> Sorting:
    """A member of `orderby`: `StudyDate` rising, `-StudyDate` falling. Not in PS3.18; viewers send it."""
    path = parse_path(field.lstrip("+-"))
    if len(path) > 1:
        raise Invalid(f"orderby takes attributes outside of sequences; got {_shown(field)}")
    return Sorting(path[0], field.startswith("-"))


def _check_kinds(keys: Iterable[Key], said: Mapping[str, int | bool]) -> None:
    """Refuses keys of the two kinds of matching that the query itself has switched off.

    Departs from PS3.18 Sections 8.3.4.5 and 8.3.4.6: without the parameters the two kinds of matching are on. Two
    quotation marks and a backslash can be no part of the values they would else be compared with, so that such a key
    would find nothing; for the same reason it is refused, not left to find nothing, where they are switched off.
    """
    for key in keys:
        if said.get("emptyvaluematching") is False and '""' in key.values:
            raise Invalid(f"{key.name} asks for an empty value, and emptyvaluematching is false")
        if said.get("multiplevaluematching") is False and len(key.values) > 1 and key.vr != "UI":
            raise Invalid(f"{key.name} asks for several values, and multiplevaluematching is false")


def is_attribute(name: str) -> bool:
    """Whether a parameter's name has the form of an attribute, known or not.

    >>> is_attribute("PatientID"), is_attribute("00400275.00400009"), is_attribute("orderby"), is_attribute("_")
    (True, True, False, False)
    """
    first = name.split(".", 1)[0]
    return "." in name or _LOOKS_LIKE_ATTRIBUTE.fullmatch(first) is not None or tag_of(first) is not None


def parse_path(text: str) -> tuple[int, ...]:
    """The tags of a dotted path, each but the last a sequence; a plain attribute is a path of one.

    >>> [f"{tag:08X}" for tag in parse_path("RequestAttributesSequence.00400009")]
    ['00400275', '00400009']
    """
    names = text.split(".")
    if len(names) > MAX_PATH_DEPTH:
        raise Invalid(f"an attribute's path is at most {MAX_PATH_DEPTH} deep; got {len(names)}")
    tags = tuple(_tag(name) for name in names)
    for tag, name in zip(tags[:-1], names[:-1], strict=True):
        if vr_of(tag) != "SQ" and not is_private(tag):
            raise Invalid(f"{_shown(name)} in a path is to be a sequence; its VR is {vr_of(tag)}")
    return tags


def _tag(name: str) -> int:
    try:
        return parse_tag(name)
    except Invalid as error:
        raise Invalid(f"no attribute of PS3.6 is called {_shown(name)}") from error


def _key(name: str, value: str) -> Key:
    path = parse_path(name)
    vr = vr_of(path[-1])
    if vr in _ONE_VALUE_VRS:
        values = [value]
    elif vr in _CODE_VRS:
        values = [member.strip() for member in _CODE_SEPARATORS.split(value)]
    else:
        if vr == "DT":
            value = _SPACE_BEFORE_ZONE.sub("+", value)  # a time zone's plus sign that was not percent-encoded
        values = value.split("\\")
    return Key(path=path, vr=vr, values=tuple(filter(None, values)))


def _number(name: str, value: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) <= _MAX_NUMBER_DIGITS):
        raise Invalid(f"{name} is to be a number from 0 to {10**_MAX_NUMBER_DIGITS - 1}; got another form")
    return int(value)


def _flag(name: str, value: str) -> bool:
    if value.lower() not in ("true", "false"):
        raise Invalid(f"{name} is to be true or false; got another value")
    return value.lower() == "true"


_NUMBERS_AND_FLAGS: Mapping[str, Callable[[str, str], int | bool]] = {
    "limit": _number,
    "offset": _number,
    "fuzzymatching": _flag,
    "emptyvaluematching": _flag,
    "multiplevaluematching": _flag,
}
_ELSEWHERE = frozenset({"accept", "charset"})


def _shown(name: str) -> str:
    """`name` fit to stand in a message: printable ASCII, 64 characters."""
    return "".join(c if c.isascii() and c.isprintable() and c not in '"\\' else "?" for c in name[:64])
