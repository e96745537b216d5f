"""The values of named attributes in headers of every encoding."""

import pytest
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

from sagittal.archive.index.named import Named, NamedAttribute
from sagittal.archive.index.values import MAX_CHARACTERS, MAX_VALUES, ValueReader
from sagittal.dicom.attribute_path import parse_attribute
from sagittal.dicom.dataset import HeaderReader

IMPLICIT, EXPLICIT, BIG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"
SYNTAXES = (IMPLICIT, EXPLICIT, BIG)


def encoded(dataset: Dataset, syntax: str) -> bytes:
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = syntax != BIG, syntax == IMPLICIT
    write_dataset(buffer, dataset)
    return bytes(buffer.getvalue())


def values(dataset: Dataset | bytes, name: str, syntax: str = EXPLICIT) -> list[tuple[object, ...]]:
    """(items, place, text, value) of each row of the one attribute."""
    reader = ValueReader(Named((NamedAttribute(1, parse_attribute(name)),)), alone=True)
    data = dataset if isinstance(dataset, bytes) else encoded(dataset, syntax)
    header = HeaderReader(syntax, reader.wanted.tags, optional=reader.wanted.optional)
    header.feed(data)
    rows = list(reader.rows(7, header.close()))
    assert all(row[:2] == (7, 1) for row in rows)
    assert rows == list(reader.rows(7, header.header))  # and the same from memory
    return [(row[2], row[3], row[4], row[9]) for row in rows]


def private(vr: str, value: object, *, block: int = 0x10, creator: str = "ACME") -> Dataset:
    made = Dataset()
    made.add_new(0x00290000 | block, "LO", creator)
    made.add_new(0x00290001 | block << 8, vr, value)
    return made


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize(
    ("vr", "value", "text", "json"),
    [
        ("LO", "one", "one", '"one"'),
        ("SL", -5, "-5", "-5"),
        ("FD", 0.5, "0.5", "0.5"),
        ("DS", "1.50", "1.5", "1.5"),
        ("DA", "20200131", "20200131", '"20200131"'),
        ("TM", "10", "100000.000000", '"10"'),
        ("UI", "1.2.3", "1.2.3", '"1.2.3"'),
        ("PN", "Doe^Jane", "doe jane", '{"Alphabetic":"Doe^Jane"}'),
        ("AT", 0x00100020, "00100020", '"00100020"'),
    ],
)
def test_a_private_value_is_read_by_the_vr_it_is_named_with(
    syntax: str, vr: str, value: object, text: str, json: str
) -> None:
    assert values(private(vr, value), f'0029,"ACME",01:{vr}', syntax) == [("", 0, text, json)]


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_a_private_path_leads_through_items(syntax: str) -> None:
    inner = [private("LO", "a", block=0x20), Dataset(), private("LO", "b", creator="OTHER"), private("LO", "c")]
    outer = private("SQ", inner, block=0x33)
    assert values(outer, '0029,"ACME",01.0029,"ACME",01:LO', syntax) == [
        ("0000", 0, "a", '"a"'),
        ("0001", 0, None, None),
        ("0002", 0, None, None),
        ("0003", 0, "c", '"c"'),
    ]


def test_a_value_of_unknown_vr_is_read_by_the_vr_it_is_named_with() -> None:
    unknown = encoded(private("LO", "A123"), EXPLICIT).replace(b"LO\x04\x00A123", b"UN\x00\x00\x04\x00\x00\x00A123")
    assert values(unknown, '0029,"ACME",01:SH') == [("", 0, "A123", '"A123"')]


def test_the_character_set_of_the_data_set_counts() -> None:
    made = private("LO", "Пётр")
    made.SpecificCharacterSet = "ISO_IR 144"
    assert values(made, '0029,"ACME",01:LO')[0][2] == "Пётр"


def test_a_creator_has_the_first_block_it_reserved() -> None:
    made = private("LO", "first", block=0x11)
    made.update(private("LO", "second", block=0x12))
    assert values(made, '0029,"ACME",01:LO') == [("", 0, "first", '"first"')]


def test_several_values_keep_their_places_and_empty_ones_are_left_out() -> None:
    assert values(private("LO", ["a", "", "b"]), '0029,"ACME",01:LO') == [("", 0, "a", '"a"'), ("", 2, "b", '"b"')]
    assert values(private("LO", ""), '0029,"ACME",01:LO') == []
    assert values(Dataset(), '0029,"ACME",01:LO') == []


def test_what_one_instance_may_bring_is_bounded() -> None:
    assert len(values(private("US", list(range(MAX_VALUES + 5))), '0029,"ACME",01:US')) == MAX_VALUES
    ((_, _, text, _),) = values(private("UT", "x" * (MAX_CHARACTERS + 5)), '0029,"ACME",01:UT')
    assert len(str(text)) == MAX_CHARACTERS


def test_a_sequence_that_is_none_brings_nothing() -> None:
    broken = private("OB", b"not items")
    assert values(encoded(broken, EXPLICIT).replace(b"OB", b"SQ"), '0029,"ACME",01.PatientID') == []
    assert values(broken, '0029,"ACME",01.PatientID') == []
