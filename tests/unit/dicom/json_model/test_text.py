import pytest

from sagittal.dicom.dataset.elements import RawElement
from sagittal.dicom.json_model import text_value


@pytest.mark.parametrize(
    ("vr", "value", "text"),
    [
        ("LO", b"", ""),
        ("LO", b" A ", " A"),
        ("CS", b"A \\ B\0", "A\\B"),
        ("UI", b"1.2\0", "1.2"),
        ("LO", b"A \\B ", "A\\B"),
        ("LT", b"a\\ b ", "a\\ b"),
        ("UR", b"x ", "x"),
        ("DS", b" 1.50 ", "1.50"),
        ("US", b"\0\2\1\0", "512\\1"),
        ("US", b"\0\2\1", ""),
        ("FD", b"\0" * 6 + b"\xe0\x3f", "0.5"),
        ("AT", b"\x10\0\x0d\0", "0010000D"),
        ("SQ", b"anything", ""),
        ("OB", b"anything", ""),
        ("UN", b"anything", ""),
    ],
)
def test_a_value_is_a_line_of_text(vr: str, value: bytes, text: str) -> None:
    assert text_value(RawElement(vr, value)) == text


def test_text_is_in_its_character_set() -> None:
    assert text_value(RawElement("PN", "Пётр".encode("iso8859_5")), ("ISO_IR 144",)) == "Пётр"
    assert text_value(RawElement("ST", "Пётр".encode("iso8859_5")), ("ISO_IR 144",)) == "Пётр"


def test_numbers_may_be_big_endian() -> None:
    assert text_value(RawElement("US", b"\2\0"), is_little_endian=False) == "512"
    assert text_value(RawElement("AT", b"\0\x10\0\x0d"), is_little_endian=False) == "0010000D"
