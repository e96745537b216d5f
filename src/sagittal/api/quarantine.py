"""`/api/quarantine`: what is kept aside for a person, side by side with what the archive has; decisions, undone or not.

A number names what waits: when it came, nanoseconds since 1970. It is text, for numbers of JavaScript are too short.
"""

from collections.abc import Callable
from typing import Annotated, Final

import msgspec
from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery, JSONBody, Parameter

from sagittal.api.asking import AnyRequest, Cursor, Id, actor_of, time_of
from sagittal.archive.archive import Archive
from sagittal.archive.index.aside import Aside, Kept, Why
from sagittal.errors import NotFound
from sagittal.lifecycle.deciding import Choice, Decision, decide, decision_of, decisions, undo
from sagittal.lifecycle.quarantine import MAX_PAGE, how_many, kept_aside, pair_of, verify_again
from sagittal.lifecycle.reasons import QUALITY
from sagittal.retrieve.comparing import PREVIEW_TYPE, Pixels, compare, preview
from sagittal.runtime.deadline import Deadline
from sagittal.runtime.pools import WorkerPool

_MAX_NUMBER: Final = 2**63 - 1
_Number = Annotated[int, Parameter(ge=1, le=_MAX_NUMBER, description="when it came, ns since 1970")]
_After = Annotated[int, Parameter(ge=0, le=_MAX_NUMBER, description="`next` of the page before; 0 for the first page")]
_Limit = Annotated[int, Parameter(ge=1, le=MAX_PAGE, description="how many at most")]
_Why = Annotated[Why | None, Parameter(description="only those")]
_Which = Annotated[str, Parameter(max_length=16, description="`archive` or `newcomer`")]
_Note = Annotated[str, msgspec.Meta(max_length=1000, description="words for those who look later; no names")]


class NewDecision(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be done.

    Attributes:
        choice: keep what the archive has, take the newcomer for it, or keep both: the newcomer under a new UID.
        reason: why the one that goes goes: a code of PS3.16 CID 7011, or its short name.
    """

    choice: Choice
    reason: Annotated[str, msgspec.Meta(max_length=64)] = QUALITY
    note: _Note = ""


class KeptShown(msgspec.Struct, frozen=True, kw_only=True):
    """How something came, and what of it is known without looking into it."""

    at: str
    door: str
    source: str
    address: str
    facility: str
    study: str
    series: str
    transfer_syntax: str
    size_bytes: int
    digest: str
    is_damaged: bool


class AsideShown(msgspec.Struct, frozen=True, kw_only=True):
    """What waits; times as ISO 8601 in UTC.

    Attributes:
        damaged_at: when the damage was found; `""` for none.
        archive: what has the UID.
        newcomer: what lies beside; null for what is damaged only.
    """

    number: str
    why: Why
    instance: str
    study: str
    patient_name: str
    patient_id: str
    study_date: str
    study_description: str
    modality: str
    damaged_at: str
    archive: KeptShown
    newcomer: KeptShown | None


class QuarantinePage(msgspec.Struct, frozen=True):
    """What waits, what came last first.

    Attributes:
        next: to be given as `cursor` for the next page; null if this is the last.
        conflicts, damaged: how many there are of each.
    """

    waiting: list[AsideShown]
    next: str | None
    conflicts: int
    damaged: int


class DifferenceShown(msgspec.Struct, frozen=True):
    """An attribute that is not the same in both; null where it is missing."""

    path: str
    keyword: str
    vr: str
    archive: str | None
    newcomer: str | None


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """What waits, side by side with what the archive has.

    Attributes:
        attributes: that differ; empty where nothing can be compared.
        is_all: whether these are all that differ.
        pixels: whether the pixel data is the same; null where nothing can be compared.
    """

    aside: AsideShown
    attributes: list[DifferenceShown]
    is_all: bool
    pixels: Pixels | None


class DecisionShown(msgspec.Struct, frozen=True, kw_only=True):
    """A decision; times as ISO 8601 in UTC.

    Attributes:
        new_uid: that the newcomer got where both were kept.
    """

    id: int
    at: str
    actor: str
    address: str
    choice: Choice
    study: str
    instance: str
    new_uid: str
    reason: str
    meaning: str
    note: str
    undone_at: str
    undone_by: str
    can_be_undone: bool


class DecisionsPage(msgspec.Struct, frozen=True):
    """Decisions, the newest first; `next` is the `cursor` of the next page, null if this is the last."""

    decisions: list[DecisionShown]
    next: int | None


class ReadAgain(msgspec.Struct, frozen=True):
    """Whether its bytes are those that were stored."""

    is_whole: bool


def quarantine_routes(archive: Archive, pool: WorkerPool, timeout_s: float) -> list[HTTPRouteHandler]:
    """The routes, to be mounted under `/api`; `pool` makes pictures, one request may take `timeout_s` seconds."""

    def soon() -> Deadline:
        return Deadline.after(timeout_s)

    @get("/quarantine", takes="change")
    async def listed(
        request: AnyRequest, why: FromQuery[_Why] = None, cursor: FromQuery[_After] = 0, limit: FromQuery[_Limit] = 50
    ) -> QuarantinePage:
        """Lists what is kept aside: other bytes under a UID that is taken, and what is damaged."""
        actor, deadline = actor_of(request), soon()
        found = await kept_aside(archive, actor, why=why, before=cursor or None, limit=limit, deadline=deadline)
        counts = await how_many(archive, actor, deadline)
        last = str(found[-1].number) if len(found) == limit else None
        return QuarantinePage([_shown(one) for one in found], last, counts["conflict"], counts["damaged"])

    @get("/quarantine/{number:int}", takes="change")
    async def one(request: AnyRequest, number: FromPath[_Number]) -> Compared:
        """Shows what waits under a number, with the attributes that differ from what the archive has."""
        actor, deadline = actor_of(request), soon()
        pair = await pair_of(archive, actor, number, deadline)
        shown = _shown(pair.aside)
        if pair.kept is None or pair.newcomer is None or pair.kept.is_corrupt or pair.newcomer.is_corrupt:
            return Compared(aside=shown, attributes=[], is_all=False, pixels=None)
        found = await compare(archive, actor, pool, pair.kept, pair.newcomer, deadline)
        different = [DifferenceShown(*difference) for difference in found.attributes]
        return Compared(aside=shown, attributes=different, is_all=found.is_all, pixels=found.pixels)

    @get("/quarantine/{number:int}/{which:str}/picture", takes="change", gives=PREVIEW_TYPE, faults=(501,))
    async def picture(request: AnyRequest, number: FromPath[_Number], which: FromPath[_Which]) -> Response[bytes]:
        """Gives a picture of the newcomer, or of what the archive has."""
        actor, deadline = actor_of(request), soon()
        pair = await pair_of(archive, actor, number, deadline)
        instance = {"newcomer": pair.newcomer, "archive": pair.kept}.get(which)
        if instance is None:
            raise NotFound("there is nothing to show")
        made = await preview(archive, actor, pool, instance, deadline)
        return Response(made, media_type=PREVIEW_TYPE, headers={"x-content-type-options": "nosniff"})

    return [listed, one, picture, *_acts(archive, soon), *_history(archive, soon)]


def _acts(archive: Archive, soon: Callable[[], Deadline]) -> list[HTTPRouteHandler]:
    @post("/quarantine/{number:int}/decide", status_code=200, takes="change", faults=(409, 501))
    async def decided(request: AnyRequest, number: FromPath[_Number], data: JSONBody[NewDecision]) -> DecisionShown:
        """Decides about what waits under a number. It can be undone until what it set aside is purged."""
        made = await decide(
            archive, actor_of(request), number, data.choice, reason=data.reason, note=data.note, deadline=soon()
        )
        return _decision(made)

    @post("/quarantine/{number:int}/verify", status_code=200, takes="change")
    async def verified(request: AnyRequest, number: FromPath[_Number]) -> ReadAgain:
        """Reads what is damaged once more, as after its pack was put back from a backup."""
        return ReadAgain(await verify_again(archive, actor_of(request), number, soon()))

    return [decided, verified]


def _history(archive: Archive, soon: Callable[[], Deadline]) -> list[HTTPRouteHandler]:
    @get("/quarantine/decisions", takes="change")
    async def made(request: AnyRequest, cursor: FromQuery[Cursor] = 0, limit: FromQuery[_Limit] = 50) -> DecisionsPage:
        """Lists decisions, the newest first."""
        found = await decisions(archive, actor_of(request), before=cursor or None, limit=limit, deadline=soon())
        return DecisionsPage([_decision(one) for one in found], found[-1].id if len(found) == limit else None)

    @get("/quarantine/decisions/{decision:int}", takes="change")
    async def one(request: AnyRequest, decision: FromPath[Id]) -> DecisionShown:
        """Shows a decision."""
        return _decision(await decision_of(archive, actor_of(request), decision, soon()))

    @post("/quarantine/decisions/{decision:int}/undo", status_code=200, takes="change", faults=(409,))
    async def undone(request: AnyRequest, decision: FromPath[Id]) -> DecisionShown:
        """Brings back what was before a decision."""
        return _decision(await undo(archive, actor_of(request), decision, deadline=soon()))

    return [made, one, undone]


def _shown(aside: Aside) -> AsideShown:
    return AsideShown(
        number=str(aside.number),
        why=aside.why,
        instance=aside.kept.sop_instance_uid,
        study=aside.kept.study_instance_uid,
        patient_name=aside.patient_name,
        patient_id=aside.patient_id,
        study_date=aside.study_date,
        study_description=aside.study_description,
        modality=aside.modality,
        damaged_at=time_of(aside.damaged_ns),
        archive=_kept(aside.kept),
        newcomer=_kept(aside.newcomer) if aside.newcomer is not None else None,
    )


def _kept(kept: Kept) -> KeptShown:
    return KeptShown(
        at=time_of(kept.received_ns),
        door=kept.door,
        source=kept.source,
        address=kept.address,
        facility=kept.facility,
        study=kept.study_instance_uid,
        series=kept.series_instance_uid,
        transfer_syntax=kept.transfer_syntax_uid,
        size_bytes=kept.file_length,
        digest=kept.digest.hex(),
        is_damaged=kept.is_corrupt,
    )


def _decision(one: Decision) -> DecisionShown:
    return DecisionShown(
        id=one.id,
        at=time_of(one.at_ns),
        actor=one.actor,
        address=one.address,
        choice=one.choice,
        study=one.study_instance_uid,
        instance=one.sop_instance_uid,
        new_uid=one.new_uid,
        reason=one.reason,
        meaning=one.meaning,
        note=one.note,
        undone_at=time_of(one.undone_ns),
        undone_by=one.undone_by,
        can_be_undone=one.can_be_undone,
    )
