"""Headers of instances read again from their packs."""

import os
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from sagittal.archive.index.named import Wanted
from sagittal.archive.index.placeless import placed
from sagittal.archive.index.standing import Lying
from sagittal.archive.packs.names import pack_path
from sagittal.archive.packs.scan import chunks
from sagittal.dicom.dataset import Header, HeaderReader
from sagittal.errors import SagittalError
from sagittal.runtime.log import get_logger

log = get_logger(__name__)

_CHUNK_BYTES = 16 << 10  # most headers end within it
_MAX_OPEN = 64


class Headers:
    """Reads headers as they were read on arrival. A context manager: it holds packs open. Blocks."""

    def __init__(self, packs: Path, wanted: Callable[[], Wanted]) -> None:
        """`packs`: their folder; `wanted`: what the index wants of a header now."""
        self._packs = packs
        self._wanted = wanted
        self._open: dict[str, int] = {}

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes the packs."""
        for descriptor in self._open.values():
            os.close(descriptor)
        self._open.clear()

    def read(self, lying: Lying) -> Header | None:
        """The header of the file that lies there; None if it cannot be read any more."""
        wanted = self._wanted()
        reader = HeaderReader(lying.transfer_syntax_uid, wanted.tags, optional=wanted.optional)
        start = lying.file_offset + lying.data_set_offset
        length = lying.file_length - lying.data_set_offset
        try:
            for chunk in chunks(self._descriptor(lying.pack), start, length, _CHUNK_BYTES):
                if reader.feed(chunk):
                    return placed(reader.header, lying.sop_class_uid)
            return placed(reader.close(), lying.sop_class_uid)
        except (SagittalError, OSError) as error:
            log.error("a header cannot be read again", pack=lying.pack, kind=type(error).__name__)
            return None

    def _descriptor(self, pack_id: str) -> int:
        descriptor = self._open.get(pack_id)
        if descriptor is None:
            descriptor = os.open(pack_path(self._packs, pack_id), os.O_RDONLY | os.O_CLOEXEC)
            if len(self._open) >= _MAX_OPEN:
                os.close(self._open.pop(next(iter(self._open))))
            self._open[pack_id] = descriptor
        return descriptor
