"""What accounts prefer, as text that their door understands."""

from typing import Final

from sqlalchemy import Connection, delete, insert, select

from sagittal.archive.records.preference_tables import preferences
from sagittal.archive.records.records import Records
from sagittal.errors import Invalid

MOST_CHARACTERS: Final = 32_768
"""Of one account."""


class PreferencesInRecords:
    """In the records, beside the accounts. Only their owner asks for them, so no policy is."""

    def __init__(self, records: Records) -> None:
        self._records = records

    async def read(self, account: int) -> str:
        """The text of an account; `""` for none."""
        its = select(preferences.c.text).where(preferences.c.account == account)
        return await self._records.read(lambda connection: connection.execute(its).scalar() or "")

    async def write(self, account: int, text: str) -> None:
        """Keeps another. Raises Invalid for one that is too long."""
        if len(text) > MOST_CHARACTERS:
            raise Invalid(f"preferences have at most {MOST_CHARACTERS} characters; got {len(text)}")

        def replace(connection: Connection) -> None:
            connection.execute(delete(preferences).where(preferences.c.account == account))
            connection.execute(insert(preferences).values(account=account, text=text))

        await self._records.write(replace)
