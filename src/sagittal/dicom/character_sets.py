"""Specific Character Set (0008,0005): text to bytes and back (PS3.3 Section C.12.1.1.2, PS3.5 Section 6.1).

A character set is a tuple of Defined Terms as `parse` reads them from the attribute; `()` is the default repertoire.
Reading never fails, for archives are full of wrong labels:

- a misspelt term ("ISO-IR 100", "ISO IR 192", "utf-8") is read as what was meant, an unknown one as the default;
- bytes above 7F under the default repertoire are read as ISO 8859-1;
- bytes that the set cannot explain become U+FFFD;
- an escape sequence of PS3.3 Table C.12-3 or C.12-4 is followed even where (0008,0005) forgot to announce it, unless
  the set is one that stands alone (UTF-8, GB18030, GBK).

Writing is strict: `expressible` says whether a text survives; `encode` writes "?" for what does not.
"""

import functools
import re
from collections.abc import Callable
from typing import NamedTuple

DEFAULT: tuple[str, ...] = ()
UTF_8: tuple[str, ...] = ("ISO_IR 192",)

TEXT_VRS = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT"})
"""The VRs that Specific Character Set governs (PS3.5 Section 6.1.2.2)."""

_MAX_TERMS = 16  # PS3.3 has no use for more; a longer list is an attack or an accident
_MAX_TERM_LENGTH = 16  # of a CS

_JIS_X_0201 = "shift_jis"  # its single bytes are JIS X 0201
_JIS_X_0208 = "iso2022_jp"
_JIS_X_0212 = "iso2022_jp_1"


class _CodeElement(NamedTuple):
    """A repertoire and how ISO 2022 brings it in: `escape` without its ESC; `is_g0` if it takes the place of ASCII."""

    codec: str
    escape: bytes
    is_g0: bool = False


_ASCII = _CodeElement("ascii", b"(B", is_g0=True)
_ELEMENTS: dict[str, _CodeElement] = {
    "6": _ASCII,
    "13": _CodeElement(_JIS_X_0201, b")I"),
    "58": _CodeElement("gb2312", b"$)A"),
    "87": _CodeElement(_JIS_X_0208, b"$B", is_g0=True),
    "100": _CodeElement("latin_1", b"-A"),
    "101": _CodeElement("iso8859_2", b"-B"),
    "109": _CodeElement("iso8859_3", b"-C"),
    "110": _CodeElement("iso8859_4", b"-D"),
    "126": _CodeElement("iso8859_7", b"-F"),
    "127": _CodeElement("iso8859_6", b"-G"),
    "138": _CodeElement("iso8859_8", b"-H"),
    "144": _CodeElement("iso8859_5", b"-L"),
    "148": _CodeElement("iso8859_9", b"-M"),
    "149": _CodeElement("euc_kr", b"$)C"),
    "159": _CodeElement(_JIS_X_0212, b"$(D", is_g0=True),
    "166": _CodeElement("tis_620", b"-T"),
    "203": _CodeElement("iso8859_15", b"-b"),
}
"""ISO registration number to code element (PS3.3 Tables C.12-2 to C.12-4)."""

_MULTI_BYTE = frozenset({"58", "87", "149", "159"})
"""Those that only an escape sequence brings in (PS3.3 Table C.12-4), never the first value."""

_STAND_ALONE = {"ISO_IR 192": "utf_8", "GB18030": "gb18030", "GBK": "gbk"}

_SEEN_IN_THE_FIELD = {
    "UTF-8": "ISO_IR 192",
    "UTF8": "ISO_IR 192",
    "LATIN-1": "ISO_IR 100",
    "LATIN1": "ISO_IR 100",
    "LATIN_1": "ISO_IR 100",
    "ISO8859-1": "ISO_IR 100",
    "ISO-8859-1": "ISO_IR 100",
    "GB2312": "ISO 2022 IR 58",
    "ISO 2022 58": "ISO 2022 IR 58",
    "ISO 2022 GBK": "GBK",
    "ISO 2022 GB18030": "GB18030",
}
"""Terms that no edition defines, and what their writers meant."""

_CODEC_NAMES_AS_TERMS = {
    f"{prefix}{number}": f"cp{number}"
    for number in (874, 932, 936, 949, 950, 1250, 1251, 1252, 1253, 1254, 1255, 1256, 1257, 1258)
    for prefix in ("CP", "WINDOWS-")
}

_ISO_TERM = re.compile(r"ISO[ _-]?(?:2022[ _-]?)?IR[ _-]?([0-9]{1,3})")

_BY_ESCAPE: dict[bytes, _CodeElement] = {element.escape: element for element in _ELEMENTS.values()} | {
    b"(J": _ASCII,  # JIS X 0201 romaji: ASCII with yen and overline drawn for backslash and tilde
    b"$@": _CodeElement(_JIS_X_0208, b"$@", is_g0=True),  # JIS C 6226-1978, not in DICOM, seen from old consoles
}
_ESCAPE = re.compile(rb"\x1b(" + b"|".join(re.escape(escape) for escape in _BY_ESCAPE) + rb")")
_RUNS = re.compile(rb"[\x21-\x7e]+|[\x80-\xff]+|[\x00-\x20\x7f]+")
_RESET = re.compile(rb"[\\\t\n\f\r]")
_RESET_PN = re.compile(rb"[\\\t\n\f\r=^]")
_RESET_IN_G0 = re.compile(rb"[\t\n\f\r]")
_PIECES = re.compile(r"[\\\t\n\f\r]|[^\\\t\n\f\r]+")
_PIECES_PN = re.compile(r"[\\\t\n\f\r=^]|[^\\\t\n\f\r=^]+")


class _Scheme(NamedTuple):
    """What a tuple of terms comes to.

    Attributes:
        codec: of bytes before any escape sequence.
        stands_alone: no escape sequences.
        initial: G1 at the start of a value; ASCII where value 1 is empty and G1 therefore undefined.
        elements: what a writer may use, in order of preference.
    """

    codec: str
    stands_alone: bool
    initial: _CodeElement
    elements: tuple[_CodeElement, ...]


def parse(value: bytes) -> tuple[str, ...]:
    r"""The terms in the value of (0008,0005), as sent but for padding; `()` if it is empty.

    >>> parse(b"\\ISO 2022 IR 87 ")
    ('', 'ISO 2022 IR 87')
    """
    text = value.decode("latin_1").strip(" \0")
    return tuple(term.strip(" \0")[:_MAX_TERM_LENGTH] for term in text.split("\\")[:_MAX_TERMS]) if text else ()


def decode(value: bytes, vr: str, sets: tuple[str, ...]) -> str:
    r"""The text of an encoded value of any VR, all values of it, padding included.

    VRs that Specific Character Set does not govern are read as ISO 8859-1, which takes every byte.

    >>> decode(b"\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B", "PN", ("", "ISO 2022 IR 87"))
    '山田^太郎'
    """
    if vr not in TEXT_VRS:
        return value.decode("latin_1")
    return decoder(sets, is_person_name=vr == "PN")(value)


@functools.lru_cache(maxsize=256)
def decoder(sets: tuple[str, ...], *, is_person_name: bool = False) -> Callable[[bytes], str]:
    """A function that decodes one value after another in the same character set, for loops."""
    scheme = _scheme(sets)
    codec = scheme.codec
    if scheme.stands_alone:
        return lambda value: value.decode(codec, "replace")
    reset = _RESET_PN if is_person_name else _RESET

    def decode_value(value: bytes) -> str:
        if b"\x1b" in value:
            return _decode_extended(value, scheme, reset)
        return value.decode(codec, "replace")

    return decode_value


def encode(text: str, vr: str, sets: tuple[str, ...]) -> bytes:
    r"""The encoded value of any VR, without padding to even length; "?" stands for what `sets` cannot say.

    >>> encode("山田^太郎", "PN", ("", "ISO 2022 IR 87"))
    b'\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B'
    """
    if vr not in TEXT_VRS:
        return text.encode("latin_1", "replace")
    scheme = _scheme(sets)
    if scheme.stands_alone:
        return text.encode(scheme.codec, "replace")
    if text.isascii():
        return text.encode("ascii")
    return _encode_extended(text, scheme, _PIECES_PN if vr == "PN" else _PIECES)


def expressible(text: str, sets: tuple[str, ...]) -> bool:
    """Whether `encode` keeps every character of `text`.

    >>> expressible("Müller", ("ISO_IR 100",)), expressible("Müller", ())
    (True, False)
    """
    if text.isascii():
        return True
    scheme = _scheme(sets)
    if scheme.stands_alone:
        return _survives(text, scheme.codec)
    return all(_element_for(character, scheme.elements) is not None for character in set(text))


def defined(sets: tuple[str, ...]) -> tuple[str, ...] | None:
    """The same character set in Defined Terms of PS3.3 Section C.12.1.1.2; None if it has none.

    >>> defined(("ISO-IR 100",)), defined(("utf-8",)), defined(("", "ISO2022IR87")), defined(("ISO_IR 999",))
    (('ISO_IR 100',), ('ISO_IR 192',), ('', 'ISO 2022 IR 87'), None)
    """
    terms = [_canonical(term) for term in sets]
    if any(said and (not term or term in _CODEC_NAMES_AS_TERMS) for said, term in zip(sets, terms, strict=True)):
        return None
    if terms and terms[0] in _STAND_ALONE:
        return (terms[0],)
    numbers = list(dict.fromkeys(term for term in terms if term in _ELEMENTS and _ELEMENTS[term] is not _ASCII))
    if not numbers:
        return DEFAULT
    is_first = terms[0] == numbers[0] and numbers[0] not in _MULTI_BYTE
    if is_first and len(numbers) == 1:
        return (f"ISO_IR {numbers[0]}",)
    return (*(() if is_first else ("",)), *(f"ISO 2022 IR {number}" for number in numbers))


def smallest_for(text: str) -> tuple[str, ...]:
    """A character set that expresses `text` and that old peers know best: the default, ISO 8859-1, else UTF-8.

    >>> smallest_for("Smith"), smallest_for("Müller"), smallest_for("山田")
    ((), ('ISO_IR 100',), ('ISO_IR 192',))
    """
    if text.isascii():
        return DEFAULT
    return ("ISO_IR 100",) if _survives(text, "latin_1") else UTF_8


def _canonical(term: str) -> str:
    """A Defined Term of PS3.3 for what was written, "" if nothing is like it."""
    upper = term.upper()
    upper = _SEEN_IN_THE_FIELD.get(upper, upper)
    if upper in _STAND_ALONE or upper in _CODEC_NAMES_AS_TERMS:
        return upper
    match = _ISO_TERM.fullmatch(upper)
    if match is None:
        return ""
    number = match[1].lstrip("0")
    if number == "192":
        return "ISO_IR 192"
    return number if number in _ELEMENTS else ""


@functools.lru_cache(maxsize=256)
def _scheme(sets: tuple[str, ...]) -> _Scheme:
    terms = [_canonical(term) for term in sets] or [""]
    codec = _STAND_ALONE.get(terms[0]) or _CODEC_NAMES_AS_TERMS.get(terms[0])
    if codec is not None:  # PS3.3 Section C.12.1.1.2: no code extensions beside it
        return _Scheme(codec, stands_alone=True, initial=_ASCII, elements=())
    elements = tuple(dict.fromkeys(_ELEMENTS[term] for term in terms if term in _ELEMENTS))
    initial = _ELEMENTS.get(terms[0], _ASCII)
    if initial is _ASCII or initial.is_g0:
        return _Scheme("latin_1" if initial is _ASCII else initial.codec, False, _ASCII, elements)
    return _Scheme(initial.codec, False, initial, elements)


def _decode_extended(value: bytes, scheme: _Scheme, reset: re.Pattern[bytes]) -> str:
    """Text with escape sequences: follows G0 and G1, and goes back to the initial state at delimiters."""
    parts = _ESCAPE.split(value)
    g0, g1 = _ASCII, scheme.initial
    texts = [_decode_run(parts[0], g0, g1, scheme, reset)]
    for escape, run in zip(parts[1::2], parts[2::2], strict=True):
        element = _BY_ESCAPE[escape]
        if element.is_g0:
            g0 = element
        else:
            g1 = element
        texts.append(_decode_run(run, g0, g1, scheme, reset))
        if reset.search(run) is not None and (g0 is _ASCII or _RESET_IN_G0.search(run) is not None):
            g0 = _ASCII
            # Where the initial G1 is undefined a writer that did not repeat its escape sequence is still understood.
            g1 = g1 if scheme.initial is _ASCII else scheme.initial
    return "".join(texts)


def _decode_run(run: bytes, g0: _CodeElement, g1: _CodeElement, scheme: _Scheme, reset: re.Pattern[bytes]) -> str:
    """A run without escape sequences."""
    if not run:
        return ""
    if g0 is not _ASCII:
        return _decode_in_g0(run, g0, g1, scheme)
    codec = scheme.codec if g1 is _ASCII else g1.codec
    if codec == scheme.codec or scheme.initial is _ASCII:
        return run.decode(codec, "replace")
    end = reset.search(run)
    if end is None:
        return run.decode(codec, "replace")
    cut = end.start()
    return run[:cut].decode(codec, "replace") + run[cut:].decode(scheme.codec, "replace")


def _decode_in_g0(run: bytes, g0: _CodeElement, g1: _CodeElement, scheme: _Scheme) -> str:
    """A run while a two-byte set stands in the place of ASCII, until a control character ends that."""
    texts = []
    for match in _RUNS.finditer(run):
        piece = match[0]
        if piece[0] >= 0x80:
            texts.append(piece.decode(scheme.codec if g1 is _ASCII else g1.codec, "replace"))
        elif piece[0] <= 0x20 or piece[0] == 0x7F:
            texts.append(piece.decode("ascii"))
            if _RESET_IN_G0.search(piece) is not None:
                rest = run[match.end() :]
                texts.append(rest.decode(scheme.codec, "replace"))
                break
        else:
            texts.append((b"\x1b" + g0.escape + piece).decode(g0.codec, "replace"))
    return "".join(texts)


def _encode_extended(text: str, scheme: _Scheme, pieces: re.Pattern[str]) -> bytes:
    """Text in the default repertoire, one single-byte set, or several by code extension."""
    writer = _Writer(scheme)
    for piece in pieces.findall(text):
        for character in piece:
            writer.write(character)
        writer.end_piece()
    return bytes(writer.out)


class _Writer:
    """Writes characters with the escape sequences they need.

    Every piece between delimiters ends with ASCII in G0 (PS3.5 Section 6.1.2.5.3), and says its own G1 again, for some
    readers go back to the initial set at a delimiter and some do not.
    """

    def __init__(self, scheme: _Scheme) -> None:
        self.out = bytearray()
        self._scheme = scheme
        self._now: _CodeElement | None = scheme.initial  # None: G0 is ASCII, G1 is not to be relied upon

    def write(self, character: str) -> None:
        if character.isascii():
            self._back_to_ascii()
            self.out += character.encode("ascii")
            return
        element = self._now
        encoded = _encode_character(character, element) if element is not None else None
        if encoded is None:
            element = _element_for(character, self._scheme.elements)
            encoded = _encode_character(character, element) if element is not None else None
        if element is None or encoded is None:
            self._back_to_ascii()
            self.out += b"?"
            return
        if element is not self._now:
            if not element.is_g0:
                self._back_to_ascii()
            self.out += b"\x1b" + element.escape
            self._now = element
        self.out += encoded

    def end_piece(self) -> None:
        self._back_to_ascii()
        if self._now is not self._scheme.initial:
            self._now = None

    def _back_to_ascii(self) -> None:
        if self._now is not None and self._now.is_g0 and self._now is not _ASCII:
            self.out += b"\x1b(B"
            self._now = None


def _element_for(character: str, elements: tuple[_CodeElement, ...]) -> _CodeElement | None:
    if character.isascii():
        return _ASCII
    for element in elements:
        if _encode_character(character, element) is not None:
            return element
    return None


@functools.lru_cache(maxsize=8192)
def _encode_character(character: str, element: _CodeElement) -> bytes | None:
    """The bytes of a character beyond ASCII in a code element, without escape sequences; None if it has none."""
    try:
        encoded = character.encode(element.codec)
    except UnicodeEncodeError:
        return None
    if element.codec == _JIS_X_0201:
        return encoded if len(encoded) == 1 and encoded[0] >= 0x80 else None
    if not element.is_g0:
        return encoded
    start = b"\x1b" + element.escape
    return encoded[len(start) :].removesuffix(b"\x1b(B") if encoded.startswith(start) else None


def _survives(text: str, codec: str) -> bool:
    try:
        text.encode(codec)
    except UnicodeEncodeError:
        return False
    return True
