"""Sub-operations of a C-MOVE or C-GET, counted and told (PS3.7 Section 9.1.4.1)."""

import time
from typing import Final

from sagittal.dicom import json_model
from sagittal.dicom.messages.commands import CGetRequest, CGetResponse, CMoveRequest, CMoveResponse
from sagittal.dicom.messages.statuses import (
    CANCEL,
    CANNOT_PERFORM_SUB_OPERATIONS,
    PENDING,
    SUB_OPERATIONS_WITH_FAILURES,
    SUCCESS,
)
from sagittal.dimse.link import Link
from sagittal.dimse.sending import Sent
from sagittal.runtime.log import get_logger

log = get_logger(__name__)

_PENDING_EVERY_S: Final = 1.0
_MAX_COUNT: Final = 0xFFFF
_MAX_FAILED_UIDS: Final = 1000  # of a list whose length has 16 bits

RetrieveRequest = CMoveRequest | CGetRequest


class Tally:
    """Counts sub-operations and tells the peer about them.

    Attributes:
        remaining, completed, failed, warning: numbers of sub-operations (PS3.7 Section 9.1.4.1).
    """

    def __init__(self, request: RetrieveRequest, context_id: int, link: Link) -> None:
        self.remaining = self.completed = self.failed = self.warning = 0
        self._failed_uids: list[str] = []
        self._request = request
        self._context_id = context_id
        self._link = link
        self._told_at: float | None = None

    @property
    def status(self) -> int:
        """The last status, when nothing remains (PS3.4 Section C.4.2.3.1)."""
        if not self.failed and not self.warning:
            return SUCCESS
        return SUB_OPERATIONS_WITH_FAILURES if self.completed or self.warning else CANNOT_PERFORM_SUB_OPERATIONS

    def count(self, sent: Sent) -> None:
        """Takes down what became of a sub-operation."""
        self.remaining -= 1
        if sent.is_warning:
            self.warning += 1
        elif sent.is_stored:
            self.completed += 1
        else:
            self.failed += 1
            self._failed_uids.append(sent.instance.sop_instance_uid)
            log.warning("sub-operation failed", sop_instance_uid=sent.instance.sop_instance_uid, why=sent.why)

    async def tell(self) -> None:
        """Sends a pending response, the first time and when a while has passed."""
        now = time.monotonic()
        if self.remaining and (self._told_at is None or now - self._told_at >= _PENDING_EVERY_S):
            self._told_at = now
            await self.respond(PENDING)

    async def respond(self, status: int, comment: str | None = None) -> None:
        """Sends a response with the counts; the last one with the list of what failed."""
        data = self._failed_list() if self._failed_uids and status != PENDING else None
        kind = CMoveResponse if isinstance(self._request, CMoveRequest) else CGetResponse
        response = kind(
            message_id_being_responded_to=self._request.message_id,
            status=status,
            affected_sop_class_uid=self._request.affected_sop_class_uid,
            error_comment=comment,
            # not in a last response, unless it says that some were left undone (PS3.7 Sections 9.3.3.2 and 9.3.4.2)
            remaining_sub_operations=_counted(self.remaining) if status in {PENDING, CANCEL} else None,
            completed_sub_operations=_counted(self.completed),
            failed_sub_operations=_counted(self.failed),
            warning_sub_operations=_counted(self.warning),
            has_data_set=data is not None,
        )
        await self._link.send(self._context_id, response, data)

    def _failed_list(self) -> bytes:
        """Failed SOP Instance UID List (0008,0058)."""
        uids = list(self._failed_uids[:_MAX_FAILED_UIDS])
        return json_model.decode(
            {"00080058": {"vr": "UI", "Value": [*uids]}}, self._link.contexts[self._context_id], ()
        )


def _counted(number: int) -> int:
    return min(number, _MAX_COUNT)
