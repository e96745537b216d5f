from collections.abc import Iterator
from pathlib import Path

import pytest

from sagittal.access.passwords import Passwords
from sagittal.archive.records.records import Records
from support.records import Clock, records_in


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    records = records_in(tmp_path)
    yield records
    records.close()


@pytest.fixture
def passwords() -> Iterator[Passwords]:
    passwords = Passwords()
    yield passwords
    passwords.close()
