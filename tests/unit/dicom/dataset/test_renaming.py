"""An instance under a UID of its own says which it had."""

from datetime import UTC, datetime
from io import BytesIO

import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset, dcmwrite

from sagittal.dicom.dataset.renaming import renamed, renamed_uid
from sagittal.errors import Invalid, SagittalError

AT = datetime(2026, 3, 14, 9, 26, 53, 589793, UTC)
UID = "1.2.3.4"


def written(**values: object) -> bytes:
    made = Dataset()
    made.SOPInstanceUID, made.PatientID = UID, "P1"
    for keyword, value in values.items():
        setattr(made, keyword, value)
    buffer = BytesIO()
    dcmwrite(buffer, made, implicit_vr=False, little_endian=True)
    return buffer.getvalue()


def read(data: bytes) -> Dataset:
    return pydicom.dcmread(BytesIO(data), force=True)


def earlier(*, is_undefined: bool) -> list[Dataset]:
    item, modified = Dataset(), Dataset()
    modified.PatientID = "P0"
    item.ModifiedAttributesSequence, item.ReasonForTheAttributeModification = [modified], "COERCE"
    item.is_undefined_length_sequence_item = is_undefined
    return [item]


def test_the_former_uid_is_an_original_attribute() -> None:
    found = read(renamed(written(), "2.25.7", AT, "CT1"))
    assert (found.SOPInstanceUID, found.PatientID) == ("2.25.7", "P1")
    (item,) = found.OriginalAttributesSequence
    assert item.ModifiedAttributesSequence[0].SOPInstanceUID == UID
    assert (item.AttributeModificationDateTime, item.ModifyingSystem) == ("20260314092653.589793+0000", "Sagittal")
    assert (item.SourceOfPreviousValues, item.ReasonForTheAttributeModification) == ("CT1", "CORRECT")
    assert [element.tag for element in item] == sorted(element.tag for element in item)


@pytest.mark.parametrize("is_undefined", [False, True])
def test_what_was_modified_before_stays_told(is_undefined: bool) -> None:
    made = Dataset()
    made.SOPInstanceUID = UID
    made.OriginalAttributesSequence = earlier(is_undefined=is_undefined)
    made["OriginalAttributesSequence"].is_undefined_length = is_undefined
    buffer = BytesIO()
    dcmwrite(buffer, made, implicit_vr=False, little_endian=True)
    first, second = read(renamed(buffer.getvalue(), "2.25.7", AT, "")).OriginalAttributesSequence
    assert first.ModifiedAttributesSequence[0].PatientID == "P0"
    assert second.ModifiedAttributesSequence[0].SOPInstanceUID == UID
    assert second.SourceOfPreviousValues in ("", None)


def test_everything_else_stays_byte_for_byte() -> None:
    before = written(PatientComments="odd", Rows=3)
    after = renamed(before, UID, AT, "CT1")
    start = after.index(b"\x00\x04\x61\x05SQ")
    stop = start + 12 + int.from_bytes(after[start + 8 : start + 12], "little")
    assert after[:start] + after[stop:] == before


def test_a_source_cannot_be_more_than_one_value() -> None:
    (item,) = read(renamed(written(), "2.25.7", AT, "A\\B" + "x" * 99 + "é")).OriginalAttributesSequence
    assert item.SourceOfPreviousValues == "A/B" + "x" * 61


def test_without_a_uid_there_is_nothing_to_rename() -> None:
    made = Dataset()
    made.PatientID = "P1"
    buffer = BytesIO()
    dcmwrite(buffer, made, implicit_vr=False, little_endian=True)
    with pytest.raises(Invalid, match="SOP Instance UID"):
        renamed(buffer.getvalue(), "2.25.7", AT, "")


@given(st.binary(max_size=300))
def test_arbitrary_bytes_raise_only_our_errors(data: bytes) -> None:
    try:
        renamed(data, "2.25.7", AT, "")
    except SagittalError:
        return


def test_the_same_bytes_get_the_same_uid() -> None:
    assert renamed_uid(bytes(32)) == renamed_uid(bytes(32))
    assert renamed_uid(bytes(32)) != renamed_uid(bytes(31) + b"\1")
    assert len(renamed_uid(b"\xff" * 32)) <= 64
