"""Where somebody's way with the study list is kept: by their account, or in a cookie."""

import base64
import binascii
from typing import Final

import msgspec
from litestar.datastructures import Cookie

from sagittal.errors import Invalid
from sagittal.find.preferences import KeptPreferences, Preferences, read_preferences
from sagittal.web.forms import cookie_of, visit_of
from sagittal.web.pages import AnyRequest, actor_of

_COOKIE: Final = "sagittal-list"
_MOST_COOKIE_BYTES: Final = 3800
_YEAR_S: Final = 365 * 24 * 3600


async def preferences_of(request: AnyRequest, kept: KeptPreferences | None) -> Preferences:
    """What is kept of whoever asks; what cannot be read is as if nothing was."""
    account = actor_of(request).account
    if kept is not None and account:
        return read_preferences(await kept.read(account))
    try:
        return read_preferences(base64.urlsafe_b64decode(cookie_of(request, _COOKIE)).decode())
    except (binascii.Error, ValueError):
        return Preferences()


async def keep_preferences(request: AnyRequest, kept: KeptPreferences | None, new: Preferences) -> tuple[Cookie, ...]:
    """Keeps them; gives the cookies that do, where there is no account. Raises Invalid if they are too many."""
    text = msgspec.json.encode(new)
    account = actor_of(request).account
    if kept is not None and account:
        await kept.write(account, text.decode())
        return ()
    value = base64.urlsafe_b64encode(text).decode()
    if len(value) > _MOST_COOKIE_BYTES:
        raise Invalid("no more filters can be kept here; remove one first")
    return (visit_of(request).cookie(value, _COOKIE, max_age_s=_YEAR_S),)
