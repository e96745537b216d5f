from pathlib import Path

from sagittal.archive.reindex import reindex
from support.archives import archive_at, file_bytes, instance, store

COLOR_PALETTE = "1.2.840.10008.5.1.4.39.1"


def palette() -> bytes:
    """A colour palette as PS3.3 has it: no patient, no study, no series."""
    dataset = instance(SOPClassUID=COLOR_PALETTE)
    dataset.file_meta.MediaStorageSOPClassUID = COLOR_PALETTE
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "PatientID", "PatientName", "PixelData"):
        delattr(dataset, keyword)
    return file_bytes(dataset)


async def test_an_object_without_a_study_is_kept_and_found(tmp_path: Path) -> None:
    async with archive_at(tmp_path) as archive:
        (stored,) = await store(archive, content := palette())
        (found,) = await archive.locate(instance=stored.sop_instance_uid)
        assert await archive.read(found, 0, found.file_length) == content


async def test_all_of_a_class_are_one_series_and_all_are_one_study(tmp_path: Path) -> None:
    async with archive_at(tmp_path) as archive:
        first, second = await store(archive, palette(), palette())
    assert first.series_instance_uid == second.series_instance_uid
    assert first.study_instance_uid == second.study_instance_uid
    assert str(first.study_instance_uid) != str(first.series_instance_uid)


async def test_it_is_in_the_same_place_after_a_reindex(tmp_path: Path) -> None:
    async with archive_at(tmp_path) as archive:
        (stored,) = await store(archive, palette())
    assert reindex(tmp_path).stored == 1
    async with archive_at(tmp_path) as archive:
        (found,) = await archive.locate(instance=stored.sop_instance_uid)
        assert found.study_instance_uid == stored.study_instance_uid
