"""Elements put into encoded data sets, read back by pydicom."""

from io import BytesIO

import pydicom
from hypothesis import given
from hypothesis import strategies as st
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.filewriter import write_dataset

from sagittal.dicom.dataset.edit import element, top_level, with_elements
from sagittal.errors import SagittalError


def encoded(dataset: Dataset) -> bytes:
    buffer = pydicom.filebase.DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, False
    write_dataset(buffer, dataset)
    return bytes(buffer.getvalue())


def nested() -> Dataset:
    dataset = pydicom.dcmread(str(get_testdata_file("CT_small.dcm")))
    inner, outer = Dataset(), Dataset()
    inner.CodeValue = "1"
    inner.is_undefined_length_sequence_item = True
    outer.PurposeOfReferenceCodeSequence = [inner]
    outer["PurposeOfReferenceCodeSequence"].is_undefined_length = True
    outer.is_undefined_length_sequence_item = True
    dataset.SourceImageSequence = [outer, outer]
    dataset["SourceImageSequence"].is_undefined_length = True
    return dataset


def test_elements_are_replaced_added_and_left_out_and_the_others_stay() -> None:
    dataset = nested()
    changes = {
        0x00080018: element(0x00080018, "UI", b"1.2.3"),
        0x00082111: element(0x00082111, "ST", b"made"),
        0x00280010: None,
        0x7FE10010: element(0x7FE10010, "LO", b"LAST"),
    }
    back = pydicom.dcmread(BytesIO(with_elements(encoded(dataset), changes)), force=True)
    dataset.SOPInstanceUID, dataset.DerivationDescription = "1.2.3", "made"
    del dataset.Rows
    dataset.add_new(0x7FE10010, "LO", "LAST")
    assert [(e.tag, e.value) for e in back] == [(e.tag, e.value) for e in dataset]


def test_without_changes_the_bytes_stay() -> None:
    data = encoded(nested())
    assert with_elements(data, {}) == data
    assert [tag for tag, _, _ in top_level(data)] == [e.tag for e in nested()]


@given(st.binary(max_size=120), st.integers(0, 200))
def test_arbitrary_bytes_raise_only_our_errors(noise: bytes, at: int) -> None:
    data = encoded(nested())[-400:]
    for bent in (noise, data[:at] + noise + data[at:]):
        try:
            assert with_elements(bent, {}) == bent
        except SagittalError:
            continue
