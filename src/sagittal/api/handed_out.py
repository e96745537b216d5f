"""Tokens and share links as they are listed, and `/api/tokens`, `/api/links`: those of everybody."""

import msgspec
from litestar import delete, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery

from sagittal.access.administering import Administering
from sagittal.access.links import Link
from sagittal.access.tokens import Token
from sagittal.api.asking import AnyRequest, Cursor, Id, Limit, actor_of, page_of, time_of
from sagittal.runtime.actor import Action


class TokenShown(msgspec.Struct, frozen=True, kw_only=True):
    """A token that is good; itself it was shown once.

    Attributes:
        account: name of the account that it acts for.
        may: what it may do, of what its account may.
        facility: where; `*` for wherever its account may.
        expires: ISO 8601 in UTC; `""` for never.
        used: when it was last used, to the minute; `""` for never.
    """

    id: int
    account: str
    label: str
    may: list[Action]
    facility: str
    created: str
    expires: str
    used: str


class TokensPage(msgspec.Struct, frozen=True):
    """Tokens by number.

    Attributes:
        next: to be given as `cursor` for the next page; null if this is the last.
    """

    tokens: list[TokenShown]
    next: int | None


class LinkShown(msgspec.Struct, frozen=True, kw_only=True):
    """A share link that is good; its address was shown once.

    Attributes:
        account: name of the account that made it; `""` for the command line.
        study: Study Instance UID.
        series: Series Instance UID; `""` for all of the study.
        has_pin: whether a PIN is asked for.
        expires: ISO 8601 in UTC; `""` for never.
        openings: how often it was opened.
        openings_left: how often it can be; null for as often as they like.
    """

    id: int
    account: str
    facility: str
    study: str
    series: str
    allows_download: bool
    has_pin: bool
    created: str
    expires: str
    openings: int
    openings_left: int | None


class LinksPage(msgspec.Struct, frozen=True):
    """Share links by number.

    Attributes:
        next: to be given as `cursor` for the next page; null if this is the last.
    """

    links: list[LinkShown]
    next: int | None


def handed_out_routes(doing: Administering) -> list[HTTPRouteHandler]:
    """The routes, to be mounted under `/api`."""

    @get("/tokens", takes="manage", everywhere=True)
    async def tokens(request: AnyRequest, limit: FromQuery[Limit] = 100, cursor: FromQuery[Cursor] = 0) -> TokensPage:
        """Lists the tokens of everybody that are good."""
        found = (await doing.handed_out(actor_of(request))).tokens
        page, after = page_of(found, lambda one: one.id, cursor, limit)
        return TokensPage([token_shown(one) for one in page], after)

    @delete("/tokens/{token:int}", status_code=204, takes="manage", everywhere=True)
    async def revoke_token(request: AnyRequest, token: FromPath[Id]) -> None:
        """Makes a token of anybody void, at once."""
        await doing.revoke_token(actor_of(request), token)

    @get("/links", takes="manage", everywhere=True)
    async def links(request: AnyRequest, limit: FromQuery[Limit] = 100, cursor: FromQuery[Cursor] = 0) -> LinksPage:
        """Lists the share links of everybody that are good."""
        found = await doing.handed_out(actor_of(request))
        page, after = page_of(found.links, lambda one: one.id, cursor, limit)
        return LinksPage([link_shown(one, found.names.get(one.account, "")) for one in page], after)

    @delete("/links/{link:int}", status_code=204, takes="manage", everywhere=True)
    async def revoke_link(request: AnyRequest, link: FromPath[Id]) -> None:
        """Makes a share link of anybody void, at once.

        What it opened is closed.
        """
        await doing.revoke_link(actor_of(request), link)

    return [tokens, revoke_token, links, revoke_link]


def token_shown(token: Token) -> TokenShown:
    """A token as the API tells of it."""
    return TokenShown(
        id=token.id,
        account=token.name,
        label=token.label,
        may=list(token.actions),
        facility=token.facility,
        created=time_of(token.created_ns),
        expires=time_of(token.expires_ns),
        used=time_of(token.used_ns),
    )


def link_shown(link: Link, account: str) -> LinkShown:
    """A share link as the API tells of it."""
    return LinkShown(
        id=link.id,
        account=account,
        facility=link.facility,
        study=link.study_instance_uid,
        series=link.series_instance_uid,
        allows_download=link.allows_download,
        has_pin=link.has_pin,
        created=time_of(link.created_ns),
        expires=time_of(link.expires_ns),
        openings=link.openings,
        openings_left=link.openings_left,
    )
