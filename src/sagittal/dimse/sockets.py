"""How the sockets of associations are set up."""

import asyncio
import socket
from typing import Final

_QUICK_ACK: Final = getattr(socket, "TCP_QUICKACK", None)  # Linux only
_WRITE_BUFFER_BYTES: Final = 1_048_576


class TunedSocket:
    """A transport's socket, set up for messages that are waited for.

    Small PDUs go out at once (TCP_NODELAY), and what comes is acknowledged at once (TCP_QUICKACK, which the kernel
    forgets, so it is set again after each receive): a sender that has Nagle's algorithm on otherwise waits some 40 ms
    for a delayed ACK in each C-STORE.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        transport.set_write_buffer_limits(high=_WRITE_BUFFER_BYTES)
        theirs = transport.get_extra_info("socket")
        self._socket: socket.socket | None = None
        if theirs is not None and theirs.family in {socket.AF_INET, socket.AF_INET6}:
            # a second object on the same descriptor, never closed: uvloop's own makes one for each call
            self._socket = socket.socket(theirs.family, theirs.type, theirs.proto, fileno=theirs.fileno())
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.acknowledge()

    def acknowledge(self) -> None:
        """Has what was received acknowledged now."""
        if self._socket is not None and _QUICK_ACK is not None:
            self._socket.setsockopt(socket.IPPROTO_TCP, _QUICK_ACK, 1)

    def detach(self) -> None:
        """Leaves the descriptor to the transport."""
        if self._socket is not None:
            self._socket.detach()
            self._socket = None
