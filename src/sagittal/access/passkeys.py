"""Passkeys: several for an account, each with user verification, so that one is a second factor by itself.

Credentials are discoverable: nobody types a name. `ceremonies` asks for them and verifies them.
"""

from base64 import b64decode, b64encode
from typing import NamedTuple
from urllib.parse import urlsplit

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from sagittal.access import tickets, version
from sagittal.access.secrets import untold
from sagittal.archive.records.credentials import accounts, passkeys
from sagittal.errors import Conflict, Invalid, NotFound, Refused
from sagittal.runtime.settings import Settings, parse_address

LIFETIME_S = 300
MOST_OF_ACCOUNT = 20
MOST_LABEL_CHARACTERS = 100
_MOST_RESPONSE_CHARACTERS = 64 * 1024
_NOT_ONE_OF_OURS = "no passkey of an account here"


class RelyingParty(NamedTuple):
    """Who we are to authenticators: a name, and the origins that may speak for it."""

    id: str
    name: str
    origins: tuple[str, ...]


@untold("ticket")
class Asked(NamedTuple):
    """What the browser is to ask its authenticator (JSON), and the ticket that comes back with the answer."""

    ticket: str
    options: str


class Passkey(NamedTuple):
    """A passkey as its owner sees it."""

    id: int
    label: str
    is_backed_up: bool
    created_ns: int
    used_ns: int


def relying_party(settings: Settings, port: int = 0) -> RelyingParty:
    """Who we are, by `public_url`; without one, this machine by the name localhost, the only one without TLS.

    Args:
        settings: what is in force.
        port: that HTTP listens on, where the system chose it.

    >>> relying_party(Settings(public_url="https://PACS.example.org:8443"))
    RelyingParty(id='pacs.example.org', name='Sagittal', origins=('https://pacs.example.org:8443',))
    """
    if settings.public_url:
        url = urlsplit(settings.public_url)
        return _party(url.scheme, url.hostname or "", url.port)
    listened = parse_address(settings.http, "http")[1] if settings.http else 0
    return _party("https" if settings.http_tls_certificate else "http", "localhost", port or listened)


def _party(scheme: str, host: str, port: int | None) -> RelyingParty:
    """As browsers write an origin: letters of other scripts encoded, no port that goes without saying."""
    name = host if host.isascii() else host.encode("idna").decode()
    shown = f"[{name}]" if ":" in name else name
    is_said = port and port != {"https": 443, "http": 80}[scheme]
    return RelyingParty(name, "Sagittal", (f"{scheme}://{shown}:{port}" if is_said else f"{scheme}://{shown}",))


def begin_registration(connection: Connection, party: RelyingParty, account: int, now_ns: int) -> Asked:
    """Asks for a new passkey of somebody who is signed in. Refused if they have as many as there may be."""
    from sagittal.access import ceremonies

    person = connection.execute(select(accounts).where(accounts.c.id == account)).one()
    known = connection.execute(select(passkeys.c.credential_id).where(passkeys.c.account == account)).scalars().all()
    if len(known) >= MOST_OF_ACCOUNT:
        raise Refused(f"an account has at most {MOST_OF_ACCOUNT} passkeys; remove one first")
    question = ceremonies.ask_for_new(
        ceremonies.Party(*party),
        handle=person.user_handle,
        name=person.name,
        full_name=person.full_name or person.name,
        known=known,
        timeout_s=LIFETIME_S,
    )
    return _asked(connection, "new passkey", question.challenge, question.options, now_ns, account)


def finish_registration(
    connection: Connection, party: RelyingParty, ticket: str, response: str, *, account: int, label: str, now_ns: int
) -> int:
    """Keeps the passkey that the browser made and gives its number.

    Raises:
        Refused: it was asked of somebody else, too long ago, or is not what was asked for.
        Conflict: it is kept already.
    """
    from sagittal.access import ceremonies

    taken = tickets.take(connection, "new passkey", ticket, now_ns)
    if taken.account != account:
        raise Refused("the passkey was asked of another account")
    made = ceremonies.verify_new(ceremonies.Party(*party), b64decode(taken.content), _checked(response))
    row = {
        "account": account,
        "credential_id": made.credential_id,
        "public_key": made.public_key,
        "sign_count": made.sign_count,
        "label": label.strip()[:MOST_LABEL_CHARACTERS] or "passkey",
        "is_backed_up": int(made.is_backed_up),
        "created_ns": now_ns,
    }
    try:
        with connection.begin_nested():
            (number,) = connection.execute(insert(passkeys).values(row)).inserted_primary_key or (0,)
    except IntegrityError as error:
        raise Conflict("the passkey is kept already") from error
    version.count_up(connection)
    return int(number)


def begin_authentication(connection: Connection, party: RelyingParty, now_ns: int) -> Asked:
    """Asks whoever is there for any passkey of ours."""
    from sagittal.access import ceremonies

    question = ceremonies.ask_for_any(ceremonies.Party(*party), LIFETIME_S)
    return _asked(connection, "passkey", question.challenge, question.options, now_ns)


def finish_authentication(connection: Connection, party: RelyingParty, ticket: str, response: str, now_ns: int) -> int:
    """The account whose passkey answered. Raises Refused if none of ours did, or not in time."""
    from sagittal.access import ceremonies

    taken = tickets.take(connection, "passkey", ticket, now_ns)
    text = _checked(response)
    said = ceremonies.claimed(text)
    columns = (passkeys, accounts.c.user_handle, accounts.c.is_disabled)
    statement = select(*columns).join(accounts).where(passkeys.c.credential_id == said.credential_id)
    row = connection.execute(statement).one_or_none()
    if row is None or row.is_disabled or (said.user_handle and said.user_handle != row.user_handle):
        raise Refused(_NOT_ONE_OF_OURS)
    used = ceremonies.verify_any(
        ceremonies.Party(*party),
        b64decode(taken.content),
        text,
        public_key=row.public_key,
        sign_count=row.sign_count,
    )
    changed = {"sign_count": used.sign_count, "used_ns": now_ns, "is_backed_up": int(used.is_backed_up)}
    connection.execute(update(passkeys).where(passkeys.c.id == row.id).values(changed))
    return int(row.account)


def of_account(connection: Connection, account: int) -> tuple[Passkey, ...]:
    """The passkeys of an account, the oldest first."""
    rows = connection.execute(select(passkeys).where(passkeys.c.account == account).order_by(passkeys.c.id)).all()
    return tuple(Passkey(row.id, row.label, bool(row.is_backed_up), row.created_ns, row.used_ns) for row in rows)


def rename(connection: Connection, account: int, number: int, label: str) -> None:
    """Calls a passkey something else. Raises NotFound."""
    if not label.strip():
        raise Invalid("a passkey is to be called something")
    its = (passkeys.c.account == account) & (passkeys.c.id == number)
    changed = connection.execute(update(passkeys).where(its).values(label=label.strip()[:MOST_LABEL_CHARACTERS]))
    if changed.rowcount != 1:
        raise NotFound(f"the account has no passkey of the number {number}")


def remove(connection: Connection, account: int, number: int | None = None) -> int:
    """Forgets a passkey of an account, or all of them; how many. Raises NotFound for one that is not there."""
    its = passkeys.c.account == account
    if number is not None:
        its &= passkeys.c.id == number
    gone = connection.execute(delete(passkeys).where(its)).rowcount
    if number is not None and not gone:
        raise NotFound(f"the account has no passkey of the number {number}")
    version.count_up(connection)
    return gone


def _asked(
    connection: Connection, kind: tickets.Kind, challenge: bytes, options: str, now_ns: int, account: int = 0
) -> Asked:
    content = b64encode(challenge).decode()
    ticket = tickets.issue(connection, kind, content, now_ns=now_ns, lifetime_s=LIFETIME_S, account=account)
    return Asked(ticket, options)


def _checked(response: str) -> str:
    if len(response) > _MOST_RESPONSE_CHARACTERS:
        raise Invalid(f"the answer of an authenticator is longer than {_MOST_RESPONSE_CHARACTERS} characters")
    return response
