"""Facilities and the devices that call for them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine

from sagittal.access import devices, facilities
from sagittal.access.devices import Device, NewDevice
from sagittal.archive.records import connect
from sagittal.errors import Conflict, Invalid, NotFound

FINGERPRINT = "ab" * 32


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    path = tmp_path / "records.db"
    connect.migrate(path)
    engine = create_engine("sqlite://", creator=lambda: connect.connect_writer(path))
    with engine.connect() as opened:
        yield opened
    engine.dispose()


def added(connection: Connection, *new: NewDevice) -> tuple[Device, ...]:
    for one in new:
        devices.add(connection, one, "ann", 1)
    return devices.every(connection)


def test_a_called_ae_title_says_which_facility_is_meant(connection: Connection) -> None:
    facilities.add(connection, "north", "North Hospital", ["NORTH", "N2"], 1)
    facilities.add(connection, "south", "South Hospital", ["SOUTH"], 1)
    known = facilities.every(connection)
    assert facilities.facility_called(known, "N2") == "north"
    assert facilities.facility_called(known, "SAGITTAL") == ""


def test_two_facilities_are_not_called_the_same(connection: Connection) -> None:
    facilities.add(connection, "north", "", ["NORTH"], 1)
    with pytest.raises(Conflict, match="NORTH"):
        facilities.add(connection, "south", "", ["NORTH"], 1)
    facilities.add(connection, "south", "", [], 1)
    with pytest.raises(Conflict, match="NORTH"):
        facilities.change(connection, "south", called_aets=["NORTH"])
    facilities.change(connection, "north", called_aets=["NORTH", "N3"])


@pytest.mark.parametrize("name", ["", "North", "no rth", "a" * 33, "*", "../x"])
def test_a_facility_has_a_plain_name(connection: Connection, name: str) -> None:
    with pytest.raises(Invalid):
        facilities.add(connection, name, "", [], 1)


def test_a_facility_with_devices_stays(connection: Connection) -> None:
    facilities.add(connection, "north", "", [], 1)
    (device,) = added(connection, NewDevice("CT1", "north"))
    with pytest.raises(Conflict):
        facilities.remove(connection, "north")
    devices.remove(connection, device.id)
    facilities.remove(connection, "north")
    with pytest.raises(NotFound):
        facilities.remove(connection, "north")


@pytest.mark.parametrize(
    ("address", "is_found"),
    [("192.0.2.7", True), ("192.0.2.200", True), ("::ffff:192.0.2.7", True), ("192.0.3.7", False), ("nowhere", False)],
)
def test_a_device_calls_from_its_network_only(connection: Connection, address: str, is_found: bool) -> None:
    known = added(connection, NewDevice("CT1", addresses=("192.0.2.0/24",)))
    assert (devices.find(known, "CT1", address) is not None) == is_found


def test_a_device_held_to_a_certificate_has_to_show_it(connection: Connection) -> None:
    known = added(connection, NewDevice("CT1", certificate=FINGERPRINT.upper()))
    assert devices.find(known, "CT1", "192.0.2.7") is None
    assert devices.find(known, "CT1", "192.0.2.7", certificate="cd" * 32) is None
    assert devices.find(known, "CT1", "192.0.2.7", certificate=FINGERPRINT) is not None


def test_an_unknown_or_disabled_device_is_not_found(connection: Connection) -> None:
    (device,) = added(connection, NewDevice("CT1"))
    assert devices.find([device], "CT2", "192.0.2.7") is None
    devices.set_disabled(connection, device.id, is_disabled=True)
    assert devices.find(devices.every(connection), "CT1", "192.0.2.7") is None


def test_one_ae_title_at_two_facilities_is_told_apart_or_refused(connection: Connection) -> None:
    known = added(connection, NewDevice("CT1", "north"), NewDevice("CT1", "south"))
    assert devices.find(known, "CT1", "192.0.2.7") is None
    found = devices.find(known, "CT1", "192.0.2.7", facility="south")
    assert found is not None
    assert found.facility == "south"


@pytest.mark.parametrize(
    "new",
    [
        NewDevice(" CT1"),
        NewDevice("A" * 17),
        NewDevice("CT1", role="wizard"),
        NewDevice("CT1", addresses=("192.0.2.0/33",)),
        NewDevice("CT1", certificate="ab"),
        NewDevice("CT1", facility="No Such"),
    ],
)
def test_what_is_no_device_is_refused(connection: Connection, new: NewDevice) -> None:
    with pytest.raises(Invalid):
        devices.add(connection, new, "ann", 1)


def test_a_facility_has_an_ae_title_once(connection: Connection) -> None:
    added(connection, NewDevice("CT1"))
    with pytest.raises(Conflict):
        devices.add(connection, NewDevice("CT1"), "ann", 1)
