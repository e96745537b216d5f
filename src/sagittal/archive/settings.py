"""What a site may choose about its archive, and the caps that bound memory."""

import msgspec


class ArchiveSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How the archive uses memory, files and threads.

    Attributes:
        held_bytes: of an instance held in memory before it is written to its pack; smaller ones are written in one go.
        max_unplaced_bytes: held at most while the Series Instance UID has not come.
        max_pack_bytes: a pack that has grown beyond this is sealed and another begun.
        max_session_packs: packs one session keeps open; the least recently used one is sealed.
        sync_every_bytes: of a streamed instance, so that its last sync is short.
        max_batch_bytes: of instances committed together.
        max_batch: instances committed together.
        rest_s: after which, when nothing comes, what is remembered of studies that came is let go.
        read_threads: connections to the index for queries, each with a thread.
        file_threads: threads that read and write packs where that would wait for the disk.
        max_read_packs: packs held open for reading.
    """

    held_bytes: int = 1 << 20
    max_unplaced_bytes: int = 16 << 20
    max_pack_bytes: int = 4 << 30
    max_session_packs: int = 64
    sync_every_bytes: int = 16 << 20
    max_batch_bytes: int = 64 << 20
    max_batch: int = 256
    rest_s: float = 5.0
    read_threads: int = 4
    file_threads: int = 8
    max_read_packs: int = 128
