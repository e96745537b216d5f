"""Messages out of data fragments: a command set, and the data set that follows it passed on as it comes (PS3.7 6.3)."""

import msgspec

from sagittal.dicom.messages.command_set import decode_command
from sagittal.dicom.messages.commands import Command
from sagittal.dicom.upper_layer.framing import Fragment
from sagittal.dicom.upper_layer.protocol_error import UNEXPECTED_PARAMETER, RemoteProtocolError

MAX_COMMAND_BYTES = 65_536


class CommandReceived(msgspec.Struct, frozen=True):
    """A command set is whole. If it says so, the data set follows as DataReceived."""

    context_id: int
    command: Command


class DataReceived(msgspec.Struct, frozen=True, gc=False):
    """The next part of the data set that belongs to the last command."""

    data: memoryview
    is_last: bool


class MessageReader:
    """Puts the fragments of one association together.

    Messages come one after the other: no operation window is negotiated, so nothing is interleaved.
    """

    def __init__(self) -> None:
        self._command = bytearray()
        self._context_id = 0  # of the message under way; 0 between messages
        self._awaits_data = False

    @property
    def is_mid_message(self) -> bool:
        """Whether a message has begun and its end has not come."""
        return self._context_id != 0

    def receive(self, fragment: Fragment) -> CommandReceived | DataReceived | None:
        """What the fragment completes or brings; None while a command set is not whole."""
        if self._context_id not in {0, fragment.context_id}:
            raise RemoteProtocolError(
                f"presentation context {fragment.context_id} comes in the middle of a message in {self._context_id}",
                UNEXPECTED_PARAMETER,
            )
        if fragment.is_command is self._awaits_data:
            wanted = "data set" if self._awaits_data else "command set"
            raise RemoteProtocolError(f"a fragment is not of a {wanted} where one is due", UNEXPECTED_PARAMETER)
        if fragment.is_command:
            return self._receive_command(fragment)
        if fragment.is_last:
            self._context_id, self._awaits_data = 0, False
        return DataReceived(fragment.data, fragment.is_last)

    def _receive_command(self, fragment: Fragment) -> CommandReceived | None:
        data: bytearray | memoryview = fragment.data
        if self._command or not fragment.is_last:
            if len(self._command) + len(data) > MAX_COMMAND_BYTES:
                raise RemoteProtocolError(f"a command set has more than {MAX_COMMAND_BYTES} bytes")
            self._command += data
            data = self._command
        if not fragment.is_last:
            self._context_id = fragment.context_id
            return None
        command = decode_command(data)
        self._command = bytearray()
        self._awaits_data = command.has_data_set
        self._context_id = fragment.context_id if self._awaits_data else 0
        return CommandReceived(fragment.context_id, command)
