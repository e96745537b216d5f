"""What the index says of an instance, derived from its header and its facts alone: reindexing gives the same."""

from collections.abc import Mapping
from typing import NamedTuple

from sagittal.archive.index import attributes as tags
from sagittal.archive.index.wording import Wording
from sagittal.archive.packs.facts import Facts
from sagittal.dicom.dataset import Header, RawElement
from sagittal.dicom.identifiers import InstanceUID, SeriesUID, SOPClassUID, StudyUID
from sagittal.errors import Invalid

MAX_UID_CHARACTERS = 128
"""Of an identifier as kept. The standard has 64; some archives of the field hold longer ones."""


class Identity(NamedTuple):
    """Which instance this is."""

    study_instance_uid: StudyUID
    series_instance_uid: SeriesUID
    sop_instance_uid: InstanceUID
    sop_class_uid: SOPClassUID


class Placed(NamedTuple):
    """An instance that lies in a pack.

    Attributes:
        pack_id, file_offset, file_length: where its Part 10 file lies, bytes.
        frame_table: of encapsulated multi-frame pixel data.
        is_conflict: another instance has its UID already; it is kept beside.
        is_corrupt: its bytes were found to be no longer those that were stored.
        restores: it takes the place of the same data set whose bytes are damaged.
    """

    identity: Identity
    header: Header
    facts: Facts
    pack_id: str
    file_offset: int
    file_length: int
    frame_table: bytes | None
    is_conflict: bool
    is_corrupt: bool = False
    restores: bool = False


class Pixels(NamedTuple):
    """The columns about pixel data, in the order of the schema."""

    pixel_tag: int | None
    pixel_offset: int | None
    pixel_length: int | None
    frames: int
    native_frame_bits: int


def identify(elements: Mapping[int, RawElement], announced_class: str, announced_instance: str) -> Identity:
    """Which instance a data set is; raises Invalid for one that does not say.

    What the peer announced counts only for a data set without SOP Common attributes.
    """
    return Identity(
        StudyUID(_uid(elements.get(tags.STUDY_INSTANCE_UID), "", "Study Instance UID (0020,000D)")),
        SeriesUID(_uid(elements.get(tags.SERIES_INSTANCE_UID), "", "Series Instance UID (0020,000E)")),
        InstanceUID(_uid(elements.get(tags.SOP_INSTANCE_UID), announced_instance, "SOP Instance UID (0008,0018)")),
        SOPClassUID(_uid(elements.get(tags.SOP_CLASS_UID), announced_class, "SOP Class UID (0008,0016)")),
    )


def sop_class_of(header: Header) -> str:
    """The SOP Class that a data set itself tells; `""` where it does not."""
    element = header.elements.get(tags.SOP_CLASS_UID)
    return element.value.decode("latin_1").strip("\0 ") if element else ""


def _uid(element: RawElement | None, announced: str, what: str) -> str:
    """A UID as it names things here. What is not a UID by the standard may still name something, as in old archives."""
    text = element.value.decode("latin_1").strip("\0 ") if element else ""
    text = text or announced.strip("\0 ")
    if not text:
        raise Invalid(f"the data set has no {what}")
    if len(text) > MAX_UID_CHARACTERS or not text.isascii() or not text.isprintable() or "\\" in text:
        raise Invalid(f"{what} is to be one value of digits and dots; got {len(text)} characters of another form")
    return text


def pixels_of(header: Header, wording: Wording, data_set_length: int) -> Pixels:
    """Where the pixels lie and how many frames they are.

    Offsets into a deflated data set say nothing about its bytes, so they are left out.

    Args:
        header: of the data set.
        wording: of the same data set.
        data_set_length: bytes of the data set, as it came; a torn value ends with it.
    """
    pixel_data = header.pixel_data
    if pixel_data is None:
        return Pixels(None, None, None, 0, 0)
    count = wording.frames
    bits = 0 if pixel_data.length is None else wording.frame_bits
    if header.encoding.is_deflated:
        return Pixels(None, None, None, count, bits)
    length = pixel_data.length
    if length is not None:
        length = max(0, min(length, data_set_length - pixel_data.offset))
    return Pixels(pixel_data.tag, pixel_data.offset, length, count, bits)


Row = tuple[object, ...]


def instance_row(placed: Placed, wording: Wording, row_id: int, series_id: int) -> Row:
    """The row of an instance that reads as `wording` says, in the order of the schema's columns."""
    facts, identity, texts = placed.facts, placed.identity, wording.texts
    return (
        row_id,
        series_id,
        identity.sop_instance_uid,
        identity.sop_class_uid,
        texts["instance_number"],
        texts["content_date"],
        texts["content_time"],
        texts["acquisition_date_time"],
        facts.transfer_syntax_uid,
        placed.pack_id,
        placed.file_offset,
        placed.file_length,
        facts.data_set_offset,
        *pixels_of(placed.header, wording, placed.file_length - facts.data_set_offset),
        placed.frame_table,
        bytes.fromhex(facts.digest),
        bytes.fromhex(facts.digest_data_set),
        facts.received_ns,
        int(placed.is_corrupt),
        facts.door,
        facts.source,
        facts.called,
        facts.address,
        wording.attributes,
    )


def conflict_row(placed: Placed, row_id: int) -> Row:
    """The row of an instance that is kept beside another of the same UID, in the order of the schema's columns."""
    facts, identity = placed.facts, placed.identity
    return (
        row_id,
        identity.study_instance_uid,
        identity.series_instance_uid,
        identity.sop_instance_uid,
        facts.transfer_syntax_uid,
        placed.pack_id,
        placed.file_offset,
        placed.file_length,
        facts.data_set_offset,
        bytes.fromhex(facts.digest),
        bytes.fromhex(facts.digest_data_set),
        facts.received_ns,
        int(placed.is_corrupt),
        facts.door,
        facts.source,
        facts.called,
        facts.address,
        "another data set has this SOP Instance UID",
        identity.sop_class_uid,
        placed.frame_table,
    )


def restored_row(placed: Placed) -> Row:
    """Where an instance lies now that it has come again, in the order of `RESTORE_INSTANCE`."""
    facts = placed.facts
    return (
        placed.pack_id,
        placed.file_offset,
        placed.file_length,
        facts.data_set_offset,
        bytes.fromhex(facts.digest),
        int(placed.is_corrupt),
        placed.identity.sop_instance_uid,
    )


def event_row(placed: Placed, seq: int, kind: str, at_ns: int) -> Row:
    """A line of the change feed for an instance that came, in the order of the schema's columns."""
    facts, identity = placed.facts, placed.identity
    return (
        seq,
        kind,
        at_ns,
        identity.study_instance_uid,
        identity.series_instance_uid,
        identity.sop_instance_uid,
        bytes.fromhex(facts.digest),
        f"{facts.door}:{facts.source}@{facts.address}",
    )
