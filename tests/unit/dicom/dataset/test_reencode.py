"""Conversion between the native encodings: against an encoder of the tests, and against pydicom on real files."""

import io
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sagittal.dicom.dataset import DEFAULT_LIMITS, Limits, make_file_header, read_file_meta
from sagittal.dicom.dataset.reencode import Reencoder, is_reencodable, reencode
from sagittal.dicom.dataset.resolve import resolved_vr
from sagittal.dicom.registry import vr_of
from sagittal.errors import Exhausted, Invalid, SagittalError, Unsupported
from support.dicom_files import dicom_files, file_id
from support.element_trees import (
    BIG,
    DEFLATED,
    EXPLICIT,
    IMPLICIT,
    JPEG,
    SYNTAXES,
    Element,
    Item,
    encode,
    encode_in,
)

PAIRS = [(source, target) for source in SYNTAXES for target in SYNTAXES if source != target]
WIDTHS = {"US": 2, "SS": 2, "OW": 2, "AT": 2, "UL": 4, "SL": 4, "FL": 4, "OF": 4, "FD": 8, "SV": 8, "UV": 8, "OD": 8}
WIDTHS |= {"OL": 4, "OV": 8}
NAME = Element(0x00100010, "PN", b"A^B ")
ROWS = Element(0x00280010, "US", b"\0\2")
NESTED = Element(0x00081140, "SQ", items=[Item([NAME, ROWS], True), Item([ROWS]), Item([])])

_SEQUENCE_TAGS = st.sampled_from([0x00081140, 0x00081115, 0x00082112, 0x00400275, 0x52009230])
_LEAF_TAGS = st.one_of(
    st.sampled_from([0x00080005, 0x00080018, 0x00100010, 0x00280010, 0x00189810, 0x00091010, 0x00090010, 0x00181020]),
    st.builds(lambda group, element: group << 16 | element, st.integers(8, 0x7FDF), st.integers(1, 0xFFFF)),
).filter(lambda tag: vr_of(tag) != "SQ" and tag not in (0x00280100, 0x00280103, 0x54001004))
_VRS = ["AE", "DS", "PN", "UI", "UT", "UC", "OB", "UN", *WIDTHS]


def _sequences(children: st.SearchStrategy[Element]) -> st.SearchStrategy[Element]:
    items = st.lists(st.builds(Item, st.lists(children, max_size=4), st.booleans()), max_size=3)
    plain = st.builds(Element, tag=_SEQUENCE_TAGS, vr=st.just("SQ"), items=items, undefined=st.booleans())
    unknown = st.builds(
        Element, tag=_LEAF_TAGS, vr=st.just("UN"), items=items, undefined=st.just(True), children_implicit=st.just(True)
    ).filter(lambda element: vr_of(element.tag) == "UN")
    return st.one_of(plain, unknown)


_leaf = st.builds(Element, tag=_LEAF_TAGS, vr=st.sampled_from(_VRS), value=st.binary(max_size=30))
trees = st.lists(st.recursive(_leaf, _sequences, max_leaves=10), max_size=8)


def swapped(value: bytes, vr: str) -> bytes:
    """`value` in the other byte order; what is no whole number at its end stays."""
    width = WIDTHS.get(vr, 1)
    whole = len(value) // width * width
    return b"".join(value[at : at + width][::-1] for at in range(0, whole, width)) + value[whole:]


def in_order(elements: list[Element], *, big: bool) -> list[Element]:
    """Little endian values turned into those of the byte order; not within UN, where all is little endian."""
    return [_element_in_order(element, big=big) for element in elements]


def _element_in_order(element: Element, *, big: bool) -> Element:
    if element.items is None:
        return replace(element, value=swapped(element.value, element.vr)) if big else element
    big = big and not element.children_implicit
    return replace(element, items=[replace(item, elements=in_order(item.elements, big=big)) for item in element.items])


def canonical(elements: list[Element], *, implicit: bool) -> list[Element]:
    """As they are to come out: VRs from the dictionary where the source had none, everything of undefined length."""
    return [_canonical_element(element, implicit=implicit) for element in elements]


def _canonical_element(element: Element, *, implicit: bool) -> Element:
    if element.items is None:
        return replace(element, vr=resolved_vr(element.tag, {})) if implicit else element
    implicit = implicit or element.children_implicit
    items = [Item(canonical(item.elements, implicit=implicit), undefined=True) for item in element.items]
    return replace(element, vr="SQ", items=items, undefined=True, children_implicit=False)


def converted(
    data: bytes, source: str, target: str, sizes: list[int] | None = None, limits: Limits = DEFAULT_LIMITS
) -> bytes:
    def chunks() -> Iterator[memoryview]:
        at, count = 0, 0
        while at < len(data):
            size = (sizes or [len(data)])[count % len(sizes or [1])]
            yield memoryview(data)[at : at + size]
            at, count = at + size, count + 1

    return b"".join(reencode(chunks(), source, target, limits))


def inflated(data: bytes, uid: str) -> bytes:
    return zlib.decompress(data, -15) if uid == DEFLATED else data


@pytest.mark.parametrize(("source", "target"), PAIRS)
@given(tree=trees, sizes=st.lists(st.integers(1, 30), min_size=1, max_size=20))
@settings(max_examples=40, deadline=None)
def test_a_data_set_comes_out_as_if_encoded_so_however_it_is_cut(
    source: str, target: str, tree: list[Element], sizes: list[int]
) -> None:
    data = encode_in(in_order(tree, big=source == BIG), source)
    found = inflated(converted(data, source, target), target)
    assert inflated(converted(data, source, target, sizes), target) == found
    if {source, target} == {EXPLICIT, DEFLATED}:
        assert found == inflated(data, source)  # nothing to change but the compression
        return
    expected = in_order(canonical(tree, implicit=source == IMPLICIT), big=target == BIG)
    assert found == encode(expected, implicit=target == IMPLICIT, big=target == BIG)


@pytest.mark.parametrize(
    ("source", "target"), [(EXPLICIT, IMPLICIT), (IMPLICIT, BIG), (BIG, EXPLICIT), (DEFLATED, BIG)]
)
@given(data=st.binary(max_size=200), nested=st.booleans(), at=st.integers(0, 200), sizes=st.lists(st.integers(1, 30)))
@settings(max_examples=150, deadline=None)
def test_arbitrary_and_damaged_bytes_raise_only_our_errors(
    source: str, target: str, data: bytes, nested: bool, at: int, sizes: list[int]
) -> None:
    if nested:
        whole = encode_in([NAME, NESTED, ROWS], source)
        data = whole[: at % len(whole)] + data[:3] + whole[at % len(whole) + 3 :]
    tight = Limits(max_depth=3, max_elements=30, max_inflated_bytes=500)
    try:
        converted(data, source, target, sizes, tight)
    except SagittalError:
        pass


# Real files


REFUSED = {
    "MR_truncated.dcm": "its pixel data is cut off",
    "DICOMDIR-nooffset": "an item reaches beyond its sequence",
    "rtplan_truncated.dcm": "cut off inside a sequence",
}
VALUES_DIFFER = {
    "chrJapMulti.dcm": "private numbers as UN, which pydicom knows; nobody can say in which order UN bytes are",
    "chrJapMultiExplicitIR6.dcm": "likewise",
    "chrKoreanMulti.dcm": "likewise",
    "CT1_UNC.implicit_little_endian.dcm": "likewise",
    "mlut_18.dcm": "SS beside unsigned pixels becomes US, as PS3.3 C.7.6.3.1 would have it",
    "vlut_04.dcm": "LUT Data as US becomes OW: the same bytes",
}


def native_files() -> list[tuple[Path, str]]:
    found: list[tuple[Path, str]] = []
    for path in dicom_files():
        try:
            uid = read_file_meta(path.read_bytes(), is_end=True).transfer_syntax_uid
        except Invalid:
            continue
        if is_reencodable(uid, EXPLICIT):
            found.append((path, uid))
    return found


FILES = native_files()
CHOSEN = [entry for index, entry in enumerate(FILES) if index % 4 == 0 or entry[0].name in REFUSED]


@pytest.mark.filterwarnings("ignore::UserWarning")  # pydicom's, about values
@pytest.mark.parametrize("path", [path for path, _ in CHOSEN], ids=file_id)
def test_pydicom_reads_the_same_after_conversion(path: Path) -> None:
    data = path.read_bytes()
    meta = read_file_meta(data, is_end=True)
    source = meta.transfer_syntax_uid
    before = parsed(data[meta.data_set_offset :], source)
    for target in SYNTAXES:
        if target == source or {source, target} == {EXPLICIT, DEFLATED}:
            continue
        if any(path.name.endswith(name) for name in REFUSED):
            with pytest.raises(Invalid):
                converted(data[meta.data_set_offset :], source, target)
            continue
        after = parsed(converted(data[meta.data_set_offset :], source, target, [8192]), target)
        differences = list(compared(before, after, is_swapped=(source == BIG) != (target == BIG)))
        if not any(path.name.endswith(name) for name in VALUES_DIFFER):
            assert differences == []


def parsed(data_set: bytes, uid: str) -> pydicom.Dataset:
    header = make_file_header(sop_class_uid="1.2", sop_instance_uid="1.2", transfer_syntax_uid=uid)
    return pydicom.dcmread(io.BytesIO(header + data_set))


def compared(before: pydicom.Dataset, after: pydicom.Dataset, *, is_swapped: bool) -> Iterator[str]:
    """What differs in values and VRs, but for what has to: group lengths, private VRs, OB and OW of the same bytes."""
    tags = [tag for tag in before._dict if tag.element != 0]
    if tags != list(after._dict):
        yield f"tags {set(tags) ^ set(after._dict)}"
    for tag in tags:
        one, other = before[tag], after[tag]
        if one.VR == "SQ" and other.VR == "SQ" and len(one.value) == len(other.value):
            for inner, outer in zip(one.value, other.value, strict=True):
                yield from compared(inner, outer, is_swapped=is_swapped)
        elif one.VR in WIDTHS and one.VR.startswith("O"):  # pydicom leaves them as encoded
            if one.value not in (other.value, swapped(other.value or b"", one.VR) if is_swapped else None):
                yield f"{tag} bytes"
        elif one.VR != other.VR:
            if not tag.is_private and {one.VR, other.VR} != {"OB", "OW"}:
                yield f"{tag} {one.VR} {other.VR}"
        elif one.value != other.value and str(one.value) != str(other.value):
            yield f"{tag} {one.VR} value"


# Cases


@pytest.mark.parametrize(
    ("deciding", "tag", "expected"),
    [
        ([], 0x00280106, "US"),
        ([Element(0x00280103, "US", b"\0\0")], 0x00280106, "US"),
        ([Element(0x00280103, "US", b"\1\0")], 0x00280106, "SS"),
        ([Element(0x00280100, "US", b"\x08\0")], 0x7FE00010, "OB"),
        ([Element(0x00280100, "US", b"\x10\0")], 0x7FE00010, "OW"),
        ([], 0x7FE00010, "OW"),
        ([], 0x00283006, "OW"),
        ([Element(0x00280100, "US", b"\x10\0"), Element(0x54001004, "US", b"\x08\0")], 0x54001010, "OB"),
        ([], 0x60003000, "OW"),
        ([], 0x00091010, "UN"),
        ([], 0x00090010, "LO"),
    ],
)
def test_a_vr_the_dictionary_leaves_open_is_decided_by_what_came_before(
    deciding: list[Element], tag: int, expected: str
) -> None:
    data = encode([*deciding, Element(tag, "", b"\1\0")], implicit=True)
    expected_data = encode([*deciding, Element(tag, expected, b"\1\0")], implicit=False)
    assert converted(data, IMPLICIT, EXPLICIT) == expected_data
    assert converted(data, IMPLICIT, EXPLICIT, [1]) == expected_data


def test_what_is_decided_in_an_item_holds_there_only() -> None:
    signed, smallest = Element(0x00280103, "US", b"\1\0"), Element(0x00280106, "US", b"\1\0")
    later = Element(0x00281101, "US", b"\1\0")
    tree = [Element(0x00081140, "SQ", items=[Item([signed, smallest]), Item([smallest])]), later]
    found = converted(encode(tree, implicit=True), IMPLICIT, EXPLICIT)
    signed_smallest = replace(smallest, vr="SS")
    items = [Item([signed, signed_smallest], True), Item([smallest], True)]
    assert found == encode([replace(tree[0], items=items, undefined=True), later], implicit=False)


def test_what_is_decided_around_an_item_holds_in_it() -> None:
    signed, smallest = Element(0x00280103, "US", b"\1\0"), Element(0x00280106, "US", b"\1\0")
    tree = [signed, Element(0x00400275, "SQ", items=[Item([smallest])])]
    items = [Item([replace(smallest, vr="SS")], True)]
    expected = [signed, replace(tree[1], items=items, undefined=True)]
    assert converted(encode(tree, implicit=True), IMPLICIT, EXPLICIT) == encode(expected, implicit=False)


def test_group_lengths_are_left_out() -> None:
    group = Element(0x00100000, "UL", b"\x0c\0\0\0")
    assert converted(encode([group, NAME], implicit=True), IMPLICIT, EXPLICIT) == encode([NAME], implicit=False)


def test_text_too_long_for_its_vr_becomes_unknown() -> None:
    text = Element(0x00181020, "LO", b"x" * 70_000)
    expected = encode([replace(text, vr="UN")], implicit=False)
    assert converted(encode([text], implicit=True), IMPLICIT, EXPLICIT, [4096]) == expected


def test_a_data_set_in_another_vr_encoding_than_announced_is_converted_as_it_is() -> None:
    assert converted(encode([NAME], implicit=True), EXPLICIT, BIG) == encode([NAME], implicit=False, big=True)


@pytest.mark.parametrize("target", [IMPLICIT, BIG, DEFLATED])
def test_memory_is_bounded_by_the_chunk(target: str) -> None:
    data = encode([ROWS, Element(0x7FE00010, "OW", bytes(4 << 20))], implicit=False)
    reencoder = Reencoder(EXPLICIT, target)
    for start in range(0, len(data), 65537):
        for piece in reencoder.feed(data[start : start + 65537]):
            assert len(piece) <= 65537 + 100
        assert reencoder._converter is None or len(reencoder._converter._pending) < 14
    assert sum(len(piece) for piece in reencoder.close()) < 10_000


def test_a_deflated_data_set_is_converted_piece_by_piece() -> None:
    data = encode_in([Element(0x7FE00010, "OB", bytes(4 << 20))], DEFLATED)
    pieces = list(Reencoder(DEFLATED, IMPLICIT).feed(data))
    assert max(map(len, pieces)) <= 65536
    assert sum(map(len, pieces)) == (4 << 20) + 8


@pytest.mark.parametrize(("source", "target"), [(EXPLICIT, JPEG), (JPEG, EXPLICIT), ("1.2.840.113619.5.2", IMPLICIT)])
def test_what_is_not_a_matter_of_encoding_is_unsupported(source: str, target: str) -> None:
    assert not is_reencodable(source, target)
    with pytest.raises(Unsupported, match="not a matter of encoding alone"):
        Reencoder(source, target)


@pytest.mark.parametrize(
    ("head", "source"), [("e07f1000 4f420000 ffffffff", EXPLICIT), ("e07f1000 ffffffff", IMPLICIT)]
)
def test_encapsulated_values_are_unsupported(head: str, source: str) -> None:
    with pytest.raises(Unsupported, match=r"\(7FE0,0010\) is encapsulated"):
        converted(bytes.fromhex(head), source, BIG)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("feff00e0 00000000", r"\(FFFE,E000\) where an element is to be, at byte 0"),
        ("08004011 53510000 ffffffff 10001000 504e0000", r"\(0010,0010\) where an item is to be, at byte 12"),
        ("08004011 53510000 10000000 feffdde0 00000000 00000000", r"\(FFFE,E0DD\) where an item is to be, at byte 12"),
        ("08004011 53510000 10000000 feff00e0 08000000 feff0de0 00000000", r"\(FFFE,E00D\) where an element is to be"),
        ("08004011 53510000 ffffffff feff00e0 ffffffff feffdde0 00000000", r"\(FFFE,E0DD\) where an element"),
        ("08004011 53510000 10000000 feff00e0 10000000 10001000 504e0800 0000000000000000", "reaches beyond"),
        ("08004011 53510000 ffffffff", "ends within an element, after 12 bytes"),
        ("08004011 53510000 08000000", "ends within an element, after 12 bytes"),
        ("10001000 504e0800 00", "ends within an element, after 9 bytes"),
        ("10001000 504e", "ends within an element, after 6 bytes"),
    ],
)
def test_a_broken_data_set_is_invalid(data: str, message: str) -> None:
    for sizes in (None, [1]):
        with pytest.raises(Invalid, match=message):
            converted(bytes.fromhex(data), EXPLICIT, IMPLICIT, sizes)


def test_a_deflate_stream_that_is_cut_off_is_invalid() -> None:
    with pytest.raises(Invalid, match="within its deflate stream"):
        converted(encode_in([NAME], DEFLATED)[:-2], DEFLATED, IMPLICIT)


def test_depth_and_elements_have_a_cap() -> None:
    deep = bytes.fromhex("08004011 53510000 ffffffff feff00e0 ffffffff") * 3
    with pytest.raises(Exhausted, match="deeper than max_depth=2"):
        converted(deep, EXPLICIT, IMPLICIT, limits=Limits(max_depth=2))
    with pytest.raises(Exhausted, match="more than max_elements=5"):
        converted(encode([NAME] * 6, implicit=False), EXPLICIT, IMPLICIT, limits=Limits(max_elements=5))
