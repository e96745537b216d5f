"""Which presentation contexts instances need, and which one is used."""

from collections.abc import AsyncIterator

import pytest

from sagittal.dicom.upper_layer.framing import Buffer
from sagittal.dimse.requestor import Proposal
from sagittal.dimse.scu import Outgoing
from sagittal.dimse.sending import Sent, _batches, choose_context, proposals_for

IMPLICIT, EXPLICIT, BIG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"
JPEG = "1.2.840.10008.1.2.4.50"


async def nothing() -> AsyncIterator[Buffer]:
    yield b""


def outgoing(sop_class: str = "1.1", syntax: str = EXPLICIT) -> Outgoing:
    return Outgoing(sop_class_uid=sop_class, sop_instance_uid="1.9", transfer_syntax_uid=syntax, open=nothing)


@pytest.mark.parametrize(
    ("syntax", "proposed"),
    [
        (EXPLICIT, [(EXPLICIT,), (IMPLICIT,)]),
        (IMPLICIT, [(IMPLICIT,), (EXPLICIT,)]),
        (BIG, [(BIG,), (EXPLICIT, IMPLICIT)]),
        (JPEG, [(JPEG,)]),
    ],
)
def test_an_instance_is_proposed_as_it_is_kept_and_native_ones_otherwise_too(
    syntax: str, proposed: list[tuple[str, ...]]
) -> None:
    assert proposals_for(outgoing(syntax=syntax)) == tuple(Proposal("1.1", syntaxes) for syntaxes in proposed)


@pytest.mark.parametrize(
    ("accepted", "kept", "chosen"),
    [
        ([(1, IMPLICIT), (3, EXPLICIT)], EXPLICIT, (3, EXPLICIT)),
        ([(1, IMPLICIT)], EXPLICIT, (1, IMPLICIT)),
        ([(1, IMPLICIT)], JPEG, None),
        ([(1, JPEG)], EXPLICIT, None),
        ([], EXPLICIT, None),
    ],
)
def test_the_context_that_needs_least_done_is_used(
    accepted: list[tuple[int, str]], kept: str, chosen: tuple[int, str] | None
) -> None:
    assert choose_context(accepted, kept) == chosen


def test_an_instance_that_can_be_decompressed_is_proposed_in_native_encodings_too() -> None:
    kept = Outgoing(
        sop_class_uid="1.1", sop_instance_uid="1.9", transfer_syntax_uid=JPEG, open=nothing, open_native=nothing
    )
    assert proposals_for(kept) == (Proposal("1.1", (JPEG,)), Proposal("1.1", (EXPLICIT, IMPLICIT)))
    assert choose_context([(1, IMPLICIT), (3, JPEG)], JPEG, is_decodable=True) == (3, JPEG)
    assert choose_context([(1, IMPLICIT)], JPEG, is_decodable=True) == (1, IMPLICIT)


async def test_instances_are_batched_so_that_their_contexts_fit_an_association() -> None:
    async def many() -> AsyncIterator[Outgoing]:
        for number in range(150):
            yield outgoing(f"1.{number}", JPEG)

    batches = [batch async for batch in _batches(many())]
    assert [len(batch) for batch in batches] == [128, 22]


async def test_a_long_run_of_one_kind_is_looked_at_in_parts() -> None:
    async def many() -> AsyncIterator[Outgoing]:
        for _ in range(1001):
            yield outgoing()

    assert [len(batch) async for batch in _batches(many())] == [500, 500, 1]


@pytest.mark.parametrize(
    ("status", "is_stored", "is_warning"),
    [(0, True, False), (0xB000, True, True), (0xA700, False, False), (None, False, False)],
)
def test_a_warning_counts_as_stored(status: int | None, is_stored: bool, is_warning: bool) -> None:
    sent = Sent(outgoing(), status)
    assert (sent.is_stored, sent.is_warning) == (is_stored, is_warning)
