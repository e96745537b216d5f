"""The file format: every form files come in, and headers of our own that others read."""

import io

import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sagittal.dicom.dataset import FileMeta, NeedMore, make_file_header, read_file_meta
from sagittal.dicom.dataset.part10 import MAX_META_BYTES
from sagittal.errors import Invalid, SagittalError
from support.element_trees import BIG, EXPLICIT, IMPLICIT, Element, encode

PREFIX = bytes(128) + b"DICM"
SYNTAX = Element(0x00020010, "UI", EXPLICIT.encode() + b"\0")
INSTANCE = Element(0x00020003, "UI", b"1.2.3\0")
CHARACTER_SET = Element(0x00080005, "CS", b"ISO_IR 100")
DATA = encode([CHARACTER_SET], implicit=False)


def test_a_header_of_ours_is_read_by_pydicom_and_by_us() -> None:
    header = make_file_header(
        sop_class_uid="1.2.840.10008.5.1.4.1.1.2",
        sop_instance_uid="1.2.3",
        transfer_syntax_uid=EXPLICIT,
        source_aet="CT 1",
        sending_aet="SENDER",
        receiving_aet="SAGITTAL",
    )
    theirs = pydicom.dcmread(io.BytesIO(header + DATA)).file_meta
    ours = read_file_meta(header + DATA, is_end=True)
    assert theirs.FileMetaInformationGroupLength == len(header) - 144
    assert theirs.FileMetaInformationVersion == b"\0\1"
    assert theirs.SourceApplicationEntityTitle == "CT 1"
    assert theirs.SendingApplicationEntityTitle == "SENDER"
    assert ours == FileMeta(
        transfer_syntax_uid=theirs.TransferSyntaxUID,
        sop_class_uid=theirs.MediaStorageSOPClassUID,
        sop_instance_uid=theirs.MediaStorageSOPInstanceUID,
        implementation_class_uid=theirs.ImplementationClassUID,
        implementation_version_name=theirs.ImplementationVersionName,
        source_aet="CT 1",
        receiving_aet="SAGITTAL",
        data_set_offset=len(header),
    )


def test_the_sending_title_stands_in_for_a_missing_source_title() -> None:
    header = make_file_header(sop_class_uid="1", sop_instance_uid="1", transfer_syntax_uid="1", sending_aet="SENDER")
    assert read_file_meta(header, is_end=True).source_aet == "SENDER"


@pytest.mark.parametrize(
    ("front", "has_preamble"), [(PREFIX, True), (b"DICM", False), (b"", False)], ids=["whole", "prefix", "bare"]
)
def test_meta_is_found_with_and_without_preamble_and_prefix(front: bytes, has_preamble: bool) -> None:
    meta = encode([INSTANCE, SYNTAX], implicit=False)
    found = read_file_meta(front + meta + DATA, is_end=True)
    assert (found.transfer_syntax_uid, found.sop_instance_uid) == (EXPLICIT, "1.2.3")
    assert (found.has_preamble, found.has_meta, found.is_guessed) == (has_preamble, True, False)
    assert found.data_set_offset == len(front + meta)


def test_meta_in_implicit_vr_is_read() -> None:
    found = read_file_meta(PREFIX + encode([INSTANCE, SYNTAX], implicit=True) + DATA, is_end=True)
    assert (found.transfer_syntax_uid, found.sop_instance_uid) == (EXPLICIT, "1.2.3")


def test_a_wrong_group_length_does_no_harm() -> None:
    wrong = Element(0x00020000, "UL", (4).to_bytes(4, "little"))
    found = read_file_meta(PREFIX + encode([wrong, INSTANCE, SYNTAX], implicit=False) + DATA, is_end=True)
    assert found.transfer_syntax_uid == EXPLICIT


@pytest.mark.parametrize(
    "front", [b"", PREFIX, PREFIX + encode([INSTANCE], implicit=False)], ids=["bare", "prefix", "meta"]
)
@pytest.mark.parametrize("uid", [IMPLICIT, EXPLICIT, BIG])
def test_a_missing_transfer_syntax_is_guessed_from_the_first_element(front: bytes, uid: str) -> None:
    data = encode([CHARACTER_SET], implicit=uid == IMPLICIT, big=uid == BIG)
    found = read_file_meta(front + data, is_end=True)
    assert (found.transfer_syntax_uid, found.is_guessed) == (uid, True)
    assert (found.data_set_offset, found.has_meta) == (len(front), len(front) > 132)


def test_after_a_prefix_any_first_element_will_do() -> None:
    data = encode([Element(0x00010001, "UN", bytes(4))], implicit=True)
    assert read_file_meta(PREFIX + data, is_end=True).transfer_syntax_uid == IMPLICIT


def test_a_file_without_data_set_is_as_good_as_an_empty_one() -> None:
    assert read_file_meta(PREFIX + encode([INSTANCE], implicit=False), is_end=True).transfer_syntax_uid == IMPLICIT


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xd8\xff\xe0" + bytes(200),
        b"PK\3\4" + bytes(200),
        b"FORMAT dicom\n" * 20,
        b"\x08\0\x05\0\xff\xff\xff\x7f",
    ],
    ids=["empty", "jpeg", "zip", "text", "length"],
)
def test_what_is_no_dicom_is_invalid(data: bytes) -> None:
    with pytest.raises(Invalid, match="neither DICM at byte 128 nor a data set at the beginning"):
        read_file_meta(data, is_end=True)


def test_a_transfer_syntax_that_is_no_uid_is_invalid() -> None:
    broken = Element(0x00020010, "UI", b"1.2/../3")
    with pytest.raises(Invalid, match="TransferSyntaxUID"):
        read_file_meta(PREFIX + encode([broken], implicit=False) + DATA, is_end=True)


def test_meta_that_is_cut_off_is_invalid() -> None:
    with pytest.raises(Invalid, match="at byte 132, reaches to byte 160: too far"):
        read_file_meta(PREFIX + encode([SYNTAX], implicit=False)[:-3], is_end=True)


def test_a_meta_element_longer_than_the_cap_is_invalid_before_it_has_come() -> None:
    with pytest.raises(Invalid, match="at byte 132, reaches to byte 16777359: too far"):
        read_file_meta(PREFIX + bytes.fromhex("02000201 4f420000 ffffff00"))


def test_endless_meta_is_invalid() -> None:
    with pytest.raises(Invalid, match="too far"):
        read_file_meta(PREFIX + encode([SYNTAX], implicit=False) * (MAX_META_BYTES // 28), is_end=False)


@pytest.mark.parametrize("front", [b"", PREFIX])
@pytest.mark.parametrize("meta", [[], [INSTANCE], [INSTANCE, SYNTAX], [Element(0x00020001, "OB", b"\0\1"), SYNTAX]])
def test_a_stream_is_asked_for_until_the_answer_is_sure_and_no_further(front: bytes, meta: list[Element]) -> None:
    data = front + encode(meta, implicit=False) + DATA + bytes(200)
    whole = read_file_meta(data, is_end=True)
    size, asked = 0, 0
    while True:
        found = read_file_meta(memoryview(data)[:size])
        if not isinstance(found, NeedMore):
            break
        assert found.size_bytes > size
        size = found.size_bytes
        asked += 1
    assert found == whole
    assert size <= max(132, whole.data_set_offset + 8)
    assert asked < 12


@pytest.mark.parametrize("meta", [[], [INSTANCE], [INSTANCE, SYNTAX]])
def test_the_answer_does_not_depend_on_how_much_more_is_there(meta: list[Element]) -> None:
    data = PREFIX + encode(meta, implicit=False) + DATA
    whole = read_file_meta(data, is_end=True)
    assert {read_file_meta(data[:size]) for size in range(len(data)) if size >= 1} - {whole} == {
        asked for size in range(len(data)) if isinstance(asked := read_file_meta(data[:size]), NeedMore)
    }


@given(data=st.binary(max_size=300), prefix=st.booleans(), is_end=st.booleans())
@settings(max_examples=300, deadline=None)
def test_arbitrary_bytes_raise_only_our_errors(data: bytes, prefix: bool, is_end: bool) -> None:
    try:
        read_file_meta(PREFIX + b"\2\0" + data if prefix else data, is_end=is_end)
    except SagittalError:
        pass
