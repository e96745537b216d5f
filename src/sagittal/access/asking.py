"""A room's question: may this Actor, and to what? A no is a line in the ledger."""

import time
from typing import NoReturn

from sagittal.access.permits import NOTHING, Restriction, may, may_at, restriction
from sagittal.errors import Refused
from sagittal.runtime.actor import Action, Actor
from sagittal.runtime.witness import Witness


def ask(witness: Witness, actor: Actor, action: Action, *, has_series: bool = True) -> Restriction | None:
    """To which studies they may do it: a condition for the query of the index; None for all.

    Args:
        witness: is told of a refusal.
        actor: who asks.
        action: what for.
        has_series: the query joins `series`.

    Raises:
        Refused: to none.
    """
    found = restriction(actor, action, time.time_ns(), has_series=has_series)
    if found is NOTHING and not may(actor, action):
        _refuse(witness, actor, action)
    return found


def ask_at(witness: Witness, actor: Actor, action: Action, facility: str) -> None:
    """Raises Refused unless they may do it to what a facility performs, as to store there."""
    if not may_at(actor, action, facility):
        _refuse(witness, actor, action)


def ask_of(actor: Actor, action: Action) -> Restriction | None:
    """To which studies they may do it, as a condition over `studies` alone; None for all. Refuses nobody."""
    return restriction(actor, action, time.time_ns(), has_series=False)


def _refuse(witness: Witness, actor: Actor, action: Action) -> NoReturn:
    witness.refused(actor, action)
    raise Refused(f"{actor.kind} {actor.name or '(no name)'} may not {action.replace('_', ' ')}")
