"""One instance on its way in, as a DICOM file (PS3.10): the header is peeled off, the data set goes on."""

from sagittal.archive.model import Arrival, Stored
from sagittal.archive.session import PackSession
from sagittal.dicom.dataset import NeedMore, read_file_meta
from sagittal.errors import Invalid, Unsupported
from sagittal.ingest.receive import MAX_OBJECT_BYTES, MEDIA_STORAGE_DIRECTORY, Receiver, begin
from sagittal.runtime.deadline import Deadline

_FIRST_LOOK_BYTES = 132


class Part10Receiver:
    """Takes the bytes of one DICOM file.

    A sound header stays in front of the data set as it came; where preamble, prefix, meta information or transfer
    syntax are missing, a header of ours takes their place. What the header says of the SOP Instance is not held against
    the data set: files that tools of the field have edited differ there, and the data set decides.

    Args:
        study, series: the Study and Series Instance UIDs that the data set is to have; "" for any.

    Attributes:
        sop_class_uid, sop_instance_uid: as the file meta information says, "" until it was read or if it does not.
    """

    def __init__(
        self, session: PackSession, max_bytes: int = MAX_OBJECT_BYTES, study: str = "", series: str = ""
    ) -> None:
        self.sop_class_uid = ""
        self.sop_instance_uid = ""
        self._session = session
        self._max_bytes = max_bytes
        self._study = study
        self._series = series
        self._head = bytearray()
        self._needs = _FIRST_LOOK_BYTES
        self._inner: Receiver | None = None

    def write(self, data: bytes | memoryview) -> bool:
        """Takes the next bytes of the file; True asks the caller to `drain` before writing more.

        Raises:
            Invalid: this is no DICOM file, or an instance that cannot be named.
            Unsupported: a DICOMDIR.
            Conflict: an instance of another study or series than the one asked for.
            Refused: the instance is larger than this site accepts.
        """
        if self._inner is not None:
            return self._inner.write(data)
        if not self._head and len(data) >= self._needs:
            return self._open(data, is_end=False)
        self._head += data
        return len(self._head) >= self._needs and self._open(bytes(self._head), is_end=False)

    async def drain(self) -> None:
        """Waits until what was written is out of memory."""
        if self._inner is not None:
            await self._inner.drain()

    async def commit(self, deadline: Deadline) -> Stored:
        """Ends the file; when this returns the instance is durable and can be found."""
        if self._inner is None:
            if not self._head:
                raise Invalid("the file is empty")
            self._open(bytes(self._head), is_end=True)
        if self._inner is None:
            raise Invalid(f"the file ends within its header, after {len(self._head)} bytes")
        return await self._inner.commit(deadline)

    async def abort(self) -> None:
        """Forgets what was written; nothing of it stays."""
        if self._inner is not None:
            await self._inner.abort()

    def _open(self, data: bytes | memoryview, *, is_end: bool) -> bool:
        meta = read_file_meta(data, is_end=is_end)
        if isinstance(meta, NeedMore):
            self._needs = max(meta.size_bytes, len(data) + 1)
            if not self._head:
                self._head += data
            return False
        if meta.sop_class_uid == MEDIA_STORAGE_DIRECTORY:
            raise Unsupported("a DICOMDIR is a table of contents, not an instance to be kept")
        self.sop_class_uid, self.sop_instance_uid = meta.sop_class_uid, meta.sop_instance_uid
        is_sound = meta.has_preamble and meta.has_meta and not meta.is_guessed
        arrival = Arrival(
            transfer_syntax_uid=meta.transfer_syntax_uid,
            file_header=bytes(data[: meta.data_set_offset]) if is_sound else None,
        )
        self._inner = begin(self._session, arrival, self._max_bytes, self._study, self._series)
        self._head.clear()
        return self._inner.write(memoryview(data)[meta.data_set_offset :])
