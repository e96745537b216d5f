import asyncio

import pytest

from sagittal.access import passwords
from sagittal.access.passwords import Passwords, check_new, hash_password, is_outdated, is_password
from sagittal.errors import Exhausted, Invalid

GOOD = "correct horse battery"


def test_a_password_is_the_one_that_was_hashed_and_no_other() -> None:
    kept = hash_password(GOOD)
    assert is_password(kept, GOOD)
    assert not is_password(kept, GOOD + " ")
    assert GOOD not in kept


def test_two_hashes_of_one_password_differ() -> None:
    assert hash_password(GOOD) != hash_password(GOOD)


def test_the_parameters_are_those_that_owasp_names() -> None:
    assert hash_password(GOOD).startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_no_password_is_right_where_none_is_kept() -> None:
    assert not any(is_password("", said) for said in ("", "x", GOOD))


def test_what_is_kept_of_nobody_has_the_parameters_of_today_so_that_it_takes_as_long() -> None:
    assert not is_outdated(passwords._NOBODY)


def test_letters_composed_by_one_keyboard_and_combined_by_another_are_the_same() -> None:
    assert is_password(
        hash_password("Ångström is a unit"), "A\N{COMBINING RING ABOVE}ngstro\N{COMBINING DIAERESIS}m is a unit"
    )


@pytest.mark.parametrize("said", ["\udc80" * 20, "x" * 1_000_000, ""])
def test_odd_input_is_a_wrong_password(said: str) -> None:
    assert not is_password(hash_password(GOOD), said)


def test_a_hash_of_other_parameters_is_told_and_still_taken() -> None:
    from argon2 import PasswordHasher

    older = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(GOOD)
    assert is_outdated(older)
    assert is_password(older, GOOD)


@pytest.mark.parametrize(
    "said",
    ["short", "aaaaaaaaaaaaaaaa", "x" * 257, "jo-anna-jo-anna", "abcdefghijklm", "qwertyuiopasdf", "0987654321098"],
)
def test_a_new_password_that_is_easy_to_guess_is_refused_without_being_told(said: str) -> None:
    with pytest.raises(Invalid) as raised:
        check_new(said, "jo")
    assert said not in str(raised.value)


@pytest.mark.parametrize("said", [GOOD, "пароль для входа", "🐎🔋 correct staple"])
def test_a_long_one_of_any_script_is_taken(said: str) -> None:
    check_new(said, "jo")


async def test_so_many_at_one_time_and_no_more(passwords: Passwords) -> None:
    tries = [asyncio.ensure_future(passwords.verify("", "x")) for _ in range(70)]
    results = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(result, Exhausted) for result in results) == 6
    assert results.count(False) == 64
