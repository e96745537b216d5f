import pytest

from sagittal.access import accounts, first_start
from sagittal.access.accounts import NewAccount
from sagittal.access.first_start import check_exposure
from sagittal.archive.records.records import Records
from sagittal.errors import Refused
from sagittal.runtime.settings import Settings
from support.records import Clock

ME = NewAccount("me", password="$hash")


async def test_the_link_makes_one_administrator_and_no_second(records: Records, clock: Clock) -> None:
    secret = await records.write(lambda c: first_start.invite(c, clock()))
    number = await records.write(lambda c: first_start.accept(c, secret, ME, clock()))
    assert (await records.read(lambda c: accounts.get(c, number))).roles == (first_start.ADMINISTRATOR,)
    for attempt in (
        lambda c: first_start.accept(c, secret, NewAccount("you"), clock()),
        lambda c: first_start.invite(c, clock()),
        lambda c: first_start.check(c, secret, clock()),
    ):
        with pytest.raises(Refused):
            await records.write(attempt)


async def test_only_the_newest_link_is_good_and_not_for_ever(records: Records, clock: Clock) -> None:
    first = await records.write(lambda c: first_start.invite(c, clock()))
    second = await records.write(lambda c: first_start.invite(c, clock()))
    await records.read(lambda c: first_start.check(c, second, clock()))
    with pytest.raises(Refused):
        await records.write(lambda c: first_start.accept(c, first, ME, clock()))
    clock.pass_s(first_start.LIFETIME_S)
    with pytest.raises(Refused):
        await records.write(lambda c: first_start.accept(c, second, ME, clock()))


async def test_a_name_that_is_refused_leaves_the_link_good(records: Records, clock: Clock) -> None:
    secret = await records.write(lambda c: first_start.invite(c, clock()))
    with pytest.raises(Exception, match="name"):
        await records.write(lambda c: first_start.accept(c, secret, NewAccount(""), clock()))
    await records.write(lambda c: first_start.accept(c, secret, ME, clock()))


async def test_an_account_made_otherwise_makes_the_link_void(records: Records, clock: Clock) -> None:
    secret = await records.write(lambda c: first_start.invite(c, clock()))
    await records.write(lambda c: accounts.create(c, ME, (first_start.ADMINISTRATOR,), clock()))
    with pytest.raises(Refused):
        await records.write(lambda c: first_start.accept(c, secret, NewAccount("you"), clock()))


HERE = {"http": "127.0.0.1:8080", "dicom": "[::1]:104"}


@pytest.mark.parametrize(
    ("told", "has_account", "is_open", "way_on"),
    [
        (HERE, False, False, None),
        (HERE, False, True, None),
        ({**HERE, "http": "", "dicom": ""}, False, False, None),
        ({**HERE, "http": "0.0.0.0:80"}, False, False, "user add"),
        ({**HERE, "dicom": "[::]:104"}, False, False, "user add"),
        ({**HERE, "http": "0.0.0.0:80"}, True, False, "http_tls_certificate"),
        ({**HERE, "http": "pacs:80"}, True, False, "trusted_proxies"),
        ({**HERE, "http": "0.0.0.0:80", "http_tls_certificate": "c.pem"}, True, False, None),
        ({**HERE, "http": "0.0.0.0:80", "trusted_proxies": ("10.0.0.1",)}, True, False, None),
        ({**HERE, "http": "0.0.0.0:80", "trusted_proxies": ("10.0.0.1",)}, False, False, "user add"),
        ({**HERE, "dicom": "0.0.0.0:104"}, True, False, None),
        ({**HERE, "dicom": "0.0.0.0:104"}, True, True, "--open"),
        ({**HERE, "http": "192.0.2.1:80", "http_tls_certificate": "c.pem"}, True, True, "--open"),
    ],
)
def test_nobody_outside_is_listened_to_before_that_is_safe(
    told: dict[str, object], has_account: bool, is_open: bool, way_on: str | None
) -> None:
    settings = Settings(**told)  # type: ignore[arg-type]  # as from a file
    if way_on is None:
        check_exposure(settings, has_account=has_account, is_open=is_open)
    else:
        with pytest.raises(Refused, match=way_on):
            check_exposure(settings, has_account=has_account, is_open=is_open)
