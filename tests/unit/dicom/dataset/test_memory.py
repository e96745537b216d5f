"""A reader that remembers finds what one that does not finds."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sagittal.dicom.dataset import Header, HeaderMemory, HeaderReader, Limits, RawElement
from sagittal.dicom.dataset.memory import MAX_BYTES, MAX_RUN_BYTES, MAX_RUNS, RUN_ELEMENTS
from sagittal.errors import Exhausted, SagittalError
from support.element_trees import EXPLICIT, IMPLICIT, SYNTAXES, Element, data_sets, encode_in

ELEMENTS = [Element(0x00090010 + n, "LO", b"%04d" % n) for n in range(MAX_RUNS * RUN_ELEMENTS + 10)]
ALL = frozenset(element.tag for element in ELEMENTS)


def read(
    data: bytes, uid: str, wanted: frozenset[int], memory: HeaderMemory | None, size: int = 1 << 20, room: int = 10_000
) -> Header:
    reader = HeaderReader(uid, wanted, Limits(max_elements=room), memory)
    for start in range(0, len(data), size):
        if reader.feed(data[start : start + size]):
            return reader.header
    return reader.close()


def outcome(data: bytes, uid: str, wanted: frozenset[int], memory: HeaderMemory | None, size: int) -> object:
    try:
        header = read(data, uid, wanted, memory, size)
    except SagittalError as error:
        return type(error)
    return header, list(header.elements)


@given(
    st.sampled_from(SYNTAXES),
    st.lists(st.tuples(data_sets, st.integers(1, 400), st.integers(0, 30)), min_size=1, max_size=4),
)
@settings(max_examples=60, deadline=None)
def test_memory_changes_nothing(uid: str, series: list[tuple[list[Element], int, int]]) -> None:
    memory = HeaderMemory()
    for elements, size, missing in [*series, *series, *series[:1] * 5]:
        data = encode_in(elements, uid)
        data = data[: len(data) - missing]
        wanted = frozenset(element.tag for element in elements[::2])
        assert outcome(data, uid, wanted, memory, size) == outcome(data, uid, wanted, None, size)


@pytest.mark.parametrize("uid", [EXPLICIT, IMPLICIT])
def test_what_came_before_is_the_same_object(uid: str) -> None:
    memory = HeaderMemory()
    data = encode_in(ELEMENTS, uid)
    first, second = (read(data, uid, ALL, memory).elements for _ in range(2))
    last = ELEMENTS[MAX_RUNS * RUN_ELEMENTS - 1].tag
    assert first == second
    assert first[last] is second[last]


def test_a_changed_value_is_read_and_the_rest_remembered() -> None:
    memory = HeaderMemory()
    first = read(encode_in(ELEMENTS, EXPLICIT), EXPLICIT, ALL, memory).elements
    changed = [ELEMENTS[0], Element(ELEMENTS[1].tag, "LO", b"longer than before"), *ELEMENTS[2:]]
    second = read(encode_in(changed, EXPLICIT), EXPLICIT, ALL, memory).elements
    assert second[ELEMENTS[1].tag] == RawElement("LO", b"longer than before")
    assert second[ELEMENTS[RUN_ELEMENTS].tag] is first[ELEMENTS[RUN_ELEMENTS].tag]


def varied(number: int, *varying: int, without: int | None = None) -> bytes:
    """The elements of an instance of a series: those at `varying` say its number, and one may be missing."""
    elements = [
        Element(element.tag, "LO", b"%d" % 10**number) if place in varying else element
        for place, element in enumerate(ELEMENTS[:200])
        if place != without
    ]
    return encode_in(elements, EXPLICIT)


def test_the_neighbours_of_what_varies_are_remembered_too() -> None:
    memory = HeaderMemory()
    read_all = [read(varied(number, 3, 20, 21, 150), EXPLICIT, ALL, memory).elements for number in range(8)]
    last, before = read_all[-1], read_all[-2]
    known = [place for place in range(200) if last[ELEMENTS[place].tag] is before[ELEMENTS[place].tag]]
    assert known == [place for place in range(198) if place not in (3, 20, 21, 150)]  # 198: whole runs of six


def test_an_instance_with_other_elements_does_not_spoil_what_is_remembered() -> None:
    memory = HeaderMemory()
    first = [read(varied(number, 3), EXPLICIT, ALL, memory).elements for number in range(8)][-1]
    odd = varied(8, 3, without=10)
    assert read(odd, EXPLICIT, ALL, memory).elements == read(odd, EXPLICIT, ALL, None).elements
    after = read(varied(9, 3), EXPLICIT, ALL, memory).elements
    assert after[ELEMENTS[100].tag] is first[ELEMENTS[100].tag]


def test_a_series_that_goes_on_otherwise_is_remembered_as_it_goes_on() -> None:
    memory = HeaderMemory()
    for number in range(8):
        read(varied(number, 3), EXPLICIT, ALL, memory)
    later = [read(varied(number, 3, without=10), EXPLICIT, ALL, memory).elements for number in range(8, 24)]
    assert later[-1][ELEMENTS[100].tag] is later[-2][ELEMENTS[100].tag]


def test_a_long_run_is_not_held() -> None:
    memory = HeaderMemory()
    elements = [Element(ELEMENTS[0].tag, "LT", b"x" * MAX_RUN_BYTES), *ELEMENTS[1:]]
    first, second = (read(encode_in(elements, EXPLICIT), EXPLICIT, ALL, memory).elements for _ in range(2))
    assert first == second
    assert first[ELEMENTS[1].tag] is not second[ELEMENTS[1].tag]


def test_remembered_elements_count_towards_the_cap() -> None:
    memory = HeaderMemory()
    data = encode_in(ELEMENTS, EXPLICIT)
    read(data, EXPLICIT, ALL, memory)
    with pytest.raises(Exhausted):
        read(data, EXPLICIT, ALL, memory, room=len(ELEMENTS) - 1)


def test_values_that_grow_from_one_header_to_the_next_are_not_all_held() -> None:
    memory = HeaderMemory()
    values = ["0"] * 200
    for number in range(400):
        values[number * 7 % 200] = "x" * (MAX_RUN_BYTES - 8)  # each alone in its run by then
        elements = [Element(ELEMENTS[place].tag, "LT", value.encode()) for place, value in enumerate(values)]
        read(encode_in(elements, EXPLICIT), EXPLICIT, ALL, memory)
        assert sum(len(run.data) for run in memory._runs) <= MAX_BYTES
