"""What we agree to."""

import pytest

from sagittal.dicom.registry.uids import storage_classes
from sagittal.dicom.upper_layer.items import (
    ContextAnswer,
    ProposedContext,
    RoleSelection,
    SOPClassCommonExtended,
    SOPClassExtended,
    UserInformation,
)
from sagittal.dicom.upper_layer.pdu import AssociateRequest
from sagittal.dimse.negotiation import Kind, accept, kind_of

CT = "1.2.840.10008.5.1.4.1.1.2"
FIND, MOVE = "1.2.840.10008.5.1.4.1.2.2.1", "1.2.840.10008.5.1.4.1.2.2.2"
IMPLICIT, EXPLICIT, JPEG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.50"


def request(*contexts: tuple[str, tuple[str, ...]], user: UserInformation | None = None) -> AssociateRequest:
    proposed = tuple(ProposedContext(2 * n + 1, *context) for n, context in enumerate(contexts))
    return AssociateRequest(called_aet="US", calling_aet="CT1", contexts=proposed, user=user or UserInformation())


@pytest.mark.parametrize(
    ("uid", "kind"),
    [
        ("1.2.840.10008.1.1", "verification"),
        (FIND, "find"),
        ("1.2.840.10008.5.1.4.1.2.1.3", "get"),
        (CT, "storage"),
        ("1.2.840.10008.5.1.1.30", "storage"),  # Hardcopy Color Image Storage, retired
        ("1.2.840.10008.5.1.4.1.1.999.7", "storage"),  # of a later edition, perhaps
        ("1.3.12.2.1107.5.9.1", "storage"),  # private
        ("1.2.840.10008.5.1.4.31", None),  # worklist
        ("1.2.840.10008.3.1.2.3.3", None),  # MPPS
        ("1.2.840.10008.1.20.1", None),  # storage commitment
        ("1.2.840.10008.5.1.1.9", None),  # print
        ("1.2.840.10008.1.3.10", None),  # media directory
        ("1.2.840.10008.5.1.4.38.1", "storage"),  # hanging protocol: of no study
        ("1.2.840.10008.1.2", None),  # a transfer syntax
        ("what?", None),
        ("", None),
    ],
)
def test_each_sop_class_is_of_a_kind_or_nothing_to_us(uid: str, kind: Kind | None) -> None:
    assert kind_of(uid) == kind


def test_every_registered_storage_class_is_taken() -> None:
    assert [uid for uid in storage_classes() if kind_of(uid) != "storage"] == []
    assert len(storage_classes()) > 150


def test_a_private_class_of_another_service_class_is_not_taken_for_storage() -> None:
    assert kind_of("1.3.12.9", "1.2.840.10008.4.2") == "storage"
    assert kind_of("1.3.12.9", "1.3.12.10") is None
    common = (SOPClassCommonExtended("1.3.12.9", "1.3.12.10"),)
    answer = accept(request(("1.3.12.9", (IMPLICIT,)), user=UserInformation(common_extended=common)), 16384)
    assert answer.contexts[0].result == 3


def test_storage_takes_the_syntax_that_comes_first_and_queries_a_native_one() -> None:
    answer = accept(
        request(
            (CT, (JPEG, EXPLICIT)),
            (CT, ("1.2.3.4", IMPLICIT)),
            (FIND, (JPEG, IMPLICIT)),
            (FIND, (JPEG,)),
            (CT, ("?",)),
            (CT, ()),
        ),
        16384,
    )
    assert [(context.result, context.transfer_syntax) for context in answer.contexts] == [
        (0, JPEG), (0, "1.2.3.4"), (0, IMPLICIT), (4, IMPLICIT), (4, IMPLICIT), (4, IMPLICIT)
    ]  # fmt: skip
    assert answer.contexts[0] == ContextAnswer(1, 0, JPEG)
    assert answer.user.max_length == 16384


def test_the_peer_may_be_scp_of_storage_only() -> None:
    roles = (RoleSelection(CT, True, True), RoleSelection(FIND, True, True), RoleSelection("1.9", False, True))
    answer = accept(request((CT, (JPEG,)), (FIND, (IMPLICIT,)), user=UserInformation(roles=roles)), 16384)
    assert answer.user.roles == (
        RoleSelection(CT, True, True), RoleSelection(FIND, True, False), RoleSelection("1.9", False, False)
    )  # fmt: skip


def test_features_are_agreed_octet_by_octet() -> None:
    extended = (
        SOPClassExtended(FIND, bytes((1, 0, 1, 1, 1))),
        SOPClassExtended(MOVE, bytes((1, 1, 1))),
        SOPClassExtended(CT, bytes(6)),
        SOPClassExtended("1.9.9", b"\1"),
    )
    answer = accept(
        request((FIND, (IMPLICIT,)), (MOVE, (IMPLICIT,)), (CT, (IMPLICIT,)), user=UserInformation(extended=extended)), 0
    )
    assert answer.user.extended == (
        SOPClassExtended(FIND, bytes((1, 0, 1, 0, 0))),
        SOPClassExtended(MOVE, bytes((1, 0))),
        SOPClassExtended(CT, bytes((2, 0, 3, 0, 0, 0))),
    )
