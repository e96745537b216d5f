"""Pages of studies and patients, without a browser: what they say, and to whom."""

import gzip
import json
import re
import zipfile
from collections.abc import AsyncIterator, Sequence
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from litestar import Litestar
from litestar.enums import ScopeType
from litestar.testing import AsyncTestClient
from litestar.types import ASGIApp, Receive, Scope, Send
from sqlalchemy import Connection

from sagittal.access import accounts
from sagittal.access.accounts import NewAccount
from sagittal.archive.archive import Archive
from sagittal.archive.model import StoredInstance
from sagittal.audit.chronicle import Chronicle
from sagittal.audit.searching import Search, search
from sagittal.dimse.dispatching import Dispatched
from sagittal.find.listing import Listing, list_studies
from sagittal.runtime.actor import EVERYTHING, LOCAL, SCOPE_KEY, Action, Actor, Grant
from sagittal.runtime.pools import WorkerPool
from sagittal.runtime.settings import Settings
from sagittal.web.archive_pages import archive_pages
from sagittal.web.assets import assets
from sagittal.web.study_changes import Changes
from support.archives import archive_at, instance, soon, store

HOSTILE = "<script>alert(1)</script>^\u202eevil\x07" + "x" * 4000


class Site:
    """Pages over an archive for whoever `actor` is."""

    def __init__(self, archive: Archive, client: AsyncTestClient[ASGIApp]) -> None:
        self.archive, self.client = archive, client
        self.actor = Actor(door="web", kind="local", grants=EVERYTHING)

    async def study(self, text: str = "") -> str:
        found = await list_studies(self.archive, LOCAL, Listing(text=text), soon())
        return found[0].study_instance_uid


class NoSending:
    """Sends to nobody but ANYWHERE, which takes all but the last."""

    def destinations(self) -> tuple[str, ...]:
        return ("ANYWHERE",)

    async def echo(self, aet: str) -> str:
        return ""

    async def send(self, actor: Actor, aet: str, instances: Sequence[StoredInstance]) -> AsyncIterator[Dispatched]:
        yield Dispatched(1, 0, len(instances), "")
        yield Dispatched(1, 1, len(instances), "full")


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    pool = WorkerPool()
    async with archive_at(tmp_path / "data") as archive:
        pages = archive_pages(archive, pool, NoSending(), Chronicle(bytes(32)), Settings(), "/dicom-web", has_ohif=True)
        app = Litestar([*pages.routes, assets()], openapi_config=None)
        async with AsyncTestClient(_as_actor(app)) as client:
            made = Site(archive, client)
            _ACTORS[id(app)] = made
            yield made
    await pool.close()


_ACTORS: dict[int, Site] = {}


def _as_actor(app: Litestar) -> ASGIApp:
    async def enter(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.HTTP:
            scope[SCOPE_KEY] = _ACTORS[id(app)].actor  # type: ignore[literal-required]  # a key of ours
        await app(scope, receive, send)

    return enter


@pytest.mark.filterwarnings("ignore:The PN component length")
async def test_a_name_full_of_markup_is_text_everywhere(site: Site) -> None:
    await store(site.archive, instance(PatientName="x", StudyDescription="<b>bold"))
    dataset = instance(StudyDescription="plain")
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.PatientName = HOSTILE
    await store(site.archive, dataset)
    uid = str(dataset.StudyInstanceUID)
    number = (await list_studies(site.archive, LOCAL, Listing(studies=(uid,)), soon()))[0].patient
    for path in ("/studies", f"/studies/{uid}", f"/studies/{uid}/tags", f"/patients/{number}"):
        text = (await site.client.get(path)).text
        assert "<script>alert" not in text, path
        assert "&lt;script&gt;alert" in text, path
        assert not re.search("[\u202e\x07]", text), path
        assert ("x" * 1000 in text) == path.endswith("/tags"), path  # where all of it can be read


async def test_a_list_of_forty_studies_is_small_on_the_wire(site: Site) -> None:
    some = [instance(PatientName=f"Family{n}^Given{n}", PatientID=f"ID{n}", AccessionNumber=f"A{n}") for n in range(41)]
    await store(site.archive, *some)
    async with site.client.stream("GET", "/studies", headers={"accept-encoding": "gzip"}) as answer:
        warm = b"".join([piece async for piece in answer.aiter_raw()])
    text = gzip.decompress(warm).decode()
    assert text.count("<tr data-uid") == 40
    assert len(warm) <= 6_000
    cold = len(warm)
    for path in set(re.findall(r'"(/assets/[^"]+)"', text)):
        async with site.client.stream("GET", path, headers={"accept-encoding": "gzip"}) as answer:
            cold += len(b"".join([piece async for piece in answer.aiter_raw()]))
    assert cold <= 40_000


async def test_no_address_of_the_list_holds_what_is_looked_for(site: Site) -> None:
    await store(site.archive, instance(PatientName="Doe^Jane", PatientID="SECRET7"))
    text = (await site.client.post("/studies", data={"q": "doe secret7"})).text
    assert "Doe, Jane" in text
    addresses = re.findall(r'(?:href|action|hx-post|src)="([^"]*)"', text)
    assert addresses
    assert not [one for one in addresses if "doe" in one.lower() or "secret7" in one.lower()]


async def test_filters_are_saved_and_columns_chosen(site: Site) -> None:
    await store(site.archive, instance(PatientName="Doe^Jane"), instance(PatientName="Roe^Rick"))
    answer = await site.client.post("/studies/saved", data={"name": "mine", "q": "roe"}, follow_redirects=True)
    assert "Roe, Rick" in answer.text
    assert "Doe, Jane" not in answer.text
    answer = await site.client.post("/studies/columns", data={"column": ["facility"]}, follow_redirects=True)
    assert 'class="facility"' in answer.text
    assert 'class="accession"' not in answer.text
    assert "mine" in answer.text
    answer = await site.client.post("/studies/saved/1/remove", follow_redirects=True)
    assert "mine" not in answer.text


async def test_filters_of_an_account_are_kept_with_it_and_are_nobody_elses(site: Site) -> None:
    def run(connection: Connection) -> list[int]:
        return [accounts.create(connection, NewAccount(name), (), 1) for name in ("ada", "bob")]

    ada, bob = await site.archive.records.write(run)
    site.actor = Actor(door="web", kind="person", account=ada, grants=EVERYTHING)
    answer = await site.client.post("/studies/saved", data={"name": "mine", "q": "roe"}, follow_redirects=False)
    assert "set-cookie" not in answer.headers
    assert "mine" in (await site.client.get("/studies")).text
    site.actor = Actor(door="web", kind="person", account=bob, grants=EVERYTHING)
    assert "mine" not in (await site.client.get("/studies")).text
    assert (await site.client.get("/studies?saved=1")).status_code == 404


async def test_a_downloaded_study_is_a_file_set(site: Site) -> None:
    first = instance()
    second = instance(StudyInstanceUID=first.StudyInstanceUID)
    await store(site.archive, first, second)
    answer = await site.client.get(f"/studies/{first.StudyInstanceUID}/files.zip")
    with zipfile.ZipFile(BytesIO(answer.content)) as file:
        assert file.testzip() is None
        directory = pydicom.dcmread(BytesIO(file.read("DICOMDIR")))
        named = [
            "/".join(one.ReferencedFileID) for one in directory.DirectoryRecordSequence if "ReferencedFileID" in one
        ]
        found = {str(pydicom.dcmread(BytesIO(file.read(name))).SOPInstanceUID) for name in named}
    assert found == {str(first.SOPInstanceUID), str(second.SOPInstanceUID)}


async def test_pictures_are_of_the_kind_that_is_asked(site: Site) -> None:
    await store(site.archive, instance())
    uid = await site.study()
    for kind, begins in (("jpeg", b"\xff\xd8"), ("png", b"\x89PNG")):
        answer = await site.client.get(f"/studies/{uid}/pictures.zip?kind={kind}")
        with zipfile.ZipFile(BytesIO(answer.content)) as file:
            (name,) = file.namelist()
            assert file.read(name).startswith(begins)
    assert (await site.client.get(f"/studies/{uid}/pictures.zip?kind=bmp")).status_code == 400


async def test_sending_says_how_far_it_is(site: Site) -> None:
    await store(site.archive, instance())
    uid = await site.study()
    answer = await site.client.post(f"/studies/{uid}/send", data={"destination": "ANYWHERE"})
    assert [line["sent"] for line in map(json.loads, answer.text.splitlines())] == [0, 1, 1]
    assert '"why":"full"' in answer.text
    assert (await site.client.post(f"/studies/{uid}/send", data={"destination": "NOWHERE"})).status_code == 404


async def test_what_is_rejected_is_gone_and_comes_back(site: Site) -> None:
    await store(site.archive, instance())
    uid = await site.study()
    answer = await site.client.post(f"/studies/{uid}/reject", data={"note": "twice"}, follow_redirects=True)
    assert "Undo" in answer.text
    assert (await site.client.get(f"/studies/{uid}")).status_code == 404
    answer = await site.client.post("/rejections/1/restore", follow_redirects=False)
    assert answer.headers["location"] == f"/studies/{uid}"
    assert (await site.client.get(f"/studies/{uid}")).status_code == 200


async def test_the_page_offers_only_what_one_may(site: Site) -> None:
    await store(site.archive, instance())
    uid = await site.study()
    site.actor = Actor(door="web", kind="person", grants=(Grant(frozenset({"query", "read"}), "any", ("*",)),))
    text = (await site.client.get(f"/studies/{uid}")).text
    assert "/view/" in text
    for word in ("files.zip", "/reject", "/send", "/account/links"):
        assert word not in text
    assert (await site.client.get(f"/studies/{uid}/files.zip")).status_code == 403


async def test_a_stream_tells_only_of_what_its_reader_may_ask_for(tmp_path: Path) -> None:
    async with archive_at(tmp_path / "data") as archive:
        changes = Changes(archive, lasts_s=5.0, beat_s=0.05)
        mine = instance(PatientName="Mine")
        linked = Actor(
            door="web",
            kind="link",
            link=(str(mine.StudyInstanceUID), ""),
            grants=(Grant(frozenset({"query"}), "linked", ("*",)),),
        )
        stream = await changes.admit(linked, 0)
        await anext(stream)
        await store(archive, instance(PatientName="Theirs"))
        assert b"event" not in await anext(stream)
        await store(archive, mine)
        told = b""
        while b"event: studies" not in told:
            told += await anext(stream)
        assert str(mine.StudyInstanceUID).encode() in told
        assert b"Mine" not in told
        assert b'"state":"arriving"' in told
        changes.close()
        assert [one async for one in stream if b"over" in one]


async def test_changes_of_administrators_are_in_the_ledger(site: Site) -> None:
    new = {"name": "ruth", "role": "radiologist", "facility": "local", "password": "four words in a row"}
    answer = await site.client.post("/admin/people", data=new, follow_redirects=True)
    assert "ruth" in answer.text
    await site.client.post("/admin/people/1/roles", data={"roles": "auditor\nteacher@local"})
    await site.client.post("/admin/people/1/disable")
    await site.client.post("/admin/network/devices", data={"aet": "CT1", "facility": "local", "role": "service"})
    await site.client.post("/admin/network/facilities", data={"name": "north", "title": "The North", "called": "NORTH"})
    await site.client.post("/admin/roles", data={"role": "teacher", "relation": "any", "may": ["query"]})
    lines = await search(site.archive.records, Search())
    assert [(one.kind, one.subject, one.detail) for one in reversed(lines)] == [
        ("account changed", "ruth", "made: radiologist at local"),
        ("roles changed", "ruth", "auditor at *, teacher at local"),
        ("account changed", "ruth", "disabled"),
        ("network changed", "device CT1", "made for local as service"),
        ("network changed", "facility north", "made"),
        ("policy changed", "role teacher", "any: query"),
    ]
    assert "CT1" in (await site.client.get("/admin/network")).text
    assert "is there and talks to us" in (await site.client.post("/admin/network/echo", data={"aet": "ANYWHERE"})).text


@pytest.mark.parametrize("tab", ["people", "roles", "network", "handed-out", "storage", "ledger", "settings"])
async def test_administration_is_for_who_administers_everywhere(site: Site, tab: str) -> None:
    assert (await site.client.get(f"/admin/{tab}")).status_code == 200
    some: frozenset[Action] = frozenset({"manage", "configure", "audit"})
    site.actor = Actor(door="web", kind="person", grants=(Grant(some, "performed_here", ("north",)),))
    assert (await site.client.get(f"/admin/{tab}")).status_code == 403
    assert (await site.client.get("/admin")).status_code == 403
