"""Attempts to sign in: each failure makes the next one wait longer, by name and by address; nobody is locked out.

    counted by        free failures   then waits        up to
    name              5               1, 2, 4, ... s    1 min
    name at address   5               1, 2, 4, ... s    15 min   in the place of the name, where it is familiar
    address           20              1, 2, 4, ... s    15 min

A name that signed in well from an address within 90 days is familiar there: failures from elsewhere do not make it
wait, so that whoever tries out an administrator's name from outside keeps no administrator from working. While somebody
waits, what they say is not looked at. It is counted before it is looked at, so that many at one time gain nothing.
"""

from ipaddress import IPv6Address, ip_address
from typing import NamedTuple

from sqlalchemy import Connection, delete, func, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from sagittal.access.secrets import digest_of
from sagittal.archive.records.credentials import attempts
from sagittal.errors import Refused

SECOND_NS = 1_000_000_000
FORGOTTEN_NS = 24 * 3600 * SECOND_NS
"""Failures so long after the last one begin to be counted anew."""
FAMILIAR_NS = 90 * 24 * 3600 * SECOND_NS
_SWEPT_NS = 600 * SECOND_NS
MOST_ROWS = 100_000
"""Kept at most; those longest ago go first, so that whoever makes up names does not fill the disk."""


class TooManyAttempts(Refused):
    """The next attempt is looked at only after a while.

    Attributes:
        retry_after_s: how long that is.
    """

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"too many attempts; the next one is looked at in {retry_after_s} s")
        self.retry_after_s = retry_after_s


class Limit(NamedTuple):
    """How one counter makes people wait."""

    free: int
    longest_s: int

    def wait_s(self, failures: int) -> int:
        """How long the attempt after so many failures waits.

        >>> [Limit(5, 60).wait_s(failures) for failures in (4, 5, 6, 7, 8, 100)]
        [0, 1, 2, 4, 8, 60]
        """
        over = failures - self.free
        return 0 if over < 0 else min(self.longest_s, 1 << min(over, 20))


BY_NAME = Limit(5, 60)
BY_NAME_AT_ADDRESS = Limit(5, 900)
BY_ADDRESS = Limit(20, 900)


class Counter(NamedTuple):
    """Where failures are counted: the digest of who or what, and how it makes wait."""

    key: bytes
    limit: Limit


class Attempt(NamedTuple):
    """One that was counted; `succeeded` takes it back."""

    counters: tuple[Counter, ...]
    at_address: bytes


def begin(connection: Connection, name: str, address: str, now_ns: int) -> Attempt:
    """Counts an attempt as failed, which it is until `succeeded`.

    Args:
        connection: inside a transaction.
        name: whom it would sign in (an account, a share link); `""` for one that names nobody, as with a passkey.
        address: where it comes from; `""` for this machine.
        now_ns: the time.

    Raises:
        TooManyAttempts: it is not to be looked at; the same whether there is such a name or not.
    """
    _sweep_at_times(connection, now_ns)
    pair = _key("pair", name, network_of(address))
    is_familiar = _familiar_ns(connection, pair) > now_ns - FAMILIAR_NS
    by_name = Counter(pair, BY_NAME_AT_ADDRESS) if is_familiar else Counter(_key("name", name), BY_NAME)
    by_address = (Counter(_key("address", network_of(address)), BY_ADDRESS),) if address else ()
    attempt = Attempt(((by_name,) if name else ()) + by_address, pair)
    wait_ns = max((_until_ns(connection, counter) for counter in attempt.counters), default=0) - now_ns
    if wait_ns > 0:
        raise TooManyAttempts(-(-wait_ns // SECOND_NS))
    for counter in attempt.counters:
        _count(connection, counter, now_ns)
    return attempt


def succeeded(connection: Connection, attempt: Attempt, now_ns: int) -> None:
    """Forgets the failures of the name, takes this one from those of the address, and makes the two familiar."""
    take_back(connection, attempt)
    connection.execute(update(attempts).where(attempts.c.key == attempt.counters[0].key).values(failures=0))
    fresh = {"familiar_ns": now_ns, "last_ns": now_ns}
    statement = upsert(attempts).values(key=attempt.at_address, **fresh)
    connection.execute(statement.on_conflict_do_update(index_elements=["key"], set_=fresh))


def take_back(connection: Connection, attempt: Attempt) -> None:
    """As if the attempt had not been: it went well, but there is more to ask before anybody is signed in."""
    for counter in attempt.counters:
        fewer = {"failures": func.max(attempts.c.failures - 1, 0), "until_ns": 0}
        connection.execute(update(attempts).where(attempts.c.key == counter.key).values(fewer))


def sweep(connection: Connection, now_ns: int) -> None:
    """Lets go what is long ago."""
    is_old = (attempts.c.last_ns < now_ns - FORGOTTEN_NS) & (attempts.c.familiar_ns < now_ns - FAMILIAR_NS)
    connection.execute(delete(attempts).where(is_old))
    newest = select(attempts.c.last_ns).order_by(attempts.c.last_ns.desc()).limit(1).offset(MOST_ROWS)
    connection.execute(delete(attempts).where(attempts.c.last_ns <= newest.scalar_subquery()))


def _sweep_at_times(connection: Connection, now_ns: int) -> None:
    newest_ns = connection.execute(select(func.max(attempts.c.last_ns))).scalar() or 0
    if newest_ns // _SWEPT_NS != now_ns // _SWEPT_NS:
        sweep(connection, now_ns)


def network_of(address: str) -> str:
    """What one machine is likely to have of addresses: an IPv4 address, or the first 64 bits of an IPv6 one.

    >>> network_of("2001:db8::1:2:3:4"), network_of("192.0.2.1"), network_of("::ffff:192.0.2.1")
    ('2001:db8::', '192.0.2.1', '192.0.2.1')
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    return str(parsed.ipv4_mapped or IPv6Address(int(parsed) >> 64 << 64))


def _key(kind: str, *parts: str) -> bytes:
    return digest_of("attempt", "\0".join((kind, *parts)))


def _familiar_ns(connection: Connection, key: bytes) -> int:
    return connection.execute(select(attempts.c.familiar_ns).where(attempts.c.key == key)).scalar() or 0


def _until_ns(connection: Connection, counter: Counter) -> int:
    return connection.execute(select(attempts.c.until_ns).where(attempts.c.key == counter.key)).scalar() or 0


def _count(connection: Connection, counter: Counter, now_ns: int) -> None:
    row = connection.execute(select(attempts).where(attempts.c.key == counter.key)).one_or_none()
    is_recent = row is not None and row.last_ns > now_ns - FORGOTTEN_NS
    failures = (row.failures if row is not None and is_recent else 0) + 1
    until_ns = now_ns + counter.limit.wait_s(failures) * SECOND_NS
    fresh = {"failures": failures, "last_ns": now_ns, "until_ns": until_ns if until_ns > now_ns else 0}
    statement = upsert(attempts).values(key=counter.key, **fresh)
    connection.execute(statement.on_conflict_do_update(index_elements=["key"], set_=fresh))
