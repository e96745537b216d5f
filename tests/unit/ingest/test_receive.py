from pathlib import Path

import pytest
from pydicom.data import get_testdata_file

from sagittal.archive.model import Arrival
from sagittal.dicom.transfer_syntax import EXPLICIT_VR_LITTLE_ENDIAN
from sagittal.errors import Conflict, Invalid, Refused, SagittalError, Unsupported
from sagittal.ingest import Part10Receiver, begin
from sagittal.runtime.actor import LOCAL
from support.archives import archive_at, file_bytes, instance, soon

CT = Path(str(get_testdata_file("CT_small.dcm"))).read_bytes()
DICOMDIR = Path(str(get_testdata_file("DICOMDIR"))).read_bytes()


@pytest.mark.parametrize("cut", [1, 7, 131, 132, 133, 400, len(CT)])
async def test_a_file_goes_in_however_it_is_cut(tmp_path: Path, cut: int) -> None:
    async with archive_at(tmp_path) as archive:
        receiver = Part10Receiver(archive.session(LOCAL))
        for at in range(0, len(CT), cut):
            if receiver.write(CT[at : at + cut]):
                await receiver.drain()
        stored = await receiver.commit(soon())
        (found,) = await archive.locate(instance=stored.sop_instance_uid)
        assert await archive.read(found, 0, found.file_length) == CT


async def test_a_file_without_preamble_gets_a_header_and_keeps_its_data_set(tmp_path: Path) -> None:
    data_set = CT[132 + 12 + int.from_bytes(CT[140:144], "little") :]
    async with archive_at(tmp_path) as archive:
        receiver = Part10Receiver(archive.session(LOCAL))
        receiver.write(data_set)
        stored = await receiver.commit(soon())
        (found,) = await archive.locate(instance=stored.sop_instance_uid)
        assert await archive.read(found, found.data_set_offset, found.data_set_length) == data_set
        assert await archive.read(found, 128, 4) == b"DICM"


async def refusal(folder: Path, content: bytes, **how: object) -> SagittalError:
    async with archive_at(folder) as archive:
        receiver = Part10Receiver(archive.session(LOCAL), **how)  # type: ignore[arg-type]  # the tests' own
        with pytest.raises(SagittalError) as caught:
            receiver.write(content)
            await receiver.commit(soon())
        await receiver.abort()
        assert await archive.events(0, 10) == ()
    return caught.value


@pytest.mark.parametrize(
    ("content", "kind", "says"),
    [
        (b"", Invalid, "empty"),
        (b"no DICOM" * 100, Invalid, "neither DICM"),
        (CT[:600], Invalid, "ends within"),
        (CT[:-10000], Invalid, "are missing"),
        (DICOMDIR, Unsupported, "table of contents"),
    ],
    ids=["empty", "text", "cut in the header", "cut in the pixels", "DICOMDIR"],
)
async def test_what_is_no_instance_is_refused_and_nothing_stays(
    tmp_path: Path, content: bytes, kind: type[SagittalError], says: str
) -> None:
    error = await refusal(tmp_path, content)
    assert isinstance(error, kind)
    assert says in str(error)


@pytest.mark.parametrize("keyword", ["SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"])
async def test_an_instance_without_its_identity_is_refused_by_the_attribute(tmp_path: Path, keyword: str) -> None:
    nameless = instance()
    delattr(nameless, keyword)
    assert keyword in str(await refusal(tmp_path, file_bytes(nameless)))


async def test_an_instance_larger_than_the_site_takes_is_refused(tmp_path: Path) -> None:
    assert isinstance(await refusal(tmp_path, CT, max_bytes=10_000), Refused)


async def test_an_instance_of_another_study_is_refused_where_a_study_was_named(tmp_path: Path) -> None:
    assert isinstance(await refusal(tmp_path, CT, study="1.2.3"), Conflict)


async def test_a_data_set_must_be_the_instance_that_was_announced(tmp_path: Path) -> None:
    async with archive_at(tmp_path) as archive:
        arrival = Arrival(transfer_syntax_uid=EXPLICIT_VR_LITTLE_ENDIAN, sop_instance_uid="1.2.3")
        receiver = begin(archive.session(LOCAL), arrival)
        with pytest.raises(Invalid, match="SOPInstanceUID"):
            receiver.write(CT[132 + 12 + int.from_bytes(CT[140:144], "little") :])
        await receiver.abort()
