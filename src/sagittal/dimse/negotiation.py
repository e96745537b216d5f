"""What we agree to as acceptor of an association. Pure: a request in, an acceptance out."""

from typing import Final, Literal

import msgspec

from sagittal.dicom.dataset import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from sagittal.dicom.identifiers import is_uid
from sagittal.dicom.registry.uids import is_storage_class, uid_entry
from sagittal.dicom.transfer_syntax import (
    EXPLICIT_VR_BIG_ENDIAN,
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
)
from sagittal.dicom.upper_layer.items import (
    ABSTRACT_SYNTAX_NOT_SUPPORTED,
    ACCEPTANCE,
    TRANSFER_SYNTAXES_NOT_SUPPORTED,
    ContextAnswer,
    ProposedContext,
    RoleSelection,
    SOPClassExtended,
    UserInformation,
)
from sagittal.dicom.upper_layer.pdu import AssociateAccept, AssociateRequest

VERIFICATION: Final = "1.2.840.10008.1.1"
STORAGE_SERVICE_CLASS: Final = "1.2.840.10008.4.2"

Kind = Literal["verification", "find", "move", "get", "storage"]
Root = Literal["patient", "study"]


class Model(msgspec.Struct, frozen=True):
    """A query/retrieve SOP class: what it does, over which information model (PS3.4 Section C.6)."""

    kind: Literal["find", "move", "get"]
    root: Root


QUERY_RETRIEVE: Final = {
    "1.2.840.10008.5.1.4.1.2.1.1": Model("find", "patient"),
    "1.2.840.10008.5.1.4.1.2.1.2": Model("move", "patient"),
    "1.2.840.10008.5.1.4.1.2.1.3": Model("get", "patient"),
    "1.2.840.10008.5.1.4.1.2.2.1": Model("find", "study"),
    "1.2.840.10008.5.1.4.1.2.2.2": Model("move", "study"),
    "1.2.840.10008.5.1.4.1.2.2.3": Model("get", "study"),
}

_NATIVE: Final = frozenset({EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_BIG_ENDIAN})

# Service class application information: the most we do, octet by octet; a peer that asks for less gets that.
_QUERY_FEATURES: Final = bytes((1, 1, 1, 0, 0))  # relational, combined date-time, fuzzy names (PS3.4 Table C.5.1-1)
_RETRIEVE_FEATURES: Final = bytes((1, 0))  # relational; no enhanced multi-frame conversion (PS3.4 Section C.5.2.1)
_STORAGE_FEATURES: Final = bytes((2, 0, 3, 0, 0, 0))  # level 2, signatures kept bit by bit, no coercion (PS3.4 B.3.1.4)


def kind_of(sop_class_uid: str, service_class_uid: str = "") -> Kind | None:
    """What we do for a SOP class; None if nothing.

    Every storage class is one: of the standard, of non-patient objects, retired, or unknown. What is not registered
    (private classes and those of later editions) is taken for storage unless the peer names another service class (SOP
    Class Common Extended Negotiation, PS3.7 Section D.3.3.6).

    >>> kind_of("1.2.840.10008.5.1.4.1.1.2"), kind_of("1.2.840.10008.5.1.4.31"), kind_of("1.2.276.0.7230010.3.1.0.1")
    ('storage', None, 'storage')
    """
    if sop_class_uid == VERIFICATION:
        return "verification"
    model = QUERY_RETRIEVE.get(sop_class_uid)
    if model is not None:
        return model.kind
    if not is_uid(sop_class_uid):
        return None
    if is_storage_class(sop_class_uid):
        return "storage"
    is_unknown = uid_entry(sop_class_uid) is None
    return "storage" if is_unknown and service_class_uid in {"", STORAGE_SERVICE_CLASS} else None


def kinds_of(request: AssociateRequest) -> dict[str, Kind]:
    """What we do, for each abstract syntax proposed that we do anything for."""
    services = {item.sop_class_uid: item.service_class_uid for item in request.user.common_extended}
    proposed = {context.abstract_syntax for context in request.contexts}
    return {uid: kind for uid in proposed if (kind := kind_of(uid, services.get(uid, ""))) is not None}


def accept(request: AssociateRequest, max_pdu_bytes: int) -> AssociateAccept:
    """The answer to a request that is to be accepted, context by context.

    Storage takes the transfer syntax that the peer names first, whatever it is: nothing is transcoded on the way in.
    """
    kinds = kinds_of(request)
    return AssociateAccept(
        called_aet=request.called_aet,
        calling_aet=request.calling_aet,
        contexts=tuple(_answer(context, kinds.get(context.abstract_syntax)) for context in request.contexts),
        user=UserInformation(
            max_length=max_pdu_bytes,
            implementation_class_uid=IMPLEMENTATION_CLASS_UID,
            implementation_version_name=IMPLEMENTATION_VERSION_NAME,
            roles=tuple(_role(role, kinds.get(role.sop_class_uid)) for role in request.user.roles),
            extended=tuple(
                _features(item, kind) for item in request.user.extended if (kind := kinds.get(item.sop_class_uid))
            ),
        ),
    )


def _answer(context: ProposedContext, kind: Kind | None) -> ContextAnswer:
    if kind is None:
        return ContextAnswer(context.context_id, ABSTRACT_SYNTAX_NOT_SUPPORTED, IMPLICIT_VR_LITTLE_ENDIAN)
    for syntax in context.transfer_syntaxes:
        if syntax in _NATIVE or (kind == "storage" and is_uid(syntax)):
            return ContextAnswer(context.context_id, ACCEPTANCE, syntax)
    return ContextAnswer(context.context_id, TRANSFER_SYNTAXES_NOT_SUPPORTED, IMPLICIT_VR_LITTLE_ENDIAN)


def _role(proposed: RoleSelection, kind: Kind | None) -> RoleSelection:
    """The peer may be SCP of storage (C-GET sends instances to it); of nothing else."""
    return RoleSelection(proposed.sop_class_uid, proposed.is_scu, proposed.is_scp and kind == "storage")


def _features(asked: SOPClassExtended, kind: Kind) -> SOPClassExtended:
    if kind == "storage":
        return SOPClassExtended(asked.sop_class_uid, _STORAGE_FEATURES)
    most = _QUERY_FEATURES if kind == "find" else _RETRIEVE_FEATURES
    return SOPClassExtended(
        asked.sop_class_uid, bytes(min(ours, his) for ours, his in zip(most, asked.information, strict=False))
    )
