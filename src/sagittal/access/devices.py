"""Devices: the modalities and nodes that may associate, by AE title, address and certificate, each for a facility.

An AE title proves nothing by itself. A device may be held to addresses or networks, and under TLS to its certificate.
"""

import ipaddress
import json
import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from sqlalchemy import Connection, delete, insert, update
from sqlalchemy.exc import IntegrityError

from sagittal.access import facilities, version
from sagittal.archive.records.policy_tables import devices
from sagittal.archive.records.records import RecordsReader
from sagittal.dicom.identifiers import check_ae_title
from sagittal.errors import Conflict, Invalid, NotFound
from sagittal.runtime.actor import ROLES, Role

_FINGERPRINT: Final = re.compile(r"[0-9a-f]{64}")
_MOST_ADDRESSES: Final = 64
_SQL: Final = "SELECT id, aet, facility, role, addresses, certificate, is_disabled FROM devices ORDER BY aet, facility"


class Device(NamedTuple):
    """A device.

    Attributes:
        addresses: IP addresses and networks (`192.0.2.0/24`) it may call from; empty: any.
        certificate: SHA-256 of its certificate in DER, hexadecimal; `""`: it need not show one.
    """

    id: int
    aet: str
    facility: str
    role: Role
    addresses: tuple[str, ...]
    certificate: str
    is_disabled: bool

    def is_at(self, address: str) -> bool:
        """Whether it may call from an address."""
        if not self.addresses:
            return True
        try:
            here = ipaddress.ip_address(address)
        except ValueError:
            return False
        mapped = getattr(here, "ipv4_mapped", None)
        return any((mapped or here) in ipaddress.ip_network(one, strict=False) for one in self.addresses)

    def has_shown(self, certificate: str) -> bool:
        """Whether a certificate, by its fingerprint, is the one it is held to."""
        return not self.certificate or self.certificate == certificate


class NewDevice(NamedTuple):
    """What a device is made of; see `Device`."""

    aet: str
    facility: str = facilities.LOCAL
    role: str = "service"
    addresses: tuple[str, ...] = ()
    certificate: str = ""


def add(connection: Connection, new: NewDevice, by: str, now_ns: int) -> int:
    """Makes a device known and gives its number. Raises Conflict if the facility has one of that AE title."""
    row = _checked(new) | {"created_by": by, "created_ns": now_ns}
    try:
        with connection.begin_nested():
            (number,) = connection.execute(insert(devices).values(row)).inserted_primary_key or (0,)
    except IntegrityError as error:
        raise Conflict(f"facility {new.facility} has a device {new.aet}") from error
    version.count_up(connection)
    return int(number)


def set_disabled(connection: Connection, number: int, *, is_disabled: bool) -> None:
    """Lets a device in no more, or again. Raises NotFound."""
    if not connection.execute(
        update(devices).where(devices.c.id == number).values(is_disabled=int(is_disabled))
    ).rowcount:
        raise NotFound(f"there is no device {number}")
    version.count_up(connection)


def remove(connection: Connection, number: int) -> None:
    """Forgets a device; what it sent stays. Raises NotFound."""
    if not connection.execute(delete(devices).where(devices.c.id == number)).rowcount:
        raise NotFound(f"there is no device {number}")
    version.count_up(connection)


def every(connection: Connection) -> tuple[Device, ...]:
    """All devices, by AE title."""
    return tuple(_device(*row) for row in connection.exec_driver_sql(_SQL))


async def load(records: RecordsReader) -> tuple[Device, ...]:
    """All devices, by AE title."""
    return tuple(_device(*row) for row in await records.fetch(_SQL, ()))


def find(
    known: Iterable[Device], calling_aet: str, address: str, *, certificate: str = "", facility: str = ""
) -> Device | None:
    """The device that calls so from there with that certificate; of `facility`, where the called AE title said one.

    Where two facilities have devices of one AE title that could both be meant, none is: the called AE title, an address
    or a certificate has to tell them apart.
    """
    meant = [
        one
        for one in known
        if one.aet == calling_aet
        and not one.is_disabled
        and one.is_at(address)
        and one.has_shown(certificate)
        and facility in ("", one.facility)
    ]
    return meant[0] if len(meant) == 1 else None


def _checked(new: NewDevice) -> dict[str, str]:
    if check_ae_title(new.aet) != new.aet:
        raise Invalid(f"an AE title neither begins nor ends with a space; got {new.aet!r}")
    if new.role not in ROLES:
        raise Invalid(f"there is no role {new.role!r}; there are {', '.join(ROLES)}")
    if len(new.addresses) > _MOST_ADDRESSES:
        raise Invalid(f"a device has at most {_MOST_ADDRESSES} addresses; got {len(new.addresses)}")
    fingerprint = new.certificate.replace(":", "").lower()
    if fingerprint and _FINGERPRINT.fullmatch(fingerprint) is None:
        raise Invalid("a certificate is named by its SHA-256 in 64 hexadecimal digits")
    return {
        "aet": new.aet,
        "facility": facilities.check_name(new.facility),
        "role": new.role,
        "addresses": json.dumps([_network(one) for one in new.addresses]),
        "certificate": fingerprint,
    }


def _network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text, strict=False))
    except ValueError as error:
        raise Invalid(f"expected an IP address or network; got {text!r}") from error


def _device(number: int, aet: str, facility: str, role: Role, addresses: str, certificate: str, off: int) -> Device:
    return Device(number, aet, facility, role, tuple(json.loads(addresses or "[]")), certificate, bool(off))
