"""The door's error table."""

import pytest

from sagittal.dicom.messages.statuses import category, describe
from sagittal.dimse.ending import AssociationEnded
from sagittal.dimse.failures import TABLE, UNEXPECTED, comment_on, statuses_of
from sagittal.errors import KINDS, Exhausted, PeerFailed


def test_every_kind_of_failure_has_a_line() -> None:
    assert set(TABLE) == set(KINDS)


@pytest.mark.parametrize("line", [*TABLE.values(), UNEXPECTED])
def test_every_status_is_a_failure_that_the_standard_knows(line: tuple[int, ...]) -> None:
    assert {category(status) for status in line} == {"failure"}
    assert "Unknown status" not in {describe(status) for status in line}


def test_what_is_derived_from_a_kind_has_its_line() -> None:
    assert statuses_of(AssociationEnded("gone")) == TABLE[PeerFailed]
    assert statuses_of(ValueError("our mistake")) == UNEXPECTED


def test_a_comment_fits_its_element_and_tells_nothing_of_our_mistakes() -> None:
    assert comment_on(Exhausted("x" * 99)) == "x" * 64
    assert comment_on(ValueError("Doe^Jane")) is None
