import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.charset import convert_encodings, decode_bytes
from pydicom.valuerep import TEXT_VR_DELIMS

from sagittal.dicom import character_sets

SINGLE_BYTE = {
    "100": "latin_1",
    "101": "iso8859_2",
    "109": "iso8859_3",
    "110": "iso8859_4",
    "126": "iso8859_7",
    "127": "iso8859_6",
    "138": "iso8859_8",
    "144": "iso8859_5",
    "148": "iso8859_9",
    "166": "tis_620",
}
CYRILLIC = "Люкceмбypг"


def by_pydicom(value: bytes, sets: tuple[str, ...]) -> str:
    if "ISO 2022 IR 58" in sets:  # pydicom 3.0 leaves its escape sequence in the text
        value = value.replace(b"\x1b$)A", b"")
        sets = ("ISO 2022 IR 58",)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return str(decode_bytes(value, convert_encodings(list(sets)), TEXT_VR_DELIMS))


# The examples of PS3.5 Annexes H to K.
EXAMPLES = [
    (
        ("", "ISO 2022 IR 87"),
        b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B",
        "Yamada^Tarou=山田^太郎=やまだ^たろう",
    ),
    (
        ("ISO 2022 IR 13", "ISO 2022 IR 87"),
        b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J=\x1b$B$d$^$@\x1b(J^\x1b$B$?$m$&\x1b(J",
        "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう",
    ),
    (
        ("", "ISO 2022 IR 149"),
        b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7=\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf",
        "Hong^Gildong=洪^吉洞=홍^길동",
    ),
    (("ISO_IR 192",), "Wang^XiaoDong=王^小东=".encode(), "Wang^XiaoDong=王^小东="),
    (("GB18030",), b"Wang^XiaoDong=\xcd\xf5^\xd0\xa1\xb6\xab=", "Wang^XiaoDong=王^小东="),
    (("GBK",), b"Wang^XiaoDong=\xcd\xf5^\xd0\xa1\xb6\xab=", "Wang^XiaoDong=王^小东="),
    (("", "ISO 2022 IR 58"), b"Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab=", "Zhang^XiaoDong=张^小东="),
    (("ISO_IR 100",), b"Buc^J\xe9r\xf4me", "Buc^Jérôme"),
    (("ISO_IR 127",), b"\xe2\xc8\xc7\xe6\xea^\xe4\xe6\xd2\xc7\xd1", "قباني^لنزار"),
    (("ISO_IR 13",), b"\xd4\xcf\xc0\xde", "ﾔﾏﾀﾞ"),
    (("", "ISO 2022 IR 159"), b"\x1b$(D0!Q2\x1b(B", "丂稛"),
]


@pytest.mark.parametrize(("sets", "value", "text"), EXAMPLES, ids=["/".join(sets) for sets, _, _ in EXAMPLES])
def test_the_standards_examples_are_read(sets: tuple[str, ...], value: bytes, text: str) -> None:
    assert character_sets.decode(value, "PN", sets) == text == by_pydicom(value, sets)


@pytest.mark.parametrize(("sets", "value", "text"), EXAMPLES, ids=["/".join(sets) for sets, _, _ in EXAMPLES])
def test_the_standards_examples_go_both_ways(sets: tuple[str, ...], value: bytes, text: str) -> None:
    encoded = character_sets.encode(text, "PN", sets)
    assert character_sets.decode(encoded, "PN", sets) == text == by_pydicom(encoded, sets)
    assert character_sets.expressible(text, sets)


@pytest.mark.parametrize(("number", "codec"), SINGLE_BYTE.items())
@pytest.mark.parametrize("prefix", ["ISO_IR ", "ISO 2022 IR "])
def test_a_single_byte_set_is_its_codec(number: str, codec: str, prefix: str) -> None:
    value = bytes(range(0xA1, 0xFF))
    sets = (prefix + number,)
    assert character_sets.decode(value, "LO", sets) == value.decode(codec, "replace")
    text = value.decode(codec, "ignore")
    assert character_sets.encode(text, "LO", sets).decode(codec) == text


@pytest.mark.parametrize(("number", "codec"), SINGLE_BYTE.items())
def test_an_escape_sequence_brings_in_a_single_byte_set(number: str, codec: str) -> None:
    text = "".join(character for character in bytes(range(0xB0, 0xFF)).decode(codec, "ignore"))
    sets = ("", f"ISO 2022 IR {number}")
    encoded = character_sets.encode(f"abc {text} def", "LO", sets)
    assert b"\x1b" in encoded
    assert character_sets.decode(encoded, "LO", sets) == f"abc {text} def" == by_pydicom(encoded, sets)


def test_latin_9_is_known_although_pydicom_does_not() -> None:
    assert character_sets.decode(b"\xa4", "LO", ("ISO_IR 203",)) == "€"
    assert character_sets.encode("€", "LO", ("", "ISO 2022 IR 203")) == b"\x1b-b\xa4"


@pytest.mark.parametrize(
    ("term", "meant"),
    [
        ("ISO-IR 100", "ISO_IR 100"),
        ("ISO IR 100", "ISO_IR 100"),
        ("ISO_IR_100", "ISO_IR 100"),
        ("iso_ir 100", "ISO_IR 100"),
        ("ISO 2022-IR 144", "ISO_IR 144"),
        ("ISO_2022_IR_144", "ISO_IR 144"),
        ("ISO IR 192", "ISO_IR 192"),
        ("utf-8", "ISO_IR 192"),
        ("UTF8", "ISO_IR 192"),
        ("latin1", "ISO_IR 100"),
        ("GB2312", "ISO 2022 IR 58"),
        ("ISO 2022 GBK", "GBK"),
    ],
)
def test_a_misspelt_term_is_read_as_what_was_meant(term: str, meant: str) -> None:
    value = bytes(range(0xA1, 0xFF))
    assert character_sets.decode(value, "LO", (term,)) == character_sets.decode(value, "LO", (meant,))


@pytest.mark.parametrize("term", ["", "ISO_IR 6", "ISO_IR 999", "nonsense", "hex", "ISO_IR"])
def test_an_unknown_term_is_the_default_repertoire(term: str) -> None:
    assert character_sets.decode(b"J\xe9r", "LO", (term,)) == "Jér"
    assert not character_sets.expressible("é", (term,))
    assert character_sets.encode("é", "LO", (term,)) == b"?"


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ((), ()),
        (("",), ()),
        (("ISO_IR 6",), ()),
        (("ISO 2022 IR 6", "ISO 2022 IR 87"), ("", "ISO 2022 IR 87")),
        (("ISO 2022 IR 100", "ISO_IR 87"), ("ISO 2022 IR 100", "ISO 2022 IR 87")),
        (("ISO 2022 IR 149",), ("", "ISO 2022 IR 149")),
        (("iso_ir 192", "ISO 2022 IR 87"), ("ISO_IR 192",)),
        (("GB18030",), ("GB18030",)),
        (("windows-1251",), None),
        (("", "KLINGON"), None),
    ],
)
def test_a_set_is_told_in_defined_terms_or_not_at_all(said: tuple[str, ...], meant: tuple[str, ...] | None) -> None:
    assert character_sets.defined(said) == meant


@given(
    st.text(),
    st.lists(st.sampled_from(["", "ISO_IR 13", "ISO-IR 100", "ISO 2022 87", "utf8", "GBK", "ISO 2022 IR 149"])),
)
def test_in_defined_terms_a_text_has_the_same_meaning(text: str, said: list[str]) -> None:
    sets = character_sets.defined(tuple(said))
    assert sets is None or character_sets.defined(sets) == sets
    if sets is not None and character_sets.expressible(text, sets):
        encoded = character_sets.encode(text, "UT", sets)
        assert character_sets.decode(encoded, "UT", tuple(said)) == character_sets.decode(encoded, "UT", sets)


def test_a_windows_code_page_is_read() -> None:
    assert character_sets.decode("Пётр".encode("cp1251"), "PN", ("windows-1251",)) == "Пётр"
    assert character_sets.encode("Пётр", "PN", ("cp1251",)) == "Пётр".encode("cp1251")


def test_sets_that_stand_alone_take_no_others_beside_them() -> None:
    assert character_sets.decode("é".encode(), "LO", ("ISO_IR 192", "ISO 2022 IR 87")) == "é"
    assert character_sets.decode(b"a\x1b$B", "LO", ("ISO_IR 192",)) == "a\x1b$B"
    assert character_sets.decode(b"\xe9", "LO", ("ISO_IR 100", "GB18030")) == "é"


@pytest.mark.parametrize("sets", [("ISO_IR 192",), ("GB18030",), ("ISO_IR 127",), ("ISO 2022 IR 87",)])
def test_bytes_that_mean_nothing_become_replacement_characters(sets: tuple[str, ...]) -> None:
    assert "�" in character_sets.decode(b"\xff\xff", "LO", sets)


def test_an_escape_sequence_nobody_announced_is_followed() -> None:
    assert character_sets.decode(b"\x1b$B;3ED\x1b(B", "PN", ()) == "山田"


def test_an_unknown_escape_sequence_stays() -> None:
    assert character_sets.decode(b"a\x1b$Zb", "LO", ("", "ISO 2022 IR 87")) == "a\x1b$Zb"


def test_the_older_kanji_set_is_read() -> None:
    assert character_sets.decode(b"\x1b$@;3ED\x1b(J", "LO", ("", "ISO 2022 IR 87")) == "山田"


def test_other_vrs_are_latin_1_whatever_the_set() -> None:
    assert character_sets.decode(b"\xe9", "CS", ("ISO_IR 192",)) == "é"
    assert character_sets.encode("é山", "CS", ("ISO_IR 192",)) == b"\xe9?"


def test_a_delimiter_brings_back_the_initial_set() -> None:
    sets = ("ISO 2022 IR 100", "ISO 2022 IR 144")
    cyrillic = "Люк".encode("iso8859_5")
    assert character_sets.decode(b"\x1b-L" + cyrillic + b"^\xe9", "PN", sets) == "Люк^é"
    assert character_sets.decode(b"\x1b-L" + cyrillic + b"\\\xe9", "LO", sets) == "Люк\\é"
    assert character_sets.decode(b"\x1b-L" + cyrillic + b"^\xdb", "LO", sets) == "Люк^л"


def test_a_line_end_brings_back_ascii_from_kanji() -> None:
    sets = ("", "ISO 2022 IR 87")
    assert character_sets.decode(b"\x1b$B;3ED\r\nabc", "LT", sets) == "山田\r\nabc"
    assert character_sets.decode(b"\x1b$B;3 ED", "LT", sets).startswith("山 ")


def test_high_bytes_within_kanji_are_of_the_other_half() -> None:
    sets = ("ISO 2022 IR 13", "ISO 2022 IR 87")
    assert character_sets.decode(b"\x1b$B;3\xd4\xcf\x1b(J", "PN", sets) == "山ﾔﾏ"
    assert character_sets.decode(b"\x1b$B;3\xe9\x1b(B", "PN", ("", "ISO 2022 IR 87")) == "山é"


def test_a_set_not_said_again_after_a_delimiter_is_still_read() -> None:
    sets = ("", "ISO 2022 IR 149")
    assert character_sets.decode(b"\x1b$)C\xb1\xe8^\xc8\xf1", "PN", sets) == "김^희"


def test_every_part_of_a_name_ends_in_ascii_and_names_its_set_again() -> None:
    assert character_sets.encode("山田^太郎", "PN", ("", "ISO 2022 IR 87")) == b"\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B"
    assert character_sets.encode("김^희", "PN", ("", "ISO 2022 IR 149")) == b"\x1b$)C\xb1\xe8^\x1b$)C\xc8\xf1"


def test_kanji_beside_latin_change_hands() -> None:
    sets = ("ISO 2022 IR 100", "ISO 2022 IR 87", "ISO 2022 IR 149")
    text = "é山김é\\é\r\né山é"
    encoded = character_sets.encode(text, "LO", sets)
    assert character_sets.decode(encoded, "LO", sets) == text == by_pydicom(encoded, sets)


def test_the_rarer_kanji_set_is_written_only_if_announced() -> None:
    assert character_sets.encode("狎", "LO", ("", "ISO 2022 IR 87", "ISO 2022 IR 159")) != b"?"
    assert character_sets.encode("丂", "LO", ("", "ISO 2022 IR 87")) == b"?"
    assert character_sets.encode("丂", "LO", ("", "ISO 2022 IR 87", "ISO 2022 IR 159")).startswith(b"\x1b$(D")


def test_what_a_set_cannot_say_is_a_question_mark() -> None:
    assert character_sets.encode("a山é", "LO", ("ISO_IR 100",)) == b"a?\xe9"
    assert character_sets.encode("山☃山", "LO", ("", "ISO 2022 IR 87")) == b"\x1b$B;3\x1b(B?\x1b$B;3\x1b(B"
    assert character_sets.encode("山", "LO", ("ISO_IR 13",)) == b"?"


@pytest.mark.parametrize(
    ("text", "sets", "answer"),
    [
        ("Smith", (), True),
        ("é", (), False),
        ("é", ("ISO_IR 100",), True),
        ("山", ("ISO_IR 192",), True),
        ("\ud800", ("ISO_IR 192",), False),
        ("山é", ("ISO 2022 IR 100", "ISO 2022 IR 87"), True),
        ("김é", ("ISO 2022 IR 100", "ISO 2022 IR 87"), False),
        ("€", ("GB18030",), True),
    ],
)
def test_expressible_says_what_survives(text: str, sets: tuple[str, ...], answer: bool) -> None:
    assert character_sets.expressible(text, sets) is answer


@pytest.mark.parametrize(
    ("value", "terms"),
    [
        (b"", ()),
        (b"  ", ()),
        (b"ISO_IR 100", ("ISO_IR 100",)),
        (b"\\ISO 2022 IR 87 ", ("", "ISO 2022 IR 87")),
        (b"ISO 2022 IR 13 \\ ISO 2022 IR 87\0", ("ISO 2022 IR 13", "ISO 2022 IR 87")),
    ],
)
def test_the_attribute_is_taken_apart(value: bytes, terms: tuple[str, ...]) -> None:
    assert character_sets.parse(value) == terms


def test_a_list_of_terms_without_end_is_cut() -> None:
    assert len(character_sets.parse(b"ISO_IR 100\\" * 5000)) == 16


def test_the_smallest_set_for_a_text() -> None:
    assert character_sets.smallest_for("Smith") == ()
    assert character_sets.smallest_for("Müller") == ("ISO_IR 100",)
    assert character_sets.smallest_for("山田") == ("ISO_IR 192",)


SETS = st.sampled_from(
    [
        (),
        ("ISO_IR 100",),
        ("ISO_IR 144",),
        ("ISO_IR 192",),
        ("GB18030",),
        ("GBK",),
        ("ISO_IR 13",),
        ("", "ISO 2022 IR 87"),
        ("ISO 2022 IR 13", "ISO 2022 IR 87", "ISO 2022 IR 159"),
        ("ISO 2022 IR 100", "ISO 2022 IR 144", "ISO 2022 IR 126"),
        ("", "ISO 2022 IR 149"),
        ("", "ISO 2022 IR 58"),
        ("ISO 2022 IR 6", "ISO 2022 IR 127", "ISO 2022 IR 87", "ISO 2022 IR 149"),
    ]
)
LETTERS = st.text(st.sampled_from("aZ 09-éÄßЖиλάقب山田狎丂ﾔﾏあ홍길동张东€\\^=\r\n\t")) | st.text(max_size=12)


@given(LETTERS, SETS, st.sampled_from(["PN", "LO", "LT"]))
def test_what_is_expressible_comes_back_from_us_and_from_pydicom(text: str, sets: tuple[str, ...], vr: str) -> None:
    if "\x1b" in text or not character_sets.expressible(text, sets):
        return
    encoded = character_sets.encode(text, vr, sets)
    assert character_sets.decode(encoded, vr, sets) == text
    if sets and "\\" not in text and not (vr == "PN" and "=" in text):
        assert by_pydicom(encoded, sets) == text


@given(st.text(), SETS, st.sampled_from(["PN", "LO", "UT", "CS"]))
def test_any_text_can_be_written(text: str, sets: tuple[str, ...], vr: str) -> None:
    assert isinstance(character_sets.encode(text, vr, sets), bytes)


@given(
    st.lists(
        st.binary(max_size=8) | st.sampled_from([b"\x1b$B", b"\x1b(B", b"\x1b$)C", b"\x1b-L", b"\x1b(J", b"^", b"\n"])
    ),
    SETS,
    st.sampled_from(["PN", "LO", "UT", "CS"]),
)
def test_any_bytes_can_be_read(parts: list[bytes], sets: tuple[str, ...], vr: str) -> None:
    assert isinstance(character_sets.decode(b"".join(parts), vr, sets), str)
