"""Every kind of failure has a status of its own at every door that speaks a protocol."""

import configparser
from collections.abc import Collection
from pathlib import Path

import pytest

from sagittal.api.problems import STATUSES as API_STATUSES
from sagittal.dicomweb.problems import STATUSES
from sagittal.dimse.failures import TABLE
from sagittal.errors import KINDS
from sagittal.web.problems import STATUSES as WEB_STATUSES

CONTRACT = Path(__file__).resolve().parents[2] / ".importlinter"
TABLES: dict[str, Collection[type[Exception]]] = {
    "dimse": TABLE,
    "dicomweb": STATUSES,
    "api": API_STATUSES,
    "web": WEB_STATUSES,
}


def doors() -> set[str]:
    """The packages on the floor of the doors, as the contract of the floors names them."""
    contract = configparser.ConfigParser()
    contract.read(CONTRACT)
    floors = contract["importlinter:contract:floors"]["layers"].split("\n")
    (floor,) = (line for line in floors if "dicomweb" in line)
    return {name.strip() for name in floor.split("|")}


def test_every_door_has_a_table() -> None:
    assert doors() == set(TABLES)


@pytest.mark.parametrize("door", sorted(TABLES))
def test_every_kind_is_in_the_table_of_a_door(door: str) -> None:
    assert set(KINDS) - set(TABLES[door]) == set()
