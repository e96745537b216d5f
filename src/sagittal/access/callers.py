"""Who calls by DIMSE: an AE title with its address and certificate becomes an Actor, or is refused."""

from typing import Final, NamedTuple, Protocol

from sqlalchemy import Connection

from sagittal.access import devices, facilities, policy
from sagittal.access.remembering import Watch
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


class Admit(Protocol):
    """Says who a caller is, or raises Refused."""

    async def __call__(self, caller: Caller) -> Actor:
        """Who calls."""

    def version(self) -> int:
        """Another number whenever the same caller may be told something else. Raises Exhausted."""


class Devices:
    """Admits the devices that the records know, each for its facility and with what its role may do.

    Belongs to one event loop; `close` it at the end.
    """

    def __init__(self, records: RecordsReader) -> None:
        self._records = records
        self._watch = Watch(records.path)

    async def __call__(self, caller: Caller) -> Actor:
        """Who calls. Raises Refused for whoever is no known device, is elsewhere, or shows another certificate."""
        return await self._records.read(lambda connection: _actor(connection, caller))

    def version(self) -> int:
        """The number of changes of who may do what."""
        return self._watch.version()

    def close(self) -> None:
        """Lets the records go."""
        self._watch.close()


class _Everybody:
    async def __call__(self, caller: Caller) -> Actor:
        return _named(caller, grants=EVERYTHING)

    def version(self) -> int:
        return 0


everybody: Final = _Everybody()
"""Whoever calls may do everything: what `--open` says, on loopback."""


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
