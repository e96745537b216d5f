"""Passwords: argon2id, and what a new one is to be like.

19 MiB, two passes and one lane are what OWASP's password storage guidance names as enough; a small machine bears it
(20 ms and 19 MiB for each), and `Passwords` bounds how many are computed at one time. Stored hashes tell their own
parameters, so that these can grow: a good sign-in says when its hash is to be made anew.
"""

import asyncio
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from sagittal.errors import Exhausted, Invalid

LEAST_CHARACTERS = 12
MOST_CHARACTERS = 256
_LEAST_DIFFERENT = 5
_AT_ONE_TIME = 2
_MOST_WAITING = 64

T = TypeVar("T")

_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1, hash_len=32, salt_len=16, type=Type.ID)
# Of no password: what a name without an account is compared with, so that it takes as long. Same parameters.
_NOBODY = "$argon2id$v=19$m=19456,t=2,p=1$c2FnaXR0YWwtbm9ib2R5IQ$0000000000000000000000000000000000000000000"


def normalised(password: str) -> str:
    """The form that is hashed: one keyboard composes what another types in one (NIST SP 800-63B Section 5.1.1.2)."""
    return unicodedata.normalize("NFKC", password).encode("utf-8", "replace").decode()


def check_new(password: str, name: str) -> None:
    """Raises Invalid, saying what is wanted, for a password that is too easy to guess."""
    said = normalised(password)
    if not LEAST_CHARACTERS <= len(said) <= MOST_CHARACTERS:
        raise Invalid(f"a password is to have {LEAST_CHARACTERS} to {MOST_CHARACTERS} characters; got {len(said)}")
    if len(set(said.casefold())) < _LEAST_DIFFERENT:
        raise Invalid(f"a password is to have at least {_LEAST_DIFFERENT} different characters")
    if name and name.casefold() in said.casefold():
        raise Invalid("a password is not to hold the name of its account")
    if any(_is_run(said.casefold(), row) for row in _ROWS):
        raise Invalid("a password is not to be a row of the keyboard or the alphabet")


_ROWS = (
    "abcdefghijklmnopqrstuvwxyz",
    "12345678901234567890",
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
)


def _is_run(said: str, row: str) -> bool:
    return any(said in direction * 3 for direction in (row, row[::-1]))


def hash_password(password: str) -> str:
    """What is kept of a password, in PHC form. Takes some 20 ms and 19 MiB."""
    return _HASHER.hash(normalised(password))


def is_password(kept: str, password: str) -> bool:
    """Whether it is the one; takes the same time when nothing is kept (`""`), and is then False."""
    if len(password) > MOST_CHARACTERS:
        password = ""
    try:
        return _HASHER.verify(kept or _NOBODY, normalised(password)) and bool(kept)
    except (VerificationError, InvalidHashError):
        return False


def is_outdated(kept: str) -> bool:
    """Whether a hash was made with other parameters than today's."""
    return bool(kept) and _HASHER.check_needs_rehash(kept)


class Passwords:
    """Computes hashes beside the event loop, few at one time: each takes 19 MiB."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_AT_ONE_TIME, thread_name_prefix="sagittal-password")
        self._waiting = 0

    async def hash(self, password: str) -> str:
        """See `hash_password`. Raises Exhausted when too many wait."""
        return await self._run(lambda: hash_password(password))

    async def verify(self, kept: str, password: str) -> bool:
        """See `is_password`. Raises Exhausted when too many wait."""
        return await self._run(lambda: is_password(kept, password))

    async def _run(self, work: Callable[[], T]) -> T:
        if self._waiting >= _MOST_WAITING:
            raise Exhausted(f"{_MOST_WAITING} sign-ins are being looked at; try again in a moment")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """Ends the threads."""
        self._threads.shutdown(wait=True, cancel_futures=True)
