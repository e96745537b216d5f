"""The header reader: what it finds, that no cutting changes it, and that nothing from outside hurts it."""

import zlib
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sagittal.dicom.dataset import Header, HeaderReader, Limits, RawElement, read_header
from sagittal.dicom.registry import vr_of
from sagittal.errors import Exhausted, Invalid, SagittalError
from support.element_trees import (
    BIG,
    DEFLATED,
    EXPLICIT,
    IMPLICIT,
    JPEG,
    SYNTAXES,
    Element,
    Item,
    data_sets,
    encode,
    encode_element,
    encode_in,
    encode_value,
    pixels,
)

ALL = Limits()
PATIENT_ID = Element(0x00100020, "LO", b"ID 1")
NAME = Element(0x00100010, "PN", b"A^B ")
PIXELS = Element(0x7FE00010, "OW", b"\1\2\3\4")


def fed(data: bytes, uid: str, wanted: frozenset[int], sizes: Iterable[int], limits: Limits = ALL) -> Header:
    """The header of `data` fed in pieces of `sizes`, the last of them over and over."""
    reader = HeaderReader(uid, wanted, limits)
    sizes = iter(sizes)
    size, start = 1, 0
    while start < len(data):
        size = next(sizes, size)
        if reader.feed(memoryview(data)[start : start + size]):
            return reader.header
        start += size
    return reader.close()


def outcome(data: bytes, uid: str, wanted: frozenset[int], sizes: Iterable[int], limits: Limits = ALL) -> object:
    try:
        return fed(data, uid, wanted, sizes, limits)
    except SagittalError as error:
        return type(error)


def tags_of(elements: list[Element]) -> frozenset[int]:
    return frozenset(element.tag for element in elements)


@pytest.mark.parametrize("uid", SYNTAXES)
@given(elements=data_sets, pixel=pixels)
@settings(max_examples=60, deadline=None)
def test_every_wanted_value_comes_back_as_encoded(uid: str, elements: list[Element], pixel: Element | None) -> None:
    data = encode_in([*elements, *([pixel] if pixel else [])], uid)
    header = read_header(data, uid, tags_of(elements))
    implicit, big = uid == IMPLICIT, uid == BIG
    assert header.elements == {
        element.tag: RawElement(
            vr_of(element.tag) if implicit else element.vr, encode_value(element, implicit=implicit, big=big)
        )
        for element in elements
    }
    assert header.length == len(encode(elements, implicit=implicit, big=big))
    assert (header.pixel_data is None) == (pixel is None)
    if pixel is not None and header.pixel_data is not None:
        found = header.pixel_data
        plain = encode([*elements, pixel], implicit=implicit, big=big)
        assert (found.tag, found.vr, found.length) == (pixel.tag, pixel.vr, 64)
        assert plain[found.offset :] == pixel.value


@pytest.mark.parametrize("uid", SYNTAXES)
@given(elements=data_sets, pixel=pixels, sizes=st.lists(st.integers(1, 40), max_size=30), wanted=st.booleans())
@settings(max_examples=60, deadline=None)
def test_a_stream_means_the_same_however_it_is_cut(
    uid: str, elements: list[Element], pixel: Element | None, sizes: list[int], wanted: bool
) -> None:
    data = encode_in([*elements, *([pixel] if pixel else [])], uid)
    tags = tags_of(elements) if wanted else frozenset({0x00100020})
    whole = read_header(data, uid, tags)
    assert fed(data, uid, tags, sizes) == whole
    assert fed(data, uid, tags, [1]) == whole


TIGHT = Limits(
    max_depth=2, max_elements=12, max_element_bytes=60, max_kept_bytes=100, max_header_bytes=300, max_inflated_bytes=400
)


@pytest.mark.parametrize("uid", [*SYNTAXES, JPEG])
@given(data=st.binary(max_size=200), sizes=st.lists(st.integers(1, 40), max_size=10))
@settings(max_examples=150, deadline=None)
def test_arbitrary_bytes_raise_only_our_errors_and_the_same_however_cut(
    uid: str, data: bytes, sizes: list[int]
) -> None:
    tags = frozenset({0x00080005, 0x00100010})
    assert outcome(data, uid, tags, [len(data) or 1]) == outcome(data, uid, tags, sizes or [1])


@pytest.mark.parametrize("uid", [IMPLICIT, EXPLICIT, BIG])
@given(elements=data_sets, at=st.integers(0, 10_000), byte=st.integers(0, 255), sizes=st.lists(st.integers(1, 40)))
@settings(max_examples=150, deadline=None)
def test_damage_and_tight_limits_raise_only_our_errors(
    uid: str, elements: list[Element], at: int, byte: int, sizes: list[int]
) -> None:
    data = bytearray(encode_in([*elements, PIXELS], uid))
    data[at % len(data)] = byte
    tags = tags_of(elements[::2])
    outcome(bytes(data), uid, tags, sizes or [7], TIGHT)
    outcome(bytes(data), uid, tags, [len(data)], ALL)


@pytest.mark.parametrize("uid", SYNTAXES)
def test_a_data_set_cut_off_anywhere_is_invalid_or_ends_between_elements(uid: str) -> None:
    nested = Element(0x00081140, "SQ", items=[Item([NAME, NAME], True), Item([NAME])], undefined=True)
    elements = [Element(0x00080005, "CS", b"ISO_IR 100"), nested, PATIENT_ID]
    data = encode_in(elements, uid)
    ends = {len(encode(elements[:count], implicit=uid == IMPLICIT, big=uid == BIG)) for count in range(4)}
    for stop in range(len(data)):
        whole = outcome(data[:stop], uid, tags_of(elements), [stop or 1])
        assert whole == outcome(data[:stop], uid, tags_of(elements), [1])
        assert isinstance(whole, Header) == (uid != DEFLATED and stop in ends)
        assert isinstance(whole, Header) or whole is Invalid


def test_a_huge_value_that_is_not_wanted_is_passed_by_without_being_kept() -> None:
    big = Element(0x00420011, "OB", bytes(1 << 22))
    data = encode([big, PATIENT_ID], implicit=False)
    reader = HeaderReader(EXPLICIT, frozenset({PATIENT_ID.tag}))
    for start in range(0, len(data), 5000):
        reader.feed(data[start : start + 5000])
        assert len(reader._pending) < 5000
    assert reader.close().elements == {PATIENT_ID.tag: RawElement("LO", b"ID 1")}
    assert read_header(bytearray(data), EXPLICIT, frozenset({PATIENT_ID.tag})).length == len(data)


def test_a_big_wanted_value_is_kept_once_it_is_whole() -> None:
    big = Element(0x00281201, "OW", bytes(range(256)) * 300)
    for undefined in (False, True):
        sequence = Element(0x00081140, "SQ", items=[Item([big], undefined)], undefined=undefined)
        for element in (big, sequence):
            data = encode([element, PIXELS], implicit=False)
            expected = {element.tag: RawElement(element.vr, encode_value(element, implicit=False))}
            for sizes in ([len(data)], [4096], [65537]):
                assert fed(data, EXPLICIT, frozenset({element.tag}), sizes).elements == expected
            assert read_header(memoryview(data), EXPLICIT, frozenset({element.tag})).elements == expected


def test_the_extended_offset_table_is_always_kept() -> None:
    table = [Element(0x7FE00001, "OV", bytes(16)), Element(0x7FE00002, "OV", bytes(range(16)))]
    data = encode(table, implicit=False) + bytes.fromhex("e07f1000 4f420000 ffffffff")
    header = read_header(data, JPEG, frozenset())
    assert header.elements == {0x7FE00001: RawElement("OV", bytes(16)), 0x7FE00002: RawElement("OV", bytes(range(16)))}
    assert header.pixel_data is not None
    assert (header.pixel_data.length, header.pixel_data.offset) == (None, len(data))


def test_what_comes_after_the_pixel_data_element_is_not_looked_at() -> None:
    reader = HeaderReader(EXPLICIT, frozenset({PATIENT_ID.tag}))
    assert reader.feed(encode([PIXELS], implicit=False) + b"garbage")
    assert reader.feed(b"more garbage")
    assert reader.header.elements == {}
    assert reader.close() is reader.header


def test_the_header_cannot_be_had_before_it_is_complete() -> None:
    with pytest.raises(Invalid, match="not complete"):
        _ = HeaderReader(EXPLICIT, frozenset()).header


def test_what_has_come_can_be_had_before_the_header_is_complete() -> None:
    reader = HeaderReader(EXPLICIT, tags_of([NAME, PATIENT_ID]))
    reader.feed(encode([NAME, PATIENT_ID], implicit=False)[:-2])
    assert reader.elements == {NAME.tag: RawElement("PN", b"A^B ")}


def test_encapsulated_pixel_data_in_implicit_vr_is_ob() -> None:
    pixel_data = read_header(bytes.fromhex("e07f1000 ffffffff"), IMPLICIT, frozenset()).pixel_data
    assert pixel_data is not None
    assert (pixel_data.vr, pixel_data.length) == ("OB", None)


def test_the_last_of_two_elements_with_one_tag_counts() -> None:
    data = encode([PATIENT_ID, Element(0x00100020, "LO", b"ID 2")], implicit=False)
    assert read_header(data, EXPLICIT, frozenset({0x00100020})).elements[0x00100020].value == b"ID 2"


@pytest.mark.parametrize(("announced", "sent"), [(EXPLICIT, IMPLICIT), (IMPLICIT, EXPLICIT), (JPEG, IMPLICIT)])
def test_a_data_set_in_the_other_vr_encoding_than_announced_is_read_as_it_is(announced: str, sent: str) -> None:
    header = read_header(encode_in([NAME, PATIENT_ID, PIXELS], sent), announced, frozenset({PATIENT_ID.tag}))
    assert header.elements == {PATIENT_ID.tag: RawElement("LO", b"ID 1")}
    assert header.encoding.is_implicit_vr == (sent == IMPLICIT)
    assert header.pixel_data is not None
    assert header.pixel_data.vr == "OW"


def test_the_private_syntax_of_ge_is_implicit_vr() -> None:
    data = encode([PATIENT_ID], implicit=True)
    assert read_header(data, "1.2.840.113619.5.2", frozenset({PATIENT_ID.tag})).elements[PATIENT_ID.tag].vr == "LO"


def test_items_in_implicit_vr_inside_an_explicit_vr_data_set_are_followed() -> None:
    inner = Element(0x00081140, "SQ", items=[Item([NAME, PATIENT_ID], True)], undefined=True)
    value = encode_value(inner, implicit=True)
    data = bytes.fromhex("08004011 53510000 ffffffff") + value + encode([PATIENT_ID], implicit=False)
    header = read_header(data, EXPLICIT, frozenset({inner.tag, PATIENT_ID.tag}))
    assert header.elements == {inner.tag: RawElement("SQ", value), PATIENT_ID.tag: RawElement("LO", b"ID 1")}


def test_items_in_explicit_vr_inside_unknown_are_followed_too() -> None:
    unknown = Element(0x00091010, "UN", items=[Item([NAME, PATIENT_ID], True)], undefined=True)
    data = encode([unknown, PATIENT_ID], implicit=False)
    header = read_header(data, EXPLICIT, frozenset({unknown.tag}))
    assert header.elements[unknown.tag].value == encode_value(unknown, implicit=False)


@pytest.mark.parametrize("inner_big", [False, True])
def test_unknown_of_undefined_length_in_big_endian_is_followed_in_either_byte_order(inner_big: bool) -> None:
    inner = Element(0x00091010, "UN", items=[Item([NAME], True), Item([NAME])], undefined=True)
    value = encode_value(inner, implicit=not inner_big, big=inner_big)
    data = bytes.fromhex("00091010 554e0000 ffffffff") + value + encode([PATIENT_ID], implicit=False, big=True)
    header = read_header(data, BIG, frozenset({inner.tag, PATIENT_ID.tag}))
    assert header.elements == {inner.tag: RawElement("UN", value), PATIENT_ID.tag: RawElement("LO", b"ID 1")}


def test_a_stray_element_without_vr_in_an_explicit_vr_data_set_is_read_as_implicit() -> None:
    data = encode([NAME], implicit=False) + encode([PATIENT_ID], implicit=True) + encode([PIXELS], implicit=False)
    header = read_header(data, EXPLICIT, frozenset({PATIENT_ID.tag}))
    assert header.elements == {PATIENT_ID.tag: RawElement("LO", b"ID 1")}


@pytest.mark.parametrize("head", ["10002000 5a5a0000 04000000", "10002000 5a5a0400"])
def test_a_vr_of_unknown_letters_is_read_with_either_length_field(head: str) -> None:
    data = encode([NAME], implicit=False) + bytes.fromhex(head) + b"ID 1" + encode([PIXELS], implicit=False)
    for sizes in ([len(data)], [1]):
        header = fed(data, EXPLICIT, frozenset({PATIENT_ID.tag}), sizes)
        assert header.elements == {PATIENT_ID.tag: RawElement("UN", b"ID 1")}


def test_fragments_inside_an_icon_are_passed_by() -> None:
    icon_pixels = bytes.fromhex("e07f1000 4f420000 ffffffff feff00e0 00000000 feff00e0 02000000 ffd8 feffdde0 00000000")
    item = bytes.fromhex("feff00e0 ffffffff") + icon_pixels + bytes.fromhex("feff0de0 00000000")
    icon = bytes.fromhex("88000002 53510000 ffffffff") + item + bytes.fromhex("feffdde0 00000000")
    data = icon + encode([Element(0x00880904, "LO", b"LAST")], implicit=False)
    header = read_header(data, JPEG, frozenset({0x00880904}))
    assert header.pixel_data is None
    assert header.elements[0x00880904].value == b"LAST"


@pytest.mark.parametrize(
    ("stray", "message"),
    [
        ("feff00e0 00000000", r"\(FFFE,E000\) where an element is to be, at byte 12"),
        ("feff0de0 00000000", r"\(FFFE,E00D\) where an element is to be"),
        ("feffdde0 00000000", r"\(FFFE,E0DD\) where an element is to be"),
        ("08004011 53510000 ffffffff 10001000 504e0000", r"\(0010,0010\) where an item is to be, at byte 24"),
        ("08004011 53510000 ffffffff feff00e0 ffffffff feffdde0 00000000", r"\(FFFE,E0DD\) where an element is to be"),
    ],
)
def test_items_and_delimiters_out_of_place_are_invalid(stray: str, message: str) -> None:
    data = encode([PATIENT_ID], implicit=False) + bytes.fromhex(stray)
    with pytest.raises(Invalid, match=message):
        read_header(data, EXPLICIT, frozenset())


def nested(depth: int) -> bytes:
    head = bytes.fromhex("08004011 53510000 ffffffff feff00e0 ffffffff")
    return head * depth + bytes.fromhex("feff0de0 00000000 feffdde0 00000000") * depth


def test_depth_has_a_cap() -> None:
    assert read_header(nested(64), EXPLICIT, frozenset()).length == len(nested(64))
    with pytest.raises(Exhausted, match="deeper than max_depth=64"):
        read_header(nested(65), EXPLICIT, frozenset())


@pytest.mark.parametrize("uid", [EXPLICIT, IMPLICIT])
@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_the_number_of_elements_has_a_cap(uid: str, size: int) -> None:
    data = encode_in([NAME] * 10, uid)
    assert fed(data, uid, frozenset(), [size], Limits(max_elements=10)).length == len(data)
    with pytest.raises(Exhausted, match="more than max_elements=9 elements"):
        fed(data, uid, frozenset(), [size], Limits(max_elements=9))


def test_a_kept_value_has_a_cap_before_it_has_come() -> None:
    reader = HeaderReader(EXPLICIT, frozenset({0x00420011}), Limits(max_element_bytes=100))
    with pytest.raises(Exhausted, match=r"\(0042,0011\) has 101 bytes or more, more than max_element_bytes=100"):
        reader.feed(bytes.fromhex("42001100 4f420000 65000000"))


def test_a_kept_sequence_of_undefined_length_has_the_same_cap() -> None:
    sequence = Element(0x00081140, "SQ", items=[Item([Element(0x00420011, "OB", bytes(500))])] * 3, undefined=True)
    data = encode([sequence], implicit=False)
    for sizes in ([50], [len(data)]):
        with pytest.raises(Exhausted, match="max_element_bytes=1000"):
            fed(data, EXPLICIT, frozenset({sequence.tag}), sizes, Limits(max_element_bytes=1000))


def test_all_kept_values_together_have_a_cap() -> None:
    big = [Element(0x00420011 + count, "OB", bytes(70_000)) for count in range(3)]
    with pytest.raises(Exhausted, match=r"max_kept_bytes=200000, at \(0042,0013\)"):
        read_header(encode(big, implicit=False), EXPLICIT, tags_of(big), Limits(max_kept_bytes=200_000))


@pytest.mark.parametrize("size", [10, 100_000])
def test_the_header_has_a_cap(size: int) -> None:
    data = encode([Element(0x00420011, "OB", bytes(1000)), PIXELS], implicit=False)
    with pytest.raises(Exhausted, match="longer than max_header_bytes=1000"):
        fed(data, EXPLICIT, frozenset(), [size], Limits(max_header_bytes=1000))


def test_an_inflated_data_set_has_a_cap() -> None:
    data = encode_in([Element(0x00420011, "OB", bytes(1 << 20)), PATIENT_ID], DEFLATED)
    assert len(data) < 4000
    with pytest.raises(Exhausted, match="max_inflated_bytes"):
        read_header(data, DEFLATED, frozenset(), Limits(max_inflated_bytes=1 << 19))
    assert read_header(data, DEFLATED, frozenset({PATIENT_ID.tag})).elements[PATIENT_ID.tag].value == b"ID 1"


def test_what_is_no_deflate_stream_is_invalid() -> None:
    with pytest.raises(Invalid, match="raw deflate stream"):
        read_header(zlib.compress(bytes(100)), DEFLATED, frozenset())


def test_padding_after_a_deflate_stream_is_passed_over() -> None:
    data = encode_in([PATIENT_ID], DEFLATED) + b"\0"
    assert fed(data, DEFLATED, frozenset({PATIENT_ID.tag}), [1]).elements[PATIENT_ID.tag].value == b"ID 1"


def test_an_odd_length_is_taken_as_it_is() -> None:
    odd = Element(0x00100010, "PN", b"A^B")
    assert (
        read_header(encode([odd, PATIENT_ID], implicit=False), EXPLICIT, tags_of([odd])).elements[odd.tag].value
        == b"A^B"
    )


def test_an_element_of_undefined_length_in_implicit_vr_is_kept_with_its_delimiter() -> None:
    element = Element(0x00091010, "UN", items=[Item([NAME], True)], undefined=True)
    data = encode_element(element, implicit=True)
    assert read_header(data, IMPLICIT, frozenset({element.tag})).elements[element.tag].value == data[8:]


@pytest.mark.parametrize("size", [97, 5000, 100_000])
@pytest.mark.parametrize("is_open", [False, True])
def test_an_optional_value_that_is_too_long_is_passed_by(size: int, is_open: bool) -> None:
    limits = Limits(max_optional_bytes=66_000)
    value = b"\xfe\xff\x00\xe0\x70\x11\x01\x00" + b"\x28\x00\x10\x00US\x02\x00\x00\x02" * 7000  # one item
    length = b"\xff\xff\xff\xff" if is_open else len(value).to_bytes(4, "little")
    end = b"\xfe\xff\xdd\xe0\x00\x00\x00\x00" if is_open else b""
    sequence = b"\x08\x00\x15\x11SQ\x00\x00" + length + value + end
    data = sequence + b"\x10\x00\x20\x00LO\x04\x00ID 1"

    def read(optional: frozenset[int]) -> Header:
        reader = HeaderReader(EXPLICIT, frozenset({0x00081115, 0x00100020}), limits, optional=optional)
        for at in range(0, len(data), size):
            reader.feed(data[at : at + size])
        return reader.close()

    assert read(frozenset({0x00081115})).elements == {0x00100020: RawElement("LO", b"ID 1")}
    assert read(frozenset()).elements[0x00081115].value == value + end
    assert read(frozenset({0x00100020})).elements.keys() == {0x00081115, 0x00100020}
