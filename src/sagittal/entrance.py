"""Who gets in, put together: the porter, the policy and the ledger for one archive. Only `serve` asks for it."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable

import msgspec
from litestar.types import ASGIApp
from sqlalchemy import Connection

from sagittal.access import accounts, callers, first_start, passkeys
from sagittal.access.callers import Admit
from sagittal.access.own import Own
from sagittal.access.passkeys import RelyingParty
from sagittal.access.passwords import Passwords
from sagittal.access.porter import Porter
from sagittal.access.provider import Provider
from sagittal.access.resolving import POLICY
from sagittal.access.sealing import Seal, seal_all, seal_of
from sagittal.access.senders import Senders, anybody, known_senders
from sagittal.access.signin import SignIn
from sagittal.access.signin_oidc import OidcSignIn
from sagittal.access.visitor import Happening
from sagittal.archive.archive import Archive
from sagittal.archive.records.records import Records
from sagittal.audit.acts import MINOR_FAILURE, SUCCESS, Kind
from sagittal.audit.chronicle import Chronicle
from sagittal.runtime.actor import Actor
from sagittal.runtime.log import get_logger
from sagittal.runtime.secrets import read_secret
from sagittal.runtime.settings import Settings
from sagittal.web.gate import Gate, opened
from sagittal.web.visiting import parse_networks

log = get_logger(__name__)

_LINES: dict[str, tuple[Kind, int]] = {
    "signed in": ("sign-in", SUCCESS),
    "sign-in refused": ("sign-in", MINOR_FAILURE),
    "signed out": ("sign-out", SUCCESS),
    "link opened": ("share", SUCCESS),
    "link refused": ("share", MINOR_FAILURE),
    "link made": ("share", SUCCESS),
    "link revoked": ("share", SUCCESS),
    "account made": ("account changed", SUCCESS),
    "account changed": ("account changed", SUCCESS),
    "password changed": ("account changed", SUCCESS),
}
"""How what the porter notes stands in the ledger."""


class Desk(msgspec.Struct, frozen=True):
    """What the pages of signing in work with.

    Attributes:
        porter: resolves what visitors show.
        sign_in: by password, code and passkey.
        oidc: by the OpenID provider; None where none is named.
        own: what people do with their own accounts.
        party: who we are to authenticators.
    """

    porter: Porter
    sign_in: SignIn
    oidc: OidcSignIn | None
    own: Own
    party: RelyingParty


class Entrance(msgspec.Struct, frozen=True):
    """How people and machines come in.

    Attributes:
        chronicle: writes lines of the ledger within changes.
        admit: callers of DIMSE.
        gate: puts the gate before an application of the web.
        senders: who sent what is kept.
        desk: None where everybody may come in.
        first_start: the secret that makes the first administrator; `""` where there are accounts.
    """

    chronicle: Chronicle
    admit: Admit
    gate: Callable[[ASGIApp], ASGIApp]
    senders: Senders
    desk: Desk | None = None
    first_start: str = ""


@contextlib.asynccontextmanager
async def entrance(
    settings: Settings, archive: Archive, chronicle: Chronicle, *, is_open: bool
) -> AsyncIterator[Entrance]:
    """The way in.

    Args:
        settings: what is in force.
        archive: whose records hold the accounts, and whose witness is told of refusals.
        chronicle: writes lines of the ledger.
        is_open: `--open`: everybody on this machine may do everything.

    Raises:
        Refused: others than this machine would be listened to before that is safe; says how to go on.
    """
    has_account = await archive.records.read(accounts.has_any)
    first_start.check_exposure(settings, has_account=has_account, is_open=is_open)
    if is_open:
        yield Entrance(chronicle, callers.everybody, opened, anybody)
        return
    secret = "" if has_account else await archive.records.write(lambda c: first_start.invite(c, time.time_ns()))
    proxies = parse_networks(settings.trusted_proxies, "trusted_proxies")
    with contextlib.closing(callers.Devices(archive.records)) as devices:
        async with _desk(settings, archive, chronicle) as desk:
            yield Entrance(
                chronicle,
                devices,
                lambda app: Gate(app, desk.porter, archive.witness, proxies),
                known_senders(archive.records),
                desk,
                secret,
            )


@contextlib.asynccontextmanager
async def _desk(settings: Settings, archive: Archive, chronicle: Chronicle) -> AsyncIterator[Desk]:
    records = archive.records

    def noted(connection: Connection, happening: Happening) -> None:
        _note(chronicle, connection, happening)

    passwords, party = Passwords(), passkeys.relying_party(settings)
    porter = Porter(records, settings, passwords, rules=POLICY, noted=noted)
    seal = await _sealed(records, settings)
    sign_in = SignIn(records, settings, passwords, party, seal, noted=noted)
    own = Own(archive, passwords, party, seal, noted=noted)
    provider = _provider(settings)
    oidc = OidcSignIn(records, settings, provider, sign_in, noted=noted) if provider is not None else None
    try:
        yield Desk(porter, sign_in, oidc, own, party)
    finally:
        porter.close()
        passwords.close()
        if provider is not None:
            await provider.close()


async def _sealed(records: Records, settings: Settings) -> Seal:
    """The seal of the secrets that accounts have; what lay open in the records is sealed first."""
    seal = await asyncio.to_thread(seal_of, records.path, settings)
    if sealed := await records.write(lambda connection: seal_all(connection, seal)):
        log.info("second factors sealed that lay open in the records", count=sealed)
    return seal


def _provider(settings: Settings) -> Provider | None:
    if not settings.oidc_issuer:
        return None
    return Provider(settings, read_secret("oidc_client_secret", settings.oidc_client_secret_file))


def _note(chronicle: Chronicle, connection: Connection, happening: Happening) -> None:
    visitor = happening.visitor
    kind, outcome = _LINES[happening.what]
    name = f"link {happening.link}" if happening.link else happening.name
    who = Actor(
        door=visitor.door,
        name=name,
        called=visitor.called,
        address=visitor.address,
        kind="link" if happening.link else "person",
        account=happening.account,
    )
    chronicle.note(
        connection,
        who,
        kind,
        subject=name,
        detail=happening.detail or happening.method,
        study_instance_uid=happening.study_instance_uid,
        outcome=outcome,
    )
