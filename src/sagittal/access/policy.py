"""The policy: who may do what to which studies. What no rule allows is refused.

A person has roles, each at a facility. A rule says what a role may do to the studies that its bearer stands in a
relation to. `DEFAULT` is in force until an administrator changes it (`sagittal role`).
"""

import json
from collections.abc import Iterable
from typing import Final, NamedTuple

from sqlalchemy import Connection, delete, insert, select

from sagittal.access import version
from sagittal.archive.records.policy_tables import policy_rules
from sagittal.archive.records.records import RecordsReader
from sagittal.errors import Invalid
from sagittal.runtime.actor import ACTIONS, EVERYWHERE, RELATIONS, ROLES, Action, Grant, Relation, Role


class Rule(NamedTuple):
    """What a role may do to the studies in a relation to its bearer."""

    role: Role
    relation: Relation
    actions: frozenset[Action]


def _rule(role: Role, relation: Relation, actions: str) -> Rule:
    return Rule(role, relation, frozenset(actions.split()))  # type: ignore[arg-type]  # a test holds that all are actions


# `any` is for what is done to no study, and for studies of every facility; the other relations keep to the facilities
# at which the role is held.
DEFAULT: Final = (
    #     role                  relation            may
    _rule("administrator", "performed_here", "query read store change purge export send share"),
    _rule("administrator", "any", "audit manage configure"),
    _rule("radiologist", "performed_here", "query read store change export send share"),
    _rule("radiologist", "assigned_to_me", "query read store export send share"),
    _rule("radiologist", "shared_with_me", "query read store export"),
    _rule("radiologist", "any", "break_glass"),
    _rule("technologist", "performed_here", "query read store change send"),
    _rule("technologist", "shared_with_me", "query read"),
    _rule("referring clinician", "referred_by_me", "query read export share"),
    _rule("referring clinician", "assigned_to_me", "query read export"),
    _rule("referring clinician", "shared_with_me", "query read"),
    _rule("referring clinician", "any", "break_glass"),
    _rule("researcher", "shared_with_me", "query read export"),
    _rule("researcher", "assigned_to_me", "query read export"),
    _rule("teacher", "shared_with_me", "query read"),
    _rule("teacher", "assigned_to_me", "query read"),
    _rule("auditor", "any", "audit"),
    _rule("service", "performed_here", "query read store send export"),
    _rule("service", "shared_with_me", "query read"),
)
"""The rules of a site that has changed none."""

_SQL: Final = "SELECT role, relation, actions FROM policy_rules"


async def load(records: RecordsReader) -> tuple[Rule, ...]:
    """The rules in force."""
    return _in_force([(role, relation, actions) for role, relation, actions in await records.fetch(_SQL, ())])


def rules(connection: Connection) -> tuple[Rule, ...]:
    """The rules in force, within a transaction."""
    return _in_force([tuple(row) for row in connection.execute(select(policy_rules))])


def _in_force(rows: Iterable[tuple[str, ...]]) -> tuple[Rule, ...]:
    """A role that was changed has its rows only; the others have those of DEFAULT."""
    kept = [_rule(role, relation, " ".join(json.loads(actions))) for role, relation, actions in rows]  # type: ignore[arg-type]  # checked when written
    changed = {rule.role for rule in kept}
    both = [*(rule for rule in DEFAULT if rule.role not in changed), *(rule for rule in kept if rule.actions)]
    return tuple(sorted(both, key=lambda rule: (ROLES.index(rule.role), RELATIONS.index(rule.relation))))


def change(connection: Connection, role: str, relation: str, actions: Iterable[str]) -> None:
    """Says what a role may do in a relation; nothing, if `actions` is empty. Raises Invalid for unknown words."""
    wanted = sorted(set(actions))
    _check("role", role, ROLES)
    _check("relation", relation, RELATIONS)
    for action in wanted:
        _check("action", action, ACTIONS)
    if relation == "linked":
        raise Invalid("what a share link allows is said when it is made")
    rows = {rule.relation: sorted(rule.actions) for rule in rules(connection) if rule.role == role}
    rows[relation] = wanted  # type: ignore[index,assignment]  # both were checked
    connection.execute(delete(policy_rules).where(policy_rules.c.role == role))
    for one, allowed in rows.items():
        connection.execute(insert(policy_rules).values(role=role, relation=one, actions=json.dumps(allowed)))
    version.count_up(connection)


def reset(connection: Connection, role: str) -> None:
    """Gives a role the rules of DEFAULT again."""
    _check("role", role, ROLES)
    connection.execute(delete(policy_rules).where(policy_rules.c.role == role))
    version.count_up(connection)


def grants_of(policy: Iterable[Rule], held: Iterable[tuple[Role, str]]) -> tuple[Grant, ...]:
    """What somebody may do who holds these roles, each at a facility (`*`: at every one).

    >>> grants_of(DEFAULT, [("auditor", "north")])
    (Grant(actions=frozenset({'audit'}), relation='any', facilities=('north',)),)
    """
    at: dict[tuple[frozenset[Action], Relation], set[str]] = {}
    places = tuple(held)
    for rule in policy:
        where = {facility for role, facility in places if role == rule.role}
        if where and rule.actions:
            at.setdefault((rule.actions, rule.relation), set()).update(where)
    return tuple(
        Grant(actions, relation, EVERYWHERE if "*" in where else tuple(sorted(where)))
        for (actions, relation), where in at.items()
    )


def _check(what: str, word: str, known: tuple[str, ...]) -> None:
    if word not in known:
        raise Invalid(f"there is no {what} {word!r}; there are {', '.join(known)}")
