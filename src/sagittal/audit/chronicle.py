"""Lines for changes of the records, written in the transaction of the change."""

import time
from collections.abc import Callable

from sqlalchemy import Connection

from sagittal.audit.acts import SUCCESS, Kind
from sagittal.audit.line import Act
from sagittal.audit.lines import Draft, write_lines
from sagittal.runtime.actor import Actor


class Chronicle:
    """Writes lines of the ledger from within `Records.write`; any process may."""

    def __init__(self, key: bytes, clock: Callable[[], int] = time.time_ns) -> None:
        """`key`: of the chain; `clock`: nanoseconds since 1970-01-01 UTC."""
        self._key = key
        self._clock = clock

    def note(
        self,
        connection: Connection,
        actor: Actor,
        kind: Kind,
        *,
        subject: str = "",
        detail: str = "",
        study_instance_uid: str = "",
        outcome: int = SUCCESS,
    ) -> None:
        """Adds a line to the transaction that is under way. Nothing that names a patient goes into it."""
        act = Act(
            kind=kind,
            actor=actor,
            outcome=outcome,
            subject=subject,
            detail=detail,
            study_instance_uid=study_instance_uid,
        )
        at_ns = self._clock()
        write_lines(connection, self._key, [Draft(act, at_ns, at_ns)])
