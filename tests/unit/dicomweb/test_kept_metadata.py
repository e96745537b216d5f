from collections.abc import Callable
from pathlib import Path

import pytest

from sagittal.dicom.json_model.instance import Parts
from sagittal.dicomweb.kept_metadata import KeptMetadata, SeriesKey
from sagittal.dicomweb.metadata_text import packed_text

KEY = SeriesKey("1.1", "1.1.1")
STATE, OTHER = bytes(32), b"\n" * 32
BULK = b"\x09\x00\x10\x00LO\x04\x00ACME" + b"\x09\x00\x01\x10OB\x00\x00\x00\x40\x00\x00" + bytes(16384)


@pytest.fixture
def kept(tmp_path: Path) -> KeptMetadata:
    return KeptMetadata(tmp_path)


def text(base_url: str) -> bytes:
    return packed_text([f"{base_url}/studies/1.1"], [Parts(BULK, "1.2.840.10008.1.2.1")])


def test_what_is_kept_refers_to_bulk_data_as_the_client_calls_us(kept: KeptMetadata) -> None:
    for written in ("", "http://a", "https://b:8080/x"):
        kept.write(KEY, STATE, written, text(written))
        found = kept.read(KEY, STATE, "http://now")
        assert found is not None
        assert b'"BulkDataURI":"http://now/studies/1.1/bulkdata/00091001"' in found


def test_what_is_kept_of_other_instances_is_not_given(kept: KeptMetadata) -> None:
    kept.write(KEY, OTHER, "", text(""))
    assert kept.read(KEY, STATE, "") is None
    assert kept.read(KEY, OTHER, "") is not None


def test_another_series_has_another_file(kept: KeptMetadata) -> None:
    kept.write(KEY, STATE, "", text(""))
    assert kept.read(SeriesKey("1.11", ".1.1"), STATE, "") is None


@pytest.mark.parametrize("spoil", [lambda data: data[:40], lambda data: data[:-1], lambda data: data[:60] + b"x" * 20])
def test_a_torn_file_is_as_none(kept: KeptMetadata, tmp_path: Path, spoil: Callable[[bytes], bytes]) -> None:
    kept.write(KEY, STATE, "", text(""))
    (file,) = tmp_path.rglob("*.gz")
    file.write_bytes(spoil(file.read_bytes()))
    assert kept.read(KEY, STATE, "") is None


def test_what_is_forgotten_is_gone_from_the_disk(kept: KeptMetadata, tmp_path: Path) -> None:
    kept.write(KEY, STATE, "", text(""))
    kept.forget(KEY)
    kept.forget(KEY)
    assert not list(tmp_path.rglob("*.gz"))


def test_the_cursor_is_where_it_was_left(kept: KeptMetadata, tmp_path: Path) -> None:
    assert kept.read_cursor() is None
    kept.write_cursor(12)
    assert KeptMetadata(tmp_path).read_cursor() == 12
