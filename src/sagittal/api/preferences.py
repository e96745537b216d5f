"""`/api/preferences`: how the owner of an account likes the list of studies."""

from typing import Annotated

import msgspec
from litestar import delete, get, post, put
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody

from sagittal.api.asking import AnyRequest, Id, actor_of
from sagittal.api.study_bodies import Filters
from sagittal.errors import Refused
from sagittal.find.preferences import COLUMNS, MOST_NAME, Column, KeptPreferences, Preferences, Saved, read_preferences


class Columns(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The columns that the list has."""

    columns: Annotated[list[Column], msgspec.Meta(max_length=len(COLUMNS))]


class Language(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """In which language pages are.

    Attributes:
        language: two letters (ISO 639-1); `""` for what the browser says, as for one that there is not.
    """

    language: Annotated[str, msgspec.Meta(pattern=r"^([a-z]{2})?$")]


class NewFilters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Filters and a name for them; under a name that is taken they take the place of what it had."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=MOST_NAME)]
    asked: Filters


class SavedShown(msgspec.Struct, frozen=True):
    """Filters that were saved."""

    id: int
    name: str
    asked: Filters


class PreferencesShown(msgspec.Struct, frozen=True):
    """How somebody likes the list of studies, and in which language they read."""

    columns: list[Column]
    filters: list[SavedShown]
    language: str


def preference_routes(kept: KeptPreferences) -> list[HTTPRouteHandler]:
    """The routes, to be mounted under `/api`."""

    async def read(request: AnyRequest) -> Preferences:
        return read_preferences(await kept.read(_account(request)))

    async def write(request: AnyRequest, new: Preferences) -> Preferences:
        await kept.write(_account(request), msgspec.json.encode(new).decode())
        return new

    @get("/preferences")
    async def listed(request: AnyRequest) -> PreferencesShown:
        """Shows how you like the list of studies."""
        return _shown(await read(request))

    @put("/preferences/columns")
    async def columns(request: AnyRequest, data: JSONBody[Columns]) -> PreferencesShown:
        """Chooses the columns of the list.

        They are shown in an order of their own.
        """
        chosen = tuple(one for one in COLUMNS if one in data.columns)
        return _shown(await write(request, (await read(request)).with_columns(chosen)))

    @put("/preferences/language")
    async def language(request: AnyRequest, data: JSONBody[Language]) -> PreferencesShown:
        """Chooses the language of pages, for every browser that you sign in with."""
        return _shown(await write(request, (await read(request)).with_language(data.language)))

    @post("/preferences/filters")
    async def save(request: AnyRequest, data: JSONBody[NewFilters]) -> SavedShown:
        """Saves filters under a name.

        An account has at most 24 of them.
        """
        new = await write(request, (await read(request)).with_filter(data.name, data.asked.asked()))
        return _saved(new.filters[-1])

    @delete("/preferences/filters/{filters:int}", status_code=204, faults=(404,))
    async def remove(request: AnyRequest, filters: FromPath[Id]) -> None:
        """Forgets filters."""
        preferences = await read(request)
        preferences.filter(filters)
        await write(request, preferences.without_filter(filters))

    return [listed, columns, language, save, remove]


def _account(request: AnyRequest) -> int:
    if not (account := actor_of(request).account):
        raise Refused("preferences are kept by account, and there is none")
    return account


def _shown(preferences: Preferences) -> PreferencesShown:
    filters = [_saved(one) for one in preferences.filters]
    return PreferencesShown(list(preferences.columns), filters, preferences.language)


def _saved(saved: Saved) -> SavedShown:
    return SavedShown(saved.id, saved.name, Filters(**msgspec.structs.asdict(saved.asked)))
