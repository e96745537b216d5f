"""`/account/totp`: an authenticator app as second factor, and its recovery codes."""

from typing import Final

import segno
from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from markupsafe import Markup

from sagittal.access.own import Own
from sagittal.access.throttle import TooManyAttempts
from sagittal.errors import Refused
from sagittal.web.forms import form_of, person_of
from sagittal.web.pages import AnyRequest, leave_to, page
from sagittal.web.problems import status_of
from sagittal.web.reasons import reason

_PAGE: Final = "/account/totp"


def second_factor_pages(own: Own) -> list[HTTPRouteHandler]:
    """The routes of the second factor."""

    async def form(request: AnyRequest, error: Refused | None = None) -> Response[str]:
        """What is to be done next: set it up, or renew its codes and take it off."""
        account = person_of(request).actor.account
        there = await own.overview(account)
        values = {"error": reason(str(error)) if error else "", "is_on": there.has_totp, "left": there.recovery_codes}
        if not there.has_totp:
            begun = await own.begin_totp(account)
            values |= {"secret": _grouped(begun.secret), "picture": _picture(begun.address)}
        later = {"retry-after": str(error.retry_after_s)} if isinstance(error, TooManyAttempts) else {}
        status = status_of(error) if error else 200
        return page(request, "second_factor.html", status=status, headers=later, values=values)

    @get(_PAGE)
    async def show(request: AnyRequest) -> Response[str]:
        """Shows the QR code of a new second factor, or what can be done with the one there is."""
        return await form(request)

    @post(_PAGE)
    async def confirm(request: AnyRequest) -> Response[str]:
        """Puts it in force with its first code."""
        visit, code = person_of(request), (await form_of(request)).one("code")
        try:
            codes = await own.confirm_totp(visit.actor.account, code, visit.visitor)
        except Refused as error:
            return await form(request, error)
        return page(request, "recovery_codes.html", codes=codes)

    @post(f"{_PAGE}/codes")
    async def renew(request: AnyRequest) -> Response[str]:
        """Makes new recovery codes."""
        visit, code = person_of(request), (await form_of(request)).one("code")
        try:
            codes = await own.renew_recovery_codes(visit.actor.account, code, visit.visitor)
        except Refused as error:
            return await form(request, error)
        return page(request, "recovery_codes.html", codes=codes)

    @post(f"{_PAGE}/remove")
    async def remove(request: AnyRequest) -> Response[str]:
        """Takes it off."""
        visit, code = person_of(request), (await form_of(request)).one("code")
        try:
            await own.remove_totp(visit.actor.account, code, visit.visitor)
        except Refused as error:
            return await form(request, error)
        return leave_to("/account?done=totp-off")

    return [show, confirm, renew, remove]


def _picture(address: str) -> Markup:
    """A QR code as SVG, dark on light in every theme: cameras expect that."""
    code = segno.make_qr(address, error="m")
    return Markup(code.svg_inline(scale=4, border=4, dark="#000", light="#fff", svgclass="qr", omitsize=True))  # noqa: S704  # of ours: a path


def _grouped(secret: str) -> str:
    return " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))
