"""Which keys of a query are attributes that the site has named."""

import pytest

from sagittal.archive.index.named import Named, NamedAttribute
from sagittal.dicom.attribute_path import parse_attribute
from sagittal.dicom.matching import Key
from sagittal.errors import Invalid
from sagittal.find.named import resolve

ACME = Key((0x00290010,), "LO", ("ACME",))


def named(*texts: str) -> Named:
    return Named(tuple(NamedAttribute(number, parse_attribute(text)) for number, text in enumerate(texts, 1)))


def test_without_named_attributes_every_key_is_another() -> None:
    keys = (ACME, Key((0x00291001,), "UN", ("x",)))
    assert resolve(Named(), keys).others == keys


def test_a_creator_is_no_key_of_its_own_where_it_says_whose_another_is() -> None:
    resolved = resolve(named('0029,"ACME",01:LO'), [ACME, Key((0x00291001,), "UN", ("x",))])
    assert resolved.keys == (Key((0x00291001,), "LO", ("x",)),)
    assert resolved.others == ()
    assert resolved.given == {(0x00291001,), (0x00290010,)}
    assert resolve(named("FlipAngle"), [ACME]).others == (ACME,)


def test_a_creator_counts_in_its_own_item_only() -> None:
    one = named('0029,"ACME",01.0029,"ACME",02:LO', '0029,"OTHER",01.0029,"ACME",02:LO')
    key = Key((0x00291001, 0x00291002), "LO", ("x",))
    with pytest.raises(Invalid, match="say the private creator"):
        resolve(one, [key, Key((0x00291001, 0x00290010), "LO", ("ACME",))])
    resolved = resolve(one, [key, ACME, Key((0x00291001, 0x00290010), "LO", ("ACME",))])
    assert [asked.attribute.id for asked in resolved.asked.values()] == [1]


def test_one_block_is_not_of_two_creators() -> None:
    two = named('0029,"ACME",01:LO', '0029,"OTHER",02:LO')
    with pytest.raises(Invalid, match="another block"):
        resolve(two, [Key((0x00291001,), "LO", ("x",)), Key((0x00291002,), "LO", ("y",))])
    keys = Key((0x00291001,), "LO", ("x",)), Key((0x00291102,), "LO", ("y",))
    assert len(resolve(two, keys).keys) == 2


@pytest.mark.parametrize(
    ("vr", "key", "values"),
    [
        ("US", Key((0x00291001,), "UN", ("",), b"\x05\x00\x06\x00"), ("5", "6")),
        ("LO", Key((0x00291001,), "UN", ("a", "b"), b"a\\b "), ("a", "b")),
        ("UT", Key((0x00291001,), "UN", ("a", "b"), b"a\\b "), ("a\\b",)),
        ("CS", Key((0x00291001,), "UN", ("A, B",)), ("A", "B")),
        ("US", Key((0x00291001,), "UN", ("5",)), ("5",)),
    ],
)
def test_a_key_is_read_by_the_vr_of_its_attribute(vr: str, key: Key, values: tuple[str, ...]) -> None:
    assert resolve(named(f'0029,"ACME",01:{vr}'), [key]).keys == (Key(key.path, vr, values),)


def test_the_elements_of_blocks_themselves_are_no_attributes() -> None:
    key = Key((0x00290001,), "UN", ("x",))
    assert resolve(named('0029,"ACME",01:LO'), [key]).others == (key,)
