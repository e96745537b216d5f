"""How a peer that was let in stands: asked again before each of its requests, for an association may last for days."""

from sagittal.access.callers import Admit, Caller
from sagittal.errors import Refused
from sagittal.runtime.actor import Actor
from sagittal.runtime.witness import Witness


class Standing:
    """Who a peer is now. What was resolved holds until anybody changes who may do what: a number tells."""

    def __init__(self, admit: Admit, caller: Caller, witness: Witness) -> None:
        self._admit = admit
        self._caller = caller
        self._witness = witness
        self._version = -1

    @property
    def is_outdated(self) -> bool:
        """Whether something was changed since the peer was looked up. Raises Exhausted."""
        return self._admit.version() != self._version

    async def ask(self) -> Actor:
        """Looks the peer up; Refused, and a line in the ledger, if it is nobody who is let in."""
        version = self._admit.version()  # before anything is read: what changes meanwhile is looked up again
        try:
            actor = await self._admit(self._caller)
        except Refused:
            self._witness.refused(nobody(self._caller), "associate")
            raise
        self._version = version
        return actor


def nobody(caller: Caller) -> Actor:
    """A caller that is not let in."""
    return Actor(
        door="dimse", name=caller.calling_aet, called=caller.called_aet, address=caller.address, kind="machine"
    )
