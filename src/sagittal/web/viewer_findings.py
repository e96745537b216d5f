"""`/view/{study}/kept`: measurements, key images and shown states, kept as instances of the study and read back."""

import asyncio
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Annotated, Final, Literal

import msgspec
from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody, Parameter

from sagittal.archive.archive import Archive
from sagittal.archive.model import StoredInstance
from sagittal.dicom import json_model
from sagittal.dicom.findings import key_images, measurements, presentation
from sagittal.dicom.findings.content import Image, Making
from sagittal.dicom.findings.marks import Word, marks_in
from sagittal.dicom.findings.measurements import Measurement, Value
from sagittal.dicom.findings.presentation import ShownState
from sagittal.dicom.findings.reading import text
from sagittal.dicom.identifiers import StudyUID
from sagittal.dicom.json_model import JsonDataset
from sagittal.dicom.json_model.instance import encode_parts
from sagittal.errors import Corrupt, Invalid, SagittalError
from sagittal.ingest.made import store_made
from sagittal.retrieve.metadata import read_parts
from sagittal.retrieve.scope import Scope, intact, locate
from sagittal.runtime.actor import Actor
from sagittal.runtime.deadline import Deadline
from sagittal.runtime.log import get_logger
from sagittal.web.pages import AnyRequest, actor_of
from sagittal.web.viewer_paths import checked

log = get_logger(__name__)

_TIMEOUT_S: Final = 60.0
_MAX_READ: Final = 200
_MAX_BYTES: Final = 8 * 1024**2
_POINTS: Final = {"length": 2, "angle": 3, "bidirectional": 4, "ellipse": 2, "rectangle": 2, "point": 1}

_Study = Annotated[str, Parameter(max_length=64, description="Study Instance UID")]
_Uid = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
_Word = Annotated[str, msgspec.Meta(max_length=64)]
_Far = Annotated[float, msgspec.Meta(ge=-1e6, le=1e6)]
_Number = Annotated[float, msgspec.Meta(ge=-1e15, le=1e15)]
_Corner = Annotated[int, msgspec.Meta(ge=-(2**30), le=2**30)]


class Place(msgspec.Struct, frozen=True):
    """A frame of an instance, from 1; 0 for an instance that has one."""

    uid: _Uid
    frame: Annotated[int, msgspec.Meta(ge=0, le=2**30)] = 0


class NamedValue(msgspec.Struct, frozen=True):
    """A number that was measured."""

    name: Literal["length", "angle", "long", "short", "area", "value", "mean", "sd"]
    value: _Number
    unit: _Word = ""


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """A measurement: points are column and row from the outer corner of the first pixel."""

    kind: measurements.Kind
    place: Place
    points: Annotated[list[tuple[_Far, _Far]], msgspec.Meta(max_length=4)]
    values: Annotated[list[NamedValue], msgspec.Meta(max_length=8)] = []


class AsShown(msgspec.Struct, frozen=True, kw_only=True):
    """How a frame is shown; see `dicom.findings.presentation.ShownState`."""

    place: Place
    area: tuple[_Corner, _Corner, _Corner, _Corner]
    window: tuple[_Number, Annotated[float, msgspec.Meta(gt=0, le=1e15)]] | None = None
    quarters: Annotated[int, msgspec.Meta(ge=0, le=3)] = 0
    is_flipped: bool = False
    shape: Literal["IDENTITY", "INVERSE"] = "IDENTITY"


class ToKeep(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be kept: each kind becomes an instance of its own, where there is something of it."""

    measures: Annotated[list[Measured], msgspec.Meta(max_length=500)] = []
    keys: Annotated[list[Place], msgspec.Meta(max_length=500)] = []
    state: AsShown | None = None


class KeptUids(msgspec.Struct, frozen=True, kw_only=True):
    """SOP Instance UIDs of what was kept; `""` where there was nothing to keep."""

    report: str = ""
    keys: str = ""
    state: str = ""


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """Which instance something was read from, and of when."""

    uid: str
    date: str = ""


class KeptMeasure(Measured, frozen=True, kw_only=True):
    """A measurement that was read back."""

    note: Note
    label: str = ""


class KeptShape(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A shape of a mark: in the frame `place`, or in the patient, by the Frame of Reference `reference`."""

    type: str
    points: tuple[float, ...]
    place: Place | None = None
    reference: str = ""


class KeptMark(msgspec.Struct, frozen=True, kw_only=True):
    """What a report marks in another way than measurements are drawn here."""

    label: str
    words: tuple[Word, ...]
    shapes: list[KeptShape]
    note: Note


class KeptState(AsShown, frozen=True, kw_only=True):
    """A presentation state that was read back."""

    note: Note
    label: str = ""


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What reports, selections and presentation states of the study say, whoever made them."""

    measures: list[KeptMeasure] = []
    marks: list[KeptMark] = []
    keys: list[Place] = []
    states: list[KeptState] = []


def findings_routes(
    archive: Archive, path: str = "/{study:str}/kept", now: Callable[[], datetime] = datetime.now
) -> tuple[HTTPRouteHandler, ...]:
    """The routes, to be mounted under `/view`, or elsewhere with another `path`; `now` is the local time here."""

    @get(path, takes="read")
    async def kept(request: AnyRequest, study: FromPath[_Study]) -> Response[Kept]:
        """Gives the measurements, key images and shown states of a study.

        What reports (PS3.16 TID 1500), Key Object Selections and presentation states of it say, whoever made them.
        """
        found = await _read_back(archive, actor_of(request), checked(study), Deadline.after(_TIMEOUT_S))
        return Response(found, headers={"cache-control": "no-store"})

    @post(path, status_code=201, request_max_body_size=1024**2, takes="store")
    async def keep(request: AnyRequest, study: FromPath[_Study], data: JSONBody[ToKeep]) -> Response[KeptUids]:
        """Keeps measurements, key images and how a picture is shown.

        Each kind becomes an instance of the study: a report, a Key Object Selection, a presentation state.
        """
        actor, deadline = actor_of(request), Deadline.after(_TIMEOUT_S)
        found = await _keep(archive, actor, checked(study), data, now(), deadline)
        return Response(found, status_code=201, headers={"cache-control": "no-store"})

    return kept, keep


async def _keep(archive: Archive, actor: Actor, study: str, data: ToKeep, at: datetime, deadline: Deadline) -> KeptUids:
    stored = intact(await locate(archive, actor, Scope(study=StudyUID(study)), deadline))
    by_uid = {str(one.sop_instance_uid): one for one in stored}
    places = [one.place for one in data.measures] + data.keys + ([data.state.place] if data.state else [])
    if not places:
        raise Invalid("there is nothing to keep")
    for one in data.measures:
        if len(one.points) != _POINTS[one.kind]:
            raise Invalid(f"a measurement of kind {one.kind} has {_POINTS[one.kind]} points; got {len(one.points)}")
    images = {place: _image(by_uid, place) for place in places}
    source = await _dataset(archive, actor, by_uid[places[0].uid], deadline)

    async def store(dataset: Callable[[Making], JsonDataset]) -> str:
        making = Making(source, _new_uid(), _new_uid(), at.strftime("%Y%m%d"), at.strftime("%H%M%S"), _author(actor))
        return str((await store_made(archive, actor, dataset(making), deadline)).sop_instance_uid)

    measured = [_measurement(one, images[one.place]) for one in data.measures]
    keys = [images[place] for place in dict.fromkeys(data.keys)]
    state = data.state
    shown = await _shown(archive, actor, by_uid, state, images[state.place], deadline) if state is not None else None
    return KeptUids(
        report=await store(lambda making: measurements.report(making, measured)) if measured else "",
        keys=await store(lambda making: key_images.selection(making, keys)) if keys else "",
        state=await store(lambda making: presentation.state(making, shown)) if shown is not None else "",
    )


def _image(by_uid: dict[str, StoredInstance], place: Place) -> Image:
    found = by_uid.get(place.uid)
    if found is None:
        raise Invalid("a finding is in an instance of the study; one names another")
    if place.frame > max(1, found.frames):
        raise Invalid(f"instance {found.sop_instance_uid} has {found.frames} frames; a finding names another")
    frame = place.frame if found.frames > 1 else 0
    return Image(found.sop_class_uid, found.sop_instance_uid, found.series_instance_uid, frame)


def _measurement(one: Measured, image: Image) -> Measurement:
    values = tuple(Value(value.name, value.value, value.unit) for value in one.values)
    return Measurement(kind=one.kind, points=tuple(one.points), image=image, values=values, uid=_new_uid())


async def _shown(
    archive: Archive,
    actor: Actor,
    by_uid: dict[str, StoredInstance],
    state: AsShown,
    image: Image,
    deadline: Deadline,
) -> ShownState:
    """The state with what it has to repeat of its image: the modality transformation and the size of pixels."""
    source = await _dataset(archive, actor, by_uid[state.place.uid], deadline)
    if not text(source, "00280004").startswith("MONOCHROME"):
        raise Invalid("a grayscale presentation state is of a picture in shades of grey; this one has colours")
    spacing = [float(value) for value in source.get("00280030", {"vr": "DS"}).get("Value", [])]  # type: ignore[arg-type]  # DS
    rescale = None
    if "00281052" in source:
        slope, intercept = text(source, "00281053") or "1", text(source, "00281052") or "0"
        rescale = (float(intercept), float(slope), text(source, "00281054"))
    return ShownState(
        image=image,
        window=state.window,
        area=state.area,
        quarters=state.quarters,
        is_flipped=state.is_flipped,
        shape=state.shape,
        spacing=(spacing[0], spacing[1]) if len(spacing) == 2 else None,
        rescale=rescale,
    )


async def _read_back(archive: Archive, actor: Actor, study: str, deadline: Deadline) -> Kept:
    stored = intact(await locate(archive, actor, Scope(study=StudyUID(study)), deadline))
    kept = Kept(measures=[], marks=[], keys=[], states=[])
    wanted = [one for one in stored if _is_finding(one)][-_MAX_READ:]
    frames = {str(one.sop_instance_uid): one.frames for one in stored}
    for instance in wanted:
        try:
            dataset = await _dataset(archive, actor, instance, deadline)
        except (Corrupt, Invalid) as error:  # what one peer wrote badly hides nothing of what others wrote
            log.info("finding not read", sop_instance_uid=instance.sop_instance_uid, kind=type(error).__name__)
            continue
        note = Note(uid=instance.sop_instance_uid, date=text(dataset, "00080023") or text(dataset, "00700082"))
        if _is_report(instance):
            kept.measures.extend(_measures(dataset, note, frames))
            kept.marks.extend(_marks(dataset, note, frames))
        if instance.sop_class_uid == key_images.SOP_CLASS_UID:
            kept.keys.extend(_place(image, frames) for image in key_images.images_in(dataset))
        state = presentation.state_in(dataset) if instance.sop_class_uid == presentation.SOP_CLASS_UID else None
        if state is not None:
            kept.states.append(_state(state, note, text(dataset, "00700081") or text(dataset, "00700080"), frames))
    return kept


def _is_finding(instance: StoredInstance) -> bool:
    names = (key_images.SOP_CLASS_UID, presentation.SOP_CLASS_UID)
    return (_is_report(instance) or instance.sop_class_uid in names) and instance.file_length <= _MAX_BYTES


def _is_report(instance: StoredInstance) -> bool:
    """Whether it is a structured report (PS3.3 Section A.35) that selects no key images."""
    is_report = instance.sop_class_uid.startswith("1.2.840.10008.5.1.4.1.1.88.")
    return is_report and instance.sop_class_uid != key_images.SOP_CLASS_UID


def _measures(dataset: JsonDataset, note: Note, frames: dict[str, int]) -> Iterator[KeptMeasure]:
    for one in measurements.measurements_in(dataset):
        known = {"length", "angle", "long", "short", "area", "value", "mean", "sd"}
        values = [NamedValue(value.name, value.value, value.unit) for value in one.values if value.name in known]  # type: ignore[arg-type]  # looked up
        place = _place(one.image, frames)
        points = list(one.points)
        label = "" if one.label.lower() == one.kind else one.label
        yield KeptMeasure(kind=one.kind, place=place, points=points, values=values, note=note, label=label)


def _marks(dataset: JsonDataset, note: Note, frames: dict[str, int]) -> Iterator[KeptMark]:
    for mark in marks_in(dataset):
        shapes = [
            KeptShape(
                type=one.type,
                points=one.points,
                place=_place(one.image, frames) if one.image is not None else None,
                reference=one.reference,
            )
            for one in mark.shapes
        ]
        yield KeptMark(label=mark.label, words=mark.words, shapes=shapes, note=note)


def _state(state: ShownState, note: Note, label: str, frames: dict[str, int]) -> KeptState:
    return KeptState(
        place=_place(state.image, frames),
        area=state.area,
        window=state.window,
        quarters=state.quarters,
        is_flipped=state.is_flipped,
        shape=state.shape,
        note=note,
        label=label,
    )


def _place(image: Image, frames: dict[str, int]) -> Place:
    is_many = frames.get(image.sop_instance_uid, 1) > 1
    return Place(image.sop_instance_uid, image.frame if image.frame and is_many else 1)


async def _dataset(archive: Archive, actor: Actor, instance: StoredInstance, deadline: Deadline) -> JsonDataset:
    parts = await read_parts(archive, actor, instance, deadline)
    try:
        return (await asyncio.to_thread(lambda: json_model.loads(encode_parts(parts, lambda _: ""))))[0]
    except SagittalError:
        raise
    except (ValueError, KeyError, IndexError) as error:
        raise Invalid(f"instance {instance.sop_instance_uid} cannot be read") from error


def _author(actor: Actor) -> str:
    return actor.name.replace("^", " ")[:64]


def _new_uid() -> str:
    """A UID made of a UUID (PS3.5 Section B.2)."""
    return f"2.25.{uuid.uuid4().int}"
