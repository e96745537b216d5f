import base64
import json
import struct
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagittal.dicom.dataset.elements import RawElement
from sagittal.dicom.dataset.limits import Limits
from sagittal.dicom.json_model import encode, encode_elements, encode_elements_text
from sagittal.dicom.transfer_syntax import (
    DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
    EXPLICIT_VR_BIG_ENDIAN,
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
    encoding_of,
)
from sagittal.errors import Exhausted, Invalid, SagittalError

ELE, ILE, EBE = EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_BIG_ENDIAN
LONG = {"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"}
UNDEFINED = 0xFFFFFFFF

Json = dict[str, Any]  # what json.loads gives


def explicit(tag: int, vr: str, value: bytes = b"", length: int | None = None, order: str = "<") -> bytes:
    head = struct.pack(order + "HH", tag >> 16, tag & 0xFFFF) + vr.encode()
    length = len(value) if length is None else length
    return head + (struct.pack(order + "HI", 0, length) if vr in LONG else struct.pack(order + "H", length)) + value


def implicit(tag: int, value: bytes = b"", length: int | None = None) -> bytes:
    return struct.pack("<HHI", tag >> 16, tag & 0xFFFF, len(value) if length is None else length) + value


def item(value: bytes = b"", length: int | None = None) -> bytes:
    return implicit(0xFFFEE000, value, length)


ITEM_END, SEQUENCE_END = implicit(0xFFFEE00D), implicit(0xFFFEE0DD)


def parsed(data: bytes, syntax: str = ELE, **arguments: Any) -> Json:  # passed on
    dataset: Json = json.loads(encode(data, syntax, **arguments))
    return dataset


NAME = explicit(0x00100010, "PN", b"A^B ")
NAME_JSON = {"vr": "PN", "Value": [{"Alphabetic": "A^B"}]}


def test_an_empty_data_set_is_an_empty_object() -> None:
    assert encode(b"", ELE) == b"{}"


def test_attributes_come_in_order_of_tag_whatever_order_they_were_in() -> None:
    data = NAME + explicit(0x00080060, "CS", b"CT") + explicit(0x00100020, "LO", b"1 ")
    assert list(parsed(data)) == ["00080060", "00100010", "00100020"]


def test_of_an_attribute_that_comes_twice_the_last_counts() -> None:
    assert parsed(explicit(0x00080060, "CS", b"CT") + explicit(0x00080060, "CS", b"MR"))["00080060"]["Value"] == ["MR"]


def test_group_lengths_and_file_meta_information_are_left_out() -> None:
    data = explicit(0x00020010, "UI", b"1.2\0") + explicit(0x00080000, "UL", b"\0\0\0\0") + NAME
    assert parsed(data) == {"00100010": NAME_JSON}


def test_a_deflated_data_set_is_inflated() -> None:
    stream = zlib.compress(NAME, wbits=-15)
    assert parsed(stream, DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN) == {"00100010": NAME_JSON}
    with pytest.raises(Exhausted):
        encode(stream, DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN, limits=Limits(max_inflated_bytes=4))


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_any_buffer_will_do(kind: type[bytes] | type[bytearray] | type[memoryview]) -> None:
    assert json.loads(encode(kind(NAME), ELE)) == {"00100010": NAME_JSON}


def test_an_encoding_found_by_the_header_reader_goes_before_the_syntax() -> None:
    assert json.loads(encode(implicit(0x00100010, b"A^B "), encoding_of(ILE))) == {"00100010": NAME_JSON}


def test_a_data_set_in_another_vr_encoding_than_announced_is_read() -> None:
    assert parsed(implicit(0x00100010, b"A^B "), ELE) == {"00100010": NAME_JSON}
    assert parsed(NAME, ILE) == {"00100010": NAME_JSON}


def test_numbers_and_words_of_a_big_endian_data_set_are_read() -> None:
    data = (
        explicit(0x00280010, "US", b"\x02\x00", order=">")
        + explicit(0x00280103, "US", b"\x00\x01", order=">")
        + explicit(0x00280106, "SS", b"\xff\xfe", order=">")
        + explicit(0x00289001, "UL", b"\0\0\0\x07", order=">")
        + explicit(0x7FE00010, "OW", b"\x01\x02\x03\x04", order=">")
    )
    found = parsed(data, EBE)
    assert [found[tag]["Value"] for tag in ("00280010", "00280103", "00280106", "00289001")] == [[512], [1], [-2], [7]]
    assert base64.b64decode(found["7FE00010"]["InlineBinary"]) == b"\x02\x01\x04\x03"


def test_the_character_set_holds_from_where_it_stands() -> None:
    data = explicit(0x00080005, "CS", b"ISO_IR 144") + explicit(0x00100010, "PN", "Пётр ".encode("iso8859_5"))
    assert parsed(data)["00100010"]["Value"] == [{"Alphabetic": "Пётр"}]


def test_items_inherit_the_character_set_and_may_have_their_own() -> None:
    inner = explicit(0x00080005, "CS", b"ISO_IR 192") + explicit(0x00080050, "SH", "Пётр".encode())
    data = (
        explicit(0x00080005, "CS", b"ISO_IR 144")
        + explicit(0x00400275, "SQ", item(explicit(0x00080050, "SH", "Да".encode("iso8859_5"))) + item(inner))
        + explicit(0x00404000, "LO", "Да".encode("iso8859_5"))
    )
    found = parsed(data)
    assert [one["00080050"]["Value"] for one in found["00400275"]["Value"]] == [["Да"], ["Пётр"]]
    assert found["00404000"]["Value"] == ["Да"]


@pytest.mark.parametrize("is_open", [False, True])
@pytest.mark.parametrize("has_open_items", [False, True])
def test_sequences_and_items_end_by_length_or_delimiter(is_open: bool, has_open_items: bool) -> None:
    one = item(NAME + ITEM_END, UNDEFINED) if has_open_items else item(NAME)
    none = item(ITEM_END, UNDEFINED) if has_open_items else item()
    value = one + none
    data = explicit(0x00400275, "SQ", value + SEQUENCE_END, UNDEFINED) if is_open else explicit(0x00400275, "SQ", value)
    after = explicit(0x00404000, "LO", b"x ")
    assert parsed(data + after) == {
        "00400275": {"vr": "SQ", "Value": [{"00100010": NAME_JSON}, {}]},
        "00404000": {"vr": "LO", "Value": ["x"]},
    }


def test_an_empty_sequence_has_no_value() -> None:
    assert parsed(explicit(0x00400275, "SQ")) == {"00400275": {"vr": "SQ"}}
    assert parsed(explicit(0x00400275, "SQ", SEQUENCE_END, UNDEFINED)) == {"00400275": {"vr": "SQ"}}


def test_a_delimiter_before_the_length_is_over_ends_a_sequence() -> None:
    data = explicit(0x00400275, "SQ", item(NAME) + SEQUENCE_END)
    assert len(parsed(data)["00400275"]["Value"]) == 1


def test_stray_delimiters_are_stepped_over() -> None:
    assert parsed(NAME + ITEM_END + SEQUENCE_END) == {"00100010": NAME_JSON}


def test_items_in_implicit_vr_within_an_explicit_data_set_are_read() -> None:
    data = explicit(0x00400275, "SQ", item(implicit(0x00100010, b"A^B ")))
    assert parsed(data)["00400275"]["Value"] == [{"00100010": NAME_JSON}]


def test_an_implicit_data_set_has_the_dictionarys_vrs() -> None:
    data = implicit(0x00100010, b"A^B ") + implicit(0x00400275, item(implicit(0x00080050, b"1 ")))
    assert parsed(data, ILE) == {
        "00100010": NAME_JSON,
        "00400275": {"vr": "SQ", "Value": [{"00080050": {"vr": "SH", "Value": ["1"]}}]},
    }


@pytest.mark.parametrize(("representation", "vr", "value"), [(b"\0\0", "US", 65535), (b"\1\0", "SS", -1)])
def test_pixel_representation_decides_between_us_and_ss(representation: bytes, vr: str, value: int) -> None:
    found = parsed(implicit(0x00280103, representation) + implicit(0x00280106, b"\xff\xff"), ILE)
    assert found["00280106"] == {"vr": vr, "Value": [value]}


def test_pixel_representation_reaches_into_items_and_back_to_attributes_before_it() -> None:
    data = (
        implicit(0x00189810, b"\xff\xff")
        + implicit(0x00280103, b"\1\0")
        + implicit(0x00409096, item(implicit(0x00409216, b"\xff\xff")))
    )
    found = parsed(data, ILE)
    assert found["00189810"] == {"vr": "SS", "Value": [-1]}
    assert found["00409096"]["Value"][0]["00409216"] == {"vr": "SS", "Value": [-1]}


def test_without_pixel_representation_it_is_us() -> None:
    assert parsed(implicit(0x00280106, b"\xff\xff"), ILE)["00280106"]["vr"] == "US"
    data = implicit(0x00189810, b"\xff\xff") + implicit(0x00280103, b"\0\0")
    assert parsed(data, ILE)["00189810"]["vr"] == "US"


def test_pixel_representation_is_looked_up_again_where_the_first_found_was_passed() -> None:
    inner = implicit(0x00189810, b"\xff\xff") + implicit(0x00280103, b"\1\0")
    other = implicit(0x00189810, b"\xff\xff") + implicit(0x00280103, b"\0\0")
    data = implicit(0x00081140, item(inner) + item(inner) + item(other) + item(implicit(0x00280106, b"\xff\xff")))
    found = parsed(data, ILE)["00081140"]["Value"]
    assert [one.get("00189810", {}).get("vr") for one in found] == ["SS", "SS", "US", None]
    assert found[3]["00280106"]["vr"] == "US"


def test_many_attributes_before_pixel_representation_take_no_long_time() -> None:
    data = implicit(0x00189810, b"\xff\xff") * 100_000
    assert parsed(data, ILE)["00189810"]["vr"] == "US"


def test_a_pixel_representation_of_no_length_says_nothing() -> None:
    assert parsed(implicit(0x00280103) + implicit(0x00280106, b"\xff\xff"), ILE)["00280106"]["vr"] == "US"


def test_known_private_elements_have_their_vr_in_implicit_data_sets() -> None:
    data = implicit(0x00090010, b"GEMS_IDEN_01") + implicit(0x00091001, b"GE_GENESIS_FF ") + implicit(0x00091099, b"ab")
    found = parsed(data, ILE)
    assert found["00090010"] == {"vr": "LO", "Value": ["GEMS_IDEN_01"]}
    assert found["00091001"] == {"vr": "LO", "Value": ["GE_GENESIS_FF"]}
    assert found["00091099"] == {"vr": "UN", "InlineBinary": "YWI="}


def test_private_blocks_of_a_data_set_do_not_reach_into_items() -> None:
    data = implicit(0x00090010, b"GEMS_IDEN_01") + implicit(0x00400275, item(implicit(0x00091001, b"GE")))
    assert parsed(data, ILE)["00400275"]["Value"][0]["00091001"]["vr"] == "UN"


def test_a_creator_written_as_un_is_text() -> None:
    data = explicit(0x00090010, "UN", b"GEMS_IDEN_01") + explicit(0x00091001, "UN", b"GE")
    found = parsed(data)
    assert found["00090010"] == {"vr": "LO", "Value": ["GEMS_IDEN_01"]}
    assert found["00091001"] == {"vr": "LO", "Value": ["GE"]}


@pytest.mark.parametrize(
    ("tag", "value", "expected"),
    [
        (0x00100010, b"A^B ", NAME_JSON),
        (0x00280010, b"\0\2", {"vr": "US", "Value": [512]}),
        (0x00280010, b"\0\2\0", {"vr": "UN", "InlineBinary": "AAIA"}),
        (0x00280106, b"\xff\xff", {"vr": "US", "Value": [65535]}),
        (
            0x00400275,
            item(implicit(0x00080050, b"1 ")),
            {"vr": "SQ", "Value": [{"00080050": {"vr": "SH", "Value": ["1"]}}]},
        ),
        (0x00400275, b"junk", {"vr": "UN", "InlineBinary": "anVuaw=="}),
        (0x00400275, b"junkjunk", {"vr": "UN", "InlineBinary": "anVua2p1bms="}),
        (0x00420011, b"%PDF", {"vr": "OB", "InlineBinary": "JVBERg=="}),
        (0x00091001, b"ab", {"vr": "UN", "InlineBinary": "YWI="}),
        (0x00080009, b"ab", {"vr": "UN", "InlineBinary": "YWI="}),
        (0x00091001, b"", {"vr": "UN"}),
    ],
)
def test_un_is_what_a_dictionary_knows_if_the_bytes_agree(tag: int, value: bytes, expected: Json) -> None:
    assert parsed(explicit(tag, "UN", value)) == {f"{tag:08X}": expected}


def test_a_long_un_is_believed() -> None:
    found = parsed(explicit(0x00104000, "UN", b"a" * 0xFFFF))
    assert found["00104000"]["vr"] == "UN"


def test_un_of_undefined_length_is_a_sequence_in_implicit_vr() -> None:
    data = explicit(0x00091001, "UN", item(implicit(0x00100010, b"A^B ")) + SEQUENCE_END, UNDEFINED) + NAME
    assert parsed(data) == {"00091001": {"vr": "SQ", "Value": [{"00100010": NAME_JSON}]}, "00100010": NAME_JSON}


def test_a_value_that_cannot_be_of_its_vr_is_un() -> None:
    assert parsed(explicit(0x00280010, "US", b"\0\2\0"))["00280010"] == {"vr": "UN", "InlineBinary": "AAIA"}
    assert parsed(explicit(0x00280009, "AT", b"\0\2\0"))["00280009"] == {"vr": "UN", "InlineBinary": "AAIA"}
    assert parsed(explicit(0x00280103, "US", b"\0"))["00280103"] == {"vr": "UN", "InlineBinary": "AA=="}


def test_a_vr_nobody_knows_is_un_with_either_length() -> None:
    long_form = struct.pack("<HH2sHI", 0x0009, 0x1001, b"ZZ", 0, 2) + b"ab"
    short_form = struct.pack("<HH2sH", 0x0009, 0x1002, b"ZZ", 2) + b"cd"
    found = parsed(NAME + long_form + short_form)
    assert found["00091001"] == {"vr": "UN", "InlineBinary": "YWI="}
    assert found["00091002"] == {"vr": "UN", "InlineBinary": "Y2Q="}


def test_an_implicit_element_among_explicit_ones_is_read() -> None:
    assert parsed(explicit(0x00080060, "CS", b"CT") + implicit(0x00100010, b"A^B "))["00100010"] == NAME_JSON


FRAGMENTS = item() + item(b"\xff\xd8\xff\xd9")


def test_encapsulated_pixels_are_their_fragments() -> None:
    data = explicit(0x7FE00010, "OB", FRAGMENTS + SEQUENCE_END, UNDEFINED) + explicit(0xFFFCFFFC, "OB", b"\0\0")
    found = parsed(data)
    assert base64.b64decode(found["7FE00010"]["InlineBinary"]) == FRAGMENTS
    assert "FFFCFFFC" in found


def test_fragments_need_no_delimiter_at_the_very_end() -> None:
    data = explicit(0x7FE00010, "OB", FRAGMENTS, UNDEFINED)
    assert base64.b64decode(parsed(data)["7FE00010"]["InlineBinary"]) == FRAGMENTS


def test_encapsulated_pixels_in_implicit_vr_are_bytes() -> None:
    assert parsed(implicit(0x7FE00010, FRAGMENTS + SEQUENCE_END, UNDEFINED), ILE)["7FE00010"]["vr"] == "OB"
    assert parsed(implicit(0x7FE00010, b"\0\0"), ILE)["7FE00010"]["vr"] == "OW"
    assert parsed(implicit(0x00420011, FRAGMENTS + SEQUENCE_END, UNDEFINED), ILE)["00420011"]["vr"] == "OB"


def test_bulk_is_asked_for_long_values_and_for_pixels() -> None:
    icon = item(explicit(0x7FE00010, "OB", b"\1\2"))
    data = (
        explicit(0x00091001, "UN", b"x" * 9)
        + explicit(0x00091002, "OB", b"x" * 8)
        + explicit(0x00880200, "SQ", item() + icon)
        + explicit(0x7FE00008, "OF")
        + explicit(0x7FE00010, "OW", b"\1\2")
    )
    asked = []

    def bulk(path: tuple[int, ...], vr: str, offset: int, length: int) -> str | None:
        asked.append((path, vr, data[offset : offset + length]))
        return None if path == (0x7FE00010,) else f"bulk/{len(asked)}"

    found = parsed(data, bulk=bulk, threshold=8)
    assert asked == [
        ((0x00091001,), "UN", b"x" * 9),
        ((0x00880200, 1, 0x7FE00010), "OB", b"\1\2"),
        ((0x7FE00010,), "OW", b"\1\2"),
    ]
    assert found["00091001"] == {"vr": "UN", "BulkDataURI": "bulk/1"}
    assert found["00091002"]["InlineBinary"] == base64.b64encode(b"x" * 8).decode()
    assert found["00880200"]["Value"][1]["7FE00010"] == {"vr": "OB", "BulkDataURI": "bulk/2"}
    assert found["7FE00008"] == {"vr": "OF"}
    assert found["7FE00010"] == {"vr": "OW", "InlineBinary": "AQI="}


def test_bulk_of_fragments_is_without_the_last_delimiter() -> None:
    data = explicit(0x7FE00010, "OB", FRAGMENTS + SEQUENCE_END, UNDEFINED)
    asked = []

    def bulk(*arguments: Any) -> str:  # noted only
        asked.append(arguments)
        return "uri"

    assert parsed(data, bulk=bulk) == {"7FE00010": {"vr": "OB", "BulkDataURI": "uri"}}
    assert asked == [((0x7FE00010,), "OB", 12, len(FRAGMENTS))]


@pytest.mark.parametrize(
    "data",
    [
        NAME[:5],
        NAME[:7],
        NAME[:-1],
        explicit(0x7FE00010, "OB", b"12")[:10],
        b"\x09\x00\x01\x10ZZ\x00\x00\x01",
        explicit(0x00400275, "SQ", item(NAME), UNDEFINED),
        explicit(0x00400275, "SQ", item(NAME, UNDEFINED) + SEQUENCE_END, UNDEFINED),
        explicit(0x00400275, "SQ", NAME),
        explicit(0x00400275, "SQ", item(NAME, 999)),
        explicit(0x00400275, "SQ", item(NAME[:-2])),
        explicit(0x7FE00010, "OB", item(b"12", 99), UNDEFINED),
        explicit(0x7FE00010, "OB", NAME, UNDEFINED),
        struct.pack("<HH2sHI", 0x0008, 0x0120, b"UR", 0, UNDEFINED),
        explicit(0x00400275, "SQ", item()[:6]),
    ],
)
def test_a_torn_data_set_is_invalid(data: bytes) -> None:
    with pytest.raises(Invalid):
        encode(data, ELE)


def nested(depth: int) -> bytes:
    data = NAME
    for _ in range(depth):
        data = explicit(0x00400275, "SQ", item(data + ITEM_END, UNDEFINED) + SEQUENCE_END, UNDEFINED)
    return data


def test_depth_is_capped() -> None:
    assert encode(nested(64), ELE)
    with pytest.raises(Exhausted, match="max_depth=64"):
        encode(nested(65), ELE)
    with pytest.raises(Exhausted):
        encode(nested(20_000), ELE)


def test_elements_are_capped() -> None:
    with pytest.raises(Exhausted, match="max_elements"):
        encode(NAME + explicit(0x00400275, "SQ", item() * 50), ELE, limits=Limits(max_elements=20))


def test_some_elements_become_an_object_in_order_of_tag() -> None:
    elements = {
        0x00100010: RawElement("PN", "Пётр".encode("iso8859_5")),
        0x00280010: RawElement("US", b"\0\2"),
        0x00080060: RawElement("CS", b"CT"),
        0x00080000: RawElement("UL", b"\0\0\0\0"),
        0x00400275: RawElement("SQ", item(NAME)),
        0x00091001: RawElement("UN", b"ab"),
        0x00091002: RawElement("UN", item(implicit(0x00100010, b"A^B ")) + SEQUENCE_END),
        0x00420011: RawElement("OB", b"ab"),
        0x00280011: RawElement("US", b"\0"),
    }
    assert encode_elements(elements, ELE, ("ISO_IR 144",)) == {
        "00080060": {"vr": "CS", "Value": ["CT"]},
        "00091001": {"vr": "UN", "InlineBinary": "YWI="},
        "00091002": {"vr": "SQ", "Value": [{"00100010": NAME_JSON}]},
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Пётр"}]},
        "00280010": {"vr": "US", "Value": [512]},
        "00280011": {"vr": "UN", "InlineBinary": "AA=="},
        "00400275": {"vr": "SQ", "Value": [{"00100010": NAME_JSON}]},
        "00420011": {"vr": "OB", "InlineBinary": "YWI="},
    }
    assert json.loads(encode_elements_text(elements, ELE, ("ISO_IR 144",))) == encode_elements(
        elements, ELE, ("ISO_IR 144",)
    )


def test_the_character_set_among_some_elements_goes_before_the_given_one() -> None:
    elements = {0x00080005: RawElement("CS", b"ISO_IR 192"), 0x00100010: RawElement("PN", "Пётр".encode())}
    assert encode_elements(elements, encoding_of(ELE))["00100010"]["Value"] == [{"Alphabetic": "Пётр"}]


def test_an_open_sequence_among_some_elements_is_whole() -> None:
    elements = {0x00400275: RawElement("SQ", item(NAME) + SEQUENCE_END)}
    assert encode_elements(elements, ELE)["00400275"]["Value"] == [{"00100010": NAME_JSON}]


def test_a_torn_sequence_among_some_elements_is_invalid() -> None:
    with pytest.raises(Invalid):
        encode_elements({0x00400275: RawElement("SQ", item()[:6])}, ELE)


def test_big_endian_elements_are_read_as_such() -> None:
    assert encode_elements({0x00280010: RawElement("US", b"\2\0")}, EBE)["00280010"]["Value"] == [512]


@given(st.binary(max_size=200), st.sampled_from([ELE, ILE, EBE]))
def test_any_bytes_are_json_or_one_of_our_errors(data: bytes, syntax: str) -> None:
    try:
        text = encode(data, syntax)
    except SagittalError:
        return
    assert isinstance(json.loads(text, parse_constant=pytest.fail), dict)


PIECES = st.sampled_from(
    [
        NAME,
        item(),
        item(NAME),
        item(b"", UNDEFINED),
        ITEM_END,
        SEQUENCE_END,
        explicit(0x00400275, "SQ", b"", UNDEFINED),
        explicit(0x00400275, "SQ", item(NAME)),
        explicit(0x00080005, "CS", b"\\ISO 2022 IR 87"),
        explicit(0x00091001, "UN", b"", UNDEFINED),
        explicit(0x7FE00010, "OB", b"", UNDEFINED),
        implicit(0x00280106, b"\xff\xff"),
        explicit(0x00281052, "DS", b"1e999\\NaN\\+.5"),
    ]
)


@given(st.lists(PIECES, max_size=12).map(b"".join), st.sampled_from([ELE, ILE, EBE]))
def test_any_pieces_are_json_or_one_of_our_errors(data: bytes, syntax: str) -> None:
    try:
        text = encode(data, syntax)
    except SagittalError:
        return
    assert isinstance(json.loads(text, parse_constant=pytest.fail), dict)
