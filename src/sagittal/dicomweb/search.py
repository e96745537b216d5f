"""QIDO-RS: studies, series and instances that match (PS3.18 Section 10.6).

Nothing found is 200 with an empty list, as PS3.18 says today; it was 204 in editions before, which clients that decode
JSON stumble over.

A range of dates and one of the times that belong to it, both of the same form (`a-b`, `a-` or `-b`), are one range of
instants (combined datetime matching, PS3.4 Section C.2.2.2.5). Over DIMSE that has to be negotiated; a query string has
no negotiation and PS3.18 Section 8.3.4 no parameter for it, and "from the 5th 18:00 to the 6th 08:00" is what a person
who fills in both means. Ranges of other forms are matched each for itself.
"""

from collections.abc import AsyncGenerator, Iterable
from typing import NamedTuple

import msgspec

from sagittal.dicom import json_model
from sagittal.dicom.matching import DATE_TIME_PAIRS, Key
from sagittal.dicom.web.accept import Offer, negotiate
from sagittal.dicom.web.query_string import Search, parse_search
from sagittal.dicomweb.context import Context
from sagittal.dicomweb.exchange import Answer, Headers, Request
from sagittal.dicomweb.pieces import joined
from sagittal.dicomweb.problems import NotAcceptable
from sagittal.dicomweb.search_answer import DEPTHS, UID_TAGS, TextMaker, uids_of
from sagittal.dicomweb.urls import scope_of
from sagittal.dicomweb.xml_parts import XML_OFFERS, is_xml, xml_body
from sagittal.errors import Invalid, Unsupported
from sagittal.find import MAX_COUNT, Found, Level, Order, Query, count, find_batches, given, is_held_at, standing, told
from sagittal.retrieve.attributes import attributes

_ANSWERS = (Offer("application/dicom+json"), Offer("application/json"), *XML_OFFERS)
_KEPT_FROM_BYTES = 8192  # what is shorter is found as fast as it is kept
_WHOLE_ANSWERS = 500  # so many are made before the answer begins; more go out while they are found


async def patients(context: Context, request: Request, names: tuple[str, ...]) -> Answer:
    """`GET /patients`: not in PS3.18; some clients ask for it, and the level is in the index."""
    return await _search(context, request, names, Level.PATIENT)


async def studies(context: Context, request: Request, names: tuple[str, ...]) -> Answer:
    """`GET /studies`."""
    return await _search(context, request, names, Level.STUDY)


async def series(context: Context, request: Request, names: tuple[str, ...]) -> Answer:
    """`GET /series` and `GET /studies/{study}/series`."""
    return await _search(context, request, names, Level.SERIES)


async def instances(context: Context, request: Request, names: tuple[str, ...]) -> Answer:
    """`GET /instances`, `GET /studies/{study}/instances` and `GET /studies/{study}/series/{series}/instances`."""
    return await _search(context, request, names, Level.IMAGE)


async def _search(context: Context, request: Request, names: tuple[str, ...], level: Level) -> Answer:
    choice = negotiate(request.accept(), _ANSWERS)
    if choice is None:
        raise NotAcceptable("the answer to a search is application/dicom+json or application/dicom+xml")
    # Large answers are kept while the index stays as it is: work lists and long studies are asked for over and over.
    stands_on = standing(context.archive, request.actor())
    question = (level, names, request.query_string, request.base_url, choice.offer.essence)
    known = context.answer_cache.get(question, stands_on)
    making = _making(context, request, names, level)
    if known is not None:
        await told(context.archive, request.actor(), making.query)
        return known
    answer = await _found(making, choice.offer)
    if isinstance(answer.body, bytes) and len(answer.body) >= _KEPT_FROM_BYTES:
        context.answer_cache.put(question, stands_on, answer)
    return answer


def _making(context: Context, request: Request, names: tuple[str, ...], level: Level) -> "_Making":
    search = parse_search(request.parameters())
    limit = _limit(context, search)
    query = Query(
        level=level,
        keys=_keys(search, names),
        fuzzy=search.is_fuzzy,
        combined=_is_combined(search.keys),
        limit=limit + 1,  # one more than is given shows whether there are more
        offset=search.offset,
        included=search.included,
        order=tuple(Order(*sorting) for sorting in search.order),
    )
    return _Making(context, request, names, level, search, limit, query)


async def _found(making: "_Making", offer: Offer) -> Answer:
    try:
        page = await _page(making)
    except Unsupported as error:
        # An answer that leaves a condition out would show what was not asked for: the query is refused.
        raise Invalid(str(error)) from error
    headers: Headers = (("cache-control", "no-store"), ("vary", "accept"))
    if page.total is not None:
        headers += (("x-total-count", str(page.total)),)
    headers += tuple(("warning", f'299 sagittal "{warning}"') for warning in _warnings(making, page))
    if page.rest is None and not is_xml(offer) and not making.to_be_read:
        return Answer(200, (("content-type", offer.essence), *headers), making.whole(page))
    texts = making.texts(page)
    if is_xml(offer):
        content_type, body = xml_body(texts)
    else:
        content_type, body = offer.essence, _json_array(texts)
    headers = (("content-type", content_type), *headers)
    if page.rest is None:
        return Answer(200, headers, b"".join([piece async for piece in body]))
    return Answer(200, headers, joined(body))


def _limit(context: Context, search: Search) -> int:
    most = context.limits.max_answers
    return most if search.limit is None else min(search.limit, most)


class _Page(NamedTuple):
    """What was found.

    Attributes:
        first: the first answers, all of them if `rest` is None.
        rest: the others, still to be found.
        total: how many match, None if that is not known.
        has_more: whether some match beyond the limit.
    """

    first: list[Found]
    rest: AsyncGenerator[list[Found], None] | None
    total: int | None
    has_more: bool


async def _page(making: "_Making") -> _Page:
    """The first answers, and as much about the others as the headers of the answer have to say."""
    search, limit, query = making.search, making.limit, making.query
    archive, actor, deadline = making.context.archive, making.request.actor(), making.request.deadline
    found = find_batches(archive, actor, query, deadline)
    first, is_all = [], True
    async for batch in found:
        first += batch
        if len(first) >= _WHOLE_ANSWERS:  # the others are left for later
            is_all = False
            break
    if is_all and len(first) <= limit and (first or not search.offset):
        return _Page(first, None, search.offset + len(first), False)
    total = await count(archive, actor, query, deadline)
    if not is_all and total is None:  # only looking at all of them tells whether there are more
        first += [one async for batch in found for one in batch]
        is_all = True
    has_more = len(first) > limit if is_all or total is None else total > search.offset + limit
    known = total if total is None or total <= MAX_COUNT else None
    return _Page(first[:limit], None if is_all else found, known, has_more)


def _keys(search: Search, names: tuple[str, ...]) -> tuple[Key, ...]:
    """The keys of the query and of the path; both may name a study, and must then say the same."""
    scope_of(names)
    keys = {key.path: key for key in search.keys}
    for tag, uid in zip(UID_TAGS, names, strict=False):
        said = keys.get((tag,))
        if said is not None and said.values and uid not in said.values:
            raise Invalid("the path and the query string name different UIDs")
        keys[(tag,)] = Key((tag,), "UI", (uid,))
    return tuple(keys.values())


def _is_combined(keys: Iterable[Key]) -> bool:
    """Whether a date and the time that belongs to it are both ranges of the same form."""
    forms = {key.path: _range_form(key.values[0]) for key in keys if len(key.values) == 1}
    for path, form in forms.items():
        time = DATE_TIME_PAIRS.get(path[-1])
        if time is not None and form is not None and forms.get((*path[:-1], time)) == form:
            return True
    return False


def _range_form(value: str) -> tuple[bool, bool] | None:
    """Whether a range has a beginning and an end; None if it is no range."""
    low, hyphen, high = value.partition("-")
    return (bool(low.strip()), bool(high.strip())) if hyphen else None


def _warnings(making: "_Making", page: _Page) -> list[str]:
    """What the client should know of its search (PS3.18 Section 8.3.4.4 for the answers left out)."""
    search, limit = making.search, making.limit
    warnings = []
    if page.has_more and (search.limit is None or search.limit > limit):
        warnings.append(f"there are more than {limit} answers; further ones from offset={search.offset + limit} on")
    if search.ignored:
        warnings.append(f"not parameters of a search, and passed over: {', '.join(search.ignored[:20])}")
    return warnings


class _Making(NamedTuple):
    """A search being answered."""

    context: Context
    request: Request
    names: tuple[str, ...]
    level: Level
    search: Search
    limit: int
    query: Query

    @property
    def to_be_read(self) -> list[tuple[int, ...]]:
        """The included attributes that come from the headers."""
        search = self.search
        indexed = given(self.context.archive, search.keys, search.included) if search.included else ()
        return [path for path in search.included if path not in indexed and self._is_to_be_read(path[0])]

    def whole(self, page: _Page) -> bytes:
        """All answers as a JSON array, where nothing is to be read for them."""
        text = self._maker().text
        return ("[" + ",".join([text(found) for found in page.first]) + "]").encode()

    async def texts(self, page: _Page) -> AsyncGenerator[str, None]:
        """Each answer as a JSON object."""
        extra = self.to_be_read
        maker = self._maker()
        left = self.limit
        async for found in _chained(page):
            if not left:
                return
            left -= 1
            text = maker.text(found)
            yield await self._with(extra, text, uids_of(found, self.level, self.names)) if extra else text

    def _maker(self) -> TextMaker:
        search = self.search
        is_deep = DEPTHS[self.level] > len(self.names) + 1
        with_above = is_deep or bool(search.keys or search.included) or search.includes_all
        return TextMaker(self.level, self.names, self.request.base_url, with_above=with_above)

    def _is_to_be_read(self, tag: int) -> bool:
        """Whether an included attribute comes from the headers: what is known to be of a level below never comes."""
        below = {Level.STUDY: (Level.SERIES, Level.IMAGE), Level.SERIES: (Level.IMAGE,)}.get(self.level, ())
        if self.level is Level.PATIENT or is_held_at(self.level, tag):
            return False
        return not any(is_held_at(one, tag) for one in below)

    async def _with(self, paths: list[tuple[int, ...]], text: str, uids: tuple[str, ...]) -> str:
        """The answer with attributes of the stored headers beside those of the index."""
        archive, request = self.context.archive, self.request
        extra = await attributes(archive, request.actor(), scope_of(uids), paths, request.deadline)
        merged = json_model.merge(extra, json_model.loads(text)[0])
        return msgspec.json.encode(merged).decode()


async def _chained(page: _Page) -> AsyncGenerator[Found, None]:
    for found in page.first:
        yield found
    if page.rest is not None:
        async for batch in page.rest:
            for found in batch:
                yield found


async def _json_array(texts: AsyncGenerator[str, None]) -> AsyncGenerator[bytes, None]:
    before = "["
    async for text in texts:
        yield (before + text).encode()
        before = ","
    yield b"[]" if before == "[" else b"]"
