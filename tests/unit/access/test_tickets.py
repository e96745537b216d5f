import pytest

from sagittal.access import tickets
from sagittal.access.secrets import new_secret
from sagittal.access.tickets import Ticket
from sagittal.archive.records.records import Records
from sagittal.errors import Exhausted, Refused
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


@pytest.mark.parametrize("secret", ["", "x", new_secret()])
async def test_what_was_not_issued_is_none(records: Records, clock: Clock, secret: str) -> None:
    with pytest.raises(Refused):
        await records.write(lambda c: tickets.take(c, "oidc", secret, clock()))


async def test_there_are_only_so_many_and_those_out_of_time_make_room(
    records: Records, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tickets, "MOST_TICKETS", 3)
    for _ in range(3):
        await issue(records, clock)
    with pytest.raises(Exhausted):
        await issue(records, clock)
    clock.pass_s(61)
    await issue(records, clock)


async def test_only_a_digest_is_kept(records: Records, clock: Clock) -> None:
    secret = await issue(records, clock)
    rows = await records.fetch("SELECT * FROM tickets", ())
    assert secret not in repr(rows)
    assert secret.encode() not in rows[0][0]
