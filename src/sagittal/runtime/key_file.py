"""Keys in files of their own, so that whoever has a database alone, as from a backup, has not what they protect."""

import os
import secrets
from pathlib import Path
from typing import Final

from sagittal.errors import Corrupt, NotFound

KEY_BYTES: Final = 32


def load_key(path: Path, what: str) -> bytes:
    """The key in a file.

    Args:
        path: of the file.
        what: the key is of, as errors name it.

    Raises:
        NotFound: there is none.
        Corrupt: it is no key.
    """
    try:
        key = path.read_bytes()
    except FileNotFoundError as error:
        raise NotFound(f"there is no {what} key at {path}") from error
    if len(key) != KEY_BYTES:
        raise Corrupt(f"the {what} key at {path} is {len(key)} bytes long, not {KEY_BYTES}")
    return key


def make_key(path: Path, what: str) -> bytes:
    """Makes a key that only this user can read, durable when it is given; or gives the one that is there."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o400)
    except FileExistsError:
        return load_key(path, what)
    key = secrets.token_bytes(KEY_BYTES)
    try:
        os.write(descriptor, key)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    folder = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return key
