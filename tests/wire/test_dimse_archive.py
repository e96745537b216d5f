"""The DIMSE door over a real archive, asked by DCMTK and pynetdicom."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.pixels import pixel_array
from pydicom.uid import generate_uid
from pynetdicom import AE, build_role, evt
from pynetdicom.association import Association
from pynetdicom.pdu_primitives import SOPClassExtendedNegotiation

from sagittal.access.callers import everybody
from sagittal.archive.archive import Archive
from sagittal.dicom import json_model
from sagittal.dicom.messages.assembly import CommandReceived
from sagittal.dicom.messages.commands import (
    CCancelRequest,
    CFindRequest,
    CFindResponse,
    CMoveRequest,
    CMoveResponse,
    CStoreRequest,
    CStoreResponse,
    NGetRequest,
    NGetResponse,
)
from sagittal.dicom.messages.statuses import category
from sagittal.dimse.listener import Listener
from sagittal.dimse.requestor import Peer, Proposal, Requestor
from sagittal.dimse.services import services
from sagittal.runtime.pools import worker_pool
from sagittal.runtime.settings import Destination, Settings, named_attributes
from sagittal.runtime.witness import NoWitness
from support.archives import instance, store
from support.dimse import Box, listening, run
from support.peers import require

CT = "1.2.840.10008.5.1.4.1.1.2"
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
EXPLICIT, IMPLICIT = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2"
JPEG_LOSSLESS = "1.2.840.10008.1.2.4.70"
PATIENT_FIND, PATIENT_MOVE, PATIENT_GET = (f"1.2.840.10008.5.1.4.1.2.1.{number}" for number in (1, 2, 3))
STUDY_FIND, STUDY_MOVE, STUDY_GET = (f"1.2.840.10008.5.1.4.1.2.2.{number}" for number in (1, 2, 3))


class Site(NamedTuple):
    """A running archive and its listener."""

    archive: Archive
    listener: Listener

    @property
    def port(self) -> int:
        return self.listener.port


@asynccontextmanager
async def site(folder: Path, settings: Settings | None = None) -> AsyncIterator[Site]:
    settings = settings or Settings()
    archive = await asyncio.to_thread(Archive.open, folder / "archive")
    try:
        async with (
            worker_pool(1) as pool,
            Listener(settings, services(archive, settings, pool), admit=everybody, witness=NoWitness()) as listener,
        ):
            await listener.start("127.0.0.1", 0)
            yield Site(archive, listener)
    finally:
        await archive.close()


def made(folder: Path, *, syntax: str = EXPLICIT, **attributes: object) -> Path:
    """A small instance as a file."""
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID = SECONDARY_CAPTURE
    dataset.SOPInstanceUID = generate_uid()
    dataset.StudyInstanceUID = "1.2.3"
    dataset.SeriesInstanceUID = "1.2.3.1"
    dataset.PatientName = "Doe^Jane"
    dataset.PatientID = "P1"
    dataset.StudyDate = "20260101"
    dataset.StudyTime = "120000"
    dataset.AccessionNumber = "A1"
    dataset.StudyID = "S1"
    dataset.Modality = "OT"
    dataset.SeriesNumber = 1
    dataset.InstanceNumber = 1
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    dataset.Rows = dataset.Columns = 8
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit = 15
    dataset.PixelRepresentation = 0
    dataset.PixelData = bytes(range(128))
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    path = folder / f"{dataset.SOPInstanceUID}.dcm"
    dataset.save_as(path, enforce_file_format=True)
    return path


def data_set_of(path: Path) -> bytes:
    """What follows the file meta information."""
    data = path.read_bytes()
    stream = DicomBytesIO(data)
    pydicom.filereader.read_preamble(stream, False)
    pydicom.filereader._read_file_meta_info(stream)
    return data[stream.tell() :]


async def stored(site: Site, *paths: Path) -> None:
    ran = await run("storescu", "-R", "127.0.0.1", site.port, *paths)
    assert ran.status == 0, ran.output


async def found(site: Site, sop_class: str, **keys: object) -> list[Dataset]:
    return [answer for status, answer in await asked(site, sop_class, b"", **keys) if status in {0xFF00, 0xFF01}]


async def asked(site: Site, sop_class: str, features: bytes = b"", **keys: object) -> list[tuple[int, Dataset]]:
    """Every response to a C-FIND."""
    identifier = Dataset()
    for keyword, value in keys.items():
        setattr(identifier, keyword, value)
    association = await associated(site, [(sop_class, [EXPLICIT])], features=features)
    responses = await asyncio.to_thread(lambda: list(association.send_c_find(identifier, sop_class)))
    await asyncio.to_thread(association.release)
    return [(status.Status, answer) for status, answer in responses]


async def associated(
    site: Site, contexts: list[tuple[str, list[str]]], roles: tuple[str, ...] = (), features: bytes = b""
) -> Association:
    ae = AE("TESTER")
    for abstract, syntaxes in contexts:
        ae.add_requested_context(abstract, syntaxes)
    items: list[object] = [build_role(uid, scp_role=True) for uid in roles]
    if features:
        extended = SOPClassExtendedNegotiation()
        extended.sop_class_uid, extended.service_class_application_information = contexts[0][0], features
        items.append(extended)
    association = await asyncio.to_thread(ae.associate, "127.0.0.1", site.port, ext_neg=items, evt_handlers=[])
    assert association.is_established
    return association


# -- C-STORE -----------------------------------------------------------------------------------------------------------


async def test_what_was_stored_is_kept_as_it_was_sent(tmp_path: Path) -> None:
    require("storescu")
    paths = [made(tmp_path, InstanceNumber=number) for number in (1, 2, 3)]
    async with site(tmp_path) as here:
        await stored(here, *paths)
        kept = await here.archive.locate(study="1.2.3")
        data = [await here.archive.read(one, one.data_set_offset, one.data_set_length) for one in kept]
        events = await here.archive.events(0, 10)
    assert data == [data_set_of(path) for path in paths]
    assert [(event.kind, event.actor) for event in events] == [("instance.stored", "dimse:STORESCU@127.0.0.1")] * 3


async def test_an_instance_that_cannot_be_named_is_refused_and_the_association_goes_on(tmp_path: Path) -> None:
    nameless = pydicom.dcmread(made(tmp_path))
    nameless.StudyInstanceUID = ""
    good = pydicom.dcmread(made(tmp_path))
    async with site(tmp_path) as here:
        association = await associated(here, [(SECONDARY_CAPTURE, [EXPLICIT])])
        refused = await asyncio.to_thread(association.send_c_store, nameless)
        accepted = await asyncio.to_thread(association.send_c_store, good)
        await asyncio.to_thread(association.release)
    assert (refused.Status, accepted.Status) == (0xC000, 0)
    assert "StudyInstanceUID" in refused.ErrorComment


async def test_another_instance_of_the_same_uid_is_a_warning(tmp_path: Path) -> None:
    first = pydicom.dcmread(made(tmp_path))
    async with site(tmp_path) as here:
        association = await associated(here, [(SECONDARY_CAPTURE, [EXPLICIT])])
        statuses = []
        for comment in ("one", "one", "other"):
            first.ImageComments = comment
            statuses.append((await asyncio.to_thread(association.send_c_store, first)).Status)
        await asyncio.to_thread(association.release)
    assert statuses == [0, 0, 0xB000]


async def test_a_message_in_a_context_of_another_service_is_refused(tmp_path: Path) -> None:
    async with site(tmp_path) as here, asking(here, STUDY_FIND) as peer:
        store = CStoreRequest(message_id=1, affected_sop_class_uid=CT, affected_sop_instance_uid="1.2.3")
        await peer.link.send(1, store, b"")
        (stored_in_find,) = await responses_of(peer, CStoreResponse)
        move = CMoveRequest(message_id=2, affected_sop_class_uid=STUDY_MOVE, move_destination="ANY")
        await peer.link.send(1, move, b"")
        (moved_in_find,) = await responses_of(peer, CMoveResponse)
        unknown = NGetRequest(message_id=3, requested_sop_class_uid=CT, requested_sop_instance_uid="1.2.3")
        await peer.link.send(1, unknown)
        (got_nothing,) = await responses_of(peer, NGetResponse)
    assert (stored_in_find.status, moved_in_find.status, got_nothing.status) == (0x0122, 0xA900, 0x0211)


async def test_more_than_max_object_bytes_is_refused(tmp_path: Path) -> None:
    large = pydicom.dcmread(made(tmp_path))
    large.PixelData = bytes(2_000_000)
    async with site(tmp_path, Settings(max_object_bytes=1_048_576)) as here:
        association = await associated(here, [(SECONDARY_CAPTURE, [EXPLICIT])])
        status = (await asyncio.to_thread(association.send_c_store, large)).Status
        await asyncio.to_thread(association.release)
    assert status == 0x0124


# -- C-FIND ------------------------------------------------------------------------------------------------------------


async def test_every_level_is_found_with_all_that_was_asked_for(tmp_path: Path) -> None:
    path = made(tmp_path)
    uid = path.stem
    async with site(tmp_path) as here:
        await stored(here, path)
        (patient,) = await found(here, PATIENT_FIND, QueryRetrieveLevel="PATIENT", PatientID="P1", PatientSex="")
        (study,) = await found(
            here, STUDY_FIND, QueryRetrieveLevel="STUDY", PatientName="doe*", StudyInstanceUID="", ModalitiesInStudy=""
        )
        (series,) = await found(
            here, STUDY_FIND, QueryRetrieveLevel="SERIES", StudyInstanceUID="1.2.3", SeriesInstanceUID="", Modality=""
        )
        (image,) = await found(
            here,
            PATIENT_FIND,
            QueryRetrieveLevel="IMAGE",
            PatientID="P1",
            StudyInstanceUID="1.2.3",
            SeriesInstanceUID="1.2.3.1",
            SOPInstanceUID="",
        )
        nothing = await found(here, STUDY_FIND, QueryRetrieveLevel="STUDY", PatientName="Nobody", StudyInstanceUID="")
    assert (patient.PatientID, patient.PatientSex, patient.RetrieveAETitle) == ("P1", "", "SAGITTAL")
    assert (study.StudyInstanceUID, study.ModalitiesInStudy, study.PatientName) == ("1.2.3", "OT", "Doe^Jane")
    assert (series.SeriesInstanceUID, series.Modality, series.InstanceAvailability) == ("1.2.3.1", "OT", "ONLINE")
    assert (image.SOPInstanceUID, image.QueryRetrieveLevel) == (uid, "IMAGE")
    assert nothing == []


async def test_findscu_of_dcmtk_gets_the_same_answer(tmp_path: Path) -> None:
    require("findscu")
    async with site(tmp_path) as here:
        await stored(here, made(tmp_path))
        ran = await run(
            *("findscu", "-v", "-S", "127.0.0.1", here.port),
            *(
                "-k",
                "QueryRetrieveLevel=STUDY",
                "-k",
                "StudyDate=20251231-20260102",
                "-k",
                "PatientName",
                "-k",
                "StudyID",
            ),
        )
    assert ran.status == 0, ran.output
    assert "[Doe^Jane]" in ran.output
    assert "[S1" in ran.output
    assert "Received Final Find Response (Success)" in ran.output


async def test_answers_are_in_the_requesters_character_set_or_else_in_utf_8(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        await stored(here, made(tmp_path, PatientName="Müller^Änne"))
        await stored(
            here, made(tmp_path, PatientName="山田^太郎", StudyInstanceUID="1.2.4", SeriesInstanceUID="1.2.4.1")
        )
        keys = {"QueryRetrieveLevel": "STUDY", "PatientName": "", "SpecificCharacterSet": "ISO_IR 100"}
        latin, japanese = sorted(await found(here, STUDY_FIND, **keys), key=lambda answer: answer.SpecificCharacterSet)
        umlaut = await found(
            here, STUDY_FIND, QueryRetrieveLevel="STUDY", SpecificCharacterSet="ISO_IR 100", PatientName="Müller*"
        )
    assert (latin.SpecificCharacterSet, str(latin.PatientName)) == ("ISO_IR 100", "Müller^Änne")
    assert latin["PatientName"].value.original_string == "Müller^Änne".encode("latin-1")
    assert (japanese.SpecificCharacterSet, str(japanese.PatientName)) == ("ISO_IR 192", "山田^太郎")
    assert [str(answer.PatientName) for answer in umlaut] == ["Müller^Änne"]


@pytest.mark.parametrize(
    ("features", "keys", "answers"),
    [
        (b"", {"PatientName": "jane doe"}, 0),
        (b"\0\0\1", {"PatientName": "jane doe"}, 1),  # fuzzy
        (b"", {"StudyDate": "20251231-20260102", "StudyTime": "110000-115959"}, 0),
        (b"\0\1\0", {"StudyDate": "20251231-20260102", "StudyTime": "110000-115959"}, 1),  # date and time together
        (b"\0\1\0", {"StudyDate": "20260101-20260102", "StudyTime": "120001-125959"}, 0),
    ],
)
async def test_matching_is_as_it_was_negotiated(
    tmp_path: Path, features: bytes, keys: dict[str, str], answers: int
) -> None:
    async with site(tmp_path) as here:
        await stored(here, made(tmp_path))
        responses = await asked(here, STUDY_FIND, features, QueryRetrieveLevel="STUDY", StudyInstanceUID="", **keys)
    assert [status for status, _ in responses] == [0xFF00] * answers + [0]


async def test_a_key_that_is_not_supported_is_said_and_not_matched(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        await stored(here, made(tmp_path))
        answers = await asked(here, STUDY_FIND, QueryRetrieveLevel="STUDY", StudyInstanceUID="", KVP="120")
    assert [status for status, _ in answers] == [0xFF01, 0]
    assert "KVP" in answers[0][1]


@pytest.mark.parametrize("level", ["PATIENT", "NONSENSE", ""])
async def test_a_level_that_the_model_does_not_have_is_refused(tmp_path: Path, level: str) -> None:
    async with site(tmp_path) as here:
        ((status, _),) = await asked(here, STUDY_FIND, QueryRetrieveLevel=level, PatientID="")
    assert status == 0xA900


async def test_a_query_can_be_cancelled(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        await stored(
            here, *(made(tmp_path, StudyInstanceUID=f"1.2.{n}", SeriesInstanceUID=f"1.2.{n}.1") for n in range(90))
        )
        async with asking(here, STUDY_FIND) as peer:
            request = CFindRequest(message_id=7, affected_sop_class_uid=STUDY_FIND)
            await peer.link.send(1, request, identifier(QueryRetrieveLevel="STUDY", StudyInstanceUID=""))
            await peer.link.send(1, CCancelRequest(message_id_being_responded_to=7))
            responses = await responses_of(peer, CFindResponse)
    assert responses[-1].status == 0xFE00
    assert len(responses) < 90


async def test_a_move_can_be_cancelled_between_two_instances(tmp_path: Path) -> None:
    box = Box()
    arrived, go_on = asyncio.Event(), asyncio.Event()

    async def store_slowly(received: CommandReceived) -> None:
        command = received.command
        assert isinstance(command, CStoreRequest)
        await box.links[0].skip_data()
        arrived.set()
        await go_on.wait()
        await box.links[0].send(
            received.context_id, CStoreResponse(message_id_being_responded_to=command.message_id, status=0)
        )

    box.more = {CStoreRequest: store_slowly}
    async with listening(box) as destination:
        settings = Settings(destinations={"DEST": Destination("127.0.0.1", destination.port)})
        async with site(tmp_path, settings) as here:
            await stored(here, *(made(tmp_path, InstanceNumber=number) for number in range(5)))
            async with asking(here, STUDY_MOVE) as peer:
                request = CMoveRequest(message_id=7, affected_sop_class_uid=STUDY_MOVE, move_destination="DEST")
                await peer.link.send(1, request, identifier(QueryRetrieveLevel="STUDY", StudyInstanceUID="1.2.3"))
                await arrived.wait()
                await peer.link.send(1, CCancelRequest(message_id_being_responded_to=7))
                await asyncio.sleep(0.1)
                go_on.set()
                responses = await responses_of(peer, CMoveResponse)
    last = responses[-1]
    assert (last.status, last.completed_sub_operations, last.remaining_sub_operations) == (0xFE00, 1, 4)


@asynccontextmanager
async def asking(site: Site, sop_class: str) -> AsyncIterator[Peer]:
    """An association of our own, for what other peers do not do when we want it."""
    proposals = [Proposal(sop_class, (EXPLICIT,))]
    async with Requestor(Settings()).associate("ANY", Destination("127.0.0.1", site.port), proposals) as peer:
        yield peer


def identifier(**keys: str) -> bytes:
    dataset = Dataset()
    for keyword, value in keys.items():
        setattr(dataset, keyword, value)
    return json_model.decode(dataset.to_json_dict(), EXPLICIT)


R = TypeVar("R", CFindResponse, CMoveResponse, CStoreResponse, NGetResponse)


async def responses_of(peer: Peer, kind: type[R]) -> list[R]:
    """Every response, up to the last."""
    responses: list[R] = []
    while not responses or category(responses[-1].status) == "pending":
        received = await peer.link.receive_command()
        assert received is not None
        assert isinstance(received.command, kind)
        responses.append(received.command)
    return responses


# -- C-GET and C-MOVE --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "keys"),
    [
        ("-S", ["QueryRetrieveLevel=STUDY", "StudyInstanceUID=1.2.3"]),
        ("-S", ["QueryRetrieveLevel=SERIES", "StudyInstanceUID=1.2.3", "SeriesInstanceUID=1.2.3.1"]),
        ("-P", ["QueryRetrieveLevel=PATIENT", "PatientID=P1"]),
    ],
)
async def test_getscu_gets_back_what_storescu_sent(tmp_path: Path, model: str, keys: list[str]) -> None:
    require("getscu")
    paths = [made(tmp_path, InstanceNumber=number) for number in (1, 2, 3)]
    into = tmp_path / "into"
    into.mkdir()
    async with site(tmp_path) as here:
        await stored(here, *paths)
        arguments = [argument for key in keys for argument in ("-k", key)]
        ran = await run("getscu", "-v", "+B", model, "-od", into, "127.0.0.1", here.port, *arguments)
    assert ran.status == 0, ran.output
    assert sorted(map(data_set_of, into.iterdir())) == sorted(map(data_set_of, paths))


async def test_movescu_has_instances_sent_to_storescp_as_they_were(tmp_path: Path) -> None:
    require("movescu")
    paths = [made(tmp_path, InstanceNumber=1), made(tmp_path, InstanceNumber=2, syntax=IMPLICIT)]
    jpeg = Path(str(get_testdata_file("JPEG-LL.dcm")))
    box = Box()
    async with listening(box) as destination:
        settings = Settings(destinations={"DEST": Destination("127.0.0.1", destination.port)})
        async with site(tmp_path, settings) as here:
            for proposal, path in (("-xe", paths[0]), ("-xi", paths[1]), ("-xs", jpeg)):
                ran = await run("storescu", "-R", proposal, "127.0.0.1", here.port, path)
                assert ran.status == 0, ran.output
            study = pydicom.dcmread(jpeg).StudyInstanceUID
            for uid in ("1.2.3", study):
                ran = await run(
                    *("movescu", "-v", "-S", "-aem", "DEST", "127.0.0.1", here.port),
                    *("-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={uid}"),
                )
                assert ran.status == 0, ran.output
                assert "Received Final Move Response (Success)" in ran.output
    assert [kept.data for kept in box.instances[:2]] == [data_set_of(path) for path in paths]
    assert [kept.transfer_syntax for kept in box.instances] == [EXPLICIT, IMPLICIT, JPEG_LOSSLESS]
    assert (box.instances[0].request.move_originator_aet, box.requests[0].calling_aet) == ("MOVESCU", "SAGITTAL")


async def test_a_destination_that_takes_only_another_native_encoding_gets_that(tmp_path: Path) -> None:
    path = made(tmp_path)
    async with site(tmp_path) as here:
        await stored(here, path)
        association = await associated(
            here, [(STUDY_GET, [IMPLICIT]), (SECONDARY_CAPTURE, [IMPLICIT])], roles=(SECONDARY_CAPTURE,)
        )
        received, responses = await got(association, QueryRetrieveLevel="STUDY", StudyInstanceUID="1.2.3")
    assert [response.Status for response, _ in responses] == [0xFF00, 0]
    (dataset,) = received
    assert dataset == pydicom.dcmread(path)


@pytest.mark.parametrize("native", [IMPLICIT, EXPLICIT])
@pytest.mark.parametrize("name", ["JPEG-LL.dcm", "emri_small_jpeg_ls_lossless.dcm", "MR_small_RLE.dcm"])
async def test_a_destination_that_takes_only_native_encodings_gets_it_decompressed(
    tmp_path: Path, name: str, native: str
) -> None:
    path = get_testdata_file(name, download=False)
    if path is None:
        pytest.skip(f"this pydicom does not ship {name}")
    original = pydicom.dcmread(str(path))
    async with site(tmp_path) as here:
        await store(here.archive, original)
        sop_class = original.SOPClassUID
        association = await associated(here, [(STUDY_GET, [native]), (sop_class, [native])], roles=(sop_class,))
        received, responses = await got(
            association, QueryRetrieveLevel="STUDY", StudyInstanceUID=original.StudyInstanceUID
        )
    assert [response.Status for response, _ in responses] == [0xFF00, 0]
    (dataset,) = received
    frame = dataset.Rows * dataset.Columns * dataset.BitsAllocated // 8 * int(original.get("NumberOfFrames", 1))
    assert len(dataset.PixelData) == frame
    if "LL" not in name:
        assert dataset.PixelData == np.ascontiguousarray(pixel_array(original, raw=True)).tobytes()


async def test_sub_operations_are_counted_and_what_failed_is_listed(tmp_path: Path) -> None:
    paths = [made(tmp_path, InstanceNumber=1), made(tmp_path, InstanceNumber=2, SOPClassUID=CT)]
    async with site(tmp_path) as here:
        await stored(here, *paths)
        contexts = [(STUDY_GET, [EXPLICIT]), (SECONDARY_CAPTURE, [EXPLICIT])]
        association = await associated(here, contexts, roles=(SECONDARY_CAPTURE,))
        received, responses = await got(association, QueryRetrieveLevel="STUDY", StudyInstanceUID="1.2.3")
        association = await associated(here, contexts[:1])
        _, none_possible = await got(association, QueryRetrieveLevel="STUDY", StudyInstanceUID="1.2.3")
        association = await associated(here, contexts[:1])
        _, nothing_there = await got(association, QueryRetrieveLevel="STUDY", StudyInstanceUID="9.9")
    pending, last = responses[0], responses[-1]
    assert (pending[0].Status, pending[0].NumberOfRemainingSuboperations) == (0xFF00, 2)
    assert (last[0].Status, "NumberOfRemainingSuboperations" in last[0]) == (0xB000, False)
    assert (last[0].NumberOfCompletedSuboperations, last[0].NumberOfFailedSuboperations) == (1, 1)
    assert last[1].FailedSOPInstanceUIDList == paths[1].stem
    assert [str(dataset.SOPInstanceUID) for dataset in received] == [paths[0].stem]
    assert none_possible[-1][0].Status == 0xA702
    assert nothing_there[-1][0].Status == 0


@pytest.mark.parametrize(
    ("keys", "count"),
    [
        ({"QueryRetrieveLevel": "PATIENT", "PatientID": "P1"}, 2),
        ({"QueryRetrieveLevel": "PATIENT", "PatientID": "P*"}, 0),
        ({"QueryRetrieveLevel": "PATIENT", "PatientID": "*"}, 0),
        ({"QueryRetrieveLevel": "STUDY", "PatientID": "P1", "StudyInstanceUID": "1.1"}, 1),
        ({"QueryRetrieveLevel": "STUDY", "PatientID": "P2", "StudyInstanceUID": "1.1"}, 0),
        ({"QueryRetrieveLevel": "STUDY", "PatientID": "P1", "StudyInstanceUID": ["1.1", "1.2", "2.1"]}, 2),
        ({"QueryRetrieveLevel": "SERIES", "StudyInstanceUID": ["1.2", "2.1"], "SeriesInstanceUID": "1.1.5"}, 0),
        ({"QueryRetrieveLevel": "SERIES", "StudyInstanceUID": ["1.1", "2.1"], "SeriesInstanceUID": "1.1.5"}, 1),
        ({"QueryRetrieveLevel": "SERIES", "SeriesInstanceUID": "1.1.5"}, 1),
    ],
    ids=str,
)
async def test_a_retrieve_stays_within_all_the_keys_above_it(
    tmp_path: Path, keys: dict[str, object], count: int
) -> None:
    paths = [
        made(tmp_path, PatientID=patient, StudyInstanceUID=study, SeriesInstanceUID=f"{study}.5", InstanceNumber=number)
        for number, (patient, study) in enumerate([("P1", "1.1"), ("P1", "1.2"), ("P2", "2.1")])
    ]
    async with site(tmp_path) as here:
        await stored(here, *paths)
        contexts = [(PATIENT_GET, [EXPLICIT]), (SECONDARY_CAPTURE, [EXPLICIT])]
        association = await associated(here, contexts, roles=(SECONDARY_CAPTURE,))
        received, _ = await got(association, PATIENT_GET, **keys)
    assert len(received) == count


async def test_moves_that_cannot_be_are_refused(tmp_path: Path) -> None:
    settings = Settings(destinations={"GONE": Destination("127.0.0.1", 9)})
    async with site(tmp_path, settings) as here:
        await stored(here, made(tmp_path))
        unknown = await moved(here, "NOWHERE", QueryRetrieveLevel="STUDY", StudyInstanceUID="1.2.3")
        keyless = await moved(here, "GONE", QueryRetrieveLevel="STUDY")
        gone = await moved(here, "GONE", QueryRetrieveLevel="STUDY", StudyInstanceUID="1.2.3")
    assert (unknown, keyless, gone) == (0xA801, 0xA900, 0xA702)


async def moved(site: Site, destination: str, **keys: str) -> int:
    """The last status of a C-MOVE."""
    association = await associated(site, [(STUDY_MOVE, [EXPLICIT])])
    identifier = Dataset()
    for keyword, value in keys.items():
        setattr(identifier, keyword, value)
    responses = await asyncio.to_thread(lambda: list(association.send_c_move(identifier, destination, STUDY_MOVE)))
    await asyncio.to_thread(association.release)
    status: int = responses[-1][0].Status
    return status


async def got(
    association: Association, model: str = STUDY_GET, **keys: object
) -> tuple[list[Dataset], list[tuple[Dataset, Dataset]]]:
    """What a C-GET brings, and its responses."""
    received: list[Dataset] = []

    def keep(event: object) -> int:
        dataset = event.dataset  # type: ignore[attr-defined]  # pynetdicom is untyped here
        received.append(dataset)
        return 0

    association.bind(evt.EVT_C_STORE, keep)
    identifier = Dataset()
    for keyword, value in keys.items():
        setattr(identifier, keyword, value)
    responses = await asyncio.to_thread(lambda: list(association.send_c_get(identifier, model)))
    await asyncio.to_thread(association.release)
    return received, responses


async def test_a_find_by_an_attribute_that_is_still_being_indexed_is_refused_with_how_far_it_is(tmp_path: Path) -> None:
    settings = Settings(query_attributes=("DateOfSecondaryCapture",))
    async with site(tmp_path) as running:
        await store(running.archive, instance(DateOfSecondaryCapture="20200301"))
        await running.archive.name_attributes(named_attributes(settings))  # and nobody fills its index
        query = Dataset()
        query.QueryRetrieveLevel, query.StudyInstanceUID, query.DateOfSecondaryCapture = "STUDY", "", "20200301"

        def ask() -> list[Dataset]:
            ae = AE()
            ae.add_requested_context(STUDY_FIND)
            association = ae.associate("127.0.0.1", running.port)
            assert association.is_established
            answers = [status for status, _ in association.send_c_find(query, STUDY_FIND)]
            association.release()
            return answers

        (status,) = await asyncio.to_thread(ask)
        assert status.Status == 0xA700
        assert status.ErrorComment == "0 of 1 instances are indexed by DateOfSecondaryCapture so far"
