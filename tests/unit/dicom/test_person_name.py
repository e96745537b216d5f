import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagittal.dicom import person_name
from sagittal.dicom.person_name import NameGroup, PersonName, fold, format_name, groups, parse, search_forms, words


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("Doe^Jane^^Dr.", "doe jane dr."),
        ("DOE, Jane", "doe jane"),
        ("  Doe^^^ ", "doe"),
        ("O`Brien\tPat", "o'brien pat"),
        ("O’Brien", "o'brien"),
        ("Müller‐Lüdenscheidt", "muller-ludenscheidt"),
        ("STRAẞE straße", "strasse strasse"),
        ("Æsir Œuvre Øre Łódź Đặng Þór Ħal ŊÊ", "aesir oeuvre ore lodz dang thor hal ne"),
        ("IŞIL ışıl İpek", "isil isil ipek"),
        ("ПЁТР Ёлкина", "петр елкина"),
        ("Сергей СЕРГЕЙ", "сергей сергей"),
        ("Сергеи\u0306", "сергей"),
        ("Сергеи", "сергеи"),
        ("Ґалина Їжак", "ґалина іжак"),
        ("Γεωργίου ΓΕΩΡΓΙΟΥ Ανδρέας ΑΝΔΡΈΑΣ", "γεωργιου γεωργιου ανδρεασ ανδρεασ"),
        ("أَحْمَد إبراهيم آدم ٱبن", "احمد ابراهيم ادم ابن"),
        ("عـــلي على علی", "علي علي علي"),
        ("فاطمة مؤمن كاك ک", "فاطمه مومن كاك ك"),
        ("٠١٢ ۴۵", "012 45"),
        ("שָׁלוֹם", "שלום"),
        ("ＹＡＭＡＤＡ＾Ｔａｒｏ", "yamada taro"),
        ("ﾔﾏﾀﾞ^ﾀﾛｳ", "やまだ たろう"),
        ("ヤマダ　やまだ", "やまだ やまだ"),
        ("はま かま", "はま かま"),
        ("髙﨑", "高崎"),
        ("神", "神"),
        ("홍^길동", "홍 길동"),
        ("Nguyễn Thị Hương", "nguyen thi huong"),
        ("สมชาย", "สมชาย"),
        ("की", "की"),
        ("A\u200dB\u200e C\u0007D", "ab c d"),
        ("M?LL*^J*", "m?ll* j*"),
        ("", ""),
        ("^=", ""),
    ],
)
def test_a_name_folds_to_its_search_form(text: str, form: str) -> None:
    assert fold(text) == unicodedata.normalize("NFC", form)


def test_voiced_kana_stay_apart_from_unvoiced() -> None:
    assert fold("か") != fold("が")


def test_every_character_folds_to_the_same_in_either_case_and_again() -> None:
    # All scripts; unified ideographs and syllables have no case and no marks.
    for code in (*range(0x3400), *range(0xA000, 0xAC00), *range(0xF900, 0x11000), *range(0x1E000, 0x20000)):
        character = chr(code)
        assert fold(character.upper()) == fold(character.lower()), hex(code)
        assert fold(fold(character)) == fold(character), hex(code)


@given(st.text())
def test_folding_twice_is_folding_once(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(st.text())
def test_a_search_form_has_single_blanks_and_no_delimiters(text: str) -> None:
    form = fold(text)
    assert form == " ".join(form.split())
    assert not set(form) & set("^=,")


@given(st.text(st.characters(max_codepoint=0x7F)))
def test_the_short_way_for_ascii_is_the_long_way(text: str) -> None:
    long_way = fold(text + " é").removesuffix("e").rstrip()
    assert fold(text) == long_way


def test_a_name_has_groups_of_components() -> None:
    name = parse("Adams^John Robert Quincy^^Rev.^B.A. M.Div.=山田^太郎=やまだ")
    assert name.alphabetic == NameGroup("Adams", "John Robert Quincy", "", "Rev.", "B.A. M.Div.")
    assert name.ideographic == NameGroup("山田", "太郎")
    assert name.phonetic == NameGroup("やまだ")


@pytest.mark.parametrize(
    ("text", "formatted"),
    [
        ("", ""),
        ("Doe^Jane^^^", "Doe^Jane"),
        ("Doe==", "Doe"),
        ("=山田", "=山田"),
        ("==やまだ^", "==やまだ"),
        ("A^B^C^D^E^F", "A^B^C^D^E^F"),
        ("==^=", ""),
    ],
)
def test_a_name_is_written_without_delimiters_at_its_end(text: str, formatted: str) -> None:
    assert format_name(parse(text)) == formatted


@given(st.text(st.sampled_from("aé山^= ")))
def test_writing_and_reading_a_name_is_stable(text: str) -> None:
    once = format_name(parse(text))
    assert format_name(parse(once)) == once


def test_a_name_without_groups_is_empty() -> None:
    assert parse("") == PersonName()


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", ()), ("Doe", ("Doe",)), ("Doe=^=", ("Doe",)), ("=山田", ("", "山田")), ("a=b=c=d", ("a", "b", "c=d"))],
)
def test_groups_at_the_end_that_are_empty_are_left_out(text: str, expected: tuple[str, ...]) -> None:
    assert groups(text) == expected


def test_search_forms_are_of_groups_that_are_not_empty() -> None:
    assert search_forms("Yamada^Tarou==ﾔﾏﾀﾞ") == ("yamada tarou", "やまだ")


def test_words_are_those_of_the_search_form() -> None:
    assert words("Doe^Jane=山田^太郎") == ("doe", "jane", "山田", "太郎")


def test_tables_are_made_once() -> None:
    assert person_name._letter_map() is person_name._letter_map()
