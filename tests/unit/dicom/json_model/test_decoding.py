import base64
import contextlib
import json
import math
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from sagittal.dicom.dataset.limits import Limits
from sagittal.dicom.json_model import decode, encode, loads
from sagittal.dicom.json_model.value_bytes import decimal_string
from sagittal.dicom.transfer_syntax import (
    DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
    EXPLICIT_VR_BIG_ENDIAN,
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
    encoding_of,
)
from sagittal.errors import Exhausted, Invalid, Refused, SagittalError

ELE, ILE, EBE = EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_BIG_ENDIAN

Json = Any  # of any shape, for it comes from outside


def element(vr: str, *values: Json) -> Json:
    return {"vr": vr, "Value": list(values)}


def one(vr: str, *values: Json, syntax: str = ELE) -> bytes:
    """The value field of one attribute."""
    data = decode({"00091001": element(vr, *values)}, syntax, ())
    return data[12 if vr in ("OB", "OW", "UC", "UN", "UR", "UT", "UV", "SV", "SQ") else 8 :]


def by_pydicom(data: bytes, syntax: str) -> Dataset:
    from pydicom.filereader import read_dataset

    encoding = encoding_of(syntax)
    return read_dataset(BytesIO(data), encoding.is_implicit_vr, encoding.is_little_endian)


EXAMPLE: Json = {
    "00100010": element("PN", {"Alphabetic": "Yamada^Tarou", "Ideographic": "山田^太郎"}),
    "00080060": element("CS", "CT"),
    "00280010": element("US", 512),
    "00280030": element("DS", 0.5, 1),
    "00200013": element("IS", 7),
    "00280009": element("AT", "00181063"),
    "00400275": element("SQ", {"00080050": element("SH", "1")}, {}),
    "00420011": {"vr": "OB", "InlineBinary": base64.b64encode(b"%PDF-").decode()},
}


@pytest.mark.parametrize("syntax", [ELE, ILE, EBE])
def test_pydicom_reads_what_is_written(syntax: str) -> None:
    dataset = by_pydicom(decode(EXAMPLE, syntax), syntax)
    assert list(dataset.keys()) == sorted(dataset.keys())
    assert dataset.SpecificCharacterSet == "ISO_IR 192"
    assert str(dataset.PatientName) == "Yamada^Tarou=山田^太郎"
    assert (dataset.Modality, dataset.Rows, list(dataset.PixelSpacing), dataset.InstanceNumber) == (
        "CT",
        512,
        [0.5, 1],
        7,
    )
    assert dataset.FrameIncrementPointer == 0x00181063
    assert dataset.RequestAttributesSequence[0].AccessionNumber == "1"
    assert len(dataset.RequestAttributesSequence[1]) == 0
    assert dataset.EncapsulatedDocument == b"%PDF-\0"


@pytest.mark.parametrize("syntax", [ELE, ILE, EBE])
def test_what_is_written_is_read_back(syntax: str) -> None:
    found = json.loads(encode(decode(EXAMPLE, syntax), syntax))
    del found["00080005"]
    found["00420011"]["InlineBinary"] = base64.b64encode(b"%PDF-").decode()
    assert found == EXAMPLE


def test_a_deflated_data_set_is_deflated_to_even_length() -> None:
    data = decode(EXAMPLE, DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN)
    assert len(data) % 2 == 0
    assert zlib.decompress(data, wbits=-15) == decode(EXAMPLE, ELE)
    assert {
        len(decode({"00100020": element("LO", "x" * n)}, DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN)) % 2 for n in range(9)
    } == {0}


def test_an_encoding_may_be_given() -> None:
    assert decode(EXAMPLE, encoding_of(ILE)) == decode(EXAMPLE, ILE)


def test_text_is_written_in_the_given_character_set_and_says_so() -> None:
    name: Json = {"00080005": element("CS", "ISO_IR 100"), "00100010": element("PN", "山田")}
    sets = ("", "ISO 2022 IR 87")
    dataset = by_pydicom(decode(name, ELE, sets), ELE)
    assert list(dataset.SpecificCharacterSet) == ["", "ISO 2022 IR 87"]
    assert str(dataset.PatientName) == "山田"


def test_the_default_repertoire_has_no_character_set_and_question_marks() -> None:
    name: Json = {"00080005": element("CS", "ISO_IR 100"), "00100010": element("PN", "Mü")}
    dataset = by_pydicom(decode(name, ELE, ()), ELE)
    assert "SpecificCharacterSet" not in dataset
    assert str(dataset.PatientName) == "M?"


def test_the_character_sets_of_items_give_way_to_the_given_one() -> None:
    inner: Json = {"00080005": element("CS", "ISO_IR 144"), "00080050": element("SH", "é")}
    dataset = by_pydicom(decode({"00400275": element("SQ", inner)}, ELE, ("ISO_IR 100",)), ELE)
    assert "SpecificCharacterSet" not in dataset.RequestAttributesSequence[0]
    assert dataset.RequestAttributesSequence[0].AccessionNumber == "é"


def test_a_data_set_may_keep_its_own_character_sets() -> None:
    inner: Json = {"00080005": element("CS", "ISO_IR 144"), "00080050": element("SH", "Да")}
    outer: Json = {
        "00080005": element("CS", "ISO_IR 100"),
        "00400275": element("SQ", inner),
        "00404000": element("LO", "é"),
    }
    data = decode(outer, ELE, None)
    assert "Да".encode("iso8859_5") in data
    assert b"\xe9 " in data
    assert json.loads(encode(data, ELE)) == outer


@pytest.mark.parametrize(
    ("vr", "values", "field"),
    [
        ("LO", [], b""),
        ("LO", ["a", None, "b"], b"a\\\\b"),
        ("LO", ["abc"], b"abc "),
        ("UI", ["1.2"], b"1.2\0"),
        ("LT", ["a\\b"], b"a\\b "),
        ("PN", ["A^B"], b"A^B "),
        ("PN", [None, {"Alphabetic": "A", "Phonetic": "C"}, {}], b"\\A==C\\"),
        ("DS", [1, 1.0, -0.25, "1.50", None], b"1\\1\\-0.25\\1.50\\ "),
        ("IS", [1, 2.0, "003", None], b"1\\2\\003\\"),
        ("US", [1, "2", 3.0], b"\1\0\2\0\3\0"),
        ("SV", ["-9223372036854775808"], b"\0" * 7 + b"\x80"),
        ("FL", [0.5, "NaN", "-Infinity", 1], b"\0\0\0\x3f\0\0\xc0\x7f\0\0\x80\xff\0\0\x80\x3f"),
        ("AT", ["0010000d"], b"\x10\0\x0d\0"),
        ("UR", ["http://x"], b"http://x"),
        ("SQ", [], b""),
        ("SQ", [None], b"\xfe\xff\x00\xe0\0\0\0\0"),
    ],
)
def test_values_are_written_by_vr(vr: str, values: list[Json], field: bytes) -> None:
    assert one(vr, *values) == field


def test_numbers_are_in_the_byte_order_of_the_syntax() -> None:
    assert one("US", 1, syntax=EBE) == b"\0\1"
    assert one("AT", "0010000D", syntax=EBE) == b"\0\x10\0\x0d"
    words: Json = {"00281201": {"vr": "OW", "InlineBinary": base64.b64encode(b"\1\2").decode()}}
    assert decode(words, EBE, ()).endswith(b"\2\1")


def test_empty_attributes_have_no_value() -> None:
    for empty in ({"vr": "SQ"}, {"vr": "SQ", "Value": []}, {"vr": "SQ", "Value": None}):
        assert decode({"00400275": empty}, ELE, ())[8:] == b"\0\0\0\0"  # type: ignore[dict-item]  # null is tolerated
    assert decode({"00100020": {"vr": "LO"}}, ELE, ()) == b"\x10\0\x20\0LO\0\0"


def test_what_does_not_fit_a_short_length_is_un() -> None:
    numbers: Json = {"00280030": element("DS", *[0.5] * 20_000), "00281101": element("US", *[1] * 40_000)}
    data = decode(numbers, ELE, ())
    assert data[4:6] == b"UN"
    assert decode(numbers, EBE, ())[-2:] == b"\1\0"
    assert len(decode(numbers, ILE, ())) == 16 + 20_000 * 4 + 80_000
    big = decode({"00281101": element("US", *[1] * 40_000)}, EBE, ())
    assert big[4:6] == b"UN"


def test_group_lengths_and_file_meta_information_are_left_out() -> None:
    dataset: Json = {"00020010": element("UI", "1.2"), "00080000": element("UL", 1), "00000002": element("UI", "1")}
    assert decode(dataset, ELE, ()) == b""


def test_members_nobody_knows_and_lower_case_tags_are_tolerated() -> None:
    dataset: Json = {"0020000d": {"vr": "UI", "Value": ["1.2"], "keyword": "StudyInstanceUID"}}
    assert decode(dataset, ELE, ()).startswith(b"\x20\0\x0d\0UI")


def test_inline_binary_may_come_in_a_list() -> None:
    assert decode({"00091001": {"vr": "UN", "InlineBinary": ["YWI="]}}, ELE, ()).endswith(b"ab")  # type: ignore[typeddict-item]


def test_bulk_data_is_fetched() -> None:
    asked = []

    def fetch(uri: str, path: tuple[int, ...], vr: str) -> bytes:
        asked.append((uri, path, vr))
        return b"\1\2"

    inner: Json = {"7FE00010": {"vr": "OW", "BulkDataURI": "bulk/1"}}
    data = decode({"00880200": element("SQ", {}, inner)}, EBE, (), fetch_bulk=fetch)
    assert asked == [("bulk/1", (0x00880200, 1, 0x7FE00010), "OW")]
    assert data.endswith(b"\2\1")


def test_bulk_data_is_refused_where_nobody_fetches_it() -> None:
    with pytest.raises(Refused, match="7FE00010"):
        decode({"7FE00010": {"vr": "OW", "BulkDataURI": "http://elsewhere"}}, ELE)


INVALID: list[tuple[Json, str]] = [
    ([], "a data set"),
    ("x", "a data set"),
    ({"0010": {"vr": "LO"}}, "names of attributes in a data set"),
    ({"PatientID": {"vr": "LO"}}, "eight hexadecimal"),
    ({1: {"vr": "LO"}}, "eight hexadecimal"),
    ({"00100020": "x"}, "00100020"),
    ({"00100020": {}}, "00100020"),
    ({"00100020": {"vr": "XX"}}, "00100020"),
    ({"00100020": {"vr": 5}}, "00100020"),
    ({"0020000D": {"vr": "UI"}, "0020000d": {"vr": "UI"}}, "twice"),
    ({"FFFEE000": {"vr": "UN"}}, "no attribute"),
    ({"00100020": {"vr": "LO", "Value": ["a"], "InlineBinary": "YQ=="}}, "Value and InlineBinary"),
    ({"00100020": {"vr": "LO", "Value": "a"}}, r"00100020\.Value"),
    ({"00100020": element("LO", 5)}, r"00100020\.Value\[0\]"),
    ({"00100020": element("LO", "a", True)}, r"00100020\.Value\[1\]"),
    ({"00100020": element("LO", "a\\b")}, "backslashes"),
    ({"00100020": element("LT", "a", "b")}, "one value"),
    ({"00100010": element("PN", 5)}, r"Value\[0\]"),
    ({"00100010": element("PN", {"Alphabetic": 5})}, r"Value\[0\]"),
    ({"00100010": element("PN", {"Alphabetic": "a=b"})}, "component group"),
    ({"00280030": element("DS", math.inf)}, "finite"),
    ({"00280030": element("DS", 10**400)}, "range"),
    ({"00280030": element("DS", True)}, r"Value\[0\]"),
    ({"00200013": element("IS", 1.5)}, r"Value\[0\]"),
    ({"00200013": element("IS", 1e300)}, "range"),
    ({"00200013": element("IS", False)}, r"Value\[0\]"),
    ({"00280010": element("US", 65536)}, "range of VR US"),
    ({"00280010": element("US", None)}, "whole number"),
    ({"00280010": element("US", True)}, "whole number"),
    ({"00280010": element("US", "x")}, "whole number"),
    ({"00280010": element("US", 1.5)}, "whole number"),
    ({"00091001": element("FL", 1e300)}, "range of VR FL"),
    ({"00091001": element("FD", "x")}, "number"),
    ({"00091001": element("FD", None)}, "number"),
    ({"00091001": element("FD", "1" * 65)}, "number"),
    ({"00280009": element("AT", "x")}, "tag"),
    ({"00280009": element("AT", 5)}, "tag"),
    ({"00091001": element("OB", "x")}, "InlineBinary"),
    ({"00091001": element("UN", "x")}, "InlineBinary"),
    ({"00091001": {"vr": "OB", "InlineBinary": "!"}}, "base64"),
    ({"00091001": {"vr": "OB", "InlineBinary": "é"}}, "base64"),
    ({"00091001": {"vr": "OB", "InlineBinary": 5}}, "InlineBinary"),
    ({"00091001": {"vr": "LO", "InlineBinary": "YQ=="}}, "InlineBinary"),
    ({"00091001": {"vr": "OB", "BulkDataURI": 5}}, "BulkDataURI"),
    ({"00400275": {"vr": "SQ", "Value": {}}}, "00400275"),
    ({"00400275": element("SQ", "x")}, r"00400275\[0\]"),
    ({"00400275": element("SQ", {}, {"00280010": element("US", "x")})}, r"00400275\[1\]\.00280010\.Value\[0\]"),
]


@pytest.mark.parametrize(("dataset", "where"), INVALID)
def test_what_is_not_of_the_model_is_invalid_and_named(dataset: Json, where: str) -> None:
    for sets in (("ISO_IR 192",), None):
        with pytest.raises(Invalid, match=where):
            decode(dataset, ELE, sets)


def test_depth_and_elements_are_capped() -> None:
    deep: Json = {}
    for _ in range(65):
        deep = {"00400275": element("SQ", deep)}
    with pytest.raises(Exhausted, match="max_depth=64"):
        decode(deep, ELE)
    with pytest.raises(Exhausted, match="max_elements"):
        decode({"00400275": element("SQ", *[{}] * 50)}, ELE, limits=Limits(max_elements=20))


def test_a_value_longer_than_a_length_field_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sagittal.dicom.json_model.decoding._MAX_LONG", 3)
    with pytest.raises(Exhausted, match="00100020"):
        decode({"00100020": element("UT", "abcd")}, ELE, ())


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.0, "0"),
        (-0.0, "-0"),
        (5, "5"),
        (1e22, "1e+22"),
        (123456789012345678, "1.2345678901e+17"),
        (0.1 + 0.2, "0.3"),
        (-1.2345678901234567e-100, "-1.23456789e-100"),
        (100000.5, "100000.5"),
    ],
)
def test_a_decimal_string_has_sixteen_characters(number: float, text: str) -> None:
    assert decimal_string(number) == text


@given(st.floats(-1e308, 1e308) | st.integers(-(2**64), 2**64))
def test_any_number_fits_a_decimal_string(number: float) -> None:
    text = decimal_string(number)
    assert len(text) <= 16
    assert float(text) == pytest.approx(float(number), rel=1e-8)


def test_json_text_is_one_data_set_or_several() -> None:
    assert loads(b'{"00100020":{"vr":"LO"}}') == ({"00100020": {"vr": "LO"}},)
    assert loads("[{},{}]") == ({}, {})
    assert loads("[]") == ()


@pytest.mark.parametrize("text", ["", "x", "5", '"x"', "[5]", "[[]]", "[" * 100_000, "\udc80"])
def test_other_json_text_is_invalid(text: str) -> None:
    with pytest.raises(Invalid):
        loads(text)


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["LO", "SQ", "US", "OB"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["vr", "Value", "InlineBinary", "BulkDataURI", "00100020", "00400275", "Alphabetic"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(ANYTHING, st.sampled_from([ELE, ILE, EBE]), st.sampled_from([None, (), ("ISO_IR 192",), ("ISO_IR 100",)]))
def test_anything_is_encoded_or_one_of_our_errors(dataset: Json, syntax: str, sets: tuple[str, ...] | None) -> None:
    with contextlib.suppress(SagittalError):
        json.loads(encode(decode(dataset, syntax, sets), syntax))


TEXTS = (
    st.text(st.characters(exclude_characters="\\=\0\x1b", exclude_categories=["Cs", "Cc"]), min_size=1)
    .map(str.strip)
    .filter(bool)
)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "00100010": TEXTS.map(lambda text: element("PN", {"Alphabetic": text})),
            "00100020": st.lists(TEXTS, min_size=1, max_size=3).map(lambda texts: element("LO", *texts)),
            "00104000": TEXTS.map(lambda text: element("LT", text)),
            "00280010": st.integers(0, 65535).map(lambda number: element("US", number)),
            "00189073": st.floats(allow_nan=False, allow_infinity=False).map(lambda number: element("FD", number)),
            "00200013": st.integers(-(2**31), 2**31).map(lambda number: element("IS", number)),
            "00420011": st.binary(min_size=2, max_size=8)
            .filter(lambda value: len(value) % 2 == 0)
            .map(lambda value: {"vr": "OB", "InlineBinary": base64.b64encode(value).decode()}),
        },
    ).flatmap(
        lambda inner: st.fixed_dictionaries({"00400275": st.just(element("SQ", inner, {}))}).map(
            lambda d: {**inner, **d}
        )
    ),
    st.sampled_from([ELE, ILE, EBE]),
)
def test_encoding_what_was_decoded_gives_the_same(dataset: Json, syntax: str) -> None:
    found = json.loads(encode(decode(dataset, syntax), syntax))
    assert found.pop("00080005") == element("CS", "ISO_IR 192")
    assert found == dataset


def test_pydicoms_own_json_is_decoded() -> None:
    (dataset,) = loads((Path(pydicom.__file__).parent / "data" / "test_files" / "test1.json").read_bytes())
    assert dataset["00181310"].pop("Value")[4] is None  # binary numbers cannot be empty among others
    found = by_pydicom(decode(dataset, ELE, fetch_bulk=lambda *_: b""), ELE)
    assert found.StudyInstanceUID == dataset["0020000D"]["Value"][0]
