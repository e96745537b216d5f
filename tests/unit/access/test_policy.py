"""The policy table, its changes, and what grants come of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection

from sagittal.access import policy
from sagittal.archive.records import connect
from sagittal.archive.records.records import RECORDS_NAME, Records
from sagittal.errors import Invalid
from sagittal.runtime.actor import ACTIONS, EVERYWHERE, RELATIONS, ROLES


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    connect.migrate(tmp_path / RECORDS_NAME)
    opened = Records(tmp_path / RECORDS_NAME)
    yield opened
    opened.close()


def allowed(rules: tuple[policy.Rule, ...], role: str, relation: str) -> set[str]:
    return {action for rule in rules if (rule.role, rule.relation) == (role, relation) for action in rule.actions}


def test_the_table_has_words_of_the_policy_only_and_each_role() -> None:
    assert {rule.role for rule in policy.DEFAULT} == set(ROLES)
    assert {rule.relation for rule in policy.DEFAULT} <= set(RELATIONS)
    assert {action for rule in policy.DEFAULT for action in rule.actions} <= set(ACTIONS)
    assert len({(rule.role, rule.relation) for rule in policy.DEFAULT}) == len(policy.DEFAULT)


def test_every_action_is_allowed_to_some_role() -> None:
    assert {action for rule in policy.DEFAULT for action in rule.actions} == set(ACTIONS)


async def test_a_site_that_changed_nothing_has_the_default(records: Records) -> None:
    assert set(await policy.load(records)) == set(policy.DEFAULT)


async def test_a_change_holds_and_leaves_the_rest_of_the_role(records: Records) -> None:
    await records.write(lambda c: policy.change(c, "technologist", "performed_here", ["query"]))
    rules = await policy.load(records)
    assert allowed(rules, "technologist", "performed_here") == {"query"}
    assert allowed(rules, "technologist", "shared_with_me") == {"query", "read"}
    assert allowed(rules, "teacher", "shared_with_me") == {"query", "read"}


async def test_a_role_can_be_left_with_nothing(records: Records) -> None:
    def run(connection: Connection) -> None:
        for relation in ("shared_with_me", "assigned_to_me"):
            policy.change(connection, "teacher", relation, [])

    await records.write(run)
    assert not policy.grants_of(await policy.load(records), [("teacher", "*")])


async def test_a_reset_brings_the_default_back(records: Records) -> None:
    await records.write(lambda c: policy.change(c, "auditor", "any", []))
    await records.write(lambda c: policy.reset(c, "auditor"))
    assert set(await policy.load(records)) == set(policy.DEFAULT)


@pytest.mark.parametrize(
    ("role", "relation", "actions"),
    [
        ("wizard", "any", ["read"]),
        ("auditor", "near", ["read"]),
        ("auditor", "any", ["fly"]),
        ("auditor", "linked", []),
    ],
)
async def test_unknown_words_change_nothing(records: Records, role: str, relation: str, actions: list[str]) -> None:
    with pytest.raises(Invalid):
        await records.write(lambda c: policy.change(c, role, relation, actions))
    assert set(await policy.load(records)) == set(policy.DEFAULT)


def test_a_role_reaches_the_facilities_it_is_held_at() -> None:
    grants = policy.grants_of(policy.DEFAULT, [("teacher", "north"), ("teacher", "south"), ("auditor", "*")])
    assert {(grant.relation, grant.facilities) for grant in grants} == {
        ("shared_with_me", ("north", "south")),
        ("assigned_to_me", ("north", "south")),
        ("any", EVERYWHERE),
    }


def test_nobody_has_no_grants() -> None:
    assert policy.grants_of(policy.DEFAULT, []) == ()
