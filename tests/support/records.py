"""Records of a test's own, with a clock that it turns."""

import shutil
import tempfile
from functools import cache
from pathlib import Path

from sagittal.access.sealing import Seal
from sagittal.archive.records import connect
from sagittal.archive.records.records import RECORDS_NAME, Records

SEAL = Seal(bytes(32))
"""Of secrets of authenticator apps, in tests that have no server of their own."""
NOON_NS = 1_800_000_000 * 1_000_000_000
SECOND_NS = 1_000_000_000


class Clock:
    """Nanoseconds since 1970 that pass only when told to."""

    def __init__(self, now_ns: int = NOON_NS) -> None:
        self.now_ns = now_ns

    def __call__(self) -> int:
        return self.now_ns

    def pass_s(self, seconds: float) -> int:
        self.now_ns += int(seconds * SECOND_NS)
        return self.now_ns


def records_in(folder: Path) -> Records:
    """Empty records at the newest revision; the migrations run once for all tests of a process."""
    shutil.copy(_template(), folder / RECORDS_NAME)
    return Records(folder / RECORDS_NAME)


@cache
def _template() -> Path:
    path = Path(tempfile.mkdtemp(prefix="sagittal-records-")) / RECORDS_NAME
    connect.migrate(path)
    with_wal = connect.connect_writer(path)
    with_wal.execute("PRAGMA wal_checkpoint(TRUNCATE)").close()
    with_wal.close()
    return path
