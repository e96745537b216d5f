"""The light viewer at `/view/{study}`: the page, what it has to know of a series, and its files.

Pictures and frames come from DICOMweb. Every address below `/view` goes through the rooms, which ask the policy.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
from litestar import Response, Router, get
from litestar.params import FromPath, FromQuery

from sagittal.access.permits import may
from sagittal.archive.archive import Archive
from sagittal.archive.model import StoredInstance
from sagittal.dicom.identifiers import SeriesUID, StudyUID
from sagittal.dicom.matching import Key
from sagittal.errors import SagittalError
from sagittal.find import Level, Query, find
from sagittal.imaging.describing import Described
from sagittal.retrieve.described import described
from sagittal.retrieve.rendered import has_pixels, middle_frame
from sagittal.retrieve.scope import Scope, intact, locate
from sagittal.retrieve.video import is_video
from sagittal.runtime.actor import Actor
from sagittal.runtime.deadline import Deadline
from sagittal.runtime.pools import WorkerPool
from sagittal.web.packing import kept, packed
from sagittal.web.pages import AnyRequest, actor_of
from sagittal.web.problems import failed
from sagittal.web.showing import clean
from sagittal.web.viewer_drawn import drawn_routes
from sagittal.web.viewer_files import viewer_files
from sagittal.web.viewer_findings import findings_routes
from sagittal.web.viewer_page import POLICY, Opened, SeriesShown, StudyShown, first_picture, viewer_page
from sagittal.web.viewer_paths import checked

PATH = "/view"
_TIMEOUT_S = 60.0
_MAX_SERIES, _MAX_PRIORS = 1000, 50
_NO_PICTURES = ("SR", "KO", "PR", "SEG", "RTSTRUCT", "DOC", "REG", "ECG", "AU", "PLAN", "RTPLAN", "RTRECORD")
_VOLUMES, _FEWEST = ("CT", "MR", "PT"), 4
_PAGE_HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cache-control": "no-store",
}
_NOT_KEPT = {"cache-control": "no-store"}
_Tags = Mapping[str, dict[str, Any]]  # Any: values of DICOM JSON


class SeriesDescribed(msgspec.Struct, frozen=True):
    """What instances have in common, and what each has of its own."""

    common: Described
    instances: list[Described]


class Viewer(NamedTuple):
    """What the handlers work with."""

    archive: Archive
    pool: WorkerPool


def light_viewer(archive: Archive, pool: WorkerPool) -> Router:
    """The routes of the viewer."""
    viewer, files = Viewer(archive, pool), viewer_files()

    @get("/{study:str}", media_type="text/html")
    async def page(request: AnyRequest, study: FromPath[str], series: FromQuery[str] = "") -> Response[bytes]:
        """The page of a study, beginning with a series if one is named."""
        deadline = Deadline.after(_TIMEOUT_S)
        opened, picture = await _opened(viewer, actor_of(request), checked(study), series, deadline)
        return _packed(request, viewer_page(opened, files, picture).encode(), "text/html; charset=utf-8", _PAGE_HEADERS)

    @get("/{study:str}/study")
    async def overview(request: AnyRequest, study: FromPath[str]) -> Response[bytes]:
        """What the page of another study would begin with: for a prior beside the current one."""
        opened, _ = await _opened(viewer, actor_of(request), checked(study), "", Deadline.after(_TIMEOUT_S))
        return _packed(request, msgspec.json.encode(opened))

    @get("/{study:str}/series/{series:str}")
    async def description(request: AnyRequest, study: FromPath[str], series: FromPath[str]) -> Response[bytes]:
        """The instances of a series as the viewer needs to know them."""
        deadline, actor = Deadline.after(_TIMEOUT_S), actor_of(request)
        scope = Scope(study=StudyUID(checked(study)), series=SeriesUID(checked(series)))
        found = intact(await locate(archive, actor, scope, deadline))
        return _packed(request, msgspec.json.encode(shortened(await described(archive, actor, pool, found, deadline))))

    @get("/files/{version:str}/{name:str}")
    async def file(request: AnyRequest, version: FromPath[str], name: FromPath[str]) -> Response[bytes]:
        """A file of the viewer."""
        found = files.files.get(name) if version == files.version else None
        if found is None:
            return Response(b"", status_code=404, headers={"cache-control": "no-store"})
        return await kept(found, request.headers.get("accept-encoding", ""))

    return Router(
        path=PATH,
        route_handlers=[page, overview, description, file, *findings_routes(archive), *drawn_routes(archive, pool)],
        exception_handlers={SagittalError: failed},
    )


def _packed(
    request: AnyRequest,
    content: bytes,
    media_type: str = "application/json",
    headers: Mapping[str, str] = _NOT_KEPT,
) -> Response[bytes]:
    return packed(content, request.headers.get("accept-encoding", ""), media_type, headers)


def shortened(instances: list[Described]) -> SeriesDescribed:
    """What all have in common said once.

    >>> shortened([{"a": 1, "b": 2}, {"a": 1, "b": 3}])
    SeriesDescribed(common={'a': 1}, instances=[{'b': 2}, {'b': 3}])
    """
    first = instances[0] if instances else {}
    common = {
        name: value
        for name, value in first.items()
        if all(name in one and one[name] == value for one in instances) and len(instances) > 1
    }
    own = [{name: value for name, value in one.items() if name not in common} for one in instances]
    return SeriesDescribed(common, own)


async def _opened(viewer: Viewer, actor: Actor, study: str, series: str, deadline: Deadline) -> tuple[Opened, str]:
    """What a page begins with, and the address of its first picture."""
    archive = viewer.archive
    stored = intact(await locate(archive, actor, Scope(study=StudyUID(study)), deadline))
    query = Query(level=Level.SERIES, keys=(Key((0x0020000D,), "UI", (study,)),), limit=_MAX_SERIES)
    answers = [_read(found.text()) async for found in find(archive, actor, query, deadline)]
    above = answers[0] if answers else {}
    shown = [_series(one) for one in answers]
    instance = _first(stored, shown, series)
    number = middle_frame(instance) if instance is not None else 0
    opened = Opened(
        study=_study(above | {"0020000D": {"vr": "UI", "Value": [study]}}),
        patient=_patient(above),
        series=shown,
        priors=await _priors(archive, actor, above, study, deadline),
        first=[instance.series_instance_uid, instance.sop_instance_uid, str(number)] if instance is not None else [],
        may_keep=may(actor, "store"),
    )
    return opened, first_picture(study, instance, number) if instance is not None else ""


def _first(stored: tuple[StoredInstance, ...], shown: list[SeriesShown], wanted: str) -> StoredInstance | None:
    """The instance in the middle of the series that is wanted, else of the first in the strip that has pictures."""
    by_series: dict[str, list[StoredInstance]] = {}
    for instance in stored:
        by_series.setdefault(instance.series_instance_uid, []).append(instance)
    pictured = [one for one in shown if one.modality not in _NO_PICTURES]
    pictured.sort(key=lambda one: one.modality in _VOLUMES and one.instances < _FEWEST)  # localizers come last
    names = [one.uid for one in pictured]
    for uid in ([wanted] if wanted in by_series else []) + names:
        pictures = [one for one in by_series.get(uid, []) if has_pixels(one) and not is_video(one)]
        if pictures:
            return pictures[len(pictures) // 2]
    return None


async def _priors(archive: Archive, actor: Actor, above: _Tags, study: str, deadline: Deadline) -> list[StudyShown]:
    """The other studies of the same patient, newest first, as far as they may ask for them."""
    patient = text_of(above, "00100020")
    if not patient or not may(actor, "query"):
        return []
    keys = [Key((0x00100020,), "LO", (patient,))]
    if issuer := text_of(above, "00100021"):
        keys.append(Key((0x00100021,), "LO", (issuer,)))
    if any(character in patient for character in "*?\\"):
        return []
    query = Query(level=Level.STUDY, keys=tuple(keys), limit=_MAX_PRIORS)
    found = [_study(_read(one.text())) async for one in find(archive, actor, query, deadline)]
    return [one for one in found if one.uid != study]


def _read(text: str) -> dict[str, dict[str, Any]]:  # Any: values of DICOM JSON
    found: dict[str, dict[str, Any]] = msgspec.json.decode(text)  # Any: as above
    return found


def _series(tags: _Tags) -> SeriesShown:
    return SeriesShown(
        uid=text_of(tags, "0020000E"),
        number=text_of(tags, "00200011"),
        modality=text_of(tags, "00080060"),
        description=text_of(tags, "0008103E"),
        instances=int(text_of(tags, "00201209") or 0),
    )


def _study(tags: _Tags) -> StudyShown:
    return StudyShown(
        uid=text_of(tags, "0020000D"),
        date=text_of(tags, "00080020"),
        time=text_of(tags, "00080030"),
        description=text_of(tags, "00081030"),
        modalities="/".join(map(str, tags.get("00080061", {}).get("Value", []))),
        accession=text_of(tags, "00080050"),
    )


def _patient(tags: _Tags) -> dict[str, str]:
    names = {"name": "00100010", "id": "00100020", "birth": "00100030", "sex": "00100040"}
    return {name: said for name, tag in names.items() if (said := text_of(tags, tag))}


def text_of(tags: _Tags, tag: str) -> str:
    """The first value as text; of a person name the first group that is there, its parts in reading order."""
    value = next(iter(tags.get(tag, {}).get("Value", [])), "")
    if isinstance(value, dict):
        group = next((group for group in value.values() if group), "")
        family, *others = [part.strip() for part in str(group).split("^")]
        return clean(", ".join(part for part in (family, " ".join(filter(None, others))) if part))
    return "" if value is None else clean(str(value))
