"""An encoded data set to DICOM JSON text in one pass, without objects in between (PS3.18 Annex F).

What leaves the data set on the way: group lengths (PS3.18 Section F.2.2), groups 0000 and 0002, padding of values.
What comes in: the VR of "UN" and Implicit VR elements that PS3.6 or the private dictionary knows.
Specific Character Set (0008,0005) stays as sent although the text is UTF-8: `decode` can go back by it.
"""

import struct
from collections.abc import Mapping

import msgspec

from sagittal.dicom.dataset.elements import RawElement
from sagittal.dicom.dataset.inflate import Inflater
from sagittal.dicom.dataset.layout import layout_found, layout_of
from sagittal.dicom.dataset.limits import DEFAULT_LIMITS, Limits
from sagittal.dicom.json_model.model import JsonDataset
from sagittal.dicom.json_model.plans import plan_of
from sagittal.dicom.json_model.walk import Bulk, Level, Walk, decoders_of
from sagittal.dicom.transfer_syntax import Encoding, encoding_of
from sagittal.errors import Invalid

DEFAULT_THRESHOLD = 1024
"""Bytes of a binary value above which `bulk` is asked; of pixel data it always is."""


def encode(
    data: bytes | bytearray | memoryview,
    transfer_syntax_uid: str | Encoding,
    *,
    bulk: Bulk | None = None,
    threshold: int = DEFAULT_THRESHOLD,
    limits: Limits = DEFAULT_LIMITS,
) -> bytes:
    r"""A data set, whole or cut before its pixel data, as one DICOM JSON object in UTF-8.

    Args:
        data: from the first element on, without preamble and file meta information.
        transfer_syntax_uid: how it is written; an `Encoding` where the reader of the header knows better.
        bulk: gives BulkDataURIs; without it every binary value is inline, pixels too.
        threshold: bytes of a binary value from which on `bulk` is not asked.
        limits: caps on depth, elements and inflated size.

    Raises:
        Invalid: `data` ends inside an element or an item, or a sequence holds what is no item.
        Exhausted: beyond `limits`.

    >>> encode(b"\x10\x00\x20\x00LO\x04\x00ab1 ", "1.2.840.10008.1.2.1")
    b'{"00100020":{"vr":"LO","Value":["ab1"]}}'
    """
    encoding = transfer_syntax_uid if isinstance(transfer_syntax_uid, Encoding) else encoding_of(transfer_syntax_uid)
    if encoding.is_deflated:
        data = b"".join(Inflater(limits.max_inflated_bytes).feed(bytes(data)))
    walk = Walk(data if isinstance(data, bytes) else bytes(data), bulk, threshold, limits)
    layout = layout_of(encoding)
    if len(walk.data) >= 8:
        layout = layout_found(walk.data, 0, layout)
    try:
        text, _ = walk.data_set(0, len(walk.data), Level(layout, decoders_of(()), None, (), 0), is_open=False)
    except struct.error as error:
        raise Invalid("a data set ends inside the head of an element") from error
    return text.encode()


def encode_elements_text(
    elements: Mapping[int, RawElement],
    transfer_syntax_uid: str | Encoding,
    character_set: tuple[str, ...] = (),
    *,
    limits: Limits = DEFAULT_LIMITS,
) -> bytes:
    """Some top-level elements as one DICOM JSON object in UTF-8, in order of tag.

    Args:
        elements: as a header reader kept them.
        transfer_syntax_uid: as for `encode`; decides how sequences and binary numbers are read.
        character_set: of the data set; (0008,0005) among the elements goes before it.
        limits: caps on depth and elements.
    """
    encoding = transfer_syntax_uid if isinstance(transfer_syntax_uid, Encoding) else encoding_of(transfer_syntax_uid)
    encoder = ElementEncoder(encoding, character_set, limits)
    texts = [encoder.encode(tag, elements[tag]) for tag in sorted(elements)]
    return ("{" + ",".join(filter(None, texts)) + "}").encode()


class ElementEncoder:
    """Encodes top-level elements one by one, for those who meet many of one encoding and character set.

    >>> ElementEncoder(encoding_of("1.2.840.10008.1.2"), ()).encode(0x00100020, RawElement("LO", b"1 "))
    '"00100020":{"vr":"LO","Value":["1"]}'
    """

    def __init__(self, encoding: Encoding, character_set: tuple[str, ...], limits: Limits = DEFAULT_LIMITS) -> None:
        self._is_little_endian = encoding.is_little_endian
        self._level = Level(layout_of(encoding), decoders_of(character_set), None, (), 0)
        self._limits = limits

    def encode(self, tag: int, element: RawElement) -> str:
        """A member of a DICOM JSON object; `""` for an element that has no place in one."""
        vr, value = element.vr, element.value
        plan = plan_of(tag, vr, self._is_little_endian)
        _, _, opening, kind, _, render = plan
        if kind <= 2:  # PLAIN, TEXT, NAME
            try:
                return opening + (render(value) if kind == 0 else render(value, self._level.decoders[kind == 2]))
            except ValueError:
                pass  # not of its VR: the walk says what it is instead
        return Walk(value, None, DEFAULT_THRESHOLD, self._limits).whole_value(plan, self._level)


def encode_elements(
    elements: Mapping[int, RawElement],
    transfer_syntax_uid: str | Encoding,
    character_set: tuple[str, ...] = (),
    *,
    limits: Limits = DEFAULT_LIMITS,
) -> JsonDataset:
    """As `encode_elements_text`, as objects.

    >>> encode_elements({0x00280010: RawElement("US", bytes([0, 2]))}, "1.2.840.10008.1.2")
    {'00280010': {'vr': 'US', 'Value': [512]}}
    """
    text = encode_elements_text(elements, transfer_syntax_uid, character_set, limits=limits)
    dataset: JsonDataset = msgspec.json.decode(text)
    return dataset
