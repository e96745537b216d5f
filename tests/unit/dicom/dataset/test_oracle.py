"""Equal to pydicom on every file that pydicom reads: values, VRs, where the pixels lie, and every frame."""

import io
from pathlib import Path

import pydicom
import pytest
from pydicom.dataelem import RawDataElement
from pydicom.encaps import generate_frames

from sagittal.dicom.dataset import FileMeta, Header, HeaderReader, read_file_meta, read_header
from sagittal.dicom.dataset.elements import PIXEL_TAGS
from sagittal.dicom.frames import frames_of, number_of_frames, scanner_for
from sagittal.dicom.transfer_syntax import encoding_of
from sagittal.errors import Invalid
from support.dicom_files import dicom_files, file_id

NUMBER_OF_FRAMES = 0x00280008
SEQUENCE_END = bytes.fromhex("feffdde0 00000000"), bytes.fromhex("fffee0dd 00000000")

REFUSED = {
    "no_meta.dcm": "a stray byte before the data set; pydicom reads one element of garbage",
    "rtplan_truncated.dcm": "cut off inside a sequence; pydicom gives what is there, an archive must not",
}
"""Files that pydicom reads with `force` and we refuse, by the end of their names, and why."""

FRAMES_DIFFER = {
    "emri_small_jpeg_2k_lossless_too_short.dcm": "no delimiter after the last fragment; pydicom drops the pixel data, "
    "we put up with it",
}

FILES = dicom_files()

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # pydicom's, about values


def theirs(data: bytes) -> pydicom.FileDataset:
    return pydicom.dcmread(io.BytesIO(data), force=True)


def ours(data: bytes, wanted: frozenset[int]) -> tuple[FileMeta, Header]:
    meta = read_file_meta(data, is_end=True)
    return meta, read_header(data[meta.data_set_offset :], meta.transfer_syntax_uid, wanted)


def departure(path: Path, table: dict[str, str]) -> str | None:
    return next((reason for name, reason in table.items() if path.name.endswith(name)), None)


def test_there_are_files_to_compare() -> None:
    assert len(FILES) > 200


@pytest.mark.parametrize("path", FILES, ids=file_id)
def test_the_header_equals_pydicoms(path: Path) -> None:
    data = path.read_bytes()
    expected = theirs(data)
    wanted = frozenset(int(tag) for tag in expected._dict)
    if departure(path, REFUSED):
        with pytest.raises(Invalid):
            ours(data, wanted)
        return
    meta, header = ours(data, wanted)
    _compare_meta(meta, expected)
    is_deflated = encoding_of(meta.transfer_syntax_uid).is_deflated
    seen_pixels = False
    for tag, element in expected._dict.items():
        if tag in PIXEL_TAGS:
            seen_pixels = True
            assert header.pixel_data is not None
            assert header.pixel_data.tag == tag
            if isinstance(element, RawDataElement):
                start = 0 if is_deflated else meta.data_set_offset
                assert start + header.pixel_data.offset == element.value_tell
                assert header.pixel_data.length == (None if element.length == 0xFFFFFFFF else element.length)
                assert element.VR in (None, "OB or OW", header.pixel_data.vr)
        elif seen_pixels:
            continue  # behind the pixel data
        elif isinstance(element, RawDataElement):
            assert header.elements[tag].value == (element.value or b"")
            assert element.VR in (None, header.elements[tag].vr)
        elif element.VR == "SQ" and not is_deflated:  # of undefined length: pydicom has taken it apart
            start = element.file_tell
            found = header.elements[tag]
            assert found.value == data[start : start + len(found.value)]
            assert found.value.endswith(SEQUENCE_END)


def _compare_meta(meta: FileMeta, expected: pydicom.FileDataset) -> None:
    if "TransferSyntaxUID" in expected.file_meta:
        assert meta.transfer_syntax_uid == expected.file_meta.TransferSyntaxUID
    else:
        encoding = encoding_of(meta.transfer_syntax_uid)
        assert meta.is_guessed
        assert (encoding.is_implicit_vr, encoding.is_little_endian) == expected.original_encoding
    assert meta.sop_instance_uid == (expected.file_meta.get("MediaStorageSOPInstanceUID") or "")
    assert meta.sop_class_uid == (expected.file_meta.get("MediaStorageSOPClassUID") or "")
    assert meta.has_preamble == (expected.preamble is not None)


@pytest.mark.parametrize("path", FILES[::5], ids=file_id)
def test_a_real_file_means_the_same_however_it_is_cut(path: Path) -> None:
    data = path.read_bytes()
    if departure(path, REFUSED):
        return
    meta = read_file_meta(data, is_end=True)
    body = memoryview(data)[meta.data_set_offset :]
    wanted = frozenset((*range(0x00080000, 0x00082300), *range(0x00100000, 0x00102300)))
    whole = read_header(body, meta.transfer_syntax_uid, wanted)
    for size in (1, 61, 1460):
        if whole.length > 20_000 * size:
            continue  # too many pieces for a quick test
        reader = HeaderReader(meta.transfer_syntax_uid, wanted)
        is_complete = any(reader.feed(body[at : at + size]) for at in range(0, len(body), size))
        assert (reader.header if is_complete else reader.close()) == whole


@pytest.mark.parametrize(
    "path", [path for path in FILES if b"\xff\xff\xff\xff\xfe\xff\x00\xe0" in path.read_bytes()], ids=file_id
)
def test_the_frames_equal_pydicoms(path: Path) -> None:
    data = path.read_bytes()
    expected = theirs(data)
    if departure(path, REFUSED):
        return
    meta, header = ours(data, frozenset({NUMBER_OF_FRAMES}))
    if header.pixel_data is None or header.pixel_data.length is not None:
        return
    if departure(path, FRAMES_DIFFER):
        assert "PixelData" not in expected
        return
    tables = ("ExtendedOffsetTable", "ExtendedOffsetTableLengths")
    frames = list(
        generate_frames(
            expected.PixelData,
            number_of_frames=number_of_frames(header) or 1,
            extended_offsets=tuple(expected[name].value for name in tables) if tables[0] in expected else None,
        )
    )
    value = memoryview(data)[meta.data_set_offset + header.pixel_data.offset :]
    for size in (len(value), 997):
        table = frames_of(scanner_for(header), (value[at : at + size] for at in range(0, len(value), size)))
        found = [b"".join(value[at : at + length] for at, length in frame) for frame in table]
        assert found == frames
