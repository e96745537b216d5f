"""Time-based one-time passwords (RFC 6238), as authenticator apps show them, and recovery codes.

SHA-1, six digits, thirty seconds: the only parameters that every app takes.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable
from urllib.parse import quote

from sqlalchemy import Connection, Update, delete, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from sagittal.access.sealing import Seal
from sagittal.access.secrets import digest_of
from sagittal.archive.records.credentials import recovery_codes, totp_secrets
from sagittal.errors import Corrupt, NotFound, Refused
from sagittal.runtime.log import get_logger

log = get_logger(__name__)

STEP_S = 30
DIGITS = 6
DRIFT_STEPS = 1
"""How far the clock of somebody's telephone may be off, either way."""

_SECRET_BYTES = 20  # RFC 4226 Section 4: as long as the digest
_RECOVERY_CODES = 10
_RECOVERY_BYTES = 10


def code_at(secret: bytes, step: int) -> str:
    """The code of a step of 30 s since 1970 (RFC 4226 Section 5.3).

    >>> code_at(b"12345678901234567890", 59 // STEP_S)  # RFC 6238 Appendix B, the last six of eight digits
    '287082'
    """
    digest = hmac.digest(secret, step.to_bytes(8, "big"), hashlib.sha1)
    offset = digest[-1] & 0xF
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
    return f"{number % 10**DIGITS:0{DIGITS}}"


def step_of(secret: bytes, code: str, now_s: int, after: int) -> int | None:
    """The step whose code it is, among those that the clocks allow and that come after `after`; None if there is none.

    All of them are computed and compared, whichever it is.
    """
    said = code.replace(" ", "").encode("utf-8", "replace")
    found = None
    for step in range(now_s // STEP_S - DRIFT_STEPS, now_s // STEP_S + DRIFT_STEPS + 1):
        if hmac.compare_digest(code_at(secret, step).encode(), said) and step > after:
            found = step
    return found


def address_of(secret: bytes, issuer: str, name: str) -> str:
    """The otpauth address that a QR code of an authenticator app holds.

    >>> address_of(b"12345678901234567890", "Sagittal", "jo")
    'otpauth://totp/Sagittal:jo?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Sagittal'
    """
    return f"otpauth://totp/{quote(issuer)}:{quote(name)}?secret={shown(secret)}&issuer={quote(issuer)}"


def shown(secret: bytes) -> str:
    """A secret as people type it into an app."""
    return base64.b32encode(secret).decode().rstrip("=")


def begin(connection: Connection, account: int, seal: Seal) -> bytes:
    """Gives an account a new secret, which is in force once `confirm` has seen a code of it. Refused if one is."""
    if is_on(connection, account):
        raise Refused("the account has a second factor; take it off first")
    secret = secrets.token_bytes(_SECRET_BYTES)
    fresh = {"secret": seal.seal(secret, account), "confirmed_ns": 0, "last_step": 0}
    statement = upsert(totp_secrets).values(account=account, **fresh)
    connection.execute(statement.on_conflict_do_update(index_elements=["account"], set_=fresh))
    return secret


def begun(connection: Connection, account: int, seal: Seal) -> bytes:
    """The secret that waits to be confirmed; one is begun if none waits. Refused if one is in force."""
    waiting = select(totp_secrets.c.secret).where(totp_secrets.c.account == account, totp_secrets.c.confirmed_ns == 0)
    kept = connection.execute(waiting).scalar()
    return seal.open(kept, account) if kept else begin(connection, account, seal)


def confirm(connection: Connection, account: int, code: str, now_ns: int, seal: Seal) -> tuple[str, ...]:
    """Puts the secret in force and gives the recovery codes, which are shown this once.

    Raises:
        NotFound: none was begun.
        Refused: it is not a code of it, or it is in force already.
        Corrupt: it is sealed under another key.
    """
    row = connection.execute(select(totp_secrets).where(totp_secrets.c.account == account)).one_or_none()
    if row is None:
        raise NotFound("the account has no second factor to confirm")
    if row.confirmed_ns:
        raise Refused("the account has a second factor; take it off first")
    step = step_of(seal.open(row.secret, account), code, now_ns // 1_000_000_000, row.last_step)
    if step is None:
        raise Refused("the code is not the one expected; is the clock of the telephone right?")
    connection.execute(_of(account).values(confirmed_ns=now_ns, last_step=step))
    return renew_recovery_codes(connection, account)


def is_on(connection: Connection, account: int) -> bool:
    """Whether the account is asked for codes."""
    confirmed = totp_secrets.c.confirmed_ns > 0
    statement = select(totp_secrets.c.account).where(totp_secrets.c.account == account, confirmed)
    return connection.execute(statement).first() is not None


def accept(connection: Connection, account: int, code: str, now_ns: int, seal: Seal) -> bool:
    """Takes a code, or else a recovery code, once: none is taken a second time, and no code before it.

    Where the key of the seal was lost recovery codes are good still.
    """
    row = connection.execute(select(totp_secrets).where(totp_secrets.c.account == account)).one_or_none()
    if row is None or not row.confirmed_ns:
        return False
    step = step_of(_opened(row.secret, account, seal), code, now_ns // 1_000_000_000, row.last_step)
    if step is not None:
        connection.execute(_of(account).values(last_step=step))
        return True
    digest = digest_of("recovery", _bare(code))
    spent = delete(recovery_codes).where(recovery_codes.c.account == account, recovery_codes.c.digest == digest)
    return connection.execute(spent).rowcount == 1


def renew_recovery_codes(connection: Connection, account: int) -> tuple[str, ...]:
    """New codes in the place of all that were; each opens once where the telephone is lost."""
    codes = tuple(_grouped(secrets.token_bytes(_RECOVERY_BYTES)) for _ in range(_RECOVERY_CODES))
    connection.execute(delete(recovery_codes).where(recovery_codes.c.account == account))
    connection.execute(insert(recovery_codes), list(_rows(account, codes)))
    return codes


def recovery_codes_left(connection: Connection, account: int) -> int:
    """How many of them have not been used."""
    return len(connection.execute(select(recovery_codes.c.digest).where(recovery_codes.c.account == account)).all())


def remove(connection: Connection, account: int) -> bool:
    """Takes the second factor and its recovery codes away; whether there was one."""
    connection.execute(delete(recovery_codes).where(recovery_codes.c.account == account))
    return connection.execute(delete(totp_secrets).where(totp_secrets.c.account == account)).rowcount == 1


def _opened(sealed: bytes, account: int, seal: Seal) -> bytes:
    """The secret; where it cannot be opened another, of which nobody knows a code."""
    try:
        return seal.open(sealed, account)
    except Corrupt as error:
        log.error("a second factor cannot be checked", error=str(error))
        return secrets.token_bytes(_SECRET_BYTES)


def _of(account: int) -> Update:
    return update(totp_secrets).where(totp_secrets.c.account == account)


def _rows(account: int, codes: Iterable[str]) -> Iterable[dict[str, object]]:
    return ({"account": account, "digest": digest_of("recovery", _bare(code))} for code in codes)


def _grouped(random: bytes) -> str:
    text = base64.b32encode(random).decode().lower()
    return "-".join(text[at : at + 4] for at in range(0, len(text), 4))


def _bare(code: str) -> str:
    """A recovery code as it is compared: people leave out hyphens and write capitals."""
    return "".join(letter for letter in code.lower() if letter.isalnum())[:64]
