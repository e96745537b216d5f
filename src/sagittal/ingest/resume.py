"""What an import has done so far, so that one that was broken off goes on where it stood."""

import os
from pathlib import Path
from types import TracebackType
from typing import Self

import blake3

from sagittal.archive.model import Stored
from sagittal.ingest.sources import Item


class ImportJournal:
    """A file of one line for each item that is durable, kept until the import is through.

    Lines are written after the item's commit, so that a line lost to a power cut only means one file read again.
    """

    def __init__(self, folder: Path, source: Path) -> None:
        name = blake3.blake3(os.fsencode(source.resolve())).hexdigest(length=16)
        self._path = folder / f"{name}.done"
        folder.mkdir(parents=True, exist_ok=True)
        self._done = set(self._path.read_text("utf-8").splitlines()) if self._path.exists() else set()
        self._file = self._path.open("a", encoding="utf-8")

    def has(self, item: Item) -> bool:
        """Whether `item` was done by an earlier run that was broken off."""
        return self._line(item) in self._done

    def add(self, item: Item, _stored: Stored) -> None:
        """Notes that `item` is durable."""
        self._file.write(self._line(item) + "\n")
        self._file.flush()

    def finish(self) -> None:
        """The import is through: the next one reads everything again."""
        self._path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    @staticmethod
    def _line(item: Item) -> str:
        facts = f"{item.name}\0{item.size_bytes}\0{item.changed_ns}"
        return blake3.blake3(facts.encode(errors="surrogateescape")).hexdigest(length=16)  # names may be of any bytes
