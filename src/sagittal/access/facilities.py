"""Facilities: hospitals and practices that share one deployment, each with its own AE titles, patients and people.

A study belongs to the facility that sent it. Without any facility made here everything belongs to `local`.
"""

import json
import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from sqlalchemy import Connection, delete, insert, select, update

from sagittal.access import version
from sagittal.archive.records.policy_tables import devices, facilities
from sagittal.archive.records.records import RecordsReader
from sagittal.dicom.identifiers import check_ae_title
from sagittal.errors import Conflict, Invalid, NotFound

LOCAL: Final = "local"
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,31}")
_MOST_TITLE: Final = 128
_MOST: Final = 10_000
_SQL: Final = "SELECT name, title, called_aets FROM facilities ORDER BY name"


class Facility(NamedTuple):
    """A facility.

    Attributes:
        name: short, of small letters, digits, dot, hyphen and underscore; it stands in the index.
        title: as people call it.
        called_aets: an association that calls us by one of these is for this facility.
    """

    name: str
    title: str
    called_aets: tuple[str, ...]


def check_name(name: str) -> str:
    """The name itself. Raises Invalid."""
    if _NAME.fullmatch(name) is None:
        raise Invalid(f"a facility's name has 1 to 32 of a-z, 0-9, '.', '-' and '_'; got {name!r}")
    return name


def add(connection: Connection, name: str, title: str, called_aets: Iterable[str], now_ns: int) -> None:
    """Makes a facility. Raises Conflict if there is one of the name or one that is called the same."""
    present = {one.name: one for one in every(connection)}
    if check_name(name) in present:
        raise Conflict(f"there is a facility {name}")
    if len(present) >= _MOST:
        raise Invalid(f"a deployment has at most {_MOST} facilities")
    titles = _called(called_aets, present.values())
    connection.execute(
        insert(facilities).values(
            name=name, title=title[:_MOST_TITLE], called_aets=json.dumps(titles), created_ns=now_ns
        )
    )
    version.count_up(connection)


def change(
    connection: Connection, name: str, *, title: str | None = None, called_aets: Iterable[str] | None = None
) -> None:
    """Changes what is given. Raises NotFound; Conflict if another facility is called so."""
    present = {one.name: one for one in every(connection)}
    if name not in present:
        raise NotFound(f"there is no facility {name}")
    values: dict[str, str] = {} if title is None else {"title": title[:_MOST_TITLE]}
    if called_aets is not None:
        others = [one for one in present.values() if one.name != name]
        values["called_aets"] = json.dumps(_called(called_aets, others))
    if values:
        connection.execute(update(facilities).where(facilities.c.name == name).values(values))
    version.count_up(connection)


def remove(connection: Connection, name: str) -> None:
    """Takes a facility away; its studies stay where they are. Raises NotFound; Conflict while it has devices."""
    if connection.execute(select(devices.c.id).where(devices.c.facility == name).limit(1)).first() is not None:
        raise Conflict(f"facility {name} still has devices")
    if not connection.execute(delete(facilities).where(facilities.c.name == name)).rowcount:
        raise NotFound(f"there is no facility {name}")
    version.count_up(connection)


def every(connection: Connection) -> tuple[Facility, ...]:
    """All facilities, by name."""
    return tuple(_facility(*row) for row in connection.exec_driver_sql(_SQL))


async def load(records: RecordsReader) -> tuple[Facility, ...]:
    """All facilities, by name."""
    return tuple(_facility(*row) for row in await records.fetch(_SQL, ()))


def facility_called(known: Iterable[Facility], called_aet: str) -> str:
    """The facility that an association is for that calls us so; `""` if that says nothing."""
    return next((one.name for one in known if called_aet in one.called_aets), "")


def _called(aets: Iterable[str], others: Iterable[Facility]) -> list[str]:
    titles = sorted({check_ae_title(aet) for aet in aets})
    for other in others:
        if taken := set(titles) & set(other.called_aets):
            raise Conflict(f"facility {other.name} is called {', '.join(sorted(taken))} already")
    return titles


def _facility(name: str, title: str, called_aets: str) -> Facility:
    return Facility(name, title, tuple(json.loads(called_aets or "[]")))
