"""Opening a data folder: whose it is, and what it says when it cannot be."""

from collections.abc import Callable
from pathlib import Path

import pytest

from sagittal.archive.archive import Archive
from sagittal.archive.reindex import reindex
from sagittal.errors import Corrupt
from support.data_sets import data_set
from support.puts import ACTOR, put

Opened = Callable[..., Archive]


async def test_a_new_data_folder_is_for_its_owner_alone(tmp_path: Path) -> None:
    archive = Archive.open(tmp_path / "new" / "data")
    await archive.close()
    assert (tmp_path / "new" / "data").stat().st_mode & 0o777 == 0o700


async def test_a_damaged_index_says_how_to_rebuild_it(opened: Opened, tmp_path: Path) -> None:
    archive = opened()
    await put(archive.session(ACTOR), data_set(1))
    await archive.close()
    (tmp_path / "index.db").write_bytes(b"no database at all" * 1000)
    with pytest.raises(Corrupt, match="sagittal reindex"):
        opened()
    assert reindex(tmp_path).stored == 1
    await opened().close()
