"""Who sent what is kept, and what they may do now: for what happens on their behalf after they have gone."""

from collections.abc import Awaitable, Callable, Iterable
from typing import NamedTuple, TypeAlias

import msgspec
from sqlalchemy import Connection

from sagittal.access import accounts, devices, policy, tokens
from sagittal.access.resolving import POLICY, person_actor
from sagittal.archive.records.records import RecordsReader
from sagittal.errors import NotFound
from sagittal.runtime.actor import EVERYTHING, LOCAL, Actor, Grant


class Sender(NamedTuple):
    """What is kept of whoever sent an instance.

    Attributes:
        door: where they came in.
        name: calling AE title, or account.
        address: network address without port.
        facility: the one for which they sent.
        at_ns: when, nanoseconds since 1970-01-01 UTC.
    """

    door: str
    name: str
    address: str
    facility: str
    at_ns: int


Senders: TypeAlias = Callable[[Sender], Awaitable[Actor]]
"""Says who a sender is; one who is nobody any more has no grants."""


def known_senders(records: RecordsReader) -> Senders:
    """Senders as the records know them: devices, accounts, and the command line of this machine."""

    async def resolve(sender: Sender) -> Actor:
        return await records.read(lambda connection: _resolved(connection, sender))

    return resolve


async def anybody(sender: Sender) -> Actor:
    """Whoever sent it may do everything: what `--open` says."""
    return msgspec.structs.replace(_named(sender), kind="machine", grants=EVERYTHING)


def _resolved(connection: Connection, sender: Sender) -> Actor:
    if sender.door == LOCAL.door:
        return LOCAL
    return _device(connection, sender) if sender.door == "dimse" else _account(connection, sender)


def _device(connection: Connection, sender: Sender) -> Actor:
    """The device of its facility that has the AE title; the listener has asked for its certificate."""
    for device in devices.every(connection):
        is_meant = (device.aet, device.facility) == (sender.name, sender.facility) and device.is_at(sender.address)
        if is_meant and not device.is_disabled:
            grants = policy.grants_of(policy.rules(connection), [(device.role, device.facility)])
            return msgspec.structs.replace(_named(sender), kind="machine", roles=(device.role,), grants=grants)
    return _named(sender)


def _account(connection: Connection, sender: Sender) -> Actor:
    try:
        account = accounts.find(connection, sender.name)
    except NotFound:
        return _named(sender)
    person = person_actor(connection, account, POLICY, sender.at_ns)
    return msgspec.structs.replace(
        person,
        door=sender.door,
        address=sender.address,
        facility=sender.facility,
        grants=_by_any_of(person.grants, tokens.every(connection, account.id), sender.at_ns),
    )


def _by_any_of(grants: tuple[Grant, ...], its: Iterable[tokens.Token], at_ns: int) -> tuple[Grant, ...]:
    """What they might do by whichever token they may have sent it with: nobody noted which, or whether by one."""
    for token in its:
        was_good = not token.revoked_ns or token.revoked_ns > at_ns
        was_good &= not token.expires_ns or token.expires_ns > at_ns
        if was_good and token.created_ns <= at_ns and "store" in token.actions:
            grants = tokens.narrowed(grants, token)
    return grants


def _named(sender: Sender) -> Actor:
    return Actor(door=sender.door, name=sender.name, address=sender.address, facility=sender.facility)
