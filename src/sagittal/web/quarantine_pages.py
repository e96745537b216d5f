"""What is kept aside at `/quarantine`: listed, side by side with what the archive has, decided about, undone."""

from typing import Any, Final, Literal

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery

from sagittal.archive.archive import Archive
from sagittal.archive.index.aside import Kept
from sagittal.dicom.json_model.differences import Difference
from sagittal.errors import Invalid, SagittalError
from sagittal.lifecycle.deciding import CHOICES, Choice, decide, decisions, undo
from sagittal.lifecycle.quarantine import Pair, aside_of, how_many, kept_aside, pair_of, verify_again
from sagittal.lifecycle.reasons import NAMES, REASONS
from sagittal.lifecycle.rejecting import reject
from sagittal.retrieve.comparing import Comparison, compare
from sagittal.retrieve.rendered import has_pixels
from sagittal.retrieve.video import is_video
from sagittal.runtime.actor import Actor
from sagittal.runtime.deadline import Deadline
from sagittal.runtime.pools import WorkerPool
from sagittal.web.admin_pages import tabs_of
from sagittal.web.forms import form_of
from sagittal.web.pages import AnyRequest, actor_of, leave_to, page
from sagittal.web.places import ADMIN, QUARANTINE, administers

_TIMEOUT_S: Final = 60.0
_LISTED: Final = 50
_Mark = Literal["≠", "−", "+"]


def quarantine_pages(archive: Archive, pool: WorkerPool) -> list[HTTPRouteHandler]:
    """The routes; `pool` decodes what is compared."""

    @get(QUARANTINE)
    async def listed(
        request: AnyRequest, before: FromQuery[int] = 0, decided: FromQuery[int] = 0, done: FromQuery[int] = 0
    ) -> Response[str]:
        """What waits, and what was decided."""
        actor, deadline = actor_of(request), Deadline.after(_TIMEOUT_S)
        values: dict[str, object] = {
            "waiting": await kept_aside(archive, actor, before=before or None, limit=_LISTED, deadline=deadline),
            "counts": await how_many(archive, actor, deadline),
            "decisions": await decisions(archive, actor, before=decided or None, limit=_LISTED, deadline=deadline),
            "most": _LISTED,
            "done": done,
        }
        return _page(request, "quarantine.html", values)

    @get(f"{QUARANTINE}/{{number:int}}")
    async def one(request: AnyRequest, number: FromPath[int], whole: FromQuery[str] = "") -> Response[str]:
        """What waits under a number, beside what the archive has."""
        actor, deadline = actor_of(request), Deadline.after(_TIMEOUT_S)
        pair = await pair_of(archive, actor, number, deadline)
        values = {
            "pair": pair,
            "aside": pair.aside,
            "sides": _sides(pair),
            "compared": await _compared(archive, actor, pool, pair, deadline),
            "mark": mark_of,
            "reasons": [(name, REASONS[code]) for name, code in NAMES.items()],
            "whole": whole,
        }
        return _page(request, "quarantine_one.html", values)

    return [listed, one, *_acts(archive)]


def _acts(archive: Archive) -> list[HTTPRouteHandler]:
    @post(f"{QUARANTINE}/{{number:int}}/decide")
    async def decided(request: AnyRequest, number: FromPath[int]) -> Response[str]:
        """Does what somebody decided."""
        form, deadline = await form_of(request), Deadline.after(_TIMEOUT_S)
        await aside_of(archive, actor_of(request), number, deadline)
        choice, reason, note = _choice(form.one("choice")), form.one("reason") or "quality", form.one("note")
        made = await decide(archive, actor_of(request), number, choice, reason=reason, note=note, deadline=deadline)
        return leave_to(f"{QUARANTINE}?done={made.id}")

    @post(f"{QUARANTINE}/{{number:int}}/verify")
    async def verified(request: AnyRequest, number: FromPath[int]) -> Response[str]:
        """Reads what is damaged once more."""
        is_whole = await verify_again(archive, actor_of(request), number, Deadline.after(_TIMEOUT_S))
        return leave_to(QUARANTINE if is_whole else f"{QUARANTINE}/{number}?whole=no")

    @post(f"{QUARANTINE}/{{number:int}}/reject")
    async def rejected(request: AnyRequest, number: FromPath[int]) -> Response[str]:
        """Rejects what is damaged, as a rejection like any other."""
        form, deadline, actor = await form_of(request), Deadline.after(_TIMEOUT_S), actor_of(request)
        kept = (await pair_of(archive, actor, number, deadline)).aside.kept
        named = {"study": kept.study_instance_uid, "instance": kept.sop_instance_uid}
        reason, note = form.one("reason") or "quality", form.one("note")
        made = await reject(archive, actor, **named, reason=reason, note=note, deadline=deadline)
        return leave_to(f"/rejections?done={made.id}")

    @post(f"{QUARANTINE}/decisions/{{number:int}}/undo")
    async def undone(request: AnyRequest, number: FromPath[int]) -> Response[str]:
        """Brings back what was before a decision."""
        await undo(archive, actor_of(request), number, deadline=Deadline.after(_TIMEOUT_S))
        return leave_to(QUARANTINE)

    return [decided, verified, rejected, undone]


def mark_of(one: Difference) -> _Mark:
    """How an attribute differs: in both, in the archive's only, in the newcomer's only.

    >>> mark_of(Difference("(0010,0020)", "PatientID", "LO", "1", None))
    '−'
    """
    return "+" if one.one is None else "−" if one.other is None else "≠"


def _page(request: AnyRequest, template: str, values: dict[str, Any]) -> Response[str]:  # Any: what a template shows
    actor = actor_of(request)
    tabs = tabs_of(actor) if administers(actor) else []
    here = ADMIN if tabs else QUARANTINE
    return page(request, template, values={"tabs": tabs, "tab": QUARANTINE, "here": here, **values})


def _sides(pair: Pair) -> list[tuple[str, Kept, bool]]:
    """By which word, what and whether there is a picture of it."""
    aside = pair.aside
    sides: list[tuple[str, Kept, bool]] = []
    for word, kept, stored in (("archive", aside.kept, pair.kept), ("newcomer", aside.newcomer, pair.newcomer)):
        if kept is not None:
            is_picture = stored is not None and not stored.is_corrupt and has_pixels(stored) and not is_video(stored)
            sides.append((word, kept, is_picture))
    return sides


async def _compared(
    archive: Archive, actor: Actor, pool: WorkerPool, pair: Pair, deadline: Deadline
) -> Comparison | None:
    """What differs; None where one of the two cannot be read."""
    if pair.kept is None or pair.newcomer is None:
        return None
    try:
        return await compare(archive, actor, pool, pair.kept, pair.newcomer, deadline)
    except SagittalError:
        return None


def _choice(said: str) -> Choice:
    for choice in CHOICES:
        if said == choice:
            return choice
    raise Invalid("a decision is keep, take or both")
