"""The byte stream of an association cut into PDUs and presentation data values (PS3.8 Sections 9.3.1 and 9.3.5)."""

import struct
from collections.abc import Callable
from typing import Final

import msgspec

from sagittal.dicom.upper_layer.protocol_error import RemoteProtocolError

Buffer = bytes | bytearray | memoryview

DATA_TF: Final = 0x04
IS_COMMAND: Final = 1
IS_LAST: Final = 2

PDU_HEADER: Final = struct.Struct(">BxI")
PDV_HEADER: Final = struct.Struct(">IBB")
DATA_HEADERS: Final = struct.Struct(">BxIIBB")
"""Headers of a P-DATA-TF and its first PDV: type, length, PDV length, presentation context ID, message control."""


class Fragment(msgspec.Struct, frozen=True, gc=False):
    """A presentation data value, or as much of it as has arrived (PS3.8 Section 9.3.5.1).

    Attributes:
        context_id: presentation context; one that was accepted.
        is_command: part of a command set, else of a data set.
        is_last: the command set or data set ends with it.
        data: a view of the received bytes; may be empty if `is_last`.
    """

    context_id: int
    is_command: bool
    is_last: bool
    data: memoryview


class Body(msgspec.Struct, frozen=True):
    """Any other PDU: its type and its variable field."""

    kind: int
    data: Buffer


Admit = Callable[[int, int], bool]
"""Asked with type and announced length of a PDU before any of it is kept; False passes over it."""


class PduReader:
    """Cuts what arrives. Holds back a header or an association PDU that is not whole, never data.

    Attributes:
        contexts: the presentation context IDs that data may come in.
    """

    def __init__(self, admit: Admit) -> None:
        self.contexts: frozenset[int] = frozenset()
        self._admit = admit
        self._gathered = bytearray()
        self._body_kind = 0  # type of the PDU being gathered; 0 when between PDUs
        self._body_length = 0
        self._skip_left = 0  # of a PDU to be passed over
        self._pdu_left = 0  # of the P-DATA-TF under way
        self._pdv_left = 0  # of the PDV under way
        self._pdv_context = 0
        self._pdv_control = 0

    @property
    def is_mid_pdu(self) -> bool:
        """Whether a PDU has begun to arrive and is not whole."""
        return bool(self._pdu_left or self._body_kind or self._gathered or self._skip_left)

    def pass_over_data(self) -> None:
        """What is still to come of a P-DATA-TF is not wanted any more."""
        if self._pdu_left:
            self._skip_left, self._pdu_left, self._pdv_left = self._pdu_left, 0, 0
            self._gathered.clear()

    def read(self, data: memoryview, position: int, put: Callable[[Fragment], None]) -> tuple[Body | None, int]:
        """Reads `data` from `position` up to the end of the next PDU that is not data, or to its end.

        Returns that PDU, if one ended, and where to go on. Data on the way goes to `put`.
        """
        end = len(data)
        while position < end:
            if self._pdu_left:
                position = self._read_data(data, position, put)
            elif self._skip_left:
                skipped = min(self._skip_left, end - position)
                self._skip_left -= skipped
                position += skipped
            elif self._body_kind:
                whole, position = self._gather(data, position, end, self._body_length)
                if whole is not None:
                    kind, self._body_kind = self._body_kind, 0
                    return Body(kind, whole), position
            else:
                position = self._read_header(data, position)
        return None, position

    def _read_header(self, data: memoryview, position: int) -> int:
        header, position = self._gather(data, position, len(data), PDU_HEADER.size)
        if header is None:
            return position
        kind, length = PDU_HEADER.unpack(header)
        if not self._admit(kind, length):
            self._skip_left = length
        elif kind == DATA_TF:
            self._pdu_left = length
        else:
            self._body_kind, self._body_length = kind, length
        return position

    def _read_data(self, data: memoryview, position: int, put: Callable[[Fragment], None]) -> int:
        """Hands out what has arrived of a P-DATA-TF; returns where it stopped."""
        start = position
        end = min(len(data), position + self._pdu_left)
        left = self._pdv_left
        while position < end:
            if left == 0:
                header, position = self._gather(data, position, end, PDV_HEADER.size)
                if header is None:
                    break
                left = self._begin_pdv(header, self._pdu_left - (position - start))
                if left or not self._pdv_control & IS_LAST:
                    continue
            part = data[position : min(end, position + left)]
            position += len(part)
            left -= len(part)
            control = self._pdv_control
            is_last = left == 0 and control & IS_LAST != 0
            put(Fragment(self._pdv_context, control & IS_COMMAND != 0, is_last, part))
        self._pdv_left = left
        self._pdu_left -= position - start
        return position

    def _begin_pdv(self, header: Buffer, room: int) -> int:
        """Takes over a PDV header; `room` bytes are left of the PDU after it. Returns how many are its data."""
        length, context_id, control = PDV_HEADER.unpack(header)
        size: int = length - 2
        if not 0 <= size <= room:
            raise RemoteProtocolError(f"PDV announces {length} bytes where 2 to {room + 2} can be")
        if 0 < room - size < PDV_HEADER.size:
            raise RemoteProtocolError("P-DATA-TF ends inside a PDV header")
        if context_id not in self.contexts:
            raise RemoteProtocolError(f"PDV in presentation context {context_id}, which was not accepted")
        self._pdv_context, self._pdv_control = context_id, control
        return size

    def _gather(self, data: memoryview, position: int, end: int, size: int) -> tuple[Buffer | None, int]:
        """`size` bytes that may have come in pieces, or None if they are not all there; and the position after."""
        have = len(self._gathered)
        if have == 0 and end - position >= size:
            after = position + size
            return data[position:after], after
        after = min(position + size - have, end)
        self._gathered += data[position:after]
        if len(self._gathered) < size:
            return None, after
        whole = bytes(self._gathered)
        self._gathered.clear()
        return whole, after
