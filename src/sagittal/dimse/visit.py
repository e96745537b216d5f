"""What the services know of the association they serve."""

from collections.abc import Mapping

import msgspec

from sagittal.archive.archive import Archive
from sagittal.dicom.upper_layer.pdu import AssociateAccept, AssociateRequest
from sagittal.dimse.link import Link
from sagittal.dimse.negotiation import kind_of
from sagittal.dimse.requestor import Proposal, Requestor
from sagittal.runtime.actor import Actor
from sagittal.runtime.settings import Settings


class Visit(msgspec.Struct, frozen=True, kw_only=True):
    """A peer that is served.

    Attributes:
        link: to it.
        request, answer: what was asked and agreed.
        actor: it, as rooms know it.
        archive: what it is served from.
        requestor: opens the associations of C-MOVE.
    """

    link: Link
    request: AssociateRequest
    answer: AssociateAccept
    actor: Actor
    archive: Archive
    requestor: Requestor
    settings: Settings

    def abstract_syntax(self, context_id: int) -> str:
        """Of a presentation context."""
        return next(c.abstract_syntax for c in self.request.contexts if c.context_id == context_id)

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
            if context.abstract_syntax in takes and kind_of(context.abstract_syntax) == "storage"
        }
