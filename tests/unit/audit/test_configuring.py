"""Settings that are others than at the last start are in the ledger, by name."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sagittal.archive.records.records import Records
from sagittal.audit.chronicle import Chronicle
from sagittal.audit.configuring import note_settings
from sagittal.runtime.settings import Settings
from support.records import records_in

KEY = bytes(32)


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    records = records_in(tmp_path)
    yield records
    records.close()


async def started(records: Records, settings: Settings, key: bytes = KEY) -> tuple[str, ...]:
    chronicle = Chronicle(KEY)
    return await records.write(lambda c: note_settings(c, chronicle, key, settings))


async def test_what_was_changed_between_two_starts_is_one_line_with_names_only(records: Records) -> None:
    assert await started(records, Settings(aet="NORTH")) == ()
    assert await started(records, Settings(aet="NORTH")) == ()
    assert await started(records, Settings(aet="SOUTH-SECRET", query_limit=7)) == ("aet", "query_limit")
    assert await started(records, Settings(aet="SOUTH-SECRET", query_limit=7)) == ()
    lines = [tuple(row) for row in await records.fetch("SELECT kind, actor, subject, detail FROM ledger", ())]
    assert lines == [("configuration changed", "local", "settings", "aet,query_limit")]
    assert b"SOUTH-SECRET" not in records.path.read_bytes()


async def test_a_setting_that_a_newer_version_brings_is_told_only_if_it_was_chosen(records: Records) -> None:
    await started(records, Settings())
    forget = "DELETE FROM settings_seen WHERE name IN ('aet', 'query_limit')"
    await records.write(lambda c: c.exec_driver_sql(forget))
    assert await started(records, Settings(query_limit=7)) == ("query_limit",)
    assert await started(records, Settings()) == ("query_limit",)
