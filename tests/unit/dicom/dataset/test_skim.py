"""The two forms of the loops over elements are the same."""

from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sagittal.dicom.dataset import RawElement, skim, skim_by_byte, skim_by_struct
from sagittal.dicom.dataset.elements import PIXEL_DATA, SMALL_BYTES
from sagittal.dicom.dataset.layout import LAYOUTS, LONG_VRS, SHORT_VRS, Layout
from sagittal.dicom.dataset.plan import SIEVE_SIZE, Plan, nested_plan, top_level_plan
from support.element_trees import BIG, EXPLICIT, IMPLICIT, Element, data_sets, encode_in

ENCODED = {IMPLICIT: LAYOUTS[True, True], EXPLICIT: LAYOUTS[False, True], BIG: LAYOUTS[False, False]}
Found = tuple[tuple[int, int], dict[int, RawElement]]


def both(data: bytes, at: int, room: int, layout: Layout, plan: Plan) -> tuple[Found, Found]:
    by_byte: dict[int, RawElement] = {}
    by_struct: dict[int, RawElement] = {}
    if layout.is_implicit_vr:
        return (
            (skim_by_byte.skim_implicit(data, at, room, layout, plan, by_byte), by_byte),
            (skim_by_struct.skim_implicit(data, at, room, layout, plan, by_struct), by_struct),
        )
    return (
        (skim_by_byte.skim_explicit(data, at, room, layout, plan, by_byte), by_byte),
        (skim_by_struct.skim_explicit(data, at, room, layout, plan, by_struct), by_struct),
    )


@given(st.sampled_from(sorted(ENCODED)), data_sets, st.integers(0, 40), st.integers(0, 40), st.booleans())
@settings(max_examples=200, deadline=None)
def test_a_data_set_cut_anywhere_means_the_same(
    uid: str, elements: list[Element], missing: int, room: int, is_nested: bool
) -> None:
    layout = ENCODED[uid]
    data = encode_in(elements, uid)
    wanted = frozenset(element.tag for element in elements[::2])
    plan = nested_plan(layout.is_little_endian) if is_nested else top_level_plan(wanted, layout.is_little_endian)
    mine, other = both(data[: max(0, len(data) - missing)], 0, room, layout, plan)
    assert mine == other
    assert [type(element) for element in mine[1].values()] == [RawElement] * len(other[1])


@given(st.sampled_from(sorted(LAYOUTS)), st.binary(max_size=200), st.integers(0, 220), st.integers(0, 20))
@settings(max_examples=300, deadline=None)
def test_any_bytes_mean_the_same(layout: tuple[bool, bool], data: bytes, at: int, room: int) -> None:
    wanted = frozenset(range(0x100)) | frozenset(n << 16 for n in range(0x100))
    mine, other = both(data, at, room, LAYOUTS[layout], top_level_plan(wanted, layout[1]))
    assert mine == other


@pytest.mark.parametrize("vr", [*SHORT_VRS, *LONG_VRS, "@@", "ZZ", "aa", "\0\0", "\xff\xff"])
@pytest.mark.parametrize("is_little_endian", [True, False])
def test_each_vr_has_the_same_length_field(vr: str, is_little_endian: bool) -> None:
    layout = LAYOUTS[False, is_little_endian]
    order: Literal["little", "big"] = "little" if is_little_endian else "big"
    head = (0x10).to_bytes(2, order) + (0x20).to_bytes(2, order) + vr.encode("latin-1")
    data = head + (b"\0\0" + (2).to_bytes(4, order) if vr in LONG_VRS else (2).to_bytes(2, order)) + b"ab"
    mine, other = both(data, 0, 5, layout, top_level_plan(frozenset({0x00100020}), is_little_endian))
    assert mine == other
    assert mine[1] == ({0x00100020: RawElement(vr, b"ab")} if vr in SHORT_VRS + LONG_VRS else {})


@pytest.mark.parametrize("uid", sorted(ENCODED))
@pytest.mark.parametrize("size", [SMALL_BYTES, SMALL_BYTES + 2])
def test_only_small_values_are_kept(uid: str, size: int) -> None:
    data = encode_in([Element(0x00420011, "OB", bytes(size))], uid)
    plan = top_level_plan(frozenset({0x00420011}), ENCODED[uid].is_little_endian)
    mine, other = both(data, 0, 5, ENCODED[uid], plan)
    assert mine == other
    assert (0x00420011 in mine[1]) is (size == SMALL_BYTES)


def test_a_key_that_falls_where_a_wanted_one_does_is_not_kept() -> None:
    wanted = 0x00100020
    plan = top_level_plan(frozenset({wanted}), False)
    place = (wanted ^ wanted >> 13) % SIEVE_SIZE
    twin = next(tag for tag in range(wanted + 1, PIXEL_DATA) if (tag ^ tag >> 13) % SIEVE_SIZE == place)
    data = encode_in([Element(wanted, "LO", b"ID"), Element(twin, "LO", b"no")], BIG)
    assert both(data, 0, 5, ENCODED[BIG], plan)[0] == ((len(data), 2), {wanted: RawElement("LO", b"ID")})


def test_the_form_that_runs_is_the_one_that_suits() -> None:
    chosen = skim_by_byte if skim.IS_COMPILED else skim_by_struct
    assert skim.skim_explicit is chosen.skim_explicit
    assert skim.skim_implicit is chosen.skim_implicit
