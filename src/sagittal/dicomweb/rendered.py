"""WADO-RS rendered resources and thumbnails (PS3.18 Sections 10.4.1.1.3 and 10.4.1.1.4)."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from functools import lru_cache

import msgspec

from sagittal.archive.model import StoredInstance
from sagittal.dicom.web.accept import Offer, negotiate, parse_accept
from sagittal.dicomweb.context import Context
from sagittal.dicomweb.exchange import Accepting, Answer, Headers, Request
from sagittal.dicomweb.frame_types import frame_type
from sagittal.dicomweb.frames import parse_numbers
from sagittal.dicomweb.pieces import Multipart, Part, joined
from sagittal.dicomweb.problems import NotAcceptable
from sagittal.dicomweb.rendering import Rendering, parse_rendering, parse_thumbnail
from sagittal.dicomweb.subjects import MOVING, Presented, Subject, applied, presented, states_of
from sagittal.dicomweb.urls import scope_of
from sagittal.dicomweb.validators import REVALIDATED, UNCHANGING, etag_of, is_fresh
from sagittal.errors import NotFound, Unsupported
from sagittal.imaging.render.presentation.references import is_presentation_state
from sagittal.imaging.render.recipe import GIF, JPEG, MEDIA_TYPES, PNG, WEBP, Recipe
from sagittal.retrieve.presented import presented as rendered_by_state
from sagittal.retrieve.rendered import cine_numbers, has_pixels, middle_frame, rendered, representative
from sagittal.retrieve.scope import intact, locate

_RELATED = "multipart/related"
_CINE_ORDER = (GIF, JPEG, PNG, WEBP)
_FORM = "3"  # part of the entity tag: to be raised when the same frames give other pictures
_KEPT = "private, max-age=86400"
_SHORTEST_DIGEST = 12


_thumbnail_of = lru_cache(maxsize=64)(parse_thumbnail)  # pages ask for one size


async def retrieve(context: Context, request: Request, names: tuple[str, ...]) -> Answer:
    """`GET .../rendered` of a study, a series or an instance: a picture of each instance that has pixels."""
    rendering = parse_rendering(request.parameters())
    found = intact(await locate(context.archive, request.actor(), scope_of(names), request.deadline))
    states = states_of(found)
    if states:
        return await _present(context, request, await _presented(context, request, states), rendering)
    shown = _showable(found)
    offer = _negotiate(request, is_single=len(shown) == 1, is_cine=len(shown) == 1 and shown[0].frames > 1)
    media_type = offer.related_type or offer.essence
    subjects = [_subject(instance, media_type) for instance in shown]
    return await _answer(context, request, subjects, offer, rendering, REVALIDATED if len(names) < 3 else _KEPT)


async def retrieve_frames(context: Context, request: Request, names: tuple[str, ...]) -> Answer:
    """`GET .../frames/{list}/rendered`: a picture of each frame, in the order of the list."""
    rendering = parse_rendering(request.parameters())
    numbers = parse_numbers(names[3], context.limits.max_frames)
    found = intact(await locate(context.archive, request.actor(), scope_of(names[:3]), request.deadline))
    instance = found[0]
    _check_frames(instance, numbers)
    _showable(found)
    offer = _negotiate(request, is_single=len(numbers) == 1, is_cine=False)
    subjects = [Subject(instance, (number,)) for number in numbers]
    return await _answer(context, request, subjects, offer, rendering, _caching(request, instance))


async def thumbnail(context: Context, request: Request, names: tuple[str, ...]) -> Answer:
    """`GET .../thumbnail` of a study, a series, an instance or a frame: one small picture that stands for it."""
    recipe = _thumbnail_of(request.parameters())
    found = intact(await locate(context.archive, request.actor(), scope_of(names[:3]), request.deadline))
    states = states_of(found) if len(names) < 4 else []
    if states:
        shown = (await _presented(context, request, states[:1])).pictures(JPEG)[:1]
        offer = _negotiate(request, is_single=True, is_cine=False)
        return await _answer(context, request, shown, offer, Rendering(recipe), REVALIDATED)
    instance = representative(_showable(found))
    number = middle_frame(instance)
    if len(names) > 3:
        number = parse_numbers(names[3], 1)[0]
        _check_frames(instance, (number,))
    offer = _negotiate(request, is_single=True, is_cine=False)
    subjects = [Subject(instance, (number,))]
    caching = REVALIDATED if len(names) < 3 else _KEPT
    return await _answer(context, request, subjects, offer, Rendering(recipe), caching)


async def retrieve_presented(
    context: Context, request: Request, names: tuple[str, ...], state_names: tuple[str, ...], number: int | None
) -> Answer:
    """The picture of an instance, or of its frame `number`, as a presentation state shows it."""
    rendering = parse_rendering(request.parameters())
    try:
        shown = await applied(context, request, state_names, names, number)
    except Unsupported as error:
        raise NotAcceptable(str(error)) from error
    return await _present(context, request, shown, rendering)


async def _presented(context: Context, request: Request, states: Sequence[StoredInstance]) -> Presented:
    try:
        shown = await presented(context, request, states)
    except Unsupported as error:
        raise NotAcceptable(str(error)) from error
    if not shown.shown:
        raise NotAcceptable("what the presentation state shows has no pixels")
    return shown


async def _present(context: Context, request: Request, shown: Presented, rendering: Rendering) -> Answer:
    """The pictures of what presentation states show. What they refer to may come later: they are asked for again."""
    stills = shown.pictures(JPEG)
    offer = _negotiate(request, is_single=len(stills) == 1 or shown.is_cine, is_cine=shown.is_cine)
    subjects = shown.pictures(offer.related_type or offer.essence)
    if len(subjects) > 1 and not offer.related_type:
        offer = Offer(_RELATED, offer.essence)
    notes = (f"{shown.missing} of the images that it shows are not kept here",) if shown.missing else ()
    return await _answer(context, request, subjects, offer, rendering, REVALIDATED, notes)


def _caching(request: Request, instance: StoredInstance) -> str:
    """For how long a picture of one instance is kept; for good where its address names the instance's bytes.

    Not in PS3.18: `v`, the first twelve or more hexadecimal digits of their digest, as our viewer has it.
    """
    named = next((value for name, value in request.parameters() if name == "v"), "")
    return UNCHANGING if len(named) >= _SHORTEST_DIGEST and instance.digest.hex().startswith(named) else _KEPT


def _showable(found: Sequence[StoredInstance]) -> list[StoredInstance]:
    """Those of which there are pictures."""
    shown = [one for one in found if _is_image(one)]
    if not shown:
        raise NotAcceptable(
            "none of the instances has pixels to show: there are no pictures of reports, documents, video"
        )
    return shown


def _is_image(instance: StoredInstance) -> bool:
    """Whether it has pixels of its own, as far as can be told without reading it; video is none."""
    is_other = is_presentation_state(instance.sop_class_uid) or frame_type(instance).essence.startswith("video/")
    return has_pixels(instance) and not is_other


def _check_frames(instance: StoredInstance, numbers: Sequence[int]) -> None:
    if not has_pixels(instance):
        raise NotFound(f"instance {instance.sop_instance_uid} has no pixels, and so no frames")
    most = max(1, instance.frames)
    if max(numbers) > most:
        raise NotFound(f"instance {instance.sop_instance_uid} has {most} frames; there is no frame {max(numbers)}")


def _subject(instance: StoredInstance, media_type: str) -> Subject:
    if instance.frames > 1 and media_type in MOVING:
        return Subject(instance, cine_numbers(instance.frames))
    return Subject(instance, (middle_frame(instance),))


def _negotiate(request: Request, *, is_single: bool, is_cine: bool) -> Offer:
    return _offer(request.accepting(), is_single=is_single, is_cine=is_cine)


@lru_cache(maxsize=64)  # clients say the same again and again
def _offer(accepting: Accepting, *, is_single: bool, is_cine: bool) -> Offer:
    """Which kind of picture; several go in one part each, also to a client that does not say so."""
    essences = _CINE_ORDER if is_cine else MEDIA_TYPES
    bare = [Offer(essence) for essence in essences]
    related = [Offer(_RELATED, essence) for essence in essences]
    choice = negotiate(parse_accept(*accepting), [*bare, *related] if is_single else [*related, *bare])
    if choice is None:
        raise NotAcceptable(f"pictures are given as {', '.join(MEDIA_TYPES)}, alone or in {_RELATED}")
    offer = choice.offer
    return offer if is_single or offer.related_type else Offer(_RELATED, offer.essence)


async def _answer(
    context: Context,
    request: Request,
    subjects: Sequence[Subject],
    offer: Offer,
    rendering: Rendering,
    caching: str,
    notes: tuple[str, ...] = (),
) -> Answer:
    recipe = msgspec.structs.replace(rendering.recipe, media_type=offer.related_type or offer.essence)
    numbers = ";".join(",".join(map(str, subject.numbers)) for subject in subjects)
    variant = (_FORM, offer.essence, numbers, repr(recipe))
    etag = etag_of([source for subject in subjects for source in subject.sources], *variant)
    headers: Headers = (("etag", etag), ("cache-control", caching), *request.varies)
    if rendering.ignored:
        notes += (f"not known here, left out: {', '.join(rendering.ignored)}",)
    headers += tuple(("warning", f'299 - "{note}"') for note in notes)
    if is_fresh(request, etag):
        return Answer(304, headers)
    if offer.essence != _RELATED:
        data = await _picture(context, request, subjects[0], recipe)
        return Answer(200, (("content-type", recipe.media_type), *headers), data)
    pictures = _pictures(context, request, subjects, recipe)
    try:
        first = await anext(pictures)  # made before the answer begins, so that an error in it still gets its status
    except StopAsyncIteration:
        raise NotAcceptable("none of the instances can be shown as a picture") from None
    multipart = Multipart(recipe.media_type)
    body = joined(multipart.write(_parts(first, pictures, recipe.media_type)))
    return Answer(200, (("content-type", multipart.content_type), *headers), body)


async def _picture(context: Context, request: Request, subject: Subject, recipe: Recipe) -> bytes:
    """One picture, small ones from the cache."""
    key = (*subject.key, recipe)
    kept = context.picture_cache.get(key)
    if kept is not None:
        return kept
    try:
        data = await _made(context, request, subject, recipe)
    except Unsupported as error:
        raise NotAcceptable(str(error)) from error
    if len(data) <= _LARGEST_KEPT_BYTES:
        context.picture_cache.put(key, data)
    return data


async def _made(context: Context, request: Request, subject: Subject, recipe: Recipe) -> bytes:
    archive, actor, pool = context.archive, request.actor(), context.pool
    instance, numbers, state = subject
    if state is None:
        return await rendered(archive, actor, pool, instance, numbers, recipe, request.deadline)
    return await rendered_by_state(archive, actor, pool, state, instance, numbers, recipe, request.deadline)


async def _pictures(
    context: Context, request: Request, subjects: Sequence[Subject], recipe: Recipe
) -> AsyncGenerator[bytes, None]:
    """The pictures one by one; of several instances, those that cannot be shown are left out."""
    is_one_instance = len({subject.instance.sop_instance_uid for subject in subjects}) == 1
    for subject in subjects:
        try:
            yield await _picture(context, request, subject, recipe)
        except NotAcceptable:
            if is_one_instance:
                raise


async def _parts(first: bytes, others: AsyncGenerator[bytes, None], media_type: str) -> AsyncIterator[Part]:
    yield Part(media_type, len(first), _once(first))
    async for data in others:
        yield Part(media_type, len(data), _once(data))


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data


_LARGEST_KEPT_BYTES = 64 * 1024
