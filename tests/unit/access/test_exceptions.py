"""Broken glass, legal holds and consents: what goes before and beyond the policy."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine

from sagittal.access import accounts, break_glass, consent, policy, shares
from sagittal.access.break_glass import LASTS_S
from sagittal.access.consent import Of
from sagittal.access.shares import NewShare
from sagittal.archive.records import connect
from sagittal.errors import Invalid, NotFound, Refused
from sagittal.runtime.actor import Actor, Role

STUDY = Of("1.2.3", "4711", "north")
REASON = "trauma patient, no prior physician reachable"
SECOND = 10**9


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    path = tmp_path / "records.db"
    connect.migrate(path)
    engine = create_engine("sqlite://", creator=lambda: connect.connect_writer(path))
    with engine.connect() as opened:
        yield opened
    engine.dispose()


def person(connection: Connection, name: str, role: Role) -> Actor:
    number = accounts.create(connection, accounts.NewAccount(name=name), [], 1)
    grants = policy.grants_of(policy.DEFAULT, [(role, "north")])
    return Actor(door="web", name=name, kind="person", account=number, grants=grants)


def test_a_broken_glass_is_open_for_some_hours_and_waits_for_review(connection: Connection) -> None:
    ann = person(connection, "ann", "radiologist")
    number = break_glass.open_study(connection, ann, "1.2.3", REASON, 0)
    assert break_glass.opened(connection, ann.account, LASTS_S * SECOND - 1) == ("1.2.3",)
    assert break_glass.opened(connection, ann.account, LASTS_S * SECOND) == ()
    assert [(one.id, one.reason) for one in break_glass.to_review(connection)] == [(number, REASON)]


def test_a_review_closes_what_is_still_open_and_ends_the_list(connection: Connection) -> None:
    ann, auditor = person(connection, "ann", "radiologist"), person(connection, "eve", "auditor")
    number = break_glass.open_study(connection, ann, "1.2.3", REASON, 0)
    break_glass.review(connection, number, auditor, "not an emergency", 5 * SECOND)
    assert break_glass.opened(connection, ann.account, 6 * SECOND) == ()
    assert break_glass.to_review(connection) == ()
    with pytest.raises(NotFound):
        break_glass.review(connection, number, auditor, "again", 7 * SECOND)


def test_nobody_reviews_what_they_did_themselves(connection: Connection) -> None:
    grants = policy.grants_of(policy.DEFAULT, [("radiologist", "north"), ("auditor", "north")])
    number = accounts.create(connection, accounts.NewAccount(name="ann"), [], 1)
    both = Actor(door="web", name="ann", kind="person", account=number, grants=grants)
    broken = break_glass.open_study(connection, both, "1.2.3", REASON, 0)
    with pytest.raises(Refused):
        break_glass.review(connection, broken, both, "fine", 1)


def test_a_glass_is_not_broken_without_a_reason_or_a_permission(connection: Connection) -> None:
    with pytest.raises(Invalid):
        break_glass.open_study(connection, person(connection, "ann", "radiologist"), "1.2.3", "  just   ", 0)
    with pytest.raises(Refused):
        break_glass.open_study(connection, person(connection, "tom", "teacher"), "1.2.3", REASON, 0)


@pytest.mark.parametrize("held", [Of("1.2.3", "", ""), Of("", "4711", "north")])
def test_what_is_held_is_not_destroyed_until_the_hold_is_lifted(connection: Connection, held: Of) -> None:
    number = consent.hold(connection, held, "court case 12", "ann", 1)
    with pytest.raises(Refused, match="held"):
        consent.require_no_hold(connection, STUDY)
    consent.lift(connection, number, "bob", 2)
    consent.require_no_hold(connection, STUDY)
    with pytest.raises(NotFound):
        consent.lift(connection, number, "bob", 3)


@pytest.mark.parametrize("held", [Of("1.2.4", "", ""), Of("", "4711", "south"), Of("", "4712", "north")])
def test_a_hold_is_on_its_study_or_patient_only(connection: Connection, held: Of) -> None:
    consent.hold(connection, held, "court case 12", "ann", 1)
    consent.require_no_hold(connection, STUDY)
    consent.require_no_hold(connection, Of("1.2.9", "", ""))


def test_research_needs_a_yes_and_export_no_no(connection: Connection) -> None:
    consent.require_consent(connection, STUDY, "export", 5)
    with pytest.raises(Refused):
        consent.require_consent(connection, STUDY, "research", 5)
    consent.record(connection, STUDY, "research", "ann", 1, is_given=True, expires_ns=10)
    consent.require_consent(connection, STUDY, "research", 5)
    with pytest.raises(Refused):
        consent.require_consent(connection, STUDY, "research", 10)
    consent.record(connection, STUDY, "export", "ann", 1, is_given=False)
    with pytest.raises(Refused):
        consent.require_consent(connection, STUDY, "export", 5)
    consent.record(connection, STUDY, "export", "ann", 6, is_given=True)
    consent.require_consent(connection, STUDY, "export", 7)


@pytest.mark.parametrize(
    "new",
    [
        NewShare("shared", "1.2.3"),
        NewShare("shared", "1.2.3", to_account=1, to_facility="north"),
        NewShare("assigned", "1.2.3", to_facility="north"),
        NewShare("shared", "", to_facility="north"),
    ],
)
def test_a_share_names_a_study_and_one_receiver(connection: Connection, new: NewShare) -> None:
    with pytest.raises(Invalid):
        shares.give(connection, new, "ann", 1)


def test_shares_of_a_study_are_listed_with_what_became_of_them(connection: Connection) -> None:
    number = shares.give(connection, NewShare("shared", "1.2.3", to_facility="north"), "ann", 1)
    shares.revoke(connection, number, 5)
    assert [(one.to_facility, one.revoked_ns) for one in shares.of_study(connection, "1.2.3")] == [("north", 5)]
    with pytest.raises(NotFound):
        shares.revoke(connection, number, 6)
