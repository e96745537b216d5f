"""An instance on its way from a session to the thread that commits."""

import asyncio

from sagittal.archive.index.rows import Identity
from sagittal.archive.intake import Intake
from sagittal.archive.model import Arrival, Outcome, Stored
from sagittal.archive.packs.facts import Facts, state_facts
from sagittal.archive.packs.writer import PackWriter
from sagittal.dicom.dataset import Header
from sagittal.runtime.actor import Actor

Chunk = bytes | memoryview


class PackSlot:
    """A pack as its session sees it. Changed only in the event loop.

    Attributes:
        pack: its writer.
        pending: puts that are with the committing thread.
        is_streaming: an instance is being written to it piece by piece; nobody else may write.
    """

    __slots__ = ("is_streaming", "pack", "pending")

    def __init__(self, pack: PackWriter) -> None:
        self.pack = pack
        self.pending = 0
        self.is_streaming = False

    @property
    def is_idle(self) -> bool:
        """Whether nobody writes to it now."""
        return not self.pending and not self.is_streaming


class Put:
    """A whole instance to be committed.

    Attributes:
        chunks: its data set in pieces; empty if `streamed`.
        length: of the Part 10 file, bytes.
        is_abandoned: nobody waits for it any more; it is dropped if it was not begun.
    """

    __slots__ = (
        "actor",
        "arrival",
        "chunks",
        "digest",
        "digest_data_set",
        "file_header",
        "frame_table",
        "future",
        "header",
        "identity",
        "is_abandoned",
        "length",
        "slot",
        "streamed",
    )

    def __init__(
        self,
        *,
        actor: Actor,
        arrival: Arrival,
        header: Header,
        identity: Identity,
        file_header: bytes,
        chunks: list[Chunk],
        length: int,
        slot: PackSlot,
        streamed: Intake | None,
        future: asyncio.Future[Stored],
    ) -> None:
        self.actor = actor
        self.arrival = arrival
        self.header = header
        self.identity = identity
        self.file_header = file_header
        self.chunks = chunks
        self.length = length
        self.slot = slot
        self.streamed = streamed
        self.future = future
        self.is_abandoned = False
        self.digest = ""
        self.digest_data_set = ""
        self.frame_table: bytes | None = None

    def examine(self) -> None:
        """Finds digests and frame table."""
        intake = self.streamed or Intake.of_whole(self.file_header, self.header, self.chunks)
        self.digest = intake.digest
        self.digest_data_set = intake.digest_data_set
        self.frame_table = intake.frame_table()

    def facts(self, received_ns: int) -> Facts:
        """What goes into the pack beside the file."""
        return state_facts(
            self.actor,
            self.arrival,
            digest=self.digest,
            digest_data_set=self.digest_data_set,
            received_ns=received_ns,
            data_set_offset=len(self.file_header),
        )

    def stored(self, outcome: Outcome) -> Stored:
        """The answer to the one who waits."""
        study, series, instance, sop_class = self.identity
        return Stored(
            outcome=outcome,
            study_instance_uid=study,
            series_instance_uid=series,
            sop_instance_uid=instance,
            sop_class_uid=sop_class,
        )
