"""Bytes that travel as their place."""

import pickle
from pathlib import Path

import pytest

from sagittal.errors import Corrupt
from sagittal.runtime.stretches import Misplaced, placed


def sent(value: object) -> object:
    """As it arrives in another process."""
    return pickle.loads(pickle.dumps(value, protocol=5))


def test_they_arrive_as_the_bytes_that_are_there(tmp_path: Path) -> None:
    file = tmp_path / "pack"
    file.write_bytes(bytes(range(100)))
    assert sent([placed(file, 10, 3), placed(file, 0, 0)]) == [bytes((10, 11, 12)), b""]


def test_the_place_is_what_travels_not_the_bytes(tmp_path: Path) -> None:
    file = tmp_path / "pack"
    file.write_bytes(bytes(100_000))
    assert len(pickle.dumps(placed(file, 0, 100_000))) < 1000


def test_a_file_that_is_gone_or_too_short_is_told(tmp_path: Path) -> None:
    with pytest.raises(Misplaced):
        sent(placed(tmp_path / "none", 0, 1))
    (tmp_path / "pack").write_bytes(b"abc")
    with pytest.raises(Corrupt, match="ends at 3 where 5"):
        sent(placed(tmp_path / "pack", 1, 4))
    with pytest.raises(Corrupt, match="cannot read"):
        sent(placed(tmp_path, 0, 1))
