"""The small things handlers are made of."""

from collections.abc import AsyncGenerator, AsyncIterator

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagittal.archive.model import StoredInstance
from sagittal.dicom.transfer_syntax import EXPLICIT_VR_BIG_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN
from sagittal.dicomweb.bulk_paths import parse_path
from sagittal.dicomweb.cache import AnswerCache, BytesCache
from sagittal.dicomweb.exchange import Answer
from sagittal.dicomweb.frame_types import frame_type
from sagittal.dicomweb.metadata_text import format_path
from sagittal.dicomweb.pieces import WHOLE_BYTES, Multipart, Part, body_of, joined
from sagittal.dicomweb.urls import resource_url, scope_of
from sagittal.dicomweb.validators import etag_of
from sagittal.errors import Invalid, NotFound

INSTANCE = msgspec.convert(
    {
        **dict.fromkeys(("study_instance_uid", "series_instance_uid", "sop_instance_uid", "sop_class_uid"), "1.2"),
        **dict.fromkeys(("file_offset", "file_length", "data_set_offset", "frames", "native_frame_bits"), 0),
        **dict.fromkeys(("pixel_tag", "pixel_offset", "pixel_length", "frame_table")),
        "transfer_syntax_uid": "1.2.840.10008.1.2",
        "pack_id": "p",
        "digest": b"1" * 32,
    },
    StoredInstance,
)


async def pieces_of(*pieces: bytes) -> AsyncGenerator[bytes, None]:
    for piece in pieces:
        yield piece


@given(st.integers(0, 0xFFFFFFFF), st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 0xFFFFFFFF)), max_size=4))
def test_the_path_of_a_bulk_value_is_read_back(tag: int, more: list[tuple[int, int]]) -> None:
    path = (tag, *(number for pair in more for number in pair))
    assert parse_path(format_path(path)) == path


@given(st.text(max_size=40) | st.from_regex(r"[0-9A-F.]{0,30}"))
def test_any_other_text_names_no_bulk_value(text: str) -> None:
    try:
        assert len(parse_path(text)) % 2 == 1
    except NotFound:
        pass


def test_the_cache_lets_go_of_what_was_used_longest_ago() -> None:
    cache = BytesCache(10)
    for key in "abc":
        cache.put(key, b"1234")
    assert [cache.get(key) is not None for key in "abc"] == [False, True, True]
    cache.get("b")
    cache.put("d", b"1234")
    assert [cache.get(key) is not None for key in "bcd"] == [True, False, True]


def test_the_cache_takes_nothing_larger_than_itself_and_counts_what_is_replaced() -> None:
    cache = BytesCache(10)
    cache.put("a", b"12345")
    cache.put("a", b"123")
    cache.put("b", b"1234567")
    assert (cache.get("a"), cache.get("b")) == (b"123", b"1234567")
    cache.put("b", b"x" * 11)
    assert (cache.get("a"), cache.get("b")) == (b"123", None)


async def test_small_pieces_are_joined_and_large_ones_pass() -> None:
    large = bytes(70_000)
    found = [piece async for piece in joined(pieces_of(b"a", b"b", large, large, b"c"))]
    assert found == [b"ab" + large, large, b"c"]


async def test_a_short_body_is_whole_and_a_long_or_unknown_one_streams() -> None:
    assert await body_of(pieces_of(b"a", b"b"), 2) == b"ab"
    for length in (None, WHOLE_BYTES + 1):
        body = await body_of(pieces_of(b"a", b"b"), length)
        assert not isinstance(body, bytes)
        assert [piece async for piece in body] == [b"ab"]


async def test_the_length_of_a_multipart_body_is_known_before_it_is_made() -> None:
    multipart = Multipart("text/plain")

    async def parts() -> AsyncIterator[Part]:
        for text in (b"hello", b"", b"x" * 1000):
            yield Part("text/plain", len(text), pieces_of(text))

    body = b"".join([piece async for piece in multipart.write(parts())])
    assert len(body) == multipart.length(("text/plain", length) for length in (5, 0, 1000))


def test_an_entity_tag_depends_on_the_bytes_and_the_form() -> None:
    other = msgspec.structs.replace(INSTANCE, digest=b"2" * 32)
    tags = {etag_of([INSTANCE]), etag_of([other]), etag_of([INSTANCE, other]), etag_of([INSTANCE], "x"), etag_of([])}
    assert len(tags) == 5
    assert etag_of([INSTANCE], "a", "b") != etag_of([INSTANCE], "ab")


def test_native_little_endian_frames_are_the_same_in_every_syntax() -> None:
    instance = msgspec.structs.replace(INSTANCE, transfer_syntax_uid=IMPLICIT_VR_LITTLE_ENDIAN)
    assert frame_type(instance) == ("application/octet-stream", "1.2.840.10008.1.2.1")
    instance = msgspec.structs.replace(INSTANCE, transfer_syntax_uid=EXPLICIT_VR_BIG_ENDIAN)
    assert frame_type(instance) == ("application/octet-stream", EXPLICIT_VR_BIG_ENDIAN)


def test_frames_of_an_unknown_syntax_are_octets_in_it() -> None:
    instance = msgspec.structs.replace(INSTANCE, transfer_syntax_uid="1.2.3.4")
    assert frame_type(instance).content_type == "application/octet-stream; transfer-syntax=1.2.3.4"


@pytest.mark.parametrize("uid", ["", "x" * 65, "1\n2", "1²"])
def test_what_cannot_be_a_uid_names_nothing(uid: str) -> None:
    with pytest.raises(Invalid):
        scope_of(("1.2", uid))


def test_uids_of_odd_forms_are_quoted_in_urls() -> None:
    assert resource_url("http://h", "1.2", "a b/c", "1") == "http://h/studies/1.2/series/a%20b%2Fc/instances/1"


def test_a_kept_answer_is_let_go_when_what_it_stands_on_changed() -> None:
    cache = AnswerCache(100)
    cache.put("question", "before", Answer(200, (), b"text"))
    assert cache.get("question", "after") is None
    assert cache.get("question", "before") is None


def test_kept_answers_take_no_more_room_than_they_are_given() -> None:
    cache = AnswerCache(10)
    for name in ("first", "second", "first"):
        cache.put(name, 1, Answer(200, (), b"123456"))
    assert (cache.get("first", 1), cache.get("second", 1)) == (Answer(200, (), b"123456"), None)


def test_bodies_in_parts_are_of_one_length_whenever_they_are_made() -> None:
    assert len({Multipart("application/dicom").length([("application/dicom", 10)]) for _ in range(300)}) == 1
