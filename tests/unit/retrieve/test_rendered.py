"""Pictures whose bytes the workers read themselves."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sagittal.archive.archive import Archive
from sagittal.errors import Corrupt
from sagittal.imaging.render.recipe import Recipe
from sagittal.retrieve.rendered import rendered
from sagittal.runtime.actor import LOCAL
from sagittal.runtime.pools import WorkerPool
from sagittal.runtime.stretches import placed
from support.archives import archive_at, instance, soon, store


@pytest.fixture
async def archive(tmp_path: Path) -> AsyncIterator[Archive]:
    async with archive_at(tmp_path) as opened:
        yield opened


@pytest.fixture
async def pool() -> AsyncIterator[WorkerPool]:
    made = WorkerPool(1)
    yield made
    await made.close()


async def test_a_picture_is_the_same_after_its_pack_was_moved(
    archive: Archive, pool: WorkerPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    (kept,) = await store(archive, instance("CT_small.dcm"))
    (stored,) = await archive.locate(instance=kept.sop_instance_uid)

    async def picture() -> bytes:
        return await rendered(archive, LOCAL, pool, stored, (1,), Recipe(), soon())

    before = await picture()
    assert before[:3] == b"\xff\xd8\xff"
    nowhere = archive.root / "packs" / "gone.tar"
    monkeypatch.setattr(archive, "place", lambda _, start, length: placed(nowhere, start, length))
    assert await picture() == before


async def test_what_is_damaged_makes_no_picture(
    archive: Archive, pool: WorkerPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    (kept,) = await store(archive, instance("CT_small.dcm"))
    (stored,) = await archive.locate(instance=kept.sop_instance_uid)
    short = archive.root / "short"
    short.write_bytes(b"too short")
    monkeypatch.setattr(archive, "place", lambda _, start, length: placed(short, start, length))
    with pytest.raises(Corrupt, match="ends at"):
        await rendered(archive, LOCAL, pool, stored, (1,), Recipe(), soon())
