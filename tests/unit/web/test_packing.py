"""Answers in the codings that browsers take."""

import gzip
from collections.abc import Callable

import brotli
import pytest

from sagittal.web.packing import LEAST, Packed, coding_for, kept, packed

TEXT = b"a page about nobody; " * 100
CHROMIUM = "gzip, deflate, br, zstd"


@pytest.mark.parametrize(
    ("taken", "coding"),
    [
        (CHROMIUM, "br"),
        ("gzip, deflate", "gzip"),
        ("br;q=0, GZIP;q=0.1", "gzip"),
        ("br; q=0.000,gzip;q=0.0", ""),
        ("", ""),
        ("identity", ""),
    ],
)
def test_the_best_coding_that_is_taken_is_chosen(taken: str, coding: str) -> None:
    assert coding_for(taken) == coding


@pytest.mark.parametrize(("coding", "read"), [("br", brotli.decompress), ("gzip", gzip.decompress), ("", bytes)])
async def test_a_file_is_the_same_in_every_coding(coding: str, read: Callable[[bytes], bytes]) -> None:
    file = Packed("text/css", TEXT)
    assert read(await file.coded(coding)) == TEXT
    answer = await kept(file, coding)
    assert answer.headers.get("content-encoding", "") == coding
    assert answer.headers["vary"] == "accept-encoding"
    assert answer.headers["content-type"] == "text/css"


def test_an_answer_is_packed_for_who_takes_that_and_says_so() -> None:
    answer = packed(TEXT, CHROMIUM, "text/html", {"cache-control": "no-store"}, status=404)
    assert brotli.decompress(answer.content) == TEXT
    assert answer.headers["content-encoding"] == "br"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.status_code == 404
    assert "content-encoding" not in packed(TEXT, "", "text/html", {}).headers


def test_what_is_short_stays_as_it_is() -> None:
    assert packed(b"x" * (LEAST - 1), CHROMIUM, "text/html", {}).content == b"x" * (LEAST - 1)
