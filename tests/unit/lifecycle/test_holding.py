"""Legal holds keep what is rejected from being purged."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sagittal.access import consent
from sagittal.access.consent import Of
from sagittal.archive.archive import Archive
from support.archives import archive_at, instance, store
from support.rejecting import purge_all, take, undo


class Told:
    """Keeps who was refused what."""

    def __init__(self) -> None:
        self.refusals: list[str] = []

    async def accessed(self, *_: object) -> None:
        """Nothing."""

    async def queried(self, *_: object) -> None:
        """Nothing."""

    def refused(self, _actor: object, action: str) -> None:
        self.refusals.append(action)


@pytest.fixture
async def archive(tmp_path: Path) -> AsyncIterator[Archive]:
    async with archive_at(tmp_path) as opened:
        await store(opened, instance(StudyInstanceUID="1.2.1", PatientID="Müller 1", SpecificCharacterSet="ISO_IR 100"))
        yield opened


async def hold(archive: Archive, of: Of) -> int:
    return await archive.records.write(lambda c: consent.hold(c, of, "a case in court", "root", 1))


@pytest.mark.parametrize("of", [Of("1.2.1", "", ""), Of("", "Müller 1", "")])
async def test_what_is_held_is_not_purged_and_can_be_restored(archive: Archive, of: Of) -> None:
    number = await hold(archive, of)
    archive.witness = told = Told()
    rejection = await take(archive, study="1.2.1")
    report = await purge_all(archive)
    assert (report.instances, report.held, told.refusals) == (0, 1, ["purge what is held"])
    await undo(archive, rejection)
    await take(archive, study="1.2.1")
    await archive.records.write(lambda c: consent.lift(c, number, "root", 2))
    assert (await purge_all(archive)).instances == 1


async def test_a_hold_on_something_else_keeps_nothing(archive: Archive) -> None:
    await hold(archive, Of("", "Müller 2", ""))
    await hold(archive, Of("1.2.2", "", ""))
    await take(archive, study="1.2.1")
    assert (await purge_all(archive)).instances == 1
