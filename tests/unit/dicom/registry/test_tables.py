import importlib.machinery
import importlib.util
import subprocess
import sys
from importlib.machinery import ModuleSpec

import pytest

from sagittal.dicom.registry import tables


def test_the_dictionary_is_read_without_importing_all_of_pydicom() -> None:
    code = "import sys; from sagittal.dicom import registry; print(registry.vr_of(0x100010), 'pydicom' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["PN", "False"]


def test_importing_the_registry_loads_no_table() -> None:
    code = "from sagittal.dicom.registry import tables; print(tables.elements.cache_info().currsize)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "0"


def test_tables_come_from_pydicom_itself_where_it_is_loaded() -> None:
    import pydicom._dicom_dict

    assert tables._module("_dicom_dict") is pydicom._dicom_dict


def test_a_pydicom_of_another_shape_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ImportError, match=r"pydicom\._no_such_dict"):
        tables._module("_no_such_dict")
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    monkeypatch.setattr(importlib.machinery.PathFinder, "find_spec", lambda *_: ModuleSpec("bare", None))
    with pytest.raises(ImportError, match="not one that was tested"):
        tables._module("_no_such_dict")


def test_a_module_outside_the_loaded_package_is_found_by_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "pydicom._uid_dict", raising=False)
    assert tables._module("_uid_dict").UID_dictionary["1.2.840.10008.1.1"][4] == "Verification"
