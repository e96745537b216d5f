"""Writing one pack: members appended, headers in front of their data, a sync, and a cut back when something fails.

Behind the members of a pack that takes small ones stand zeros, written some way ahead: a sync of bytes that lie within
the file need not write its size and its blocks as well. To any reader of tar they are the end of the archive.
"""

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from sagittal.archive.packs import tar
from sagittal.archive.packs.buffers import Buffer
from sagittal.archive.packs.disk import READ_ONLY, Disk
from sagittal.archive.packs.facts import Facts, encode_facts
from sagittal.archive.packs.names import member_name, pack_path
from sagittal.errors import Exhausted

MAX_MEMBERS = 999_999

_SMALL_BYTES = 64 << 10
"""Of a file that zeros are written ahead of; for a larger one they would cost more than they save."""
_MEMBERS_BEFORE_ZEROS = 4
"""A pack of few members gets none."""
_ZEROS = bytes((256 << 10) + 1)  # no whole blocks: what is left of them never looks as sealing ends a pack


class PackWriter:
    """The one writer of a pack. Its methods block; one thread at a time may be in them.

    Attributes:
        pack_id, facility, series_instance_uid: which pack, and what it belongs to.
        end: up to here all members are whole, bytes.
        kept: up to here all members are synced and indexed; a cut goes back to here, bytes.
        members: how many there are up to `end`.
        is_broken: nothing may be appended any more; what is kept stays good.
    """

    def __init__(self, pack_id: str, facility: str, series_instance_uid: str, disk: Disk) -> None:
        self.pack_id = pack_id
        self.facility = facility
        self.series_instance_uid = series_instance_uid
        self.end = 0
        self.kept = 0
        self.members = 0
        self.is_broken = False
        self._kept_members = 0
        self._zeroed = 0  # up to here the file reaches, because of zeros
        self._descriptor = -1
        self._disk = disk

    @property
    def is_open(self) -> bool:
        """Whether the file exists and can be written."""
        return self._descriptor >= 0

    def open(self, root: Path, folders: "Folders") -> None:
        """Creates the file under `root`. Raises Exhausted; then nothing is there."""
        path = pack_path(root, self.pack_id)
        try:
            folders.ensure(path.parent)
            self._descriptor = self._disk.create(path)
            self._disk.sync_folder(path.parent)
        except OSError as error:
            self.is_broken = True
            if self._descriptor >= 0:
                self._close()
                path.unlink(missing_ok=True)
            raise Exhausted(f"cannot create pack {self.pack_id}: {os_reason(error)}") from error

    def append(self, sop_instance_uid: str, facts: Facts, file: Sequence[Buffer], length: int) -> int:
        """Writes a member whose file of `length` bytes is at hand in pieces, in one call; it is not synced yet.

        Returns where the file starts in the pack, bytes.
        """
        headers = self._headers(sop_instance_uid, facts, length, None)
        offset = self.end + len(headers)
        self.end = self._write((headers, *file, tar.padding(length)), self.end)
        self.members += 1
        if self.end > self._zeroed and self.members > _MEMBERS_BEFORE_ZEROS and length <= _SMALL_BYTES:
            self._write_zeros()
        return offset

    def append_streamed(self, offset: int, chunks: Sequence[Buffer]) -> int:
        """Writes a piece of a file whose size is not known, at `offset`; returns the offset behind it.

        The first piece goes to `stream_offset`; `finish_streamed` makes a member of it all.
        """
        return self._write(chunks, offset)

    @property
    def stream_offset(self) -> int:
        """Where the file of the next member starts if room is left for any headers, bytes."""
        return self.end + tar.STREAM_ROOM_BYTES

    def finish_streamed(self, sop_instance_uid: str, facts: Facts, length: int) -> int:
        """Writes the headers in front of a streamed file; returns where the file starts in the pack, bytes."""
        headers = self._headers(sop_instance_uid, facts, length, tar.STREAM_BODY_BYTES)
        offset = self.stream_offset
        end = self._write((tar.padding(length),), offset + length)
        self._write((headers,), self.end)
        self.end = end
        self.members += 1
        return offset

    def sync(self) -> None:
        """Waits until all members are on the medium. Raises Exhausted; what was not synced before is then cut."""
        try:
            self._disk.sync(self._descriptor)
        except OSError as error:
            # What the medium holds now is unknown: nothing is ever appended to this file again.
            self.is_broken = True
            raise Exhausted(f"cannot sync pack {self.pack_id}: {os_reason(error)}") from error

    def keep(self) -> None:
        """The members up to `end` are synced and indexed."""
        self.kept = self.end
        self._kept_members = self.members

    def rewind(self) -> None:
        """Goes on from what was kept; what was written behind it is overwritten."""
        self.end = self.kept
        self.members = self._kept_members

    def cut(self) -> None:
        """Back to what was kept. If that fails nothing is appended any more, and start-up cuts it."""
        self.rewind()
        self._zeroed = 0
        if not self.is_open:
            return
        try:
            self._disk.truncate(self._descriptor, self.kept)
        except OSError:
            self.is_broken = True

    def seal(self, root: Path) -> int:
        """Ends the archive, makes the file read-only and closes it; returns its length, 0 if it was empty and is gone.

        A failure leaves the end-of-archive blocks out, which no reader needs.
        """
        if not self.is_open:
            return 0
        path = pack_path(root, self.pack_id)
        if not self.kept:
            self._close()
            path.unlink(missing_ok=True)
            return 0
        length = self.kept
        with suppress(OSError):
            self._disk.truncate(self._descriptor, self.kept)
            length = self._disk.write_all(self._descriptor, (tar.END_OF_ARCHIVE,), self.kept)
            self._disk.sync(self._descriptor)
        with suppress(OSError):
            os.fchmod(self._descriptor, READ_ONLY)
        self._close()
        return length

    def _headers(self, sop_instance_uid: str, facts: Facts, length: int, body_bytes: int | None) -> bytes:
        name = member_name(self.members + 1, sop_instance_uid)
        return tar.member_headers(
            name, encode_facts(facts), length, facts.received_ns // 1_000_000_000, body_bytes=body_bytes
        )

    def _write_zeros(self) -> None:
        """Behind the last member, for those to come; a disk without room for them may have some for a member."""
        self._zeroed = self.end + len(_ZEROS)
        try:
            self._disk.write_all(self._descriptor, (_ZEROS,), self.end)
        except OSError:
            with suppress(OSError):
                self._disk.truncate(self._descriptor, self.end)

    def _write(self, buffers: Sequence[Buffer], offset: int) -> int:
        try:
            return self._disk.write_all(self._descriptor, buffers, offset)
        except OSError as error:
            raise Exhausted(f"cannot write pack {self.pack_id}: {os_reason(error)}") from error

    def _close(self) -> None:
        os.close(self._descriptor)
        self._descriptor = -1


class Folders:
    """The folders of packs; each is on the medium before a pack is created in it."""

    def __init__(self, root: Path, disk: Disk) -> None:
        self._root = root
        self._disk = disk
        self._synced: set[Path] = set()  # at most 256 + 65,536

    def ensure(self, folder: Path) -> None:
        """Makes `folder`, two levels below the root, and syncs its name and that of its parent. Raises OSError."""
        if folder in self._synced:
            return
        parent = folder.parent
        if parent not in self._synced:
            self._disk.make_folder(parent)
            self._disk.sync_folder(self._root)
            self._synced.add(parent)
        self._disk.make_folder(folder)
        self._disk.sync_folder(parent)
        self._synced.add(folder)


def os_reason(error: OSError) -> str:
    """What the system says, without a path."""
    return os.strerror(error.errno) if error.errno else type(error).__name__
