"""What a purge that was cut short left behind: packs that were being made, and packs that were to be taken away."""

from pathlib import Path

from sagittal.archive.index.writer import IndexWriter
from sagittal.archive.packs.disk import Disk
from sagittal.archive.packs.names import pack_path
from sagittal.runtime.log import get_logger

log = get_logger(__name__)

PART = ".part"
"""Behind the name of a pack that is not all there yet: nothing that reads packs takes it for one."""


def sweep(packs: Path, index: IndexWriter, disk: Disk | None = None) -> int:
    """Unlinks packs in the states `making` and `gone`, and forgets them; returns how many bytes. Blocks."""
    disk = disk or Disk()
    freed = 0
    left = index.packs_in("making") + index.packs_in("gone")
    for pack_id in left:
        path = pack_path(packs, pack_id)
        for name in (path, path.with_name(path.name + PART)):
            if name.exists():
                freed += name.stat().st_size
                name.unlink()
                disk.sync_folder(path.parent)
    if left:
        index.seal_packs(dict.fromkeys(left, (0, 0)))
        log.info("packs taken away", packs=len(left), bytes=freed)
    return freed
