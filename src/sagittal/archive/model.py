"""The nouns of the archive, as other rooms see them."""

from typing import Literal

import msgspec

from sagittal.dicom.identifiers import InstanceUID, SeriesUID, SOPClassUID, StudyUID, TransferSyntaxUID

Outcome = Literal["stored", "duplicate", "conflict"]


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of an instance before its data set is read.

    Attributes:
        transfer_syntax_uid: how the data set that follows is encoded.
        sop_class_uid, sop_instance_uid: as announced by the peer (command set) or the file meta information, or `""`.
        file_header: preamble and file meta information exactly as they came, for objects that came as Part 10 files;
            None for a bare data set, which then gets a header of ours.
    """

    transfer_syntax_uid: TransferSyntaxUID
    sop_class_uid: str = ""
    sop_instance_uid: str = ""
    file_header: bytes | None = None


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an instance; it is durable when this is returned.

    `stored`: new. `duplicate`: the same bytes were here already, nothing was done. `conflict`: other bytes under the
    same SOP Instance UID are here; these were kept beside them for a person to decide.
    """

    outcome: Outcome
    study_instance_uid: StudyUID
    series_instance_uid: SeriesUID
    sop_instance_uid: InstanceUID
    sop_class_uid: SOPClassUID


class StoredInstance(msgspec.Struct, frozen=True, kw_only=True):
    """Where an instance lies and what is needed to hand it out without reading it.

    Attributes:
        pack_id, file_offset, file_length: the Part 10 file within its pack, bytes.
        data_set_offset: of the data set within the Part 10 file, bytes.
        pixel_tag: 0x7FE00010, 0x7FE00008 or 0x7FE00009; None without pixel data, and for deflated data sets.
        pixel_offset: of the first value byte of the pixel data within the data set, bytes.
        pixel_length: value length of native pixel data, bytes; None if encapsulated (undefined length).
        frames: number of frames, 0 without pixel data.
        native_frame_bits: size of one native frame, bits; 0 if encapsulated or unknown.
        frame_table: for encapsulated multi-frame pixel data what `sagittal.dicom.frames.FrameTable.to_bytes` gave;
            else None.
        digest: BLAKE3 of the Part 10 file, 32 bytes.
        is_corrupt: the bytes on the medium are no longer those that were stored; reading them raises Corrupt.
    """

    study_instance_uid: StudyUID
    series_instance_uid: SeriesUID
    sop_instance_uid: InstanceUID
    sop_class_uid: SOPClassUID
    transfer_syntax_uid: TransferSyntaxUID
    pack_id: str
    file_offset: int
    file_length: int
    data_set_offset: int
    pixel_tag: int | None
    pixel_offset: int | None
    pixel_length: int | None
    frames: int
    native_frame_bits: int
    frame_table: bytes | None
    digest: bytes
    is_corrupt: bool = False

    @property
    def data_set_length(self) -> int:
        """Bytes of the data set as sent."""
        return self.file_length - self.data_set_offset


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the change feed, written in the transaction of its change.

    Attributes:
        seq: rises with every event; not to be used as a name for what happened (see ARCHITECTURE.md, decision 9).
        kind: `instance.stored`, `instance.conflict`, `instance.corrupt`, ...
        at_ns: nanoseconds since 1970-01-01 UTC.
    """

    seq: int
    kind: str
    at_ns: int
    study_instance_uid: StudyUID
    series_instance_uid: SeriesUID
    sop_instance_uid: InstanceUID
    digest: bytes
    actor: str
