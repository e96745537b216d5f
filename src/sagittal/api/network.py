"""`/api/facilities`, `/api/devices`, `/api/destinations`: who shares this deployment, calls it and is sent to."""

from collections.abc import Mapping
from typing import Annotated

import msgspec
from litestar import Response, delete, get, patch, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery, JSONBody, Parameter

from sagittal.access.administering import Administering
from sagittal.access.devices import Device, NewDevice
from sagittal.access.facilities import Facility
from sagittal.api.asking import AnyRequest, Cursor, Id, Limit, Made, actor_of, page_of
from sagittal.retrieve.sending import Sending
from sagittal.runtime.actor import Role
from sagittal.runtime.settings import Destination

_Aet = Annotated[str, msgspec.Meta(min_length=1, max_length=16)]
_FacilityName = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9._-]{0,31}$")]
_NameInPath = Annotated[str, Parameter(max_length=32, description="name of the facility")]
_AetInPath = Annotated[str, Parameter(max_length=16, description="AE title of the destination")]
_After = Annotated[str, Parameter(max_length=32, description='`next` of the page before; `""` for the first page')]


class FacilityBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A facility.

    Attributes:
        name: short, of small letters, digits, dot, hyphen and underscore.
        title: as people call it.
        called_aets: an association that calls us by one of these AE titles is for this facility.
    """

    name: _FacilityName
    title: Annotated[str, msgspec.Meta(max_length=128)] = ""
    called_aets: Annotated[list[_Aet], msgspec.Meta(max_length=64)] = []


class FacilitiesPage(msgspec.Struct, frozen=True):
    """Facilities by name.

    Attributes:
        next: to be given as `cursor` for the next page; null if this is the last.
    """

    facilities: list[FacilityBody]
    next: str | None


class NewDeviceBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A modality or node that may associate.

    Attributes:
        aet: its AE title.
        facility: whose it is.
        role: what it is to that facility.
        addresses: IP addresses and networks that it may call from; empty: any.
        certificate: SHA-256 of its certificate in hexadecimal; `""`: it need not show one.
    """

    aet: _Aet
    facility: Annotated[str, msgspec.Meta(min_length=1, max_length=32)] = "local"
    role: Role = "service"
    addresses: Annotated[list[Annotated[str, msgspec.Meta(max_length=64)]], msgspec.Meta(max_length=64)] = []
    certificate: Annotated[str, msgspec.Meta(max_length=128)] = ""


class DeviceShown(msgspec.Struct, frozen=True, kw_only=True):
    """A device; see what makes one.

    Attributes:
        is_disabled: it is let in no more.
    """

    id: int
    aet: str
    facility: str
    role: Role
    addresses: list[str]
    certificate: str
    is_disabled: bool


class DevicesPage(msgspec.Struct, frozen=True):
    """Devices by number.

    Attributes:
        next: to be given as `cursor` for the next page; null if this is the last.
    """

    devices: list[DeviceShown]
    next: int | None


class DeviceChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What changes of a device."""

    is_disabled: bool


class DestinationShown(msgspec.Struct, frozen=True):
    """Where instances can be sent to, as the settings say it.

    Attributes:
        tls: whether the association is under TLS.
    """

    aet: str
    host: str
    port: int
    tls: bool


class Destinations(msgspec.Struct, frozen=True):
    """All destinations of the settings."""

    destinations: list[DestinationShown]


class Echoed(msgspec.Struct, frozen=True):
    """Whether a destination answered.

    Attributes:
        why: why not; `""` where it did.
    """

    is_there: bool
    why: str


def network_routes(
    doing: Administering, destinations: Mapping[str, Destination], sending: Sending
) -> list[HTTPRouteHandler]:
    """The routes, to be mounted under `/api`; `destinations` by AE title."""
    return [*_facility_routes(doing), *_device_routes(doing), *_destination_routes(doing, destinations, sending)]


def _facility_routes(doing: Administering) -> list[HTTPRouteHandler]:
    @get("/facilities", takes="configure", everywhere=True)
    async def listed(
        request: AnyRequest, limit: FromQuery[Limit] = 100, cursor: FromQuery[_After] = ""
    ) -> FacilitiesPage:
        """Lists the facilities."""
        found = (await doing.network(actor_of(request))).facilities
        page, after = page_of(found, lambda one: one.name, cursor, limit)
        return FacilitiesPage([_facility(one) for one in page], after)

    @post("/facilities", takes="configure", everywhere=True, faults=(409,))
    async def add(request: AnyRequest, data: JSONBody[FacilityBody]) -> FacilityBody:
        """Makes a facility."""
        await doing.add_facility(actor_of(request), data.name, data.title.strip(), data.called_aets)
        return data

    @delete("/facilities/{facility:str}", status_code=204, takes="configure", everywhere=True, faults=(409,))
    async def remove(request: AnyRequest, facility: FromPath[_NameInPath]) -> None:
        """Takes a facility away.

        Its studies stay. Not while it has devices.
        """
        await doing.remove_facility(actor_of(request), facility)

    return [listed, add, remove]


def _device_routes(doing: Administering) -> list[HTTPRouteHandler]:
    @get("/devices", takes="configure", everywhere=True)
    async def listed(request: AnyRequest, limit: FromQuery[Limit] = 100, cursor: FromQuery[Cursor] = 0) -> DevicesPage:
        """Lists the devices."""
        found = (await doing.network(actor_of(request))).devices
        page, after = page_of(found, lambda one: one.id, cursor, limit)
        return DevicesPage([_device(one) for one in page], after)

    @post("/devices", takes="configure", everywhere=True, faults=(409,), location=True)
    async def add(request: AnyRequest, data: JSONBody[NewDeviceBody]) -> Response[Made]:
        """Makes a device known.

        Its AE title proves nothing by itself: hold it to addresses, or under TLS to its certificate.
        """
        new = NewDevice(data.aet, data.facility, data.role, tuple(data.addresses), data.certificate.strip())
        number = await doing.add_device(actor_of(request), new)
        return Response(Made(number), headers={"location": f"/api/devices/{number}"})

    @patch("/devices/{device:int}", status_code=204, takes="configure", everywhere=True)
    async def change(request: AnyRequest, device: FromPath[Id], data: JSONBody[DeviceChange]) -> None:
        """Lets a device in no more, or again."""
        await doing.set_device_disabled(actor_of(request), device, is_disabled=data.is_disabled)

    @delete("/devices/{device:int}", status_code=204, takes="configure", everywhere=True)
    async def remove(request: AnyRequest, device: FromPath[Id]) -> None:
        """Forgets a device.

        What it sent stays.
        """
        await doing.remove_device(actor_of(request), device)

    return [listed, add, change, remove]


def _destination_routes(
    doing: Administering, destinations: Mapping[str, Destination], sending: Sending
) -> list[HTTPRouteHandler]:
    @get("/destinations", sync_to_thread=False, takes="configure", everywhere=True)
    def listed(request: AnyRequest) -> Destinations:
        """Lists where instances can be sent to.

        They are in the settings, and changed there.
        """
        doing.require(actor_of(request), "configure")
        return Destinations([DestinationShown(aet, *_where(one)) for aet, one in sorted(destinations.items())])

    @post("/destinations/{aet:str}/echo", status_code=200, takes="configure", everywhere=True)
    async def echo(request: AnyRequest, aet: FromPath[_AetInPath]) -> Echoed:
        """Asks a destination whether it is there (C-ECHO)."""
        doing.require(actor_of(request), "configure")
        why = await sending.echo(aet)
        return Echoed(not why, why)

    return [listed, echo]


def _where(destination: Destination) -> tuple[str, int, bool]:
    return destination.host, destination.port, destination.tls


def _facility(facility: Facility) -> FacilityBody:
    return FacilityBody(facility.name, facility.title, list(facility.called_aets))


def _device(device: Device) -> DeviceShown:
    return DeviceShown(
        id=device.id,
        aet=device.aet,
        facility=device.facility,
        role=device.role,
        addresses=list(device.addresses),
        certificate=device.certificate,
        is_disabled=device.is_disabled,
    )
