import email.parser
import email.policy
import itertools
import random
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sagittal.dicom.web.multipart import (
    MAX_BOUNDARY_LENGTH,
    MultipartLimits,
    MultipartReader,
    MultipartWriter,
    PartBegin,
    PartData,
    PartEnd,
    related_content_type,
)
from sagittal.errors import Invalid

Part = tuple[dict[str, str], bytes, bool]
"""Headers, data, whether the part came to its end."""

BOUNDARY = "b0und"


def read(chunks: Iterable[bytes], boundary: str = BOUNDARY, limits: MultipartLimits | None = None) -> list[Part]:
    reader = MultipartReader(boundary, limits)
    parts: list[Part] = []
    for chunk in chunks:
        for event in reader.feed(chunk):
            match event:
                case PartBegin(headers):
                    parts.append((dict(headers), b"", False))
                case PartData(data):
                    parts[-1] = (parts[-1][0], parts[-1][1] + data, False)
                case PartEnd():
                    parts[-1] = (*parts[-1][:2], True)
    reader.close()
    return parts


def outcome(chunks: Iterable[bytes], limits: MultipartLimits | None = None) -> list[Part] | None:
    """The parts, None if the body is invalid; any other error fails the test."""
    try:
        return read(chunks, limits=limits)
    except Invalid:
        return None


def cut(body: bytes, places: Iterable[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(body) + 1) for place in places), len(body)]
    return [body[start:stop] for start, stop in itertools.pairwise(edges)]


def write(parts: Sequence[tuple[dict[str, str], bytes]], boundary: str = BOUNDARY) -> bytes:
    writer = MultipartWriter(boundary)
    return b"".join(writer.begin_part(headers) + data for headers, data in parts) + writer.end()


boundaries = st.text("0123456789abcXYZ'()+_,-./:=?", min_size=1, max_size=70)
# Data full of what a delimiter is made of.
tricky = st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b"-", b"--", b"b0und", b"--b0und", b" ", b"\0", b"x"])).map(
    b"".join
)
places = st.lists(st.integers(0, 10_000), max_size=12)


@given(boundaries, st.lists(st.binary(max_size=300), max_size=5), places)
def test_what_is_written_is_read_back(boundary: str, payloads: list[bytes], edges: list[int]) -> None:
    payloads = [data for data in payloads if b"--" + boundary.encode() not in data]
    body = write([({"Content-Type": "application/dicom"}, data) for data in payloads], boundary)
    assert read(cut(body, edges), boundary) == [
        ({"content-type": "application/dicom"}, data, True) for data in payloads
    ]


@given(tricky, places)
@settings(max_examples=400)
def test_any_cutting_gives_the_same_parts(noise: bytes, edges: list[int]) -> None:
    body = b"--b0und\r\nA: b\r\n\r\n" + noise + b"\r\n--b0und--"
    assert outcome(cut(body, edges)) == outcome([body]) == outcome([bytes([byte]) for byte in body])


@given(
    st.binary(max_size=400) | tricky,
    places,
    st.sampled_from([b"", b"--b0und\r\n", b"--b0und\n\n", b"--b0und\r\nA: b\r\n\r\n"]),
)
@settings(max_examples=400)
def test_arbitrary_bytes_raise_only_invalid_and_the_same_however_cut(
    noise: bytes, edges: list[int], start: bytes
) -> None:
    limits = MultipartLimits(max_parts=2, max_header_bytes=40, max_preamble_bytes=60)
    assert outcome([start + noise], limits) == outcome(cut(start + noise, edges), limits)


@given(st.binary(max_size=300), st.lists(st.text("abc:;= /", max_size=20), max_size=3))
def test_parts_are_those_of_the_standard_librarys_parser(data: bytes, values: list[str]) -> None:
    data = data.replace(b"--b0und", b"")
    body = write([({f"X-{i}": value for i, value in enumerate(values)}, data), ({}, b"second")])
    head = b'Content-Type: multipart/related; boundary="b0und"\r\n\r\n'
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
    theirs = [part.get_payload(decode=True) for part in message.iter_parts()]
    assert [part[1] for part in read([body])][1] == theirs[1]
    assert len(read([body])) == len(theirs)


def test_preamble_and_epilogue_are_passed_over() -> None:
    body = b"This is MIME.\r\n--b0undary is not it\r\n--b0und  \t\r\n\r\nx\r\n--b0und--  \r\nbye\r\n--b0und\r\n\r\ny"
    assert read([body]) == [({}, b"x", True)]


def test_a_part_may_have_no_headers_and_no_data() -> None:
    assert read([b"--b0und\r\n\r\n--b0und\r\nA: b\r\n--b0und\r\n\r\n\r\n--b0und--"]) == [
        ({}, b"", True),
        ({"a": "b"}, b"", True),
        ({}, b"", True),
    ]


def test_a_body_of_bare_line_feeds_is_read_and_keeps_a_carriage_return_of_the_data() -> None:
    assert read([b"--b0und\nA: b\n\nx\r\n--b0und\n\ny\n--b0und--\n"]) == [({"a": "b"}, b"x\r", True), ({}, b"y", True)]


def test_a_line_feed_alone_ends_no_part_of_a_body_with_crlf() -> None:
    assert read([b"--b0und\r\n\r\nx\n--b0und\r\ny\r\n--b0und--"]) == [({}, b"x\n--b0und\r\ny", True)]


def test_a_longer_boundary_within_the_data_is_data() -> None:
    body = b"--b0und\r\n\r\n\r\n--b0under\r\n--b0und-\r\n--b0und\rx\r\n--b0und--"
    assert read([body]) == [({}, b"\r\n--b0under\r\n--b0und-\r\n--b0und\rx", True)]


def test_folded_header_lines_are_one_and_repeated_ones_are_joined() -> None:
    body = b"--b0und\r\nContent-Type: application/dicom;\r\n  transfer-syntax=*\r\nX: 1\r\nx: 2\r\n\r\n\r\n--b0und--"
    assert read([body])[0][0] == {"content-type": "application/dicom; transfer-syntax=*", "x": "1, 2"}


def test_a_cut_off_body_keeps_its_complete_parts_and_says_so() -> None:
    reader = MultipartReader(BOUNDARY)
    events = reader.feed(b"--b0und\r\n\r\nwhole\r\n--b0und\r\n\r\nhal")
    assert [type(event) for event in events] == [PartBegin, PartData, PartEnd, PartBegin, PartData]
    with pytest.raises(Invalid, match="within part 2"):
        reader.close()


def test_a_body_without_its_boundary_is_invalid() -> None:
    with pytest.raises(Invalid, match="before the first boundary"):
        read([b"hello"])
    with pytest.raises(Invalid, match="comes within 10 bytes"):
        read([b"hello" * 4], limits=MultipartLimits(max_preamble_bytes=10))


def test_headers_and_parts_have_a_limit() -> None:
    limits = MultipartLimits(max_header_bytes=20, max_parts=2)
    with pytest.raises(Invalid, match="longer than 20 bytes"):
        MultipartReader(BOUNDARY, limits).feed(b"--b0und\r\n" + b"x" * 21)
    with pytest.raises(Invalid, match="longer than 20 bytes"):
        MultipartReader(BOUNDARY, limits).feed(b"--b0und\r\n" + b"A: b\r\n" * 4)
    with pytest.raises(Invalid, match="at most 2 parts"):
        MultipartReader(BOUNDARY, limits).feed(b"--b0und\r\n\r\n\r\n" * 3)


@pytest.mark.parametrize("line", [b"no colon", b": no name", b" \r\nA: b"])
def test_a_header_line_that_is_none_is_invalid(line: bytes) -> None:
    with pytest.raises(Invalid, match="a name, a colon and a value"):
        MultipartReader(BOUNDARY).feed(b"--b0und\r\n" + line + b"\r\n\r\n")


@pytest.mark.parametrize("boundary", ["", "a\r\nb", "ü", "x" * (MAX_BOUNDARY_LENGTH + 1)])
def test_a_boundary_that_cannot_separate_is_invalid(boundary: str) -> None:
    with pytest.raises(Invalid, match="a boundary is"):
        MultipartReader(boundary)
    with pytest.raises(Invalid, match="a boundary is"):
        MultipartWriter(boundary)


def test_content_length_of_a_part_is_a_hint_and_does_not_end_it() -> None:
    reader = MultipartReader(BOUNDARY)
    begin, data, end = reader.feed(b"--b0und\r\nContent-Length: 2\r\n\r\nlonger\r\n--b0und--")
    assert isinstance(begin, PartBegin)
    assert begin.content_length == 2
    assert isinstance(data, PartData)
    assert bytes(data.data) == b"longer"
    assert isinstance(end, PartEnd)
    assert reader.is_complete
    assert reader.parts == 1


def test_data_is_not_copied() -> None:
    chunk = b"--b0und\r\n\r\n" + bytes(1000)
    (_, data) = MultipartReader(BOUNDARY).feed(chunk)
    assert isinstance(data, PartData)
    assert isinstance(data.data, memoryview)
    assert data.data.obj is chunk


def test_related_content_type_round_trips() -> None:
    from sagittal.dicom.web.content_type import parse_content_type

    media_type = parse_content_type(related_content_type("application/dicom+xml", "x-1"))
    assert (media_type.essence, media_type.related_type, media_type.boundary) == (
        "multipart/related",
        "application/dicom+xml",
        "x-1",
    )


def test_what_is_kept_between_calls_does_not_grow_with_the_data() -> None:
    body = b"--b0und\r\n\r\n" + b"\r\n--b0un\r\n--b0und \r" * 500 + b"\r\n--b0und--"
    generator = random.Random(7)
    reader = MultipartReader(BOUNDARY)
    for chunk in cut(body, [generator.randrange(len(body)) for _ in range(2000)]):
        reader.feed(chunk)
        assert len(reader._pending) < 100
    assert reader.is_complete
