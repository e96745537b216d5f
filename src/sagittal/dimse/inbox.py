"""What has come over an association and is not taken yet."""

import asyncio
from collections import deque
from typing import Final

from sagittal.dicom.messages.assembly import CommandReceived, DataReceived
from sagittal.dicom.upper_layer.pdu import AssociateAccept, AssociateReject, AssociateRequest, ReleaseReply

Item = CommandReceived | DataReceived | AssociateRequest | AssociateAccept | AssociateReject | ReleaseReply

_FULL_BYTES: Final = 1_048_576
_FULL_ITEMS: Final = 512


class Inbox:
    """A queue of items that knows how much it holds, with one reader.

    Attributes:
        owes_data: the last command taken has a data set that is not all taken.
    """

    def __init__(self) -> None:
        self.owes_data = False
        self._items: deque[Item] = deque()
        self._bytes = 0
        self._waiter: asyncio.Future[None] | None = None

    def __bool__(self) -> bool:
        return bool(self._items)

    @property
    def is_full(self) -> bool:
        """Whether no more should be read from the peer."""
        return self._bytes > _FULL_BYTES or len(self._items) > _FULL_ITEMS

    @property
    def is_low(self) -> bool:
        """Whether reading may go on."""
        return self._bytes <= _FULL_BYTES // 2 and len(self._items) <= _FULL_ITEMS // 2

    def put(self, item: Item) -> None:
        self._items.append(item)
        if isinstance(item, DataReceived):
            self._bytes += len(item.data)

    def pop(self) -> Item:
        item = self._items.popleft()
        if isinstance(item, DataReceived):
            self._bytes -= len(item.data)
            self.owes_data = not item.is_last
        elif isinstance(item, CommandReceived):
            self.owes_data = item.command.has_data_set
        return item

    def wake(self) -> None:
        """Lets the reader look again."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def wait(self) -> None:
        """Returns after the next `wake`."""
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None
