"""`/api/about`, `/api/storage`, `/api/settings`, `/api/ledger`: how this site is and what was done here."""

from datetime import datetime
from importlib.metadata import version
from typing import Annotated, Any, Final, Literal

import msgspec
from litestar import get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody

from sagittal.access.administering import Administering
from sagittal.access.permits import may
from sagittal.api.asking import MOST, AnyRequest, actor_of, time_of
from sagittal.archive.archive import Archive
from sagittal.audit.acts import Kind
from sagittal.audit.line import Line
from sagittal.audit.searching import Search, search
from sagittal.find import Level, Query, count
from sagittal.lifecycle.storage import storage
from sagittal.runtime.deadline import Deadline
from sagittal.runtime.settings import Settings, describe

_TIMEOUT_S: Final = 30.0
_MOST_NS: Final = 2**62
_ALL: Final = 2**53  # the cursor behind lines that still count: they have no number yet
_Time = Annotated[datetime, msgspec.Meta(tz=True)]
_Word = Annotated[str, msgspec.Meta(max_length=128)]


class Counts(msgspec.Struct, frozen=True):
    """How much is kept that who asks may ask for; null for what only looking at each would tell."""

    patients: int | None
    studies: int | None
    series: int | None
    instances: int | None


class About(msgspec.Struct, frozen=True):
    """What this is.

    Attributes:
        counts: null for those who may ask for nothing.
        indexing: attributes that are still being indexed, so that searches by them do not find all yet.
    """

    name: str
    version: str
    counts: Counts | None
    indexing: list[str]


class StorageShown(msgspec.Struct, frozen=True, kw_only=True):
    """What the archive takes: bytes, but for the counts.

    Attributes:
        packs: how many there are.
        instances: how many there are.
        conflicts: how many are kept beside an instance of their UID.
        kept_bytes: of the files of instances.
        free_bytes: of the disk that the data folder is on.
        disk_bytes: of all of that disk.
    """

    packs: int
    instances: int
    conflicts: int
    kept_bytes: int
    index_bytes: int
    records_bytes: int
    free_bytes: int
    disk_bytes: int


class SettingShown(msgspec.Struct, frozen=True):
    """A setting.

    Attributes:
        environment: the variable that says it.
        kind: of what form it is.
        default: without anything said.
        description: what it is for.
        value: what is in force, as JSON.
    """

    name: str
    environment: str
    kind: str
    default: str
    description: str
    value: str


class SettingsShown(msgspec.Struct, frozen=True):
    """All settings, as they are in force."""

    settings: list[SettingShown]


class LedgerSearch(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which lines are looked for; what is empty is not asked.

    Attributes:
        actor: name of who did it.
        kind: what was done.
        study: Study Instance UID of what it was done to.
        facility: whose study that is.
        since: the act still went on at this time or later.
        until: the act had begun before this time.
        cursor: `next` of the page before; 0 for the first page.
        limit: how many lines at most.
    """

    actor: _Word = ""
    kind: Kind | Literal[""] = ""
    study: Annotated[str, msgspec.Meta(max_length=64, pattern=r"^[0-9.]*$")] = ""
    facility: _Word = ""
    since: _Time | None = None
    until: _Time | None = None
    cursor: Annotated[int, msgspec.Meta(ge=0, le=2**53)] = 0
    limit: Annotated[int, msgspec.Meta(ge=1, le=MOST)] = 100


class LineShown(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the ledger.

    Attributes:
        seq: its number in the chain; 0 for one that still counts.
        at: when the act began, ISO 8601 in UTC.
        until: when it was last repeated.
        outcome: 0: done; 4: refused or failed (PS3.15 Section A.5.1).
        patient: keyed hash of who the patient is; `""` where none is known.
        count: how often, as instances or requests.
    """

    seq: int
    at: str
    until: str
    kind: str
    outcome: int
    actor_kind: str
    actor: str
    door: str
    address: str
    called: str
    facility: str
    study: str
    patient: str
    subject: str
    detail: str
    count: int


class LinesPage(msgspec.Struct, frozen=True):
    """Lines of the ledger, the newest first.

    Attributes:
        next: to be given as `cursor` for the next page; null if this is the last.
    """

    lines: list[LineShown]
    next: int | None


def site_routes(archive: Archive, doing: Administering, settings: Settings) -> list[HTTPRouteHandler]:
    """The routes, to be mounted under `/api`."""
    return [*_about_routes(archive), *_upkeep_routes(archive, doing, settings), *_ledger_routes(archive, doing)]


def _about_routes(archive: Archive) -> list[HTTPRouteHandler]:
    @get("/about")
    async def about(request: AnyRequest) -> About:
        """Says what this is, and how much of it you may ask for."""
        actor, deadline, counts = actor_of(request), Deadline.after(_TIMEOUT_S), None
        if may(actor, "query"):
            levels = (Level.PATIENT, Level.STUDY, Level.SERIES, Level.IMAGE)
            counts = Counts(*[await count(archive, actor, Query(level=level), deadline) for level in levels])
        return About("Sagittal", version("sagittal"), counts, [one.path.name for one in archive.named.unready])

    return [about]


def _upkeep_routes(archive: Archive, doing: Administering, settings: Settings) -> list[HTTPRouteHandler]:
    @get("/storage", takes="configure", everywhere=True)
    async def room(request: AnyRequest) -> StorageShown:
        """Shows how much is kept, and how much room is left."""
        return StorageShown(**(await storage(archive, actor_of(request), Deadline.after(_TIMEOUT_S)))._asdict())

    @get("/settings", sync_to_thread=False, takes="configure", everywhere=True)
    def in_force(request: AnyRequest) -> SettingsShown:
        """Shows the settings as they are in force.

        Secrets are in files and never here.
        """
        doing.require(actor_of(request), "configure")
        values: dict[str, Any] = msgspec.to_builtins(settings)  # Any: values of every type
        return SettingsShown(
            [SettingShown(*one, value=msgspec.json.encode(values[one.name]).decode()) for one in describe()]
        )

    return [room, in_force]


def _ledger_routes(archive: Archive, doing: Administering) -> list[HTTPRouteHandler]:
    @post("/ledger/search", status_code=200, takes="audit", everywhere=True)
    async def found(request: AnyRequest, data: JSONBody[LedgerSearch]) -> LinesPage:
        """Searches the ledger: who did what, when, to which study.

        Lines that still count come first, on the first page. The search is a line of the ledger itself.
        """
        await doing.read_ledger(actor_of(request))
        lines = await search(archive.records, _wanted(data), data.limit)
        after = lines[-1].seq or _ALL if len(lines) == data.limit else None
        return LinesPage([_line(one) for one in lines], after)

    return [found]


def _wanted(said: LedgerSearch) -> Search:
    return Search(
        actor=said.actor.strip(),
        kind=said.kind,
        study_instance_uid=said.study,
        facility=said.facility.strip(),
        since_ns=_ns(said.since),
        until_ns=_ns(said.until),
        before_seq=said.cursor or None,
    )


def _ns(at: datetime | None) -> int | None:
    return None if at is None else max(-_MOST_NS, min(_MOST_NS, int(at.timestamp()) * 10**9))


def _line(line: Line) -> LineShown:
    return LineShown(
        seq=line.seq,
        at=time_of(line.at_ns),
        until=time_of(line.until_ns),
        kind=line.kind,
        outcome=line.outcome,
        actor_kind=line.actor_kind,
        actor=line.actor,
        door=line.door,
        address=line.address,
        called=line.called,
        facility=line.facility,
        study=line.study_instance_uid,
        patient=line.patient,
        subject=line.subject,
        detail=line.detail,
        count=line.count,
    )
