"""The study list at `/studies`: searched as one types, sorted, paged, live.

What is looked for is sent in the body of a request, never in an address: addresses are kept by browsers and proxies.
"""

from typing import Any, Final, NamedTuple

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery

from sagittal.access.permits import may
from sagittal.archive.archive import Archive
from sagittal.errors import Invalid
from sagittal.find.listing import (
    MOST_COUNTED,
    SORTS,
    Listed,
    SortedBy,
    count_studies,
    facilities_listed,
    list_studies,
)
from sagittal.find.preferences import COLUMNS, Asked, Column, KeptPreferences, Preferences
from sagittal.find.state import state_of
from sagittal.runtime.actor import Actor
from sagittal.runtime.deadline import Deadline
from sagittal.web.forms import Form, form_of
from sagittal.web.pages import AnyRequest, actor_of, leave_to, page
from sagittal.web.places import STUDIES
from sagittal.web.preferences import keep_preferences, preferences_of
from sagittal.web.wording import _

PER_PAGE: Final = 40
_TIMEOUT_S: Final = 20.0
_MODALITIES: Final = "CR CT DX ES IVUS MG MR NM OCT OP PT RF RTSTRUCT SC SM SR US XA XC".split()  # noqa: SIM905  # a table, as short as it is


class Head(NamedTuple):
    """The head of a column; `sort` `""` where the list cannot be sorted by it."""

    column: str
    title: str
    sort: str


class Row(NamedTuple):
    """A study and what state it is in."""

    study: Listed
    state: str


def study_list_pages(archive: Archive, kept: KeptPreferences | None = None) -> list[HTTPRouteHandler]:
    """The routes of the list; `kept` has the preferences of accounts."""

    @get(STUDIES)
    async def listed(request: AnyRequest, saved: FromQuery[int] = 0) -> Response[str]:
        """The list as one comes to it, or by filters that were saved."""
        preferences = await preferences_of(request, kept)
        asked = preferences.filter(saved) if saved else Asked()
        return await _answer(archive, request, asked, 0, preferences, saved=saved)

    @post(STUDIES, status_code=200)
    async def searched(request: AnyRequest) -> Response[str]:
        """The list for what a form asks: a whole page, or for a script of ours the part that changes."""
        form = await form_of(request)
        preferences = await preferences_of(request, kept)
        return await _answer(archive, request, asked_in(form), form.number("after"), preferences)

    @post(f"{STUDIES}/columns")
    async def columns(request: AnyRequest) -> Response[str]:
        """Keeps which columns are shown."""
        form, preferences = await form_of(request), await preferences_of(request, kept)
        chosen: tuple[Column, ...] = tuple(one for one in COLUMNS if one in form.many("column"))
        new = preferences.with_columns(chosen)
        return leave_to(STUDIES, await keep_preferences(request, kept, new))

    @post(f"{STUDIES}/saved")
    async def save(request: AnyRequest) -> Response[str]:
        """Saves the filters under a name."""
        form, preferences = await form_of(request), await preferences_of(request, kept)
        new = preferences.with_filter(form.one("name"), asked_in(form))
        return leave_to(f"{STUDIES}?saved={new.filters[-1].id}", await keep_preferences(request, kept, new))

    @post(f"{STUDIES}/saved/{{number:int}}/remove")
    async def remove(request: AnyRequest, number: FromPath[int]) -> Response[str]:
        """Forgets filters."""
        preferences = await preferences_of(request, kept)
        return leave_to(STUDIES, await keep_preferences(request, kept, preferences.without_filter(number)))

    return [listed, searched, columns, save, remove]


def asked_in(form: Form) -> Asked:
    """What the fields of a form ask. Raises Invalid for an order that is none."""
    order = form.many("by")[-1:] or ("date:falling",)  # a button of a column comes after the field of what was
    sort, _colon, way = order[0].partition(":")
    if sort not in SORTS:
        raise Invalid("the list has no such order")
    sorted_by: SortedBy = sort
    return Asked(
        text=form.one("q")[:200],
        modality=form.one("modality")[:16],
        since=_day(form.one("since")),
        until=_day(form.one("until")),
        facility=form.one("facility")[:128],
        sorted_by=sorted_by,
        is_falling=way == "falling",
    )


def _day(text: str) -> str:
    """A date of `<input type=date>` as DA. Raises Invalid."""
    digits = text.replace("-", "")
    if digits and not (len(digits) == 8 and digits.isascii() and digits.isdecimal()):
        raise Invalid("a date is expected, as 2024-05-17")
    return digits


async def _answer(
    archive: Archive, request: AnyRequest, asked: Asked, after: int, preferences: Preferences, *, saved: int = 0
) -> Response[str]:
    actor, deadline = actor_of(request), Deadline.after(_TIMEOUT_S)
    found = await list_studies(archive, actor, asked.listing(after, PER_PAGE + 1), deadline)
    shown = found[:PER_PAGE]
    is_part = request.headers.get("hx-request") == "true"
    values: dict[str, Any] = {  # Any: what a template shows
        "here": STUDIES,
        "asked": asked,
        "rows": [Row(one, state_of(one, archive.now_ns())) for one in shown],
        "next": shown[-1].id if len(found) > PER_PAGE else 0,
        "heads": _heads(preferences.columns),
        "columns": preferences.columns,
        "is_first": not after,
    }
    if is_part and after:
        return page(request, "study_rows.html", values=values)
    values |= await _around(archive, actor, asked, deadline)
    if is_part:
        return page(request, "study_list_part.html", values=values)
    values |= {
        "facilities": await facilities_listed(archive, actor, deadline),
        "every_column": _heads(COLUMNS),
        "saved": saved,
        "filters": preferences.filters,
        "modalities": _MODALITIES,
    }
    return page(request, "study_list.html", values=values)


async def _around(archive: Archive, actor: Actor, asked: Asked, deadline: Deadline) -> dict[str, object]:
    total = await count_studies(archive, actor, asked.listing(0, PER_PAGE), deadline)
    return {
        "total": min(total, MOST_COUNTED),
        "is_more": total > MOST_COUNTED,
        "may_store": may(actor, "store"),
        "newest": await archive.newest_event(),
    }


def _heads(columns: tuple[Column, ...]) -> list[Head]:
    titles: dict[str, tuple[str, str]] = {
        "patient_id": (_("Patient ID"), "patient_id"),
        "birth": (_("Born"), ""),
        "date": (_("Date"), "date"),
        "modality": (_("Modality"), "modality"),
        "description": (_("Description"), "description"),
        "accession": (_("Accession"), "accession"),
        "referring": (_("Referred by"), ""),
        "facility": (_("Facility"), "facility"),
        "size": (_("Images"), ""),
        "received": (_("Received"), "received"),
    }
    return [Head(column, *titles[column]) for column in COLUMNS if column in columns]
