import pytest

from sagittal.access import accounts, totp
from sagittal.access.accounts import NewAccount
from sagittal.access.totp import STEP_S, code_at, step_of
from sagittal.archive.records.records import Records
from sagittal.errors import NotFound, Refused
from support.records import SEAL, Clock

RFC_SECRET = b"12345678901234567890"


@pytest.mark.parametrize(
    ("time_s", "code"),
    [
        (59, "287082"),
        (1111111109, "081804"),
        (1111111111, "050471"),
        (1234567890, "005924"),
        (2000000000, "279037"),
        (20000000000, "353130"),
    ],
)
def test_codes_are_those_of_rfc_6238_appendix_b(time_s: int, code: str) -> None:
    assert code_at(RFC_SECRET, time_s // STEP_S) == code


@pytest.mark.parametrize(("off_s", "is_taken"), [(-60, False), (-30, True), (0, True), (30, True), (60, False)])
def test_a_telephone_may_be_off_by_one_step(off_s: int, is_taken: bool) -> None:
    now_s = 1_800_000_000
    assert (step_of(RFC_SECRET, code_at(RFC_SECRET, (now_s + off_s) // STEP_S), now_s, 0) is not None) is is_taken


async def begun(records: Records, clock: Clock) -> tuple[int, bytes]:
    account = await records.write(lambda c: accounts.create(c, NewAccount("jo"), (), clock()))
    return account, await records.write(lambda c: totp.begin(c, account, SEAL))


def code(secret: bytes, clock: Clock, steps: int = 0) -> str:
    return code_at(secret, clock() // 1_000_000_000 // STEP_S + steps)


async def test_it_is_in_force_only_after_a_code_was_seen(records: Records, clock: Clock) -> None:
    account, secret = await begun(records, clock)
    assert not await records.read(lambda c: totp.is_on(c, account))
    assert not await records.write(lambda c: totp.accept(c, account, code(secret, clock), clock(), SEAL))
    with pytest.raises(Refused):
        await records.write(lambda c: totp.confirm(c, account, "000000x", clock(), SEAL))
    await records.write(lambda c: totp.confirm(c, account, code(secret, clock), clock(), SEAL))
    assert await records.read(lambda c: totp.is_on(c, account))


async def test_a_code_is_taken_once_and_none_before_it(records: Records, clock: Clock) -> None:
    account, secret = await begun(records, clock)
    await records.write(lambda c: totp.confirm(c, account, code(secret, clock), clock(), SEAL))
    assert not await records.write(lambda c: totp.accept(c, account, code(secret, clock), clock(), SEAL))
    clock.pass_s(STEP_S)
    assert await records.write(lambda c: totp.accept(c, account, code(secret, clock, 1), clock(), SEAL))
    assert not await records.write(lambda c: totp.accept(c, account, code(secret, clock), clock(), SEAL))
    clock.pass_s(2 * STEP_S)
    assert await records.write(lambda c: totp.accept(c, account, code(secret, clock), clock(), SEAL))


async def test_a_recovery_code_opens_once_however_it_is_written(records: Records, clock: Clock) -> None:
    account, secret = await begun(records, clock)
    codes = await records.write(lambda c: totp.confirm(c, account, code(secret, clock), clock(), SEAL))
    assert len(set(codes)) == 10
    written = codes[3].upper().replace("-", " ")
    assert await records.write(lambda c: totp.accept(c, account, written, clock(), SEAL))
    assert not await records.write(lambda c: totp.accept(c, account, written, clock(), SEAL))
    assert await records.read(lambda c: totp.recovery_codes_left(c, account)) == 9


async def test_new_recovery_codes_make_the_old_ones_void(records: Records, clock: Clock) -> None:
    account, secret = await begun(records, clock)
    old = await records.write(lambda c: totp.confirm(c, account, code(secret, clock), clock(), SEAL))
    new = await records.write(lambda c: totp.renew_recovery_codes(c, account))
    assert not await records.write(lambda c: totp.accept(c, account, old[0], clock(), SEAL))
    assert await records.write(lambda c: totp.accept(c, account, new[0], clock(), SEAL))


async def test_a_factor_in_force_is_not_replaced_but_taken_off(records: Records, clock: Clock) -> None:
    account, secret = await begun(records, clock)
    await records.write(lambda c: totp.confirm(c, account, code(secret, clock), clock(), SEAL))
    with pytest.raises(Refused):
        await records.write(lambda c: totp.begin(c, account, SEAL))
    with pytest.raises(Refused):
        await records.write(lambda c: totp.confirm(c, account, code(secret, clock), clock(), SEAL))
    assert await records.write(lambda c: totp.remove(c, account))
    assert not await records.read(lambda c: totp.is_on(c, account))
    assert await records.read(lambda c: totp.recovery_codes_left(c, account)) == 0


async def test_there_is_nothing_to_confirm_that_was_not_begun(records: Records, clock: Clock) -> None:
    account = await records.write(lambda c: accounts.create(c, NewAccount("jo"), (), clock()))
    with pytest.raises(NotFound):
        await records.write(lambda c: totp.confirm(c, account, "000000", clock(), SEAL))
