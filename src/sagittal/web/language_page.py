"""Choosing the language, kept in a cookie of the browser."""

from typing import Final
from urllib.parse import urlsplit

from litestar import Response, post
from litestar.handlers import HTTPRouteHandler

from sagittal.errors import Invalid
from sagittal.web.forms import form_of, visit_of
from sagittal.web.pages import AnyRequest, leave_to
from sagittal.web.wording import COOKIE, LANGUAGES

_YEAR_S: Final = 365 * 24 * 3600


def language_page() -> HTTPRouteHandler:
    """The route."""

    @post("/language")
    async def choose(request: AnyRequest) -> Response[str]:
        """Reads on in another language, on the page where one was."""
        chosen = (await form_of(request)).one("language")
        if chosen not in LANGUAGES:
            raise Invalid("pages are not in that language")
        visit, back = visit_of(request), urlsplit(request.headers.get("referer", "")).path
        is_page = back.startswith("/") and not back.startswith(("//", "/\\"))
        return leave_to(back if is_page else "/", (visit.cookie(chosen, COOKIE, max_age_s=_YEAR_S),))

    return choose
