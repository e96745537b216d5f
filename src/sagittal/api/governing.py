"""`/api/shares`, `/api/break-glass`, `/api/holds`, `/api/consents`: decisions about single studies."""

import time
from typing import Annotated, Literal

import msgspec
from litestar import delete, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody, Parameter

from sagittal.access.break_glass import LASTS_S, NOTICE
from sagittal.access.consent import Purpose
from sagittal.access.governing import Governing
from sagittal.access.shares import NewShare
from sagittal.api.asking import AnyRequest, Id, Made, actor_of, time_of

_DAY_NS = 24 * 3600 * 1_000_000_000

_Uid = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
_Name = Annotated[str, msgspec.Meta(max_length=128)]
_Days = Annotated[int, msgspec.Meta(ge=0, le=36_500)]


class NewShareBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is given to whom: `account` by name, or `facility`, one of the two.

    Attributes:
        series: Series Instance UID; `""` for all of the study.
        days: how long; 0 until it is taken back.
    """

    study: _Uid
    series: Annotated[str, msgspec.Meta(max_length=128)] = ""
    kind: Literal["shared", "assigned"] = "shared"
    account: _Name = ""
    facility: _Name = ""
    days: _Days = 0


class ShareShown(msgspec.Struct, frozen=True, omit_defaults=True):
    """A share; times as ISO 8601 in UTC."""

    id: int
    kind: str
    study: str
    by: str
    at: str
    series: str = ""
    account: int = 0
    facility: str = ""
    expires: str = ""
    taken_back: str = ""


class Reason(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why the glass is broken."""

    reason: Annotated[str, msgspec.Meta(max_length=2000)]


class GlassBroken(msgspec.Struct, frozen=True):
    """Glass that was broken: its number, for how long, and what was said of it beforehand."""

    id: int
    lasts_s: int
    notice: str


class Notice(msgspec.Struct, frozen=True):
    """What is shown before the glass is broken."""

    notice: str
    lasts_s: int


class BrokenShown(msgspec.Struct, frozen=True):
    """Glass that waits for review."""

    id: int
    account: str
    study: str
    reason: str
    at: str
    expires: str


class Verdict(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a review found."""

    verdict: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]


class NewHold(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is held: `study`, or all of a patient."""

    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
    study: Annotated[str, msgspec.Meta(max_length=128)] = ""
    patient_id: _Name = ""
    issuer: _Name = ""


class HoldShown(msgspec.Struct, frozen=True, omit_defaults=True):
    """A hold that is in force."""

    id: int
    reason: str
    by: str
    at: str
    study: str = ""
    patient_id: str = ""
    issuer: str = ""


class Consent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a patient said to a purpose; `days`: how long that holds, 0 until they say otherwise."""

    patient_id: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    purpose: Purpose
    is_given: bool
    issuer: _Name = ""
    days: _Days = 0


def governing_routes(governing: Governing) -> list[HTTPRouteHandler]:
    """The routes, to be mounted under `/api`."""
    return [*_share_routes(governing), *_glass_routes(governing), *_hold_routes(governing)]


def _share_routes(governing: Governing) -> list[HTTPRouteHandler]:
    @post("/shares", takes="share", faults=(404,))
    async def given(request: AnyRequest, data: JSONBody[NewShareBody]) -> Made:
        """Shares or assigns a study, or one series of it."""
        new = NewShare(data.kind, data.study, data.series, to_facility=data.facility, expires_ns=_in(data.days))
        return Made(await governing.share(actor_of(request), new, data.account))

    @get("/shares", takes="share", faults=(404,))
    async def listed(request: AnyRequest, study: Annotated[str, Parameter(max_length=128)]) -> list[ShareShown]:
        """Lists all that was ever given of a study."""
        return [
            ShareShown(
                one.id,
                one.kind,
                one.study_instance_uid,
                one.created_by,
                time_of(one.created_ns),
                one.series_instance_uid,
                one.to_account,
                one.to_facility,
                time_of(one.expires_ns),
                time_of(one.revoked_ns),
            )
            for one in await governing.shares_of(actor_of(request), study)
        ]

    @delete("/shares/{share:int}", status_code=204, takes="share")
    async def taken_back(request: AnyRequest, share: Id) -> None:
        """Takes a share back."""
        await governing.take_back(actor_of(request), share)

    return [given, listed, taken_back]


def _glass_routes(governing: Governing) -> list[HTTPRouteHandler]:
    @get("/studies/{study:str}/break-glass", sync_to_thread=False, takes="break_glass")
    def notice(request: AnyRequest, study: Annotated[str, Parameter(max_length=128)]) -> Notice:
        """Tells what breaking the glass means; the same for every study, whether it is there or not."""
        del study
        governing.check_may_break(actor_of(request))
        return Notice(NOTICE, LASTS_S)

    @post("/studies/{study:str}/break-glass", takes="break_glass")
    async def broken(
        request: AnyRequest, study: Annotated[str, Parameter(max_length=128)], data: JSONBody[Reason]
    ) -> GlassBroken:
        """Opens a study in an emergency."""
        return GlassBroken(await governing.break_glass(actor_of(request), study, data.reason), LASTS_S, NOTICE)

    @get("/break-glass", takes="audit")
    async def waiting(request: AnyRequest) -> list[BrokenShown]:
        """Lists what waits for review."""
        return [
            BrokenShown(one.id, name, one.study_instance_uid, one.reason, time_of(one.at_ns), time_of(one.expires_ns))
            for one, name in await governing.to_review(actor_of(request))
        ]

    @post("/break-glass/{glass:int}/review", status_code=204, takes="audit")
    async def reviewed(request: AnyRequest, glass: Id, data: JSONBody[Verdict]) -> None:
        """Says what a review found; closes the study if it is still open."""
        await governing.review(actor_of(request), glass, data.verdict)

    return [notice, broken, waiting, reviewed]


def _hold_routes(governing: Governing) -> list[HTTPRouteHandler]:
    @post("/holds", takes="manage", faults=(404,))
    async def held(request: AnyRequest, data: JSONBody[NewHold]) -> Made:
        """Holds a study, or all of a patient: nothing of it is purged."""
        actor = actor_of(request)
        return Made(await governing.hold(actor, data.study, data.patient_id, data.issuer, data.reason))

    @get("/holds", takes="manage")
    async def holds(request: AnyRequest) -> list[HoldShown]:
        """Lists the holds in force."""
        return [
            HoldShown(
                one.id,
                one.reason,
                one.created_by,
                time_of(one.created_ns),
                one.study_instance_uid,
                one.patient_id,
                one.issuer,
            )
            for one in await governing.holds(actor_of(request))
        ]

    @delete("/holds/{hold:int}", status_code=204, takes="manage")
    async def lifted(request: AnyRequest, hold: Id) -> None:
        """Ends a hold."""
        await governing.lift(actor_of(request), hold)

    @post("/consents", status_code=204, takes="change", faults=(404,))
    async def consents(request: AnyRequest, data: JSONBody[Consent]) -> None:
        """Keeps what a patient said to a purpose."""
        await governing.record(
            actor_of(request),
            data.patient_id,
            data.issuer,
            data.purpose,
            is_given=data.is_given,
            expires_ns=_in(data.days),
        )

    return [held, holds, lifted, consents]


def _in(days: int) -> int:
    return time.time_ns() + days * _DAY_NS if days else 0
