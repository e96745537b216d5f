"""Instances out: to a destination over associations of our own, or to a peer that asked with C-GET.

Nothing is decoded that the peer can take: an instance goes as it is kept; if the peer takes only another native
encoding, its encoding is converted while it streams, and a compressed instance is decompressed.
"""

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Sequence
from contextlib import AsyncExitStack
from typing import Final, NamedTuple

from sagittal.dicom.dataset.reencode import NATIVE, Reencoder, is_reencodable
from sagittal.dicom.messages.statuses import category, describe
from sagittal.dicom.transfer_syntax import EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN
from sagittal.dicom.upper_layer.framing import Buffer
from sagittal.dicom.upper_layer.items import MAX_PRESENTATION_CONTEXTS
from sagittal.dimse import scu
from sagittal.dimse.ending import AssociationEnded
from sagittal.dimse.requestor import Peer, Proposal, Requestor
from sagittal.dimse.scu import Outgoing
from sagittal.errors import PeerFailed, SagittalError
from sagittal.runtime.log import get_logger
from sagittal.runtime.settings import Destination

log = get_logger(__name__)

_LOOK_AHEAD: Final = 500  # instances whose presentation contexts are proposed together
_MAX_REOPENINGS: Final = 3  # of an association that ends under way


class Sent(NamedTuple):
    """What became of an instance.

    Attributes:
        status: of the peer's C-STORE response; None if it never got that far.
        why: what went wrong, for a person; "" if nothing did.
    """

    instance: Outgoing
    status: int | None
    why: str = ""

    @property
    def is_stored(self) -> bool:
        """Whether the peer has it, with a warning perhaps."""
        return self.status is not None and category(self.status) in {"success", "warning"}

    @property
    def is_warning(self) -> bool:
        return self.status is not None and category(self.status) == "warning"


def proposals_for(instance: Outgoing) -> tuple[Proposal, ...]:
    """The presentation contexts that let an instance through: as it is kept, and native ones it can be converted to."""
    kept = instance.transfer_syntax_uid
    exact = Proposal(instance.sop_class_uid, (kept,))
    if kept not in NATIVE and instance.open_native is None:
        return (exact,)
    others = tuple(native for native in (EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN) if native != kept)
    return exact, Proposal(instance.sop_class_uid, others)


def choose_context(
    accepted: Sequence[tuple[int, str]], transfer_syntax_uid: str, *, is_decodable: bool = False
) -> tuple[int, str] | None:
    """Of (context ID, transfer syntax) the one that needs least done to data in `transfer_syntax_uid`; None if none."""
    exact = next((pair for pair in accepted if pair[1] == transfer_syntax_uid), None)
    converted = exact or next((pair for pair in accepted if is_reencodable(transfer_syntax_uid, pair[1])), None)
    return converted or next((pair for pair in accepted if is_decodable and pair[1] in NATIVE), None)


async def deliver(peer: Peer, instance: Outgoing, timeout_s: float, originator: tuple[str, int] | None = None) -> Sent:
    """Sends one instance over an association.

    Raises:
        AssociationEnded: it ended, or could not go on.
    """
    accepted = peer.accepted(instance.sop_class_uid)
    chosen = choose_context(accepted, instance.transfer_syntax_uid, is_decodable=instance.open_native is not None)
    if chosen is None:
        syntaxes = ", ".join(syntax for _, syntax in accepted) or "none"
        why = f"it is kept in {instance.transfer_syntax_uid}; of {instance.sop_class_uid} the peer takes {syntaxes}"
        return Sent(instance, None, why)
    context_id, syntax = chosen
    try:
        data = await _begun(_encoded(instance, syntax))
    except SagittalError as error:  # nothing is sent yet: the association can go on
        return Sent(instance, None, str(error))
    try:
        response = await scu.store(peer, context_id, instance, data, timeout_s, originator=originator)
    except AssociationEnded:
        raise
    except SagittalError as error:  # half of it is sent: there is no way back
        peer.link.abort(str(error))
        raise AssociationEnded(f"gave up in the middle of an instance: {error}") from error
    why = "" if response.status == 0 else f"{response.status:04X}H, {describe(response.status)}"
    if response.error_comment:
        why += f": {response.error_comment}"
    return Sent(instance, response.status, why)


async def send(
    requestor: Requestor,
    called_aet: str,
    destination: Destination,
    instances: AsyncIterable[Outgoing],
    originator: tuple[str, int] | None = None,
) -> AsyncGenerator[Sent, None]:
    """Sends instances in order and says of each what became of it; nothing is raised for the destination's failures.

    Presentation contexts are proposed for the next few hundred instances; when those that follow need others, or more
    than an association can have, another association is opened.
    """
    line = _Line(requestor, called_aet, destination)
    try:
        async for batch in _batches(instances):
            wanted = tuple(dict.fromkeys(proposal for instance in batch for proposal in proposals_for(instance)))
            for instance in batch:
                yield await _attempt(line, wanted, instance, originator)
    finally:
        await line.hang_up()


async def _attempt(
    line: "_Line", wanted: tuple[Proposal, ...], instance: Outgoing, originator: tuple[str, int] | None
) -> Sent:
    try:
        peer = await line.to(wanted)
        return await deliver(peer, instance, line.requestor.settings.dimse_timeout_s, originator)
    except PeerFailed as error:
        log.warning("instance not sent", called_aet=line.called_aet, error=str(error))
        await line.lose(error)
        return Sent(instance, None, str(error))


class _Line:
    """The association to a destination, opened when needed."""

    def __init__(self, requestor: Requestor, called_aet: str, destination: Destination) -> None:
        self.requestor = requestor
        self.called_aet = called_aet
        self._destination = destination
        self._stack = AsyncExitStack()
        self._peer: Peer | None = None
        self._proposed: frozenset[Proposal] = frozenset()
        self._losses = 0
        self._given_up: PeerFailed | None = None

    async def to(self, wanted: tuple[Proposal, ...]) -> Peer:
        """An association in which all of `wanted` was proposed."""
        if self._given_up is not None:
            raise self._given_up
        if self._peer is not None and self._proposed.issuperset(wanted):
            return self._peer
        await self.hang_up()
        association = self.requestor.associate(self.called_aet, self._destination, wanted)
        try:
            self._peer = await self._stack.enter_async_context(association)
        except PeerFailed as error:
            self._given_up = error
            raise
        self._proposed = frozenset(wanted)
        return self._peer

    async def lose(self, error: PeerFailed) -> None:
        """The association has ended; it is opened again for the next instance, a few times."""
        self._losses += 1
        if self._losses > _MAX_REOPENINGS:
            self._given_up = self._given_up or error
        await self.hang_up()

    async def hang_up(self) -> None:
        """Releases the association."""
        self._peer = None
        await self._stack.aclose()
        self._stack = AsyncExitStack()


async def _batches(instances: AsyncIterable[Outgoing]) -> AsyncIterator[list[Outgoing]]:
    """Runs of instances whose presentation contexts fit one association."""
    batch: list[Outgoing] = []
    proposals: set[Proposal] = set()
    async for instance in instances:
        more = proposals.union(proposals_for(instance))
        if batch and (len(more) > MAX_PRESENTATION_CONTEXTS or len(batch) >= _LOOK_AHEAD):
            yield batch
            batch, more = [], set(proposals_for(instance))
        batch.append(instance)
        proposals = more
    if batch:
        yield batch


async def _encoded(instance: Outgoing, transfer_syntax_uid: str) -> AsyncIterator[Buffer]:
    if transfer_syntax_uid == instance.transfer_syntax_uid:
        async for chunk in instance.open():
            yield chunk
        return
    kept, opened = instance.transfer_syntax_uid, instance.open
    if instance.open_native is not None and not is_reencodable(kept, transfer_syntax_uid):
        kept, opened = EXPLICIT_VR_LITTLE_ENDIAN, instance.open_native
        if transfer_syntax_uid == kept:
            async for chunk in opened():
                yield chunk
            return
    reencoder = Reencoder(kept, transfer_syntax_uid)
    async for chunk in opened():
        for piece in reencoder.feed(chunk):
            yield piece
    for piece in reencoder.close():
        yield piece


async def _begun(data: AsyncIterator[Buffer]) -> AsyncIterator[Buffer]:
    """The same data, once the first part of it is there."""
    first = await anext(data, b"")

    async def all_of_it() -> AsyncIterator[Buffer]:
        yield first
        async for chunk in data:
            yield chunk

    return all_of_it()
