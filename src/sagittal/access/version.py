"""The number that counts every change of who may do what, so that what was resolved before it is not believed."""

from sqlalchemy import Connection, update

from sagittal.archive.records.credentials import access_state

VERSION_SQL = "SELECT version FROM access_state"


def count_up(connection: Connection) -> None:
    """To be called with each change of accounts, roles, policy, sessions, tokens, links, shares or devices.

    Another process may make the change: what is remembered anywhere is dropped when its transaction is committed.
    """
    connection.execute(update(access_state).values(version=access_state.c.version + 1))
