"""In which attributes two instances differ."""

from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset, dcmwrite

from sagittal.dicom.json_model.differences import MAX_DIFFERENCES, MAX_VALUE, Difference, differences
from sagittal.dicom.json_model.instance import Parts
from sagittal.errors import SagittalError

EXPLICIT, IMPLICIT = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2"


def parts(dataset: Dataset, *, is_implicit: bool = False, trailer: bytes = b"") -> Parts:
    buffer = BytesIO()
    dcmwrite(buffer, dataset, implicit_vr=is_implicit, little_endian=True)
    return Parts(buffer.getvalue(), IMPLICIT if is_implicit else EXPLICIT, trailer=trailer)


def dataset(**values: object) -> Dataset:
    made = Dataset()
    made.PatientName, made.PatientID = "Doe^Jane=山田^花子", "P1"
    made.SpecificCharacterSet = "ISO_IR 192"
    for keyword, value in values.items():
        setattr(made, keyword, value)
    return made


def item(**values: object) -> Dataset:
    made = Dataset()
    for keyword, value in values.items():
        setattr(made, keyword, value)
    return made


def test_what_is_the_same_differs_in_nothing_however_it_is_encoded() -> None:
    one = dataset(Rows=3, ImageType=["A", "B"], ReferencedImageSequence=[item(ReferencedFrameNumber=1)])
    assert differences(parts(one), parts(one, is_implicit=True)) == ((), True)


def test_what_differs_is_told_with_both_values_in_order() -> None:
    one = dataset(PatientSex="F", ImageType=["A", "B"])
    other = dataset(PatientID="P2", ImageType=["A", "C"], PatientName="Doe^John")
    found = differences(parts(one), parts(other)).found
    assert found == (
        Difference("(0008,0008)", "ImageType", "CS", "A \\ B", "A \\ C"),
        Difference("(0010,0010)", "PatientName", "PN", "Doe^Jane=山田^花子", "Doe^John"),
        Difference("(0010,0020)", "PatientID", "LO", "P1", "P2"),
        Difference("(0010,0040)", "PatientSex", "CS", "F", None),
    )


def test_sequences_are_gone_through_item_by_item() -> None:
    nested = [item(CodeValue="1", EquivalentCodeSequence=[item(CodeValue="a")]), item(CodeValue="2")]
    changed = [item(CodeValue="1", EquivalentCodeSequence=[item(CodeValue="b")])]
    found = differences(
        parts(dataset(ProcedureCodeSequence=nested)), parts(dataset(ProcedureCodeSequence=changed))
    ).found
    assert [(one.path, one.one, one.other) for one in found] == [
        ("(0008,1032)[1] (0008,0121)[1] (0008,0100)", "a", "b"),
        ("(0008,1032)[2] (0008,0100)", "2", None),
    ]


def test_long_and_many_values_are_cut_and_large_binary_ones_compared_all_the_same() -> None:
    one, other = dataset(PatientComments="x" * 5000), dataset(PatientComments="x" * 4999 + "y")
    ((found,), is_all) = differences(parts(one), parts(other))
    assert (len(found.one or ""), len(found.other or ""), is_all) == (MAX_VALUE, MAX_VALUE, True)
    many = dataset(ProcedureCodeSequence=[item(CodeValue=str(n)) for n in range(MAX_DIFFERENCES + 5)])
    assert [
        len(differences(parts(dataset()), parts(many)).found),
        differences(parts(dataset()), parts(many)).is_all,
    ] == [
        MAX_DIFFERENCES,
        False,
    ]
    for last in (b"\0", b"\1"):
        lut = [dataset(RedPaletteColorLookupTableData=bytes(9999) + end) for end in (b"\0", last)]
        found_of = differences(parts(lut[0]), parts(lut[1])).found
        assert [one.one for one in found_of] == ["… 10000 B"] * (last != b"\0")


def test_what_follows_the_pixels_is_compared_too() -> None:
    padding = b"\xfc\xff\xfc\xffOB\0\0\x02\0\0\0"
    (found,) = differences(parts(dataset()), parts(dataset(), trailer=padding + b"ab")).found
    assert (found.path, found.one) == ("(FFFC,FFFC)", None)


@given(st.binary(max_size=300), st.sampled_from([EXPLICIT, IMPLICIT]))
def test_arbitrary_bytes_raise_only_our_errors(data: bytes, syntax: str) -> None:
    try:
        found = differences(Parts(data, syntax), Parts(b"", syntax))
    except SagittalError:
        return
    assert all(one.other is None for one in found.found)


@pytest.mark.parametrize("depth", [3, 30])
def test_deep_nesting_ends(depth: int) -> None:
    inner = item(CodeValue="1")
    for _ in range(depth):
        inner = item(EquivalentCodeSequence=[inner])
    assert len(differences(parts(dataset()), parts(dataset(ProcedureCodeSequence=[inner]))).found) == 1
