"""Media types with parameters, as `Content-Type` and members of `Accept` write them (PS3.18 Section 8.7, RFC 9110)."""

import re
from collections.abc import Iterator, Mapping

import msgspec

from sagittal.errors import Invalid

MAX_FIELD_LENGTH = 8192
MAX_PARAMETERS = 32

_NAME = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_TYPE = re.compile(rf"\s*({_NAME})/({_NAME})\s*")
# A parameter's value: a quoted string, or whatever stands before the next separator. Strict tokens would refuse
# `type=application/dicom`, which many clients send without the quotes that "/" asks for.
_PARAMETER = re.compile(rf'\s*({_NAME})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;,"]*))\s*')
_ESCAPED = re.compile(r"\\(.)")
_LIST_MEMBER = re.compile(r'(?:[^,"]|"(?:[^"\\]|\\.)*")+')


class MediaType(msgspec.Struct, frozen=True):
    """A media type: names in lower case, values of parameters as they came but for `type`, in lower case too.

    >>> media_type = parse_content_type('Multipart/Related; type="application/dicom"; boundary=x')
    >>> media_type.essence, media_type.parameters["type"]
    ('multipart/related', 'application/dicom')
    """

    essence: str
    parameters: Mapping[str, str]

    @property
    def related_type(self) -> str:
        """What the parts of a multipart/related body are; "" if it is not said."""
        return self.parameters.get("type", "")

    @property
    def boundary(self) -> str:
        """What separates the parts of a multipart body; "" if it is not said."""
        return self.parameters.get("boundary", "")


def parse_content_type(text: str) -> MediaType:
    """The media type that a `Content-Type` field names, or Invalid."""
    if len(text) > MAX_FIELD_LENGTH:
        raise Invalid(f"a media type has at most {MAX_FIELD_LENGTH} characters; got {len(text)}")
    found = _TYPE.match(text)
    if found is None:
        raise Invalid("a media type is type/subtype with parameters after it; got another form")
    essence = f"{found[1]}/{found[2]}".lower()
    return MediaType(essence, dict(_parameters(text, found.end())))


def _parameters(text: str, at: int) -> Iterator[tuple[str, str]]:
    count = 0
    while at < len(text):
        if text[at] != ";":
            raise Invalid("parameters of a media type are name=value after a semicolon; got another form")
        found = _PARAMETER.match(text, at + 1)
        if found is None:
            if text[at + 1 :].strip(" \t;"):
                raise Invalid("parameters of a media type are name=value after a semicolon; got another form")
            return  # a semicolon with nothing after it
        count += 1
        if count > MAX_PARAMETERS:
            raise Invalid(f"a media type has at most {MAX_PARAMETERS} parameters; got more")
        name = found[1].lower()
        value = found[3].strip() if found[2] is None else _ESCAPED.sub(r"\1", found[2])
        yield name, value.lower() if name == "type" else value
        at = found.end()


def split_list(text: str) -> list[str]:
    """The members of a comma-separated field; commas within quoted strings do not separate.

    >>> split_list('a/b; x="1,2", c/d,, e/f')
    ['a/b; x="1,2"', 'c/d', 'e/f']
    """
    if len(text) > MAX_FIELD_LENGTH:
        raise Invalid(f"a header field has at most {MAX_FIELD_LENGTH} characters; got {len(text)}")
    return [member.strip() for member in _LIST_MEMBER.findall(text) if member.strip()]


def quote(value: str) -> str:
    r"""`value` as a quoted string of RFC 9110 Section 5.6.4.

    >>> quote('a"b')
    '"a\\"b"'
    """
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
