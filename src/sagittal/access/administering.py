"""Administration of the whole site, asked for at a door: accounts, roles, facilities, devices, tokens and links.

Each asks the policy for all facilities first. What is changed and its line in the ledger are one transaction.
"""

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Literal, NamedTuple, Protocol, TypeVar

from sqlalchemy import Connection

from sagittal.access import accounts, devices, facilities, links, policy, tokens
from sagittal.access.accounts import Account, NewAccount
from sagittal.access.asking import ask_at
from sagittal.access.devices import Device, NewDevice
from sagittal.access.facilities import Facility
from sagittal.access.links import Link
from sagittal.access.passwords import check_new, hash_password
from sagittal.access.policy import Rule
from sagittal.access.tokens import Token
from sagittal.archive.reader import ArchiveReader
from sagittal.archive.records.records import Records
from sagittal.errors import Refused
from sagittal.runtime.actor import Action, Actor
from sagittal.runtime.settings import RoleAt

T = TypeVar("T")
Kind = Literal["account changed", "roles changed", "policy changed", "network changed", "share", "ledger read"]
EVERY = "*"


class Scribe(Protocol):
    """Writes a line of the ledger inside a transaction, as `audit.chronicle.Chronicle` does."""

    def note(self, connection: Connection, actor: Actor, kind: Kind, *, subject: str = "", detail: str = "") -> None:
        """Adds a line. Nothing that names a patient goes into it."""


class People(NamedTuple):
    """The accounts, and the facilities that roles are at."""

    accounts: tuple[Account, ...]
    facilities: tuple[str, ...]


class Network(NamedTuple):
    """Who shares this deployment, and which machines call."""

    facilities: tuple[Facility, ...]
    devices: tuple[Device, ...]


class Handed(NamedTuple):
    """What was handed out and is good, with the names of accounts by number."""

    tokens: tuple[Token, ...]
    links: tuple[Link, ...]
    names: dict[int, str]


class Administering:
    """Changes on behalf of those who administer all of the site. Belongs to one event loop."""

    def __init__(
        self, archive: ArchiveReader, records: Records, scribe: Scribe, *, clock: Callable[[], int] = time.time_ns
    ) -> None:
        """Of `records`, with lines by `scribe`; `clock`: nanoseconds since 1970-01-01 UTC."""
        self._archive = archive
        self._records = records
        self._scribe = scribe
        self._clock = clock

    def require(self, actor: Actor, action: Action) -> None:
        """Raises Refused unless they may do that at every facility."""
        ask_at(self._archive.witness, actor, action, EVERY)

    async def _change(
        self,
        actor: Actor,
        action: Action,
        kind: Kind,
        subject: str,
        detail: str,
        run: Callable[[Connection], T],
    ) -> T:
        self.require(actor, action)

        def write(connection: Connection) -> T:
            done = run(connection)
            self._scribe.note(connection, actor, kind, subject=subject, detail=detail)
            return done

        return await self._records.write(write)

    # Accounts

    async def people(self, actor: Actor) -> People:
        """All accounts."""
        self.require(actor, "manage")

        def read(connection: Connection) -> People:
            named = (facilities.LOCAL, *(one.name for one in facilities.every(connection)))
            return People(accounts.everyone(connection), tuple(dict.fromkeys(named)))

        return await self._records.read(read)

    async def add_account(self, actor: Actor, new: NewAccount, password: str, roles: Iterable[RoleAt]) -> int:
        """Makes an account; its owner changes the password at the first sign-in. Raises Invalid and Conflict."""
        self.require(actor, "manage")
        facilities.check_name(new.facility)
        check_new(password, new.name)
        hashed = await asyncio.to_thread(hash_password, password)
        given = tuple(roles)

        def run(connection: Connection) -> int:
            for one in (new.facility, *(role.facility for role in given)):
                accounts.check_facility(connection, one)
            made = new._replace(password=hashed, must_change_password=True)
            return accounts.create(connection, made, given, self._clock())

        return await self._change(actor, "manage", "account changed", new.name, f"made: {_said(given)}", run)

    async def set_disabled(self, actor: Actor, number: int, *, is_disabled: bool) -> None:
        """Takes an account out of use, or back into it. Raises NotFound; Refused for one's own."""
        if is_disabled and number == actor.account:
            raise Refused("nobody takes their own account out of use")
        detail = "disabled" if is_disabled else "enabled"

        def run(connection: Connection) -> None:
            accounts.set_disabled(connection, number, is_disabled)

        await self._change(actor, "manage", "account changed", await self._name(actor, number), detail, run)

    async def set_roles(self, actor: Actor, number: int, roles: Iterable[RoleAt]) -> None:
        """Gives an account these roles in the place of those it had from here."""
        given = tuple(roles)

        def run(connection: Connection) -> None:
            for role in given:
                accounts.check_facility(connection, role.facility)
            accounts.set_roles(connection, number, given)

        await self._change(actor, "manage", "roles changed", await self._name(actor, number), _said(given), run)

    async def set_password(self, actor: Actor, number: int, password: str) -> None:
        """Gives an account a password that is to be changed at once, and ends its sessions. Raises Invalid."""
        name = await self._name(actor, number)
        check_new(password, name)
        hashed = await asyncio.to_thread(hash_password, password)

        def run(connection: Connection) -> None:
            accounts.set_password(connection, number, hashed, self._clock(), must_change=True)

        await self._change(actor, "manage", "account changed", name, "password set", run)

    async def _name(self, actor: Actor, number: int) -> str:
        self.require(actor, "manage")
        return (await self._records.read(lambda connection: accounts.get(connection, number))).name

    # Policy

    async def rules(self, actor: Actor) -> tuple[Rule, ...]:
        """What each role may."""
        self.require(actor, "manage")
        return await self._records.read(policy.rules)

    async def change_rule(self, actor: Actor, role: str, relation: str, actions: Iterable[str]) -> None:
        """Changes what a role may do to studies that it stands in a relation to. Raises Invalid."""
        given = tuple(actions)
        detail = f"{relation}: {' '.join(given) or 'nothing'}"

        def run(connection: Connection) -> None:
            policy.change(connection, role, relation, given)

        await self._change(actor, "configure", "policy changed", f"role {role}"[:64], detail[:200], run)

    # Network

    async def network(self, actor: Actor) -> Network:
        """Facilities and devices."""
        self.require(actor, "configure")
        return await self._records.read(lambda c: Network(facilities.every(c), devices.every(c)))

    async def add_facility(self, actor: Actor, name: str, title: str, called_aets: Iterable[str]) -> None:
        """Makes a facility. Raises Invalid and Conflict."""
        called = tuple(called_aets)

        def run(connection: Connection) -> None:
            facilities.add(connection, name, title, called, self._clock())

        await self._change(actor, "configure", "network changed", f"facility {name}"[:80], "made", run)

    async def remove_facility(self, actor: Actor, name: str) -> None:
        """Takes a facility away; its studies stay. Raises NotFound."""

        def run(connection: Connection) -> None:
            facilities.remove(connection, name)

        await self._change(actor, "configure", "network changed", f"facility {name}"[:80], "removed", run)

    async def add_device(self, actor: Actor, new: NewDevice) -> int:
        """Makes a device known. Raises Invalid and Conflict."""

        def run(connection: Connection) -> int:
            return devices.add(connection, new, actor.name, self._clock())

        detail = f"made for {new.facility} as {new.role}"
        return await self._change(actor, "configure", "network changed", f"device {new.aet}"[:80], detail[:200], run)

    async def set_device_disabled(self, actor: Actor, number: int, *, is_disabled: bool) -> None:
        """Lets a device in no more, or again. Raises NotFound."""

        def run(connection: Connection) -> None:
            devices.set_disabled(connection, number, is_disabled=is_disabled)

        detail = "disabled" if is_disabled else "enabled"
        await self._change(actor, "configure", "network changed", f"device {number}", detail, run)

    async def remove_device(self, actor: Actor, number: int) -> None:
        """Forgets a device. Raises NotFound."""

        def run(connection: Connection) -> None:
            devices.remove(connection, number)

        await self._change(actor, "configure", "network changed", f"device {number}", "removed", run)

    # What was handed out

    async def handed_out(self, actor: Actor) -> Handed:
        """Tokens and links of everybody that are good."""
        self.require(actor, "manage")
        now_ns = self._clock()

        def read(connection: Connection) -> Handed:
            return Handed(
                tuple(one for one in tokens.every(connection) if one.is_good(now_ns)),
                tuple(one for one in links.every(connection) if one.is_in_force(now_ns)),
                {one.id: one.name for one in accounts.everyone(connection)},
            )

        return await self._records.read(read)

    async def revoke_token(self, actor: Actor, number: int) -> None:
        """Makes a token void, at once. Raises NotFound."""

        def run(connection: Connection) -> None:
            tokens.revoke(connection, number, self._clock())

        await self._change(actor, "manage", "account changed", f"token {number}", "revoked", run)

    async def revoke_link(self, actor: Actor, number: int) -> None:
        """Makes a link void, at once, and ends what it opened. Raises NotFound."""

        def run(connection: Connection) -> None:
            links.revoke(connection, number, self._clock())

        await self._change(actor, "manage", "share", f"link {number}", "revoked", run)

    # The ledger

    async def read_ledger(self, actor: Actor) -> None:
        """That somebody is about to search the ledger: asked of the policy, and a line of it itself."""

        def run(connection: Connection) -> None:
            """Nothing but the line."""
            del connection

        await self._change(actor, "audit", "ledger read", "search", "", run)


def _said(roles: Iterable[RoleAt]) -> str:
    return ", ".join(f"{one.role} at {one.facility}" for one in roles)[:200] or "no role"
