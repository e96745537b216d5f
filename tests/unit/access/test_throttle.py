import pytest

from sagittal.access import throttle
from sagittal.access.throttle import Attempt, TooManyAttempts
from sagittal.archive.records.records import Records
from support.records import SECOND_NS, Clock

HERE, THERE = "192.0.2.1", "198.51.100.9"
DAY_S = 24 * 3600


async def attempt(records: Records, clock: Clock, name: str = "jo", address: str = HERE) -> Attempt:
    return await records.write(lambda c: throttle.begin(c, name, address, clock()))


async def wait_s(records: Records, clock: Clock, name: str = "jo", address: str = HERE) -> int:
    """How long one would have to wait now; it is not counted."""
    try:
        counted = await attempt(records, clock, name, address)
    except TooManyAttempts as error:
        return error.retry_after_s
    await records.write(lambda c: throttle.take_back(c, counted))
    return 0


async def succeed(records: Records, clock: Clock, name: str = "jo", address: str = HERE) -> None:
    counted = await attempt(records, clock, name, address)
    await records.write(lambda c: throttle.succeeded(c, counted, clock()))


async def fail(records: Records, clock: Clock, times: int, name: str = "jo", address: str = HERE) -> None:
    """Fails, waiting as long as is asked each time."""
    for _ in range(times):
        clock.pass_s(await wait_s(records, clock, name, address))
        await attempt(records, clock, name, address)


async def test_after_some_failures_each_makes_the_next_one_wait_longer(records: Records, clock: Clock) -> None:
    waits = []
    for _ in range(12):
        await fail(records, clock, 1)
        waits.append(await wait_s(records, clock))
    assert waits == [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60]


async def test_a_name_waits_wherever_it_is_tried_from(records: Records, clock: Clock) -> None:
    for number in range(6):
        await fail(records, clock, 1, address=f"203.0.113.{number}")
    assert await wait_s(records, clock, address=THERE) > 0


async def test_an_address_waits_whatever_name_it_tries(records: Records, clock: Clock) -> None:
    for number in range(21):
        await fail(records, clock, 1, name=f"name {number}")
    assert await wait_s(records, clock, name="another") > 0
    assert await wait_s(records, clock, name="another", address=THERE) == 0


async def test_failures_from_elsewhere_keep_nobody_out_where_they_sign_in_from(records: Records, clock: Clock) -> None:
    await succeed(records, clock, address=HERE)
    await fail(records, clock, 50, address=THERE)
    assert await wait_s(records, clock, address=HERE) == 0


async def test_a_name_is_familiar_for_a_while_only(records: Records, clock: Clock) -> None:
    await succeed(records, clock, address=HERE)
    clock.pass_s(91 * DAY_S)
    await fail(records, clock, 10, address=THERE)
    assert await wait_s(records, clock, address=HERE) > 0


async def test_nobody_waits_longer_than_a_quarter_of_an_hour(records: Records, clock: Clock) -> None:
    await fail(records, clock, 60)
    assert await wait_s(records, clock) <= 900


async def test_waiting_is_not_made_longer_by_trying_meanwhile(records: Records, clock: Clock) -> None:
    await fail(records, clock, 10)
    before = await wait_s(records, clock)
    for _ in range(20):
        with pytest.raises(TooManyAttempts):
            await attempt(records, clock)
    assert await wait_s(records, clock) == before


async def test_success_forgets_the_failures_of_the_name_but_not_of_the_address(records: Records, clock: Clock) -> None:
    for number in range(15):
        await fail(records, clock, 1, name=f"name {number}")
    await fail(records, clock, 4)
    await succeed(records, clock)
    await fail(records, clock, 4)
    assert await wait_s(records, clock, name="another") > 0
    assert await wait_s(records, clock, address=THERE) == 0


async def test_many_at_one_time_gain_nothing(records: Records, clock: Clock) -> None:
    looked_at = 0
    for _ in range(100):
        try:
            await attempt(records, clock)
        except TooManyAttempts:
            continue
        looked_at += 1
    assert looked_at == 5


async def test_failures_are_counted_over_a_restart(records: Records, clock: Clock) -> None:
    await fail(records, clock, 8)
    again = Records(records.path)
    try:
        assert await wait_s(again, clock) == 8
    finally:
        again.close()


async def test_failures_are_forgotten_after_a_day(records: Records, clock: Clock) -> None:
    await fail(records, clock, 10)
    clock.pass_s(DAY_S + 1)
    await attempt(records, clock)
    assert await wait_s(records, clock) == 0


async def test_addresses_of_one_network_count_as_one(records: Records, clock: Clock) -> None:
    for number in range(21):
        await fail(records, clock, 1, name=f"name {number}", address=f"2001:db8::{number:x}")
    assert await wait_s(records, clock, name="another", address="2001:db8::ffff") > 0
    assert await wait_s(records, clock, name="another", address="2001:db8:1::1") == 0


async def test_what_is_long_ago_goes_and_what_is_recent_stays(records: Records, clock: Clock) -> None:
    await fail(records, clock, 10)
    clock.pass_s(2 * DAY_S)
    await fail(records, clock, 10, name="another")
    await records.write(lambda c: throttle.sweep(c, clock()))
    (rows,) = (await records.fetch("SELECT count(*) FROM attempts", ()))[0]
    assert rows == 2
    assert await wait_s(records, clock, name="another") > 0


async def test_made_up_names_do_not_fill_the_disk(
    records: Records, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttle, "MOST_ROWS", 10)
    for number in range(30):
        clock.now_ns += SECOND_NS
        name, address = f"name {number}", f"203.0.113.{number}"
        await attempt(records, clock, name, address)
    clock.pass_s(600)
    await records.write(lambda c: throttle.begin(c, "jo", "", clock()))
    (rows,) = (await records.fetch("SELECT count(*) FROM attempts", ()))[0]
    assert rows <= 11
