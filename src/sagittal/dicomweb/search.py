"""QIDO-RS: studies, series and instances that match (PS3.18 Section 10.6).

Nothing found is 200 with an empty list, as PS3.18 Section 10.6.3.1 says today; it was 204 in editions before, which
clients that decode JSON stumble over.
"""

import re
from collections.abc import Mapping

from sagittal.dicom.matching import Key
from sagittal.dicom.web.accept import Offer, negotiate
from sagittal.dicom.web.query_string import Search, parse_search
from sagittal.dicomweb.context import Context
from sagittal.dicomweb.exchange import Answer, Request
from sagittal.dicomweb.problems import NotAcceptable
from sagittal.dicomweb.urls import resource_url, scope_of
from sagittal.errors import Invalid, Unsupported
from sagittal.find import Found, Level, Query, find

_ANSWERS = (Offer("application/dicom+json"), Offer("application/json"))
_STUDY_UID, _SERIES_UID, _INSTANCE_UID = 0x0020000D, 0x0020000E, 0x00080018
_UID_TAGS = (_STUDY_UID, _SERIES_UID, _INSTANCE_UID)
_DEPTHS: Mapping[Level, int] = {Level.STUDY: 1, Level.SERIES: 2, Level.IMAGE: 3}  # UIDs that name an entity
_UIDS = {tag: re.compile(rf'"{tag:08X}":\{{"vr":"UI","Value":\["([^"]*)"\]') for tag in _UID_TAGS}


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
        raise NotAcceptable("the answer to a search is application/dicom+json")
    search = parse_search(request.parameters())
    most = context.limits.max_answers
    limit = most if search.limit is None else min(search.limit, most)
    # One more than is given shows whether there are more.
    query = Query(level=level, keys=_keys(search, names), fuzzy=search.is_fuzzy, limit=limit + 1, offset=search.offset)
    try:
        found = [answer async for answer in find(context.archive, request.actor(), query, request.deadline)]
    except Unsupported as error:
        # An answer that leaves a condition out would show what was not asked for: the query is refused.
        raise Invalid(str(error)) from error
    with_above = _DEPTHS[level] > len(names) + 1 or bool(search.keys or search.included) or search.includes_all
    texts = (_text(answer, level, names, request.base_url, with_above=with_above) for answer in found[:limit])
    body = f"[{','.join(texts)}]".encode()
    headers = [("content-type", choice.offer.essence), ("cache-control", "no-store"), ("vary", "accept")]
    headers += [("warning", f'299 sagittal "{warning}"') for warning in _warnings(search, limit, len(found))]
    return Answer(200, tuple(headers), body)


def _keys(search: Search, names: tuple[str, ...]) -> tuple[Key, ...]:
    """The keys of the query and of the path; both may name a study, and must then say the same."""
    scope_of(names)
    keys = {key.path: key for key in search.keys}
    for tag, uid in zip(_UID_TAGS, names, strict=False):
        said = keys.get((tag,))
        if said is not None and said.values and uid not in said.values:
            raise Invalid("the path and the query string name different UIDs")
        keys[(tag,)] = Key((tag,), "UI", (uid,))
    return tuple(keys.values())


def _warnings(search: Search, limit: int, found: int) -> list[str]:
    """What the client should know of its search (PS3.18 Section 8.3.4.4 for the answers left out)."""
    warnings = []
    if found > limit and (search.limit is None or search.limit > limit):
        warnings.append(f"there are more than {limit} answers; further ones from offset={search.offset + limit} on")
    if search.ignored:
        warnings.append(f"not parameters of a search, and passed over: {', '.join(search.ignored[:20])}")
    return warnings


def _text(found: Found, level: Level, names: tuple[str, ...], base_url: str, *, with_above: bool) -> str:
    """One answer: its RetrieveURL (0008,1190), the UIDs that lead to it, and what the index has."""
    uids = list(names[: _DEPTHS[level] - 1])
    uids += [_uid(found, tag) for tag in _UID_TAGS[len(uids) : _DEPTHS[level]]]
    members = [f'"00081190":{{"vr":"UR","Value":["{resource_url(base_url, *uids)}"]}}']
    if not with_above:
        pairs = zip(_UID_TAGS, uids[:-1], strict=False)
        members += [f'"{tag:08X}":{{"vr":"UI","Value":["{_escape(uid)}"]}}' for tag, uid in pairs]
    members += [found.own] if found.own else []
    members += [found.above] if with_above and found.above else []
    return "{" + ",".join(members) + "}"


def _uid(found: Found, tag: int) -> str:
    match = _UIDS[tag].search(found.own) or _UIDS[tag].search(found.above)
    return match[1] if match else ""


def _escape(uid: str) -> str:
    return uid.replace("\\", "\\\\").replace('"', '\\"')
