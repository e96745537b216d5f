"""Who calls by DIMSE: an AE title with its address and certificate becomes an Actor, or is refused."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple, TypeAlias

from sqlalchemy import Connection

from sagittal.access import devices, facilities, policy
from sagittal.archive.records.records import RecordsReader
from sagittal.errors import Refused
from sagittal.runtime.actor import EVERYTHING, Actor


class Caller(NamedTuple):
    """What an association request shows.

    Attributes:
        address: network address without port.
        certificate: SHA-256 of the certificate that was verified under TLS, hexadecimal; `""` without one.
    """

    calling_aet: str
    called_aet: str
    address: str
    certificate: str = ""


Admit: TypeAlias = Callable[[Caller], Awaitable[Actor]]
"""Says who a caller is, or raises Refused."""


class Devices:
    """Admits the devices that the records know, each for its facility and with what its role may do."""

    def __init__(self, records: RecordsReader) -> None:
        self._records = records

    async def __call__(self, caller: Caller) -> Actor:
        """Who calls. Raises Refused for whoever is no known device, is elsewhere, or shows another certificate."""
        return await self._records.read(lambda connection: _actor(connection, caller))


async def everybody(caller: Caller) -> Actor:
    """Whoever calls may do everything: what `--open` says, on loopback."""
    return _named(caller, grants=EVERYTHING)


def _actor(connection: Connection, caller: Caller) -> Actor:
    facility = facilities.facility_called(facilities.every(connection), caller.called_aet)
    device = devices.find(
        devices.every(connection),
        caller.calling_aet,
        caller.address,
        certificate=caller.certificate,
        facility=facility,
    )
    if device is None:
        raise Refused(f"{caller.calling_aet} at {caller.address} is no device of this site")
    grants = policy.grants_of(policy.rules(connection), [(device.role, device.facility)])
    return _named(caller, facility=device.facility, roles=(device.role,), grants=grants)


def _named(caller: Caller, **more: object) -> Actor:
    return Actor(
        door="dimse",
        name=caller.calling_aet,
        called=caller.called_aet,
        address=caller.address,
        kind="machine",
        **more,  # type: ignore[arg-type]  # fields of Actor
    )
