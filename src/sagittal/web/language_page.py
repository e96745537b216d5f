"""Choosing the language: kept in a cookie of the browser, and by the account, so that it is there in their next one."""

from typing import Final
from urllib.parse import urlsplit

from litestar import Response, post
from litestar.datastructures import Cookie
from litestar.handlers import HTTPRouteHandler

from sagittal.errors import Invalid
from sagittal.find.preferences import KeptPreferences, read_preferences
from sagittal.web.forms import Visit, form_of, visit_of
from sagittal.web.pages import AnyRequest, leave_to
from sagittal.web.preferences import keep_preferences, preferences_of
from sagittal.web.wording import COOKIE, LANGUAGES

_YEAR_S: Final = 365 * 24 * 3600


def language_page(kept: KeptPreferences) -> HTTPRouteHandler:
    """The route, open to everybody below `/sign-in`; `kept` has the preferences of accounts."""

    @post(["/language", "/sign-in/language"])
    async def choose(request: AnyRequest) -> Response[str]:
        """Reads on in another language, on the page where one was."""
        form = await form_of(request)
        chosen = form.one("language")
        if chosen not in LANGUAGES:
            raise Invalid("pages are not in that language")
        visit, back = visit_of(request), form.one("back") or urlsplit(request.headers.get("referer", "")).path
        is_page = back.startswith("/") and not back.startswith(("//", "/\\"))
        if visit.actor.kind == "person" and visit.actor.account:
            await keep_preferences(request, kept, (await preferences_of(request, kept)).with_language(chosen))
        return leave_to(back if is_page else "/", (_cookie(visit, chosen),))

    return choose


async def language_cookies(visit: Visit, account: int, kept: KeptPreferences) -> tuple[Cookie, ...]:
    """Has a browser in which somebody signs in speak the language that they chose, wherever that was."""
    language = read_preferences(await kept.read(account)).language
    return (_cookie(visit, language),) if language in LANGUAGES else ()


def _cookie(visit: Visit, language: str) -> Cookie:
    return visit.cookie(language, COOKIE, max_age_s=_YEAR_S)
