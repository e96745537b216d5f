import os
import shutil
import zipfile
from pathlib import Path

import pytest
from pydicom.data import get_testdata_file

from sagittal.errors import Invalid, NotFound
from sagittal.ingest.sources import Found, Item, Missing, Unreadable, items_of


def names(path: Path) -> list[str]:
    return [item.name for item in items_of(path)]


def read(item: Found) -> bytes:
    assert isinstance(item, Item)
    with item.open() as file:
        return file.read()


def test_a_file_is_itself(tmp_path: Path) -> None:
    file = tmp_path / "one.dcm"
    file.write_bytes(b"content")
    assert [read(item) for item in items_of(file)] == [b"content"]


def test_a_folder_gives_every_file_below_it_in_the_order_of_names(tmp_path: Path) -> None:
    for name in ("b/2", "b/1", "a", "c/d/3"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    assert names(tmp_path) == ["a", "b/1", "b/2", "c/d/3"]


def test_a_zip_gives_its_members(tmp_path: Path) -> None:
    file = tmp_path / "study.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("x/1", b"one")
        archive.writestr("x/2", b"two")
    assert [read(item) for item in items_of(file)] == [b"one", b"two"]


def test_a_zip_inside_a_folder_is_opened(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "study.zip", "w") as archive:
        archive.writestr("1", b"one")
    assert names(tmp_path) == ["study.zip/1"]


def test_a_zip_that_is_cut_off_is_refused_by_name(tmp_path: Path) -> None:
    file = tmp_path / "study.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("1", b"one" * 1000)
    content = bytearray(file.read_bytes())
    content[-69:-60] = b"\xff" * 9  # where the table of contents begins
    file.write_bytes(content)
    with pytest.raises(Invalid, match=r"study\.zip"):
        list(items_of(file))


def test_a_dicomdir_stands_for_its_medium(tmp_path: Path) -> None:
    source = Path(str(get_testdata_file("DICOMDIR"))).parent
    shutil.copytree(source / "TINY_ALPHA", tmp_path / "medium")
    found = names(tmp_path / "medium" / "DICOMDIR")
    assert len(found) == 51  # 50 instances and a README; not the DICOMDIR itself
    assert "DICOMDIR" not in found


def test_what_a_dicomdir_lists_and_is_not_there_comes_as_missing(tmp_path: Path) -> None:
    source = Path(str(get_testdata_file("DICOMDIR"))).parent
    shutil.copytree(source / "TINY_ALPHA", tmp_path / "medium")
    lost = next((tmp_path / "medium" / "PT000000").rglob("IM000002"))
    lost.unlink()
    missing = [item for item in items_of(tmp_path / "medium") if isinstance(item, Missing)]
    assert [one.name for one in missing] == [lost.relative_to(tmp_path / "medium").as_posix()]


def test_files_in_lower_case_count_as_those_the_dicomdir_lists(tmp_path: Path) -> None:
    source = Path(str(get_testdata_file("DICOMDIR"))).parent / "TINY_ALPHA"
    for file in source.rglob("*"):
        if file.is_file():
            target = tmp_path / str(file.relative_to(source)).lower()
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, target)
    assert not [item for item in items_of(tmp_path) if isinstance(item, Missing)]


def test_nothing_at_the_path_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="nowhere"):
        list(items_of(tmp_path / "nowhere"))


def unreadable(path: Path) -> list[str]:
    return [one.name for one in items_of(path) if isinstance(one, Unreadable)]


def test_a_damaged_zip_in_a_folder_is_named_and_the_rest_goes_on(tmp_path: Path) -> None:
    (tmp_path / "a.dcm").write_bytes(b"x")
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("1", b"one" * 1000)
    content = bytearray((tmp_path / "b.zip").read_bytes())
    content[-69:-60] = b"\xff" * 9  # where the table of contents begins
    (tmp_path / "b.zip").write_bytes(content)
    (tmp_path / "c.dcm").write_bytes(b"x")
    assert names(tmp_path) == ["a.dcm", "b.zip", "c.dcm"]
    assert unreadable(tmp_path) == ["b.zip"]


def test_a_damaged_dicomdir_is_named_after_the_files_beside_it(tmp_path: Path) -> None:
    (tmp_path / "DICOMDIR").write_bytes(b"no directory at all" * 20)
    (tmp_path / "IM1").write_bytes(b"x")
    assert names(tmp_path) == ["IM1", "DICOMDIR"]
    assert unreadable(tmp_path) == ["DICOMDIR"]


def test_a_folder_that_may_not_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "closed").mkdir()
    (tmp_path / "open.dcm").write_bytes(b"x")
    scandir = os.scandir

    def refusing(path: str) -> object:
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    assert names(tmp_path) == ["open.dcm", "closed"]
    assert unreadable(tmp_path) == ["closed"]


def test_members_of_a_zip_can_be_read_after_the_last_was_named(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "study.zip", "w") as archive:
        archive.writestr("1", b"one")
    items = list(items_of(tmp_path / "study.zip"))
    assert [read(item) for item in items] == [b"one"]
