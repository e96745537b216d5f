"""The state table against the one of pynetdicom, which is PS3.8 Table 9-10 typed by other hands."""

import pytest
from pynetdicom import fsm

from sagittal.dicom.upper_layer.state import NEXT_STATE, TABLE, Happening, State

ORACLE = {(int(event[3:]), int(state[3:])): action for (event, state), action in fsm.TRANSITION_TABLE.items()}


@pytest.mark.parametrize("happening", list(Happening))
@pytest.mark.parametrize("state", list(State))
def test_each_cell_names_the_action_that_pynetdicom_has_there(happening: Happening, state: State) -> None:
    assert TABLE[happening].get(state) == ORACLE.get((int(happening), int(state)))


@pytest.mark.parametrize("action", sorted(NEXT_STATE))
def test_each_action_leads_where_it_leads_in_pynetdicom(action: str) -> None:
    expected = fsm.ACTIONS[action][2]
    names = expected if isinstance(expected, tuple) else (expected,)
    assert {f"Sta{int(state)}" for state in NEXT_STATE[action]} == set(names)


def test_every_action_of_the_table_has_a_next_state() -> None:
    assert {cell for row in TABLE.values() for cell in row.values()} == set(NEXT_STATE)
