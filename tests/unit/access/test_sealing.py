"""Secrets that have to be read again lie in the records sealed."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import update

from sagittal.access import accounts, totp
from sagittal.access.accounts import NewAccount
from sagittal.access.sealing import KEY_NAME, Seal, seal_all, seal_of
from sagittal.access.totp import STEP_S, code_at
from sagittal.archive.records.credentials import totp_secrets
from sagittal.archive.records.records import Records
from sagittal.errors import Corrupt
from sagittal.runtime.settings import Settings
from support.records import SEAL, Clock


@given(st.binary(max_size=64), st.integers(0, 2**31))
def test_what_was_sealed_is_opened_for_its_account_alone(secret: bytes, account: int) -> None:
    sealed = SEAL.seal(secret, account)
    assert SEAL.open(sealed, account) == secret
    assert SEAL.seal(secret, account) != sealed
    for seal, whose in ((SEAL, account + 1), (Seal(bytes(31) + b"\x01"), account)):
        with pytest.raises(Corrupt):
            seal.open(sealed, whose)


@given(st.binary(max_size=80))
def test_what_is_not_sealed_is_not_opened(anything: bytes) -> None:
    with pytest.raises(Corrupt):
        SEAL.open(anything, 1)


async def with_app(records: Records, clock: Clock) -> tuple[int, bytes, tuple[str, ...]]:
    account = await records.write(lambda c: accounts.create(c, NewAccount("jo"), (), clock()))
    secret = await records.write(lambda c: totp.begin(c, account, SEAL))
    code = code_at(secret, clock() // 10**9 // STEP_S)
    codes = await records.write(lambda c: totp.confirm(c, account, code, clock(), SEAL))
    clock.pass_s(STEP_S)
    return account, secret, codes


async def test_the_records_alone_do_not_tell_the_secret(records: Records, clock: Clock) -> None:
    _, secret, _ = await with_app(records, clock)
    with closing(sqlite3.connect(records.path)) as other:
        assert secret not in b"".join(row[0] for row in other.execute("SELECT secret FROM totp_secrets"))
    kept = records.path.read_bytes() + records.path.with_name(f"{records.path.name}-wal").read_bytes()
    assert secret not in kept


async def test_what_lay_open_is_sealed_once_and_works_on(records: Records, clock: Clock) -> None:
    account, secret, _ = await with_app(records, clock)
    await records.write(lambda c: c.execute(update(totp_secrets).values(secret=secret)))
    code = code_at(secret, clock() // 10**9 // STEP_S)
    assert not await records.write(lambda c: totp.accept(c, account, code, clock(), SEAL))
    assert [await records.write(lambda c: seal_all(c, SEAL)) for _ in range(2)] == [1, 0]
    assert await records.write(lambda c: totp.accept(c, account, code, clock(), SEAL))


async def test_who_has_lost_the_key_lets_people_in_by_their_recovery_codes(records: Records, clock: Clock) -> None:
    account, secret, codes = await with_app(records, clock)
    lost = Seal(b"x" * 32)
    code = code_at(secret, clock() // 10**9 // STEP_S)
    assert not await records.write(lambda c: totp.accept(c, account, code, clock(), lost))
    assert await records.write(lambda c: totp.accept(c, account, codes[0], clock(), lost))


def test_the_key_is_beside_the_records_or_where_the_site_says_and_of_one_user(tmp_path: Path) -> None:
    records, elsewhere = tmp_path / "records.db", tmp_path / "elsewhere.key"
    sealed = seal_of(records, Settings()).seal(b"secret", 1)
    assert seal_of(records, Settings()).open(sealed, 1) == b"secret"
    with pytest.raises(Corrupt):
        seal_of(records, Settings(accounts_key_file=str(elsewhere))).open(sealed, 1)
    assert [oct(path.stat().st_mode)[-3:] for path in (tmp_path / KEY_NAME, elsewhere)] == ["400", "400"]
    elsewhere.chmod(0o600)
    elsewhere.write_bytes(b"short")
    with pytest.raises(Corrupt, match="accounts key"):
        seal_of(records, Settings(accounts_key_file=str(elsewhere)))
