"""What the services know of the association they serve."""

from collections.abc import Mapping

import msgspec

from sagittal.archive.archive import Archive
from sagittal.dicom.upper_layer.pdu import AssociateAccept, AssociateRequest
from sagittal.dimse.link import Link
from sagittal.dimse.negotiation import Kind
from sagittal.dimse.requestor import Proposal, Requestor
from sagittal.errors import Unsupported
from sagittal.runtime.actor import Actor
from sagittal.runtime.pools import WorkerPool
from sagittal.runtime.settings import Settings


class Visit(msgspec.Struct, frozen=True, kw_only=True):
    """A peer that is served.

    Attributes:
        link: to it.
        request, answer: what was asked and agreed.
        archive: what it is served from.
        requestor: opens the associations of C-MOVE.
        sop_classes: abstract syntax by presentation context ID.
        kinds: what we do, by abstract syntax.
        pool: decompresses for peers that take native syntaxes only; None where nothing is decompressed.
    """

    link: Link
    request: AssociateRequest
    answer: AssociateAccept
    archive: Archive
    requestor: Requestor
    settings: Settings
    sop_classes: Mapping[int, str]
    kinds: Mapping[str, Kind]
    pool: WorkerPool | None = None

    @property
    def actor(self) -> Actor:
        """The peer, as rooms know it now."""
        return self.link.actor

    def sop_class(self, context_id: int, kind: Kind) -> str:
        """The abstract syntax of a presentation context; Unsupported if it is not of the kind of the request."""
        uid = self.sop_classes[context_id]
        if self.kinds.get(uid) != kind:
            raise Unsupported(f"a {kind} request came in a presentation context of {uid}")
        return uid

    def has_feature(self, sop_class_uid: str, octet: int) -> bool:
        """Whether an octet of SOP class extended negotiation was agreed to be 1."""
        information = next((e.information for e in self.answer.user.extended if e.sop_class_uid == sop_class_uid), b"")
        return len(information) > octet and information[octet] == 1

    def storage_proposals(self) -> Mapping[int, Proposal]:
        """The contexts in which the peer takes instances from us: it has the SCP role there (PS3.4 Section C.5.3)."""
        takes = {role.sop_class_uid for role in self.answer.user.roles if role.is_scp}
        return {
            context.context_id: Proposal(context.abstract_syntax, context.transfer_syntaxes)
            for context in self.request.contexts
            if context.abstract_syntax in takes and self.kinds.get(context.abstract_syntax) == "storage"
        }
