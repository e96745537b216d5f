"""The room of uploads: begun, added to, looked at, given up, brought in, reported; each by its owner only."""

import asyncio
import contextlib
import secrets
import time
from collections.abc import AsyncIterator, Callable
from typing import Final

import msgspec

from sagittal.access.asking import ask_at
from sagittal.archive.archive import Archive
from sagittal.errors import Conflict, Exhausted, Invalid, NotFound
from sagittal.ingest.uploads.bringing_in import bring_in
from sagittal.ingest.uploads.model import (
    AlreadyComplete,
    DigestMismatch,
    Facts,
    LengthMismatch,
    Limits,
    Mark,
    Piece,
    Shown,
    State,
    TooLarge,
    UploadReport,
    check_piece,
    owner_of,
)
from sagittal.ingest.uploads.pouring import Pour, finished
from sagittal.ingest.uploads.shelf import Kept, Shelf, Spool
from sagittal.runtime.actor import Actor
from sagittal.runtime.log import get_logger

log = get_logger(__name__)

_MARGIN_BYTES: Final = 256 * 1024**2  # the medium is not filled to the brim with uploads
_WORKERS: Final = 2
_RETRY_S: Final = 30.0
_SWEEP_S: Final = 600.0


class Interrupted(Conflict):
    """A newer request for the same upload came; what this one brought so far is kept."""


class _Entry:
    """An upload in memory.

    Attributes:
        touched_ns: of the last piece.
        appender: the task of the request that adds to it.
        is_overtaken: a newer request has cancelled that task.
    """

    def __init__(self, kept: Kept) -> None:
        self.facts: Facts = kept.facts
        self.owner = owner_of(kept.facts.actor)
        self.mark: Mark = kept.mark
        self.report: UploadReport | None = kept.report
        self.touched_ns = kept.touched_ns
        self.lock = asyncio.Lock()
        self.appender: asyncio.Task[object] | None = None
        self.is_overtaken = False
        self.is_gone = False

    @property
    def state(self) -> State:
        if self.report is not None:
            return self.report.state
        return "waiting" if self.mark.is_complete else "receiving"

    @property
    def space_bytes(self) -> int:
        """What it takes of the space of uploads."""
        return 0 if self.state == "done" else max(self.mark.length or 0, self.mark.offset)


class Uploads:
    """Every upload of one archive. Belongs to one event loop; `run` is to run beside it."""

    def __init__(
        self, archive: Archive, limits: Limits, timeout_s: float, clock: Callable[[], int] = time.time_ns
    ) -> None:
        """Made by `open_uploads`."""
        self.limits = limits
        self._archive = archive
        self._timeout_s = timeout_s
        self._clock = clock
        self._shelf = Shelf(archive.root / "uploads")
        self._entries: dict[str, _Entry] = {}
        self._waiting: asyncio.Queue[_Entry] = asyncio.Queue()
        for kept in self._shelf.load():
            entry = self._entries[kept.facts.id] = _Entry(kept)
            if entry.state == "waiting":
                self._waiting.put_nowait(entry)

    async def begin(self, actor: Actor, name: str, length: int | None = None, metadata: str = "") -> Shown:
        """A new upload of this actor.

        Args:
            actor: who may store at their facility.
            name: of the file.
            length: of the whole, bytes; None if it will be said later.
            metadata: what the client wants to hear again.

        Raises:
            Refused: they may not store.
            TooLarge: more bytes than this site takes in one upload.
            Exhausted: too many uploads, or too little space.
        """
        ask_at(self._archive.witness, actor, "store", actor.facility)
        if length is not None and length > self.limits.max_bytes:
            raise TooLarge(f"an upload may have {self.limits.max_bytes} bytes at most")
        if len(name) > 1024 or len(metadata) > 8192:
            raise Invalid("the name of an upload has 1024 characters at most, its metadata 8192")
        await self._make_room(actor, length or 0)
        facts = Facts(id=secrets.token_urlsafe(18), actor=actor, name=name, metadata=metadata, created_ns=self._clock())
        entry = _Entry(Kept(facts, Mark(0, length), None, facts.created_ns))
        self._entries[facts.id] = entry
        try:
            await asyncio.to_thread(self._shelf.make, facts, length)
        except BaseException:
            self._entries.pop(facts.id, None)
            raise
        return self._shown(entry)

    async def look(self, actor: Actor, upload_id: str) -> Shown:
        """How far an upload is; a request that still adds to it is cut off first, so that the answer holds.

        Raises:
            NotFound: there is none of theirs by this name.
        """
        entry = self._of(actor, upload_id)
        async with self._alone(entry):
            return self._shown(entry)

    async def append(self, actor: Actor, upload_id: str, piece: Piece, body: AsyncIterator[bytes]) -> Shown:
        """Adds a piece; when this returns it is on the medium. What came of a piece that broke off is kept, too.

        Args:
            actor: its owner.
            upload_id: which.
            piece: what is announced.
            body: the bytes as they come; what it raises goes through.

        Raises:
            NotFound: there is none of theirs by this name.
            Refused: they may not store any more.
            OffsetMismatch, AlreadyComplete, LengthMismatch, TooLarge: the piece does not fit.
            DigestMismatch: it is not what its sender made the digest of; nothing of it was kept.
            Interrupted: a newer request came.
            Exhausted: there is no space.
        """
        entry = self._of(actor, upload_id)
        ask_at(self._archive.witness, actor, "store", actor.facility)
        async with self._alone(entry):
            length = check_piece(entry.mark, piece, self.limits.max_bytes)
            if entry.mark.is_complete:
                return self._shown(entry)
            self._check_space(max(length or 0, piece.offset + (piece.size or 0)) - entry.space_bytes)
            await self._write(entry, piece, length, body)
            if entry.mark.is_complete:
                self._waiting.put_nowait(entry)
            return self._shown(entry)

    async def cancel(self, actor: Actor, upload_id: str) -> None:
        """Forgets an upload, or its report.

        Raises:
            NotFound: there is none of theirs by this name.
            AlreadyComplete: it is being brought in.
        """
        entry = self._of(actor, upload_id)
        async with self._alone(entry):
            if entry.state == "working":
                raise AlreadyComplete("the upload is complete and on its way into the archive")
            await self._forget(entry)

    def report(self, actor: Actor, upload_id: str) -> UploadReport:
        """What became of an upload, as far as it is. Raises NotFound."""
        entry = self._of(actor, upload_id)
        if entry.report is not None:
            return entry.report
        mark = entry.mark
        return UploadReport(
            id=upload_id, name=entry.facts.name, state=entry.state, offset=mark.offset, length=mark.length
        )

    def listed(self, actor: Actor) -> list[Shown]:
        """The actor's uploads, the newest first."""
        owner = owner_of(actor)
        mine = [entry for entry in self._entries.values() if entry.owner == owner and not entry.is_gone]
        return [self._shown(entry) for entry in sorted(mine, key=lambda one: -one.facts.created_ns)]

    async def run(self) -> None:
        """Brings in what is whole, and forgets what is old; until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(_WORKERS):
                group.create_task(self._work())
            group.create_task(self._sweep())

    # Receiving

    async def _write(self, entry: _Entry, piece: Piece, length: int | None, body: AsyncIterator[bytes]) -> None:
        upload_id, task = entry.facts.id, asyncio.current_task()
        spool = await finished(asyncio.to_thread(Spool, self._shelf, upload_id, piece.offset))
        entry.appender = task
        pour = Pour(spool, piece, length, self.limits.max_bytes, lambda mark: setattr(entry, "mark", mark))
        try:
            await pour.all(body)
            await finished(pour.end(is_whole=True))
        except (DigestMismatch, LengthMismatch, TooLarge):
            raise
        except BaseException as error:
            await finished(pour.end(is_whole=False))
            if isinstance(error, asyncio.CancelledError) and entry.is_overtaken:
                raise Interrupted("a newer request for this upload came; what came before it is kept") from None
            raise
        finally:
            entry.appender = None
            entry.touched_ns = self._clock()
            spool.close()
            if entry.is_overtaken:
                await _uncancelled(task)

    @contextlib.asynccontextmanager
    async def _alone(self, entry: _Entry) -> AsyncIterator[None]:
        """Holds the upload; whoever still adds to it is cut off, for they are who came here again."""
        if entry.appender is not None and not entry.is_overtaken:
            entry.is_overtaken = True
            entry.appender.cancel()
        async with entry.lock:
            if entry.is_gone:
                raise NotFound("there is no such upload")
            entry.is_overtaken = False
            yield

    def _of(self, actor: Actor, upload_id: str) -> _Entry:
        entry = self._entries.get(upload_id)
        if entry is None or entry.is_gone or entry.owner != owner_of(actor):
            raise NotFound("there is no such upload")
        return entry

    def _shown(self, entry: _Entry) -> Shown:
        return Shown(
            id=entry.facts.id,
            name=entry.facts.name,
            metadata=entry.facts.metadata,
            state=entry.state,
            offset=entry.mark.offset,
            length=entry.mark.length,
            is_complete=entry.mark.is_complete,
            expires_ns=entry.touched_ns + self.limits.expiry_s * 10**9,
        )

    async def _make_room(self, actor: Actor, length: int) -> None:
        owner = owner_of(actor)
        mine = [entry for entry in self._entries.values() if entry.owner == owner]
        if sum(entry.state != "done" for entry in mine) >= self.limits.max_open:
            raise Exhausted(f"at most {self.limits.max_open} uploads of one account are open at a time")
        if len(self._entries) >= self.limits.max_entries:
            raise Exhausted("there are too many uploads; try again later")
        self._check_space(length)
        ended = sorted((one for one in mine if one.state == "done"), key=lambda one: one.touched_ns)
        for entry in ended[: max(0, len(mine) + 1 - self.limits.max_kept)]:
            await self._forget(entry)

    def _check_space(self, more_bytes: int) -> None:
        taken = sum(entry.space_bytes for entry in self._entries.values())
        there = sum(entry.mark.offset for entry in self._entries.values() if entry.space_bytes)
        free = self._shelf.free_bytes() - (taken - there) - _MARGIN_BYTES
        if more_bytes > 0 and (taken + more_bytes > self.limits.space_bytes or more_bytes > free):
            raise Exhausted("there is no space for this upload now; try again when others are brought in")

    async def _forget(self, entry: _Entry) -> None:
        entry.is_gone = True
        self._entries.pop(entry.facts.id, None)
        await finished(asyncio.to_thread(self._shelf.remove, entry.facts.id))

    # Bringing in

    async def _work(self) -> None:
        while True:
            entry = await self._waiting.get()
            if entry.is_gone:
                continue
            try:
                await self._bring_in(entry)
            except Exhausted as error:
                log.warning("upload waits", upload=entry.facts.id, detail=str(error))
                told = self._blank(entry, "waiting", str(error))
                entry.report = told
                asyncio.get_running_loop().call_later(_RETRY_S, self._waiting.put_nowait, entry)
            except asyncio.CancelledError:
                if entry.state != "done":
                    self._waiting.put_nowait(entry)  # whoever runs next goes on with it
                raise
            except Exception:  # the border of a task: one upload that breaks does not stop the others
                log.exception("upload could not be brought in", upload=entry.facts.id)
                await self._end(entry, self._blank(entry, "done", "an error of ours; the log has it"))

    async def _bring_in(self, entry: _Entry) -> None:
        entry.report = self._blank(entry, "working", "")
        path = self._shelf.bytes_of(entry.facts.id)

        def told(report: UploadReport) -> None:
            entry.report = report

        report = await bring_in(self._archive, entry.facts, entry.mark, path, self.limits, self._timeout_s, told)
        await self._end(entry, report)
        log.info(
            "upload brought in",
            upload=entry.facts.id,
            stored=report.stored,
            duplicates=report.duplicates,
            conflicts=report.conflicts,
            refused=report.refused_count,
        )

    async def _end(self, entry: _Entry, report: UploadReport) -> None:
        await finished(self._keep(entry, msgspec.structs.replace(report, ended_ns=self._clock())))

    async def _keep(self, entry: _Entry, report: UploadReport) -> None:
        await asyncio.to_thread(self._shelf.finish, report)
        entry.report = report
        entry.touched_ns = report.ended_ns

    def _blank(self, entry: _Entry, state: State, reason: str) -> UploadReport:
        mark = entry.mark
        return UploadReport(
            id=entry.facts.id,
            name=entry.facts.name,
            state=state,
            offset=mark.offset,
            length=mark.length,
            reason=reason,
        )

    async def _sweep(self) -> None:
        while True:
            oldest_ns = self._clock() - self.limits.expiry_s * 10**9
            for entry in tuple(self._entries.values()):
                is_idle = entry.appender is None and entry.state in ("receiving", "done")
                if is_idle and entry.touched_ns < oldest_ns and not entry.lock.locked():
                    await self._forget(entry)
            await asyncio.sleep(_SWEEP_S)


async def _uncancelled(task: asyncio.Task[object] | None) -> None:
    """Takes back the cancelling by a newer request, also where it comes too late to have interrupted anything."""
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.sleep(0)
    while task is not None and task.cancelling():
        task.uncancel()


async def open_uploads(archive: Archive, limits: Limits, timeout_s: float) -> Uploads:
    """The uploads in the archive's folder, as they were left."""
    return await asyncio.to_thread(Uploads, archive, limits, timeout_s)
