import pytest

from sagittal.access import accounts, tickets
from sagittal.access.accounts import NewAccount
from sagittal.access.tickets import Ticket
from sagittal.archive.records.records import Records
from sagittal.errors import Refused
from support.records import Clock


async def issue(records: Records, clock: Clock, content: str = "{}") -> str:
    return await records.write(lambda c: tickets.issue(c, "oidc", content, now_ns=clock(), lifetime_s=60))


async def test_a_ticket_is_good_once(records: Records, clock: Clock) -> None:
    secret = await issue(records, clock, "kept")
    assert await records.write(lambda c: tickets.take(c, "oidc", secret, clock())) == Ticket(0, "kept")
    with pytest.raises(Refused):
        await records.write(lambda c: tickets.take(c, "oidc", secret, clock()))


async def test_a_ticket_is_good_for_a_while(records: Records, clock: Clock) -> None:
    secret = await issue(records, clock)
    clock.pass_s(60)
    with pytest.raises(Refused):
        await records.write(lambda c: tickets.take(c, "oidc", secret, clock()))


async def test_a_ticket_of_one_kind_is_none_of_another(records: Records, clock: Clock) -> None:
    secret = await issue(records, clock)
    with pytest.raises(Refused):
        await records.write(lambda c: tickets.take(c, "passkey", secret, clock()))


@pytest.mark.parametrize("secret", ["", "x", "A" * 43])
async def test_what_was_not_issued_is_none(records: Records, clock: Clock, secret: str) -> None:
    with pytest.raises(Refused):
        await records.write(lambda c: tickets.take(c, "oidc", secret, clock()))


async def is_open(records: Records, clock: Clock, secret: str) -> bool:
    try:
        await records.read(lambda c: tickets.look(c, "oidc", secret, clock()))
    except Refused:
        return False
    return True


async def test_who_asks_without_end_makes_the_oldest_go_and_keeps_nobody_out(
    records: Records, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tickets, "MOST_TICKETS", 3)
    other = await records.write(lambda c: tickets.issue(c, "passkey", "", now_ns=clock(), lifetime_s=60))
    issued = []
    for _ in range(5):
        clock.pass_s(1)
        issued.append(await issue(records, clock))
    assert [await is_open(records, clock, secret) for secret in issued] == [False, False, True, True, True]
    await records.read(lambda c: tickets.look(c, "passkey", other, clock()))


async def test_one_account_has_only_so_many(records: Records, clock: Clock) -> None:
    jo = await records.write(lambda c: accounts.create(c, NewAccount("jo"), (), clock()))
    first = await issue(records, clock)
    for _ in range(tickets.MOST_OF_ACCOUNT + 3):
        clock.pass_s(1)
        await records.write(lambda c: tickets.issue(c, "oidc", "", now_ns=clock(), lifetime_s=60, account=jo))
    ((count,),) = await records.fetch("SELECT count(*) FROM tickets WHERE account IS NOT NULL", ())
    assert count == tickets.MOST_OF_ACCOUNT
    assert await is_open(records, clock, first)


async def test_only_a_digest_is_kept(records: Records, clock: Clock) -> None:
    secret = await issue(records, clock)
    rows = await records.fetch("SELECT * FROM tickets", ())
    assert secret not in repr(rows)
    assert secret.encode() not in rows[0][0]
