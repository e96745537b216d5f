import threading
from pathlib import Path

import pytest

from sagittal.archive import syncs
from sagittal.archive.packs.disk import Disk
from sagittal.archive.packs.names import new_pack_id
from sagittal.archive.packs.writer import Folders, PackWriter


class MeetingDisk(Disk):
    """A sync ends when as many have begun as are awaited, so that it would never end alone."""

    def __init__(self) -> None:
        self.meeting = threading.Barrier(1)
        self.broken: set[int] = set()

    def sync(self, descriptor: int) -> None:
        if descriptor in self.broken:
            raise OSError(5, "Input/output error")
        self.meeting.wait(20)


def packs_on(disk: Disk, root: Path, count: int) -> list[PackWriter]:
    packs = [PackWriter(new_pack_id(1), "local", "1.2", disk) for _ in range(count)]
    for pack in packs:
        pack.open(root, Folders(root, disk))
    return packs


def test_a_slow_disk_syncs_all_packs_of_a_batch_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = MeetingDisk()
    packs = packs_on(disk, tmp_path, 4)
    one = syncs.Syncs()
    assert one.sync(packs) == {}
    monkeypatch.setattr(syncs, "SLOW_S", 0.0)
    disk.meeting = threading.Barrier(4)
    assert one.sync(packs) == {}
    one.close()


@pytest.mark.parametrize("slow_s", [0.0, 60.0])
def test_a_pack_that_fails_is_told_and_the_others_are_synced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slow_s: float
) -> None:
    disk = MeetingDisk()
    packs = packs_on(disk, tmp_path, 3)
    disk.broken.add(packs[1]._descriptor)
    one = syncs.Syncs()
    one.sync([packs[0]])
    monkeypatch.setattr(syncs, "SLOW_S", slow_s)
    assert list(one.sync(packs)) == [packs[1]]
    assert [pack.is_broken for pack in packs] == [False, True, False]
    one.close()
