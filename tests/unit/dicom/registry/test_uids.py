import pytest
from pydicom.uid import UID_dictionary
from pynetdicom.sop_class import _STORAGE_CLASSES

from sagittal.dicom import registry


def test_every_registered_uid_has_pydicoms_name_and_keyword() -> None:
    for uid, (name, kind, _, retired, keyword) in UID_dictionary.items():
        entry = registry.uid_entry(uid)
        assert entry is not None
        assert (entry.name, entry.kind, entry.retired, entry.keyword) == (name, kind, retired, keyword)
        assert registry.uid_name(uid) == (name or uid)
        assert registry.uid_keyword(uid) == keyword
        assert registry.is_transfer_syntax(uid) == (kind == "Transfer Syntax")


def test_every_storage_class_of_pynetdicom_is_one() -> None:
    assert set(_STORAGE_CLASSES.values()) <= set(registry.storage_classes())


@pytest.mark.parametrize(
    "uid",
    [
        "1.2.840.10008.5.1.4.1.1.5",  # Nuclear Medicine Image Storage, retired
        "1.2.840.10008.5.1.4.1.1.40",  # retired without a name
        "1.2.840.10008.5.1.4.1.1.66.8",  # newer than pydicom
        "1.2.840.10008.5.1.4.1.1.999.1",  # of a later edition
        "1.2.840.10008.5.1.4.38.1",  # Hanging Protocol Storage
    ],
)
def test_a_storage_class_is_told_by_the_registry_or_its_root(uid: str) -> None:
    assert registry.is_storage_class(uid)


@pytest.mark.parametrize(
    "uid",
    [
        "1.2.840.10008.1.1",
        "1.2.840.10008.1.3.10",
        "1.2.840.10008.1.20.1",
        "1.2.840.10008.5.1.4.1.1.200.4",
        "1.2.840.10008.5.1.4.1.2.1.1",
        "1.2.840.113619.4.27",
        "",
    ],
)
def test_other_services_are_no_storage_classes(uid: str) -> None:
    assert not registry.is_storage_class(uid)


def test_an_unregistered_uid_is_its_own_name() -> None:
    assert registry.uid_name("1.2.3") == "1.2.3"
    assert registry.uid_keyword("1.2.3") == ""
    assert registry.uid_entry("1.2.3") is None
    assert not registry.is_transfer_syntax("1.2.3")
