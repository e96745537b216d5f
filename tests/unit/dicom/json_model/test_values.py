import json
import math
import struct
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagittal.dicom.json_model.values import (
    TEXT_RENDERERS,
    little_endian_bytes,
    plain_renderers,
    render_binary,
    unpack_tags,
)


def rendered(
    vr: str, value: bytes, decode: Callable[[bytes], str] = bytes.decode, *, little: bool = True
) -> Any:  # JSON
    text = TEXT_RENDERERS[vr](value, decode) if vr in TEXT_RENDERERS else plain_renderers(little)[vr](value)
    return json.loads('{"vr":"XX"' + text, parse_constant=pytest.fail).get("Value")


@pytest.mark.parametrize(
    ("vr", "value", "values"),
    [
        ("CS", b"", None),
        ("CS", b"  ", None),
        ("CS", b"CT ", ["CT"]),
        ("CS", b" CT\0", ["CT"]),
        ("CS", b"A \\ B", ["A", "B"]),
        ("CS", b"A\\\\B", ["A", None, "B"]),
        ("CS", b"\\", [None, None]),
        ("UI", b"1.2\0", ["1.2"]),
        ("AE", b'a"b', ['a"b']),
        ("CS", b"\xe9", ["é"]),
        ("UR", b" http://x\\y ", [" http://x\\y"]),
        ("UR", b" ", None),
        ("LO", b" a \\b ", [" a", "b"]),
        ("LO", b" a ", [" a"]),
        ("LO", b"a\\", ["a", None]),
        ("LO", b" \0", None),
        ("SH", "é\t".encode(), ["é\t"]),
        ("LT", b"a\\b \r\n ", ["a\\b \r\n"]),
        ("UT", b"  ", None),
        ("PN", b"", None),
        ("PN", b"  ", None),
        ("PN", b"=", None),
        ("PN", b"A^B ", [{"Alphabetic": "A^B"}]),
        ("PN", b"A=B=C=D", [{"Alphabetic": "A", "Ideographic": "B", "Phonetic": "C"}]),
        ("PN", b"=B", [{"Ideographic": "B"}]),
        ("PN", b"A \\\\=\\B==C", [{"Alphabetic": "A"}, None, None, {"Alphabetic": "B", "Phonetic": "C"}]),
        ("DS", b"", None),
        ("DS", b"1.5 ", [1.5]),
        ("DS", b"-0.5\\10", [-0.5, 10]),
        ("DS", b" 1 \\ 2 ", [1, 2]),
        ("DS", b"+1\\.5\\5.\\007\\1e3\\-1E-2", [1, 0.5, 5, 7, 1000, -0.01]),
        ("DS", b"\\1", [None, 1]),
        ("DS", b"1e999\\NaN\\inf\\1,5\\1_0\\x", ["1e999", "NaN", "inf", "1,5", "1_0", "x"]),
        ("IS", b"", None),
        ("IS", b"12 ", [12]),
        ("IS", b"-1\\+2\\007", [-1, 2, 7]),
        ("IS", b"1.0\\1e2", [1, 100]),
        ("IS", b"1.5\\x\\\\1e300", ["1.5", "x", None, "1e300"]),
        ("AT", b"\x10\x00\x0d\x00\x20\x00\x0e\x00", ["0010000D", "0020000E"]),
        ("AT", b"\x10\x00\x0d\x00\x20", ["0010000D"]),
        ("AT", b"", None),
        ("US", b"", None),
        ("US", b"\x01\x00\xff\xff", [1, 65535]),
        ("SS", b"\xff\xff", [-1]),
        ("UL", b"\xff\xff\xff\xff", [4294967295]),
        ("SL", b"\xff\xff\xff\xff", [-1]),
        ("UV", b"\xff" * 8, ["18446744073709551615"]),
        ("UV", b"\x01" + b"\0" * 7, [1]),
        ("SV", b"\0" * 7 + b"\x80", ["-9223372036854775808"]),
        ("FL", struct.pack("<f", 0.5), [0.5]),
        ("FL", struct.pack("<2f", math.nan, math.inf), ["NaN", "Infinity"]),
        ("FD", struct.pack("<2d", -math.inf, 1e300), ["-Infinity", 1e300]),
    ],
)
def test_a_value_is_its_json(vr: str, value: bytes, values: Any) -> None:  # JSON
    assert rendered(vr, value) == values


@pytest.mark.parametrize("vr", ["US", "SS", "UL", "SL", "UV", "SV", "FL", "FD", "AT"])
def test_a_torn_number_is_not_of_its_vr(vr: str) -> None:
    with pytest.raises(ValueError, match="bytes are no"):
        rendered(vr, b"\1\2\3")


def test_big_endian_numbers_and_tags_are_read() -> None:
    assert rendered("US", b"\0\1\0\2", little=False) == [1, 2]
    assert rendered("AT", b"\0\x10\0\x0d", little=False) == ["0010000D"]
    assert unpack_tags(b"\0\x10\0\x0d", is_little_endian=False) == ["0010000D"]


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6).map(lambda number: f"{number:f}"))
def test_a_decimal_string_keeps_its_digits(text: str) -> None:
    assert rendered("DS", text.encode()) == [pytest.approx(float(text), rel=1e-15)]


@given(st.text(st.sampled_from("0123456789+-.eE \\x")))
def test_any_decimal_string_is_numbers_strings_and_nulls(text: str) -> None:
    for vr in ("DS", "IS"):
        for value in rendered(vr, text.encode()) or []:
            assert value is None or isinstance(value, int | float | str)


@pytest.mark.parametrize(
    ("vr", "value", "expected"),
    [
        ("OB", b"\1\2", b"\1\2"),
        ("UN", b"\1\2", b"\1\2"),
        ("OW", b"\1\2\3\4", b"\2\1\4\3"),
        ("OW", b"\1\2\3", b"\2\1\3"),
        ("OF", b"\1\2\3\4", b"\4\3\2\1"),
        ("OL", b"\1\2\3\4", b"\4\3\2\1"),
        ("OD", bytes(range(8)), bytes(range(7, -1, -1))),
        ("OV", bytes(range(8)), bytes(range(7, -1, -1))),
    ],
)
def test_words_change_their_byte_order(vr: str, value: bytes, expected: bytes) -> None:
    assert little_endian_bytes(value, vr) == expected


def test_bytes_are_base64() -> None:
    assert render_binary(b"\xff" * 100).count("\n") == 0
    assert render_binary(b"") == "}"
