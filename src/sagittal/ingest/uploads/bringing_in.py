"""An upload that is whole goes into the archive; one that was broken off by a crash goes on where it stood."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import blake3
import msgspec

from sagittal.archive.archive import Archive
from sagittal.archive.model import Outcome, Stored
from sagittal.errors import Exhausted, SagittalError
from sagittal.ingest.importing import ImportReport, Refusal, import_items
from sagittal.ingest.sources import READ_ERRORS, Item
from sagittal.ingest.uploads.model import MAX_REFUSALS, MAX_STUDIES, Facts, Limits, Mark, UploadReport
from sagittal.ingest.uploads.unpacking import items_in

Told = Callable[[UploadReport], None]


async def bring_in(
    archive: Archive, facts: Facts, mark: Mark, path: Path, limits: Limits, timeout_s: float, told: Told
) -> UploadReport:
    """Reads everything in the upload into the archive, on behalf of who sent it.

    Args:
        path: of its bytes; beside it lies the journal.
        timeout_s: how long one instance may take.
        told: hears the report as it grows.

    Raises:
        Exhausted: there is no room in the archive; what was done is durable and noted.
    """
    blank = UploadReport(id=facts.id, name=facts.name, offset=mark.offset, length=mark.length, state="working")
    try:
        items = await asyncio.to_thread(items_in, path, facts.name, limits)
    except Exhausted:
        raise
    except (SagittalError, *READ_ERRORS) as error:
        why = str(error) if isinstance(error, SagittalError) else "the file cannot be read as a ZIP"
        refused = (Refusal(facts.name, why),)
        return _ended(msgspec.structs.replace(blank, refused=refused, refused_count=1, files=1, reason=why))
    journal = await asyncio.to_thread(_Journal, path.with_name("journal"))
    try:
        report = await import_items(
            archive, facts.actor, items, journal, lambda now: told(_filled(blank, now, journal)), timeout_s
        )
    finally:
        journal.close()
    return _ended(_filled(blank, report, journal))


def _filled(blank: UploadReport, now: ImportReport, journal: "_Journal") -> UploadReport:
    refused = now.refused
    return msgspec.structs.replace(
        blank,
        stored=now.stored + journal.earlier["stored"],
        duplicates=now.duplicates + journal.earlier["duplicate"],
        conflicts=now.conflicts + journal.earlier["conflict"],
        refused_count=len(refused),
        refused=tuple(refused[:MAX_REFUSALS]),
        missing=tuple(now.missing[:MAX_REFUSALS]),
        studies=tuple(journal.studies),
        files=now.files,
    )


def _ended(report: UploadReport) -> UploadReport:
    return msgspec.structs.replace(report, state="done", ended_ns=time.time_ns())


class _Line(msgspec.Struct, frozen=True, array_like=True):
    item: str
    outcome: Outcome
    study_instance_uid: str


class _Journal:
    """A line for each item that is durable, with what became of it, so that the report is whole after a crash.

    Attributes:
        earlier: items of an earlier run, by outcome.
        studies: of what is here.
    """

    def __init__(self, path: Path) -> None:
        """Reads what an earlier run wrote; blocks."""
        self.earlier: Counter[str] = Counter()
        self.studies: dict[str, None] = {}
        self._outcomes: dict[str, Outcome] = {}
        for text in path.read_bytes().splitlines() if path.exists() else ():
            try:
                line = msgspec.json.decode(text, type=_Line)
            except msgspec.DecodeError:
                continue  # torn by a power cut: the item is read again, and is a duplicate then
            self._outcomes[line.item] = line.outcome
            self._note(line.study_instance_uid)
        self._path = path
        self._file: BinaryIO | None = None  # opened for the first line: a run cancelled before leaves no file open

    def has(self, item: Item) -> bool:
        """Whether an earlier run has done it."""
        key = _key(item)
        if key not in self._outcomes:
            return False
        self.earlier[self._outcomes.pop(key)] += 1
        return True

    def add(self, item: Item, stored: Stored) -> None:
        """Notes that it is durable."""
        self._note(stored.study_instance_uid)
        line = _Line(_key(item), stored.outcome, stored.study_instance_uid)
        if self._file is None:
            self._file = self._path.open("ab", buffering=0)
            self._file.write(b"\n")  # ends a torn line
        self._file.write(msgspec.json.encode(line) + b"\n")

    def finish(self) -> None:
        """Stays until the report is there."""

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def _note(self, study_instance_uid: str) -> None:
        if len(self.studies) < MAX_STUDIES:
            self.studies[study_instance_uid] = None


def _key(item: Item) -> str:
    facts = f"{item.name}\0{item.size_bytes}\0{item.changed_ns}"
    return blake3.blake3(facts.encode(errors="surrogateescape")).hexdigest(length=16)  # names may be of any bytes
