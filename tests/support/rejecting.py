"""Rejecting, restoring and purging in tests, and what the index holds without what may differ after a purge."""

from typing import Any

from sqlalchemy import select

from sagittal.archive.archive import Archive
from sagittal.archive.index import schema
from sagittal.archive.purging import PurgeReport
from sagittal.lifecycle.purging import MayPurge, purge
from sagittal.lifecycle.rejecting import Rejection, reject, restore
from sagittal.runtime.actor import EVERYTHING, Actor
from sagittal.runtime.deadline import Deadline

PERSON = Actor(door="cli", name="somebody", kind="local", grants=EVERYTHING)


async def take(archive: Archive, **named: str) -> Rejection:
    """Rejects what is named."""
    return await reject(archive, PERSON, deadline=Deadline.after(30), **named)


async def undo(archive: Archive, rejection: Rejection) -> Rejection:
    """Restores it."""
    return await restore(archive, PERSON, rejection.id, deadline=Deadline.after(30))


async def purge_all(archive: Archive, may_purge: MayPurge | None = None) -> PurgeReport:
    """Purges what is rejected, whenever that was."""
    return await purge(archive, PERSON, rejected_before_ns=archive.now_ns() + 10**18, may_purge=may_purge)


async def kept(archive: Archive) -> dict[str, list[tuple[object, ...]]]:
    """All rows that tell of instances, with UIDs in the place of ids and without packs: these a purge may change."""
    patients = {
        row.id: (row.patient_id, row.issuer, row.facility, row.of_study) for row in await rows(archive, "patients")
    }
    studies = {row.id: row.study_instance_uid for row in await rows(archive, "studies")}
    series = {row.id: (studies[row.study], row.series_instance_uid) for row in await rows(archive, "series")}
    found: dict[str, list[tuple[object, ...]]] = {}
    above = {"studies": ("patient", patients), "series": ("study", studies), "instances": ("series", series)}
    for table in ("patients", "studies", "series", "instances", "conflicts", "rejected"):
        column, names = above.get(table, ("", {}))
        found[table] = sorted(
            tuple(
                names[value] if name == column else value
                for name, value in row._mapping.items()
                if name not in ("id", "row_id", "pack", "file_offset")
            )
            for row in await rows(archive, table)
        )  # fmt: skip
    return found


async def rows(archive: Archive, table: str) -> list[Any]:  # Any: rows of any table
    return list(await archive.select(select(schema.metadata.tables[table])))


async def names_found(archive: Archive, text: str) -> tuple[int, int]:
    """How many patients and studies the search of names finds."""
    counts = [
        await archive.fetch(f"SELECT count(*) FROM {names} WHERE name_folded LIKE ?", (f"%{text}%",))  # names of tables
        for names in ("patient_names", "study_names")
    ]
    return counts[0][0][0], counts[1][0][0]
