"""One instance on its way in, as a bare data set."""

from collections.abc import Mapping

from sagittal.access.asking import ask_at, ask_of
from sagittal.archive.incoming import Incoming
from sagittal.archive.model import Arrival, Stored
from sagittal.archive.session import PackSession
from sagittal.dicom.dataset import Header, RawElement
from sagittal.errors import Conflict, Invalid, Refused, Unsupported
from sagittal.runtime.deadline import Deadline

MEDIA_STORAGE_DIRECTORY = "1.2.840.10008.1.3.10"
STUDY_INSTANCE_UID = 0x0020000D
SERIES_INSTANCE_UID = 0x0020000E
MAX_OBJECT_BYTES = 64 * 1024**3
_MOST_REMEMBERED = 10_000

# What every composite instance has (PS3.3 Sections C.7.2.1, C.7.3.1, C.12.1): without these nothing can be found again.
_IDENTITY = {
    0x00080016: "SOPClassUID (0008,0016)",
    0x00080018: "SOPInstanceUID (0008,0018)",
    0x0020000D: "StudyInstanceUID (0020,000D)",
    0x0020000E: "SeriesInstanceUID (0020,000E)",
}


class NotAnInstance(Invalid):
    """A data set that can be read, and lacks what identifies an instance or has it in an impossible form."""


class NotWelcome(Refused):
    """The instance is of a study that belongs to a facility where the sender may not store."""


class Receiver:
    """Passes a data set on to the archive, holding it to this site's limit of size."""

    def __init__(self, session: PackSession, arrival: Arrival, max_bytes: int, study: str, series: str) -> None:
        """Made by `begin`."""
        check_sender(session)
        self._arrival = arrival
        self._study = study
        self._series = series
        self._incoming: Incoming = session.begin(arrival, self._check)
        self._max_bytes = max_bytes
        self._session = session
        self._named = ""
        self._length = 0
        self._announced = 0

    def write(self, data: bytes | memoryview) -> bool:
        """Takes the next bytes of the data set; True asks the caller to `drain` before writing more.

        Raises:
            Refused: the object is larger than this site accepts.
            Invalid: the data set is malformed, or lacks what identifies an instance.
        """
        self._length += len(data)
        if self._length > self._max_bytes:
            raise Refused(f"the instance is larger than max_object_bytes={self._max_bytes}")
        return self._incoming.write(data)

    async def drain(self) -> None:
        """Waits until what was written is out of memory."""
        await self._incoming.drain()

    async def commit(self, deadline: Deadline) -> Stored:
        """Ends the data set; when this returns the instance is durable and can be found.

        Raises:
            Invalid: the data set ended too early, or lacks what identifies an instance.
            NotWelcome: its study belongs to a facility where the sender may not store.
            Exhausted: there is no room for it.
        """
        if self._length < self._announced:
            missing = self._announced - self._length
            await self.abort()
            raise Invalid(f"the data set ends within its pixel data: {missing} bytes of {self._announced} are missing")
        try:
            self._incoming.complete()
            await check_owner(self._session, self._named)
        except BaseException:
            await self.abort()
            raise
        return await self._incoming.commit(deadline)

    async def abort(self) -> None:
        """Forgets what was written; nothing of it stays."""
        await self._incoming.abort()

    def _check(self, header: Header) -> None:
        check_identity(header.elements, self._arrival)
        self._named = _bare(header.elements[STUDY_INSTANCE_UID].value)
        if self._study and self._study != self._named:
            raise Conflict(f"StudyInstanceUID (0020,000D) is not that of the study asked for ({self._study})")
        if self._series and self._series != _bare(header.elements[SERIES_INSTANCE_UID].value):
            raise Conflict(f"SeriesInstanceUID (0020,000E) is not that of the series asked for ({self._series})")
        pixels = header.pixel_data
        if pixels is not None and pixels.length is not None and not header.encoding.is_deflated:
            self._announced = pixels.offset + pixels.length


def begin(
    session: PackSession, arrival: Arrival, max_bytes: int = MAX_OBJECT_BYTES, study: str = "", series: str = ""
) -> Receiver:
    """A receiver for the data set that `arrival` announces; it must be of `study` and `series` where they are given.

    Raises:
        Refused: the session's actor may not store here.
        Unsupported: a media directory, which is a table of contents and no instance of a study.
    """
    if arrival.sop_class_uid == MEDIA_STORAGE_DIRECTORY:
        raise Unsupported("a Media Storage Directory (DICOMDIR) is a table of contents, not an instance to be kept")
    return Receiver(session, arrival, max_bytes, study, series)


def check_sender(session: PackSession) -> None:
    """Raises Refused unless the session's actor may store at their facility."""
    ask_at(session.witness, session.actor, "store", session.actor.facility)


async def check_owner(session: PackSession, study_instance_uid: str) -> None:
    """Raises NotWelcome if a study is here already and belongs to a facility where the session's actor may not store.

    A study belongs to the facility that sent it first. Looked up once for each study of a session, and not at all for
    who may store everywhere.
    """
    if session.fetch is None or study_instance_uid in session.welcome:
        return
    allowed = ask_of(session.actor, "store")
    if allowed is None:
        return
    sql = f"SELECT {allowed.sql} FROM studies WHERE study_instance_uid = ?"  # noqa: S608  # a condition of ours
    found = await session.fetch(sql, (*allowed.values, study_instance_uid))
    if found and not found[0][0]:
        session.witness.refused(session.actor, "store")
        raise NotWelcome("the study belongs to another facility, where the sender may not store")
    if found and len(session.welcome) < _MOST_REMEMBERED:
        session.welcome.add(study_instance_uid)


def check_identity(elements: Mapping[int, RawElement], arrival: Arrival) -> None:
    """Raises NotAnInstance when the data set cannot be named, Invalid when it is not the instance that was announced.

    A UID of a form the standard does not allow is accepted (they are in archives of the field, and refusing would lose
    the instance), as long as it is 1 to 64 printable ASCII characters that can stand in an address of the web.
    """
    for tag, name in _IDENTITY.items():
        uid = _bare(elements[tag].value) if tag in elements else ""
        if not uid:
            raise NotAnInstance(f"{name} is missing or empty")
        if len(uid) > 64 or not uid.isascii() or not uid.isprintable() or "\\" in uid or "/" in uid:
            raise NotAnInstance(
                f"{name} is to be 1 to 64 printable characters, no slashes; got {len(uid)} of another form"
            )
    announced = {0x00080016: arrival.sop_class_uid, 0x00080018: arrival.sop_instance_uid}
    for tag, uid in announced.items():
        if uid and uid != _bare(elements[tag].value):
            raise Invalid(f"{_IDENTITY[tag]} of the data set is not the one that was announced ({uid})")


def _bare(value: bytes) -> str:
    return value.decode("ascii", "replace").strip("\0 ")
