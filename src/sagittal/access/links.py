"""Share links: whoever has one sees a study or a series, for a while, as often as its maker said."""

from typing import NamedTuple

from sqlalchemy import Connection, Row, insert, or_, select, update

from sagittal.access import sessions, version
from sagittal.access.secrets import digest_of, is_secret, new_secret, untold
from sagittal.archive.records.credentials import accounts, links
from sagittal.errors import Invalid, NotFound
from sagittal.runtime.actor import EVERYWHERE, Action, Grant

PATH = "/link/"
"""In front of a link's name in its address."""

LEAST_PIN_CHARACTERS, MOST_PIN_CHARACTERS = 4, 64

VIEW: frozenset[Action] = frozenset({"query", "read"})
DOWNLOAD: frozenset[Action] = frozenset({"query", "read", "export"})


class Link(NamedTuple):
    """A link as whoever made it sees it.

    Attributes:
        account: number of who made it; 0 for the command line.
        facility: whose study it is.
        series_instance_uid: `""` for all of the study.
        has_pin: whether a PIN is asked for.
        expires_ns: 0 for never.
        openings_left: None for as many as there may be.
        openings: how often it was opened.
        revoked_ns: 0 for one that was not revoked.
        is_orphan: the account of who made it is disabled: it is not good while that is so.
    """

    id: int
    account: int
    facility: str
    study_instance_uid: str
    series_instance_uid: str
    allows_download: bool
    has_pin: bool
    created_ns: int
    expires_ns: int
    openings_left: int | None
    openings: int
    opened_ns: int
    revoked_ns: int
    is_orphan: bool

    def is_good(self, now_ns: int) -> bool:
        """Whether it can be opened once more."""
        return self.is_in_force(now_ns) and self.openings_left != 0

    def is_in_force(self, now_ns: int) -> bool:
        """Whether what it opened stays open: its last opening was one."""
        return not self.revoked_ns and not self.is_orphan and (not self.expires_ns or now_ns < self.expires_ns)

    def grants(self) -> tuple[Grant, ...]:
        """What those who open it may do."""
        return (Grant(DOWNLOAD if self.allows_download else VIEW, "linked", EVERYWHERE),)


@untold("pin")
class NewLink(NamedTuple):
    """What a link is made of. `pin` is its hash (`passwords.hash_password`), `""` for none."""

    study_instance_uid: str
    series_instance_uid: str = ""
    account: int = 0
    facility: str = "local"
    allows_download: bool = False
    pin: str = ""
    expires_ns: int = 0
    openings: int | None = None


def check_pin(pin: str) -> str:
    """The PIN itself, or Invalid saying what one is like."""
    if not LEAST_PIN_CHARACTERS <= len(pin) <= MOST_PIN_CHARACTERS:
        raise Invalid(f"a PIN is to have {LEAST_PIN_CHARACTERS} to {MOST_PIN_CHARACTERS} characters")
    return pin


def create(connection: Connection, new: NewLink, now_ns: int) -> tuple[int, str]:
    """Makes a link; gives its number, and the random name that its address has, which is shown this once."""
    if not new.study_instance_uid:
        raise Invalid("a link is to a study")
    if new.openings is not None and new.openings < 1:
        raise Invalid("a link is to be opened at least once")
    if new.expires_ns and new.expires_ns <= now_ns:
        raise Invalid("a link is to expire in the future")
    name = new_secret()
    row = {
        "account": new.account or None,
        "digest": digest_of("link", name),
        "facility": new.facility,
        "study_instance_uid": new.study_instance_uid,
        "series_instance_uid": new.series_instance_uid,
        "allows_download": int(new.allows_download),
        "pin": new.pin,
        "created_ns": now_ns,
        "expires_ns": new.expires_ns,
        "openings_left": new.openings,
    }
    (number,) = connection.execute(insert(links).values(row)).inserted_primary_key or (0,)
    return int(number), name


def find(connection: Connection, name: str, now_ns: int) -> Link:
    """The link of a name, if it can be opened.

    Raises:
        NotFound: it cannot; the same whether it never was, is revoked, used up or out of time.
    """
    row = None
    if is_secret(name):
        row = connection.execute(_SELECT.where(links.c.digest == digest_of("link", name))).one_or_none()
    link = None if row is None else _link(row)
    if link is None or not link.is_good(now_ns):
        raise NotFound("nothing is to be seen under this link, or not any more")
    return link


def get(connection: Connection, number: int) -> Link:
    """The link of a number. Raises NotFound."""
    row = connection.execute(_SELECT.where(links.c.id == number)).one_or_none()
    if row is None:
        raise NotFound(f"no link has the number {number}")
    return _link(row)


def pin_of(connection: Connection, number: int) -> str:
    """The hash of a link's PIN, `""` if it has none."""
    return connection.execute(select(links.c.pin).where(links.c.id == number)).scalar() or ""


def count_opening(connection: Connection, number: int, now_ns: int) -> None:
    """Takes one of the openings. Raises NotFound if none is left or the link is not good any more."""
    is_left = or_(links.c.openings_left.is_(None), links.c.openings_left > 0)
    is_in_time = or_(links.c.expires_ns == 0, links.c.expires_ns > now_ns)
    statement = update(links).where(links.c.id == number, links.c.revoked_ns == 0, is_left, is_in_time)
    fewer = {
        "openings_left": links.c.openings_left - 1,
        "openings": links.c.openings + 1,
        "opened_ns": now_ns,
    }
    if connection.execute(statement.values(fewer)).rowcount != 1:
        raise NotFound("nothing is to be seen under this link, or not any more")


def every(connection: Connection, *, account: int | None = None, study: str = "") -> tuple[Link, ...]:
    """All links, those that an account made (0: the command line), those to a study; the newest first."""
    statement = _SELECT.order_by(links.c.id.desc())
    if account is not None:
        statement = statement.where(links.c.account == account if account else links.c.account.is_(None))
    if study:
        statement = statement.where(links.c.study_instance_uid == study)
    return tuple(map(_link, connection.execute(statement).all()))


def revoke(connection: Connection, number: int, now_ns: int, account: int = 0) -> None:
    """Makes a link void at once, and ends what it opened; of one account, where that is named. Raises NotFound."""
    its = (links.c.id == number) & (links.c.revoked_ns == 0)
    its &= links.c.account == account if account else links.c.id > 0
    if connection.execute(update(links).where(its).values(revoked_ns=now_ns)).rowcount != 1:
        raise NotFound(f"no link that is good has the number {number}")
    sessions.end_of_link(connection, number)
    version.count_up(connection)


_SELECT = select(links, accounts.c.is_disabled).join_from(links, accounts, isouter=True)


def _link(row: Row[tuple[object, ...]]) -> Link:
    return Link(
        row.id,
        row.account or 0,
        row.facility,
        row.study_instance_uid,
        row.series_instance_uid,
        bool(row.allows_download),
        bool(row.pin),
        row.created_ns,
        row.expires_ns,
        row.openings_left,
        row.openings,
        row.opened_ns,
        row.revoked_ns,
        bool(row.is_disabled),
    )
