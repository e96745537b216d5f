"""A study at `/studies/{uid}`: its series, what can be done with it, and the attributes of its instances."""

from typing import Any, Final, NamedTuple
from urllib.parse import quote

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery

from sagittal.access.permits import may, may_at
from sagittal.archive.archive import Archive
from sagittal.find.listing import Listed
from sagittal.find.state import state_of
from sagittal.find.study import checked, series_of, study_of
from sagittal.lifecycle.reasons import NAMES, REASONS
from sagittal.lifecycle.rejecting import reject, rejections, restore
from sagittal.retrieve.sending import Sending, part_of
from sagittal.retrieve.tags import tags_of
from sagittal.runtime.actor import Actor
from sagittal.runtime.deadline import Deadline
from sagittal.web.forms import form_of, visit_of
from sagittal.web.pages import AnyRequest, actor_of, leave_to, page
from sagittal.web.places import STUDIES
from sagittal.web.showing import clean

REJECTIONS: Final = "/rejections"
_TIMEOUT_S: Final = 60.0
_MOST_VALUE: Final = 400
_MOST_WHOLE: Final = 16_384
NO_PICTURES: Final = frozenset(
    {"SR", "KO", "PR", "SEG", "RTSTRUCT", "RTPLAN", "RTRECORD", "DOC", "REG", "ECG", "AU", "PLAN", "FID", "RWV", "HD"}
)
"""Modalities that have nothing to show in a thumbnail."""


class Around(NamedTuple):
    """What the site has beside the archive: its DICOMweb, OHIF, and who sends."""

    dicomweb_root: str
    has_ohif: bool
    sending: Sending


def study_pages(archive: Archive, around: Around) -> list[HTTPRouteHandler]:
    """The routes."""

    @get(f"{STUDIES}/{{uid:str}}")
    async def study(request: AnyRequest, uid: FromPath[str]) -> Response[str]:
        """The study."""
        actor, deadline = actor_of(request), Deadline.after(_TIMEOUT_S)
        found = await study_of(archive, actor, uid, deadline)
        values: dict[str, Any] = {  # Any: what a template shows
            "s": found,
            "state": state_of(found, archive.now_ns()),
            "series": await series_of(archive, actor, uid, deadline),
            "may": _may(actor, found.facility),
            "viewers": _viewers(found, visit_of(request).origin, around),
            "destinations": around.sending.destinations(),
            "root": around.dicomweb_root,
            "reasons": [(name, REASONS[code]) for name, code in NAMES.items()],
            "no_pictures": NO_PICTURES,
            "here": STUDIES,
        }
        return page(request, "study.html", values=values)

    @get(f"{STUDIES}/{{uid:str}}/tags")
    async def tags(
        request: AnyRequest, uid: FromPath[str], series: FromQuery[str] = "", instance: FromQuery[str] = ""
    ) -> Response[str]:
        """The attributes of an instance; of the first of the study or series where none is named."""
        actor, deadline = actor_of(request), Deadline.after(_TIMEOUT_S)
        found = await study_of(archive, actor, uid, deadline)
        tagged = await tags_of(archive, actor, part_of(uid, series), instance, deadline)
        values = {
            "s": found,
            "one": tagged.instance,
            "rows": [(row, clean(row.value, _MOST_VALUE), _whole(row.value)) for row in tagged.rows],
            "before": tagged.before,
            "after": tagged.after,
            "at": tagged.at,
            "of": tagged.of,
            "here": STUDIES,
        }
        return page(request, "tags.html", values=values)

    return [study, tags, *_rejecting(archive)]


def _rejecting(archive: Archive) -> list[HTTPRouteHandler]:
    @post(f"{STUDIES}/{{uid:str}}/reject")
    async def rejected(request: AnyRequest, uid: FromPath[str]) -> Response[str]:
        """Takes the study, or a series of it, out of every answer."""
        form, deadline = await form_of(request), Deadline.after(_TIMEOUT_S)
        series = form.one("series")
        done = await reject(
            archive,
            actor_of(request),
            study=checked(uid),
            series=checked(series) if series else None,
            reason=form.one("reason") or "quality",
            note=form.one("note"),
            deadline=deadline,
        )
        return leave_to(f"{REJECTIONS}?done={done.id}")

    @get(REJECTIONS)
    async def listed(request: AnyRequest, done: FromQuery[int] = 0, before: FromQuery[int] = 0) -> Response[str]:
        """What was rejected, each with its way back."""
        deadline = Deadline.after(_TIMEOUT_S)
        found = await rejections(archive, actor_of(request), before=before or None, limit=50, deadline=deadline)
        return page(request, "rejections.html", rejections=found, done=done, here=REJECTIONS)

    @post(f"{REJECTIONS}/{{number:int}}/restore")
    async def restored(request: AnyRequest, number: FromPath[int]) -> Response[str]:
        """Brings back what a rejection took away."""
        done = await restore(archive, actor_of(request), number, deadline=Deadline.after(_TIMEOUT_S))
        is_there = bool(done.study_instance_uid)
        return leave_to(f"{STUDIES}/{done.study_instance_uid}" if is_there else REJECTIONS)

    return [rejected, listed, restored]


def _may(actor: Actor, facility: str) -> dict[str, bool]:
    return {
        "read": may(actor, "read"),
        "export": may(actor, "export"),
        "send": may(actor, "send"),
        "change": may_at(actor, "change", facility),
        "share": may(actor, "share") and actor.kind == "person",
    }


def _viewers(study: Listed, origin: str, around: Around) -> list[tuple[str, str]]:
    """Programs that open the study, and how they are called."""
    uid, root = study.study_instance_uid, origin + around.dicomweb_root
    viewers = [("OHIF", f"/ohif/viewer?StudyInstanceUIDs={uid}")] if around.has_ohif else []
    weasis = f'$dicom:rs --url "{root}" -r "studyUID={uid}"'
    viewers.append(("Weasis", f"weasis://?{quote(weasis, safe='')}"))
    slicer = f"studyUID={uid}&dicomweb_endpoint={quote(root, safe='')}"
    viewers.append(("3D Slicer", f"slicer://viewer/?{slicer}"))
    return viewers


def _whole(value: str) -> str:
    """All of a value that is cut where it stands; `""` where it is not."""
    return clean(value, _MOST_WHOLE) if len(value) > _MOST_VALUE else ""
