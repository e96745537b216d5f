"""`/api/account/tokens`, `/api/account/links`: what somebody hands out for themselves."""

from typing import Annotated

import msgspec
from litestar import delete, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody

from sagittal.access.links import MOST_PIN_CHARACTERS, PATH
from sagittal.access.own import MOST_DAYS, Own, WantedLink, WantedToken
from sagittal.access.tokens import MOST_LABEL_CHARACTERS
from sagittal.api.asking import AnyRequest, Id, PartUid, Uid, owner_of, person_of, visitor_of
from sagittal.api.handed_out import LinkShown, TokenShown, link_shown, token_shown
from sagittal.runtime.actor import ACTIONS, Action


class NewTokenBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A token that is wanted.

    Attributes:
        label: by which it is known.
        may: what it may do, of what you may.
        days: how long it is good.
        facility: where; `*` for wherever you may.
    """

    label: Annotated[str, msgspec.Meta(min_length=1, max_length=MOST_LABEL_CHARACTERS)]
    may: Annotated[list[Action], msgspec.Meta(min_length=1, max_length=len(ACTIONS))]
    days: Annotated[int, msgspec.Meta(ge=1, le=MOST_DAYS)] = 90
    facility: Annotated[str, msgspec.Meta(min_length=1, max_length=32)] = "*"


class TokenMade(msgspec.Struct, frozen=True):
    """A token, shown this once: `Authorization: Bearer` and it."""

    token: str


class OwnTokens(msgspec.Struct, frozen=True):
    """Your tokens that are good, at most 200."""

    tokens: list[TokenShown]


class NewLinkBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A share link that is wanted.

    Attributes:
        study: Study Instance UID.
        series: Series Instance UID; `""` for all of the study.
        days: how long it is good; 0 for as long as nobody revokes it.
        openings: how often it can be opened; 0 for as often as they like.
        pin: that is asked for; `""` for none.
        allows_download: whether files can be fetched by it.
    """

    study: Uid
    series: PartUid = ""
    days: Annotated[int, msgspec.Meta(ge=0, le=MOST_DAYS)] = 30
    openings: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] = 0
    pin: Annotated[str, msgspec.Meta(max_length=MOST_PIN_CHARACTERS)] = ""
    allows_download: bool = False


class LinkMade(msgspec.Struct, frozen=True):
    """The address of a share link, shown this once."""

    address: str


class OwnLinks(msgspec.Struct, frozen=True):
    """Your share links that are good, at most 200."""

    links: list[LinkShown]


def own_handed_out_routes(own: Own) -> list[HTTPRouteHandler]:
    """The routes, to be mounted under `/api`."""
    return [*_token_routes(own), *_link_routes(own)]


def _token_routes(own: Own) -> list[HTTPRouteHandler]:
    @get("/account/tokens", persons=True)
    async def tokens(request: AnyRequest) -> OwnTokens:
        """Lists your tokens."""
        found = (await own.overview(person_of(request).account)).tokens
        return OwnTokens([token_shown(one) for one in found])

    @post("/account/tokens", persons=True)
    async def make_token(request: AnyRequest, data: JSONBody[NewTokenBody]) -> TokenMade:
        """Makes a token for a script.

        It may do some of what you may, until it expires or you may no more. A token makes no tokens.
        """
        wanted = WantedToken(data.label, tuple(dict.fromkeys(data.may)), data.facility, data.days)
        return TokenMade(await own.make_token(person_of(request), wanted, visitor_of(request)))

    @delete("/account/tokens/{token:int}", status_code=204, persons=True)
    async def revoke_token(request: AnyRequest, token: FromPath[Id]) -> None:
        """Makes one of your tokens void, at once."""
        await own.revoke_token(person_of(request).account, token, visitor_of(request))

    return [tokens, make_token, revoke_token]


def _link_routes(own: Own) -> list[HTTPRouteHandler]:
    @get("/account/links")
    async def links(request: AnyRequest) -> OwnLinks:
        """Lists your share links.

        A token may if it is for `share`.
        """
        actor = owner_of(request)
        return OwnLinks([link_shown(one, actor.name) for one in (await own.overview(actor.account)).links])

    @post("/account/links", takes="share", faults=(404,))
    async def make_link(request: AnyRequest, data: JSONBody[NewLinkBody]) -> LinkMade:
        """Makes a share link: whoever has it sees a study, without an account."""
        wanted = WantedLink(data.study, data.series, data.days, data.openings, data.pin, data.allows_download)
        name = await own.make_link(owner_of(request), wanted, visitor_of(request))
        return LinkMade(f"{request.scope['scheme']}://{visitor_of(request).called}{PATH}{name}")

    @delete("/account/links/{link:int}", status_code=204)
    async def revoke_link(request: AnyRequest, link: FromPath[Id]) -> None:
        """Makes one of your share links void, at once.

        What it opened is closed. A token may if it is for `share`.
        """
        await own.revoke_link(owner_of(request), link, visitor_of(request))

    return [links, make_link, revoke_link]
