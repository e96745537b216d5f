"""Values as people read them: harmless, and by the groups of names."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagittal.web.showing import clean, name, other_name

RAW = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\u200b\\u200e\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ufeff\\ud800-\\udfff]")


@given(st.text(st.characters(), max_size=300), st.integers(1, 200))
def test_what_is_shown_controls_nothing_and_is_no_longer_than_it_may_be(text: str, most: int) -> None:
    shown = clean(text, most)
    assert not RAW.search(shown)
    assert len(shown) <= most
    assert clean(shown, most) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Doe^Jane", "Doe^Jane"),
        ("a\tb\x1b[31m", "a\u2409b\u241b[31m"),
        ("\u202eevil", "\ufffdevil"),
        ("\u200eشارع\u200f", "شارع"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("zwj" + "\u200d" * 9 + "!", "zwj\u200d!"),
        ("\ud800", "\ufffd"),
    ],
)
def test_a_text_is_shown_as(text: str, shown: str) -> None:
    assert clean(text) == shown


def test_marks_beyond_those_of_a_letter_are_left_out() -> None:
    assert sum(unicodedata.category(one) == "Mn" for one in clean("a" + "\u0336" * 500)) == 4
    assert clean("Nguyễn") == "Nguyễn"
    assert clean(unicodedata.normalize("NFD", "Nguyễn")) == unicodedata.normalize("NFD", "Nguyễn")


@pytest.mark.parametrize(
    ("written", "first", "other"),
    [
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", "Yamada, Tarou", "山田 太郎 · やまだ たろう"),
        ("=山田^太郎=やまだ^たろう", "山田 太郎", ""),
        ("Hong^Gildong=洪^吉洞=홍^길동", "Hong, Gildong", "洪 吉洞 · 홍 길동"),
        ("عبد الله^سارة", "عبد الله، سارة", ""),
        ("Smith^John^Q^Dr.^Jr.", "Smith, Dr. John Q, Jr.", ""),
        ("^^^^", "", ""),
        ("==やまだ^たろう", "やまだ たろう", ""),
    ],
)
def test_a_name_is_read_by_its_groups(written: str, first: str, other: str) -> None:
    assert (name(written), other_name(written)) == (first, other)
