"""What has to be read again of what proves people is sealed in the records, under a key in a file of its own.

Passwords, tokens and sessions are kept as digests, which nobody can read back. The secret of an authenticator app is
computed with at each sign-in: whoever had it could make the codes.
"""

import secrets
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Connection, select, update

from sagittal.archive.records.credentials import totp_secrets
from sagittal.errors import Corrupt
from sagittal.runtime.key_file import make_key
from sagittal.runtime.settings import Settings

KEY_NAME: Final = "accounts.key"

_FORM: Final = b"\x01"  # of what is sealed: this byte, nonce, what AES-256-GCM made of it
_NONCE_BYTES: Final = 12
_BARE_BYTES: Final = 20  # of a secret as versions before kept it


class Seal:
    """Seals and opens. A sealed secret is opened for the account that it was sealed for, and for no other."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def seal(self, secret: bytes, account: int) -> bytes:
        """What is kept of a secret."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return _FORM + nonce + self._cipher.encrypt(nonce, secret, _of(account))

    def open(self, sealed: bytes, account: int) -> bytes:
        """The secret. Raises Corrupt where it was sealed under another key, for another account, or is damaged."""
        nonce, rest = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        try:
            if sealed[:1] != _FORM:
                raise InvalidTag
            return self._cipher.decrypt(nonce, rest, _of(account))
        except (InvalidTag, ValueError) as error:
            raise Corrupt(f"the second factor of account {account} is sealed under another key") from error


def seal_of(records: Path, settings: Settings) -> Seal:
    """The seal of the records at a path; its key is made where there is none yet. Raises Corrupt for what is no key."""
    named = settings.accounts_key_file
    return Seal(make_key(Path(named) if named else records.with_name(KEY_NAME), "accounts"))


def seal_all(connection: Connection, seal: Seal) -> int:
    """Seals what versions before this one kept as it was; how many secrets that were."""
    rows = connection.execute(select(totp_secrets.c.account, totp_secrets.c.secret)).all()
    bare = [(row.account, row.secret) for row in rows if len(row.secret) == _BARE_BYTES]
    for account, secret in bare:
        sealed = seal.seal(secret, account)
        connection.execute(update(totp_secrets).where(totp_secrets.c.account == account).values(secret=sealed))
    return len(bare)


def _of(account: int) -> bytes:
    return b"totp %d" % account
