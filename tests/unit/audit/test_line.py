from hypothesis import given
from hypothesis import strategies as st

from sagittal.audit.line import GENESIS, MAX_TEXT, Act, hash_of, hash_of_patient, line_of
from sagittal.runtime.actor import Actor
from sagittal.runtime.key_file import KEY_BYTES

KEY = bytes(range(KEY_BYTES))
ACTOR = Actor(door="dimse", name="CT1")


@given(st.text(), st.text(), st.integers(0, 2**62))
def test_any_text_can_be_kept_and_hashed(name: str, detail: str, at_ns: int) -> None:
    act = Act(kind="query", actor=Actor(door="dimse", name=name), detail=detail)
    line = line_of(act, seq=1, at_ns=at_ns, until_ns=at_ns, patient="")
    assert len(line.actor) <= MAX_TEXT
    assert len(hash_of(KEY, GENESIS, line)) == 32


def test_every_field_of_a_line_is_in_its_hash() -> None:
    line = line_of(Act(kind="read", actor=ACTOR, detail="x"), seq=1, at_ns=1, until_ns=2, patient="p")
    hashes = {hash_of(KEY, GENESIS, line)}
    for field in line.__struct_fields__:
        old = getattr(line, field)
        other = type(line)(
            **{name: getattr(line, name) for name in line.__struct_fields__} | {field: old * 2 + old.__class__(1)}
        )
        hashes.add(hash_of(KEY, GENESIS, other))
    assert len(hashes) == 1 + len(line.__struct_fields__)


def test_the_hash_depends_on_the_line_before_and_on_the_key() -> None:
    line = line_of(Act(kind="read", actor=ACTOR), seq=1, at_ns=1, until_ns=2, patient="")
    assert len({hash_of(KEY, GENESIS, line), hash_of(KEY, KEY, line), hash_of(GENESIS, GENESIS, line)}) == 3


def test_a_patient_has_one_name_in_the_ledger_that_is_not_their_id() -> None:
    name = hash_of_patient(KEY, "4711", "north")
    assert name == hash_of_patient(KEY, "4711", "north")
    assert "4711" not in name
    assert name != hash_of_patient(KEY, "4711", "south")
