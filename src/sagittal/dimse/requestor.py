"""Associations that we request."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, NamedTuple

from sagittal.dicom.dataset import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from sagittal.dicom.upper_layer.association import Association, Limits
from sagittal.dicom.upper_layer.items import ProposedContext, RoleSelection, SOPClassExtended, UserInformation
from sagittal.dicom.upper_layer.pdu import (
    APPLICATION_CONTEXT_NOT_SUPPORTED,
    CALLED_AET_NOT_RECOGNIZED,
    CALLING_AET_NOT_RECOGNIZED,
    LOCAL_LIMIT_EXCEEDED,
    PROTOCOL_VERSION_NOT_SUPPORTED,
    TEMPORARY_CONGESTION,
    AssociateAccept,
    AssociateReject,
    AssociateRequest,
    ReleaseReply,
    ReleaseRequest,
)
from sagittal.dimse.ending import AssociationEnded
from sagittal.dimse.link import Link
from sagittal.dimse.tls import client_context
from sagittal.dimse.watch import Pace
from sagittal.errors import PeerFailed, Unsupported
from sagittal.runtime.deadline import Deadline
from sagittal.runtime.settings import Destination, Settings

_REASONS: Final = {
    APPLICATION_CONTEXT_NOT_SUPPORTED: "application context not supported",
    CALLING_AET_NOT_RECOGNIZED: "it does not know our AE title",
    CALLED_AET_NOT_RECOGNIZED: "it does not answer to that AE title",
    PROTOCOL_VERSION_NOT_SUPPORTED: "protocol version not supported",
    TEMPORARY_CONGESTION: "it is busy",
    LOCAL_LIMIT_EXCEEDED: "it has too many associations",
}


class AssociationRejected(PeerFailed):
    """The peer does not want the association."""


class Proposal(NamedTuple):
    """A presentation context to be: an abstract syntax and how we can do it, best first."""

    abstract_syntax: str
    transfer_syntaxes: tuple[str, ...]


class Peer:
    """An association that we requested and the peer accepted.

    Attributes:
        link: to talk over.
        accept: what the peer agreed to.
    """

    def __init__(self, link: Link, proposals: Mapping[int, Proposal], accept: AssociateAccept) -> None:
        self.link = link
        self.accept = accept
        self._proposals = proposals
        self._message_id = 0

    def next_message_id(self) -> int:
        """1 to 65535, then again from 1."""
        self._message_id = self._message_id % 0xFFFF + 1
        return self._message_id

    def accepted(self, abstract_syntax: str) -> tuple[tuple[int, str], ...]:
        """(presentation context ID, transfer syntax) of what was accepted for an abstract syntax, in our order."""
        return tuple(
            (context_id, self.link.contexts[context_id])
            for context_id, proposal in self._proposals.items()
            if proposal.abstract_syntax == abstract_syntax and context_id in self.link.contexts
        )

    def context_for(self, abstract_syntax: str) -> tuple[int, str]:
        """The first of `accepted`, or Unsupported."""
        accepted = self.accepted(abstract_syntax)
        if not accepted:
            raise Unsupported(f"the peer does not accept {abstract_syntax}")
        return accepted[0]

    async def release(self, deadline: Deadline) -> None:
        """Ends the association in good order; aborts it if that takes too long."""
        try:
            self.link.check()
            self.link.tell(ReleaseRequest())
            async with deadline.timeout():
                while not isinstance(await self.link.receive(), ReleaseReply | None):
                    pass
        except AssociationEnded:
            pass
        except TimeoutError:
            self.link.abort("no answer to our release")


class Requestor:
    """Requests associations in our name."""

    def __init__(self, settings: Settings, tls: ssl.SSLContext | None = None) -> None:
        """`tls` is for destinations that want it."""
        self.settings = settings
        self._tls = tls

    @classmethod
    def of(cls, settings: Settings) -> "Requestor":
        """One with our certificate of the settings, if a destination wants TLS."""
        if not any(destination.tls for destination in settings.destinations.values()):
            return cls(settings)
        certificate, key, authorities = (
            Path(text) if text else None
            for text in (settings.dicom_tls_certificate, settings.dicom_tls_key, settings.dicom_tls_ca)
        )
        return cls(settings, client_context(authorities, certificate, key))

    def renew(self) -> None:
        """Reads our certificate of the settings anew, for associations to come. Raises OSError; then all stays."""
        self._tls = Requestor.of(self.settings)._tls  # noqa: SLF001  # of this class

    @asynccontextmanager
    async def associate(
        self,
        called_aet: str,
        destination: Destination,
        proposals: Sequence[Proposal],
        *,
        roles: Sequence[RoleSelection] = (),
        extended: Sequence[SOPClassExtended] = (),
        calling_aet: str | None = None,
    ) -> AsyncIterator[Peer]:
        """An association for the length of the block: released at its end, aborted if it raises.

        Raises:
            PeerFailed: no connection, no answer in time, or a rejection (AssociationRejected).
        """
        contexts = {2 * index + 1: proposal for index, proposal in enumerate(proposals)}
        request = AssociateRequest(
            called_aet=called_aet,
            calling_aet=calling_aet or self.settings.aet,
            contexts=tuple(ProposedContext(context_id, *proposal) for context_id, proposal in contexts.items()),
            user=UserInformation(
                max_length=self.settings.max_pdu_bytes,
                implementation_class_uid=IMPLEMENTATION_CLASS_UID,
                implementation_version_name=IMPLEMENTATION_VERSION_NAME,
                roles=tuple(roles),
                extended=tuple(extended),
            ),
        )
        timeout_s = self.settings.dimse_timeout_s
        link = await self._connect(request, destination, Deadline.after(timeout_s))
        try:
            peer = Peer(link, contexts, await _await_answer(link, Deadline.after(timeout_s)))
            yield peer
        except BaseException as error:
            link.abort(f"given up: {type(error).__name__}")
            raise
        else:
            await peer.release(Deadline.after(timeout_s))
        finally:
            await link.hang_up()

    async def _connect(self, request: AssociateRequest, destination: Destination, deadline: Deadline) -> Link:
        association = Association(is_requestor=True, limits=Limits(max_pdu_bytes=self.settings.max_pdu_bytes))
        association.send(request, 0)
        pace = Pace(
            idle_s=self.settings.association_idle_timeout_s, min_rate_bytes_s=self.settings.message_min_rate_bytes_s
        )
        where = f"{destination.host}:{destination.port}"
        if destination.tls and self._tls is None:
            raise Unsupported(f"{where} wants TLS, which is not set up here")
        try:
            async with deadline.timeout():
                _, link = await asyncio.get_running_loop().create_connection(
                    lambda: Link(association, pace),
                    destination.host,
                    destination.port,
                    ssl=self._tls if destination.tls else None,
                )
        except (OSError, TimeoutError) as error:
            raise PeerFailed(f"no connection to {where}: {error or type(error).__name__}") from error
        return link


async def _await_answer(link: Link, deadline: Deadline) -> AssociateAccept:
    try:
        async with deadline.timeout():
            answer = await link.receive()
    except TimeoutError:
        raise PeerFailed("the peer does not answer our association request") from None
    if isinstance(answer, AssociateReject):
        reason = _REASONS.get(answer, f"source {answer.source}, reason {answer.reason}")
        raise AssociationRejected(f"the peer rejects the association: {reason}")
    if not isinstance(answer, AssociateAccept):
        raise PeerFailed(f"{type(answer).__name__} came in answer to our association request")
    return answer
