"""`/api/rejections`: what was rejected, by whom and why; rejecting with a reason; undoing it."""

from typing import Annotated

import msgspec
from litestar import get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromQuery, JSONBody, Parameter

from sagittal.api.asking import AnyRequest, Id, actor_of, time_of
from sagittal.archive.archive import Archive
from sagittal.lifecycle.reasons import QUALITY
from sagittal.lifecycle.rejecting import MAX_NOTE, MAX_PAGE, Rejection, reject, rejection_of, rejections, restore
from sagittal.runtime.deadline import Deadline

_Uid = Annotated[str, msgspec.Meta(max_length=128)]


class NewRejection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be rejected and why.

    Attributes:
        study, series, instance: UIDs; all that is given has to agree.
        reason: a code of PS3.16 CID 7011, or its short name.
        note: words for those who look later; no names, for they stay.
    """

    study: _Uid | None = None
    series: _Uid | None = None
    instance: _Uid | None = None
    reason: Annotated[str, msgspec.Meta(max_length=64)] = QUALITY
    note: Annotated[str, msgspec.Meta(max_length=MAX_NOTE)] = ""


class RejectionShown(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A rejection; times as ISO 8601 in UTC.

    Attributes:
        restorable: how many of the instances can be brought back now.
    """

    id: int
    at: str
    actor: str
    address: str = ""
    study: str = ""
    series: str = ""
    instance: str = ""
    reason: str
    meaning: str
    note: str = ""
    instances: int
    restorable: int
    restored_at: str = ""
    purged_at: str = ""


class RejectionsPage(msgspec.Struct, frozen=True):
    """Rejections, the newest first.

    Attributes:
        before: to be given for the next page; None if this is the last.
    """

    rejections: list[RejectionShown]
    before: int | None


def rejection_routes(archive: Archive, timeout_s: float) -> list[HTTPRouteHandler]:
    """The routes, to be mounted under `/api`; one request may take `timeout_s` seconds."""
    pages = Annotated[int, Parameter(ge=1, le=MAX_PAGE)]

    @get("/rejections", takes="change")
    async def listed(request: AnyRequest, limit: pages = 50, before: FromQuery[Id | None] = None) -> RejectionsPage:
        """Lists rejections, the newest first."""
        found = await rejections(
            archive, actor_of(request), before=before, limit=limit, deadline=Deadline.after(timeout_s)
        )
        return RejectionsPage([_shown(one) for one in found], found[-1].id if len(found) == limit else None)

    @get("/rejections/{rejection:int}", takes="change")
    async def one(request: AnyRequest, rejection: Id) -> RejectionShown:
        """Shows one rejection."""
        return _shown(await rejection_of(archive, actor_of(request), rejection, Deadline.after(timeout_s)))

    @post("/rejections", takes="change", faults=(404, 409))
    async def rejected(request: AnyRequest, data: JSONBody[NewRejection]) -> RejectionShown:
        """Rejects a study, a series or an instance."""
        named = {name: getattr(data, name) for name in ("study", "series", "instance")}
        deadline = Deadline.after(timeout_s)
        actor = actor_of(request)
        return _shown(await reject(archive, actor, **named, reason=data.reason, note=data.note, deadline=deadline))

    @post("/rejections/{rejection:int}/undo", status_code=200, takes="change", faults=(409,))
    async def undone(request: AnyRequest, rejection: Id) -> RejectionShown:
        """Brings back what a rejection took away."""
        return _shown(await restore(archive, actor_of(request), rejection, deadline=Deadline.after(timeout_s)))

    return [listed, one, rejected, undone]


def _shown(rejection: Rejection) -> RejectionShown:
    return RejectionShown(
        id=rejection.id,
        at=time_of(rejection.at_ns),
        actor=rejection.actor,
        address=rejection.address,
        study=rejection.study_instance_uid,
        series=rejection.series_instance_uid,
        instance=rejection.sop_instance_uid,
        reason=rejection.reason,
        meaning=rejection.meaning,
        note=rejection.note,
        instances=rejection.instances,
        restorable=rejection.restorable,
        restored_at=time_of(rejection.restored_ns),
        purged_at=time_of(rejection.purged_ns),
    )
