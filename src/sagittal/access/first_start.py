"""The first start: a link that is good once makes the first administrator; until then nobody outside is listened to."""

from collections.abc import Iterator
from ipaddress import ip_address

from sqlalchemy import Connection

from sagittal.access import accounts, tickets
from sagittal.access.accounts import NewAccount
from sagittal.errors import Refused
from sagittal.runtime.settings import RoleAt, Settings, parse_address

LIFETIME_S = 24 * 3600
ADMINISTRATOR = RoleAt("administrator", "*")


def invite(connection: Connection, now_ns: int, lifetime_s: int = LIFETIME_S) -> str:
    """A secret that makes the first administrator, once; those before it are void. Refused if there is an account."""
    _check_first(connection)
    tickets.withdraw(connection, "first administrator")
    return tickets.issue(connection, "first administrator", "", now_ns=now_ns, lifetime_s=lifetime_s)


def check(connection: Connection, secret: str, now_ns: int) -> None:
    """Raises Refused unless `accept` would take the secret."""
    _check_first(connection)
    tickets.look(connection, "first administrator", secret, now_ns)


def accept(connection: Connection, secret: str, new: NewAccount, now_ns: int) -> int:
    """Makes the first administrator and gives its number. Raises Refused if the secret is not good any more."""
    _check_first(connection)
    tickets.take(connection, "first administrator", secret, now_ns)
    return accounts.create(connection, new, (ADMINISTRATOR,), now_ns)


def _check_first(connection: Connection) -> None:
    if accounts.has_any(connection):
        raise Refused("this site has accounts; its administrators make others")


def check_exposure(settings: Settings, *, has_account: bool, is_open: bool = False) -> None:
    """Raises Refused, saying how to go on, if others than this machine would be listened to before that is safe.

    Args:
        settings: what is in force.
        has_account: whether an administrator was made.
        is_open: `--open`: everybody on this machine may do everything, and nobody else is listened to.
    """
    outside = tuple(_outside(settings))
    if not outside:
        return
    said = " and ".join(f"{name} = {address!r}" for name, address in outside)
    if is_open:
        raise Refused(f"--open is for this machine only, but {said}; listen on 127.0.0.1, or leave out --open")
    if not has_account:
        raise Refused(
            f"{said} would listen to others before there is an administrator; make one with `sagittal user add NAME "
            "--role administrator`, or listen on 127.0.0.1 and open the link that `sagittal serve` prints"
        )
    if "http" in dict(outside) and not settings.http_tls_certificate and not settings.trusted_proxies:
        raise Refused(
            f"http = {settings.http!r} would take passwords unencrypted; set http_tls_certificate, or name the proxy "
            "that encrypts in trusted_proxies, or listen on 127.0.0.1"
        )


def _outside(settings: Settings) -> Iterator[tuple[str, str]]:
    """The listeners that others than this machine reach, by the name of their setting."""
    for name, said in (("http", settings.http), ("dicom", settings.dicom)):
        if said and not is_loopback(parse_address(said, name)[0]):
            yield name, said


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address.

    >>> [is_loopback(host) for host in ("localhost", "127.8.8.8", "::1", "0.0.0.0", "::", "192.0.2.1", "pacs")]
    [True, True, True, False, False, False, False]
    """
    if host.casefold() == "localhost":
        return True
    try:
        parsed = ip_address(host)
    except ValueError:
        return False
    return parsed.is_loopback
