"""DICOM JSON of real files equals pydicom's, and goes back to bytes.

What we do otherwise, everywhere, is taken out of the comparison by `as_we_say_it`, each with its reason. Files that are not
compared are in `NOT_COMPARED`, each with its reason.
"""

import array
import base64
import io
import json
import logging
import warnings
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import pydicom
import pytest
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import _read_file_meta_info, read_preamble

from sagittal.dicom import json_model
from sagittal.dicom.transfer_syntax import EXPLICIT_VR_BIG_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN
from sagittal.errors import Invalid
from support.shared import SHARED, shared

PYDICOM = Path(pydicom.__file__).parent / "data"
PYDICOM_DATA = Path(str(find_spec("data_store").origin)).parent  # type: ignore[union-attr]  # pydicom-data is installed

Json = dict[str, Any]  # what json.loads gives

NOT_COMPARED = {
    # They end inside an element: pydicom gives what it has and warns, we say Invalid.
    "rtplan_truncated.dcm": "truncated",
    "MR_truncated.dcm": "truncated",
    "DICOMDIR-nooffset": "its last item is truncated",
    # pydicom reads these 38 KB as one element of an unknown tag that ends with the file.
    "no_meta.dcm": "truncated",
}

WORD_SIZES = {"OW": "H", "OL": "I", "OF": "I", "OD": "Q", "OV": "Q"}


def as_we_say_it(theirs: Json, swap: bool) -> Json:
    out = {}
    for tag, element in theirs.items():
        if tag.endswith("0000"):
            continue  # PS3.18 Section F.2.2: group lengths are not in the model
        element = dict(element, vr=str(element["vr"]))
        if "Value" in element:
            values = value_as_we_say_it(element["vr"], element["Value"], swap)
            if values:
                element["Value"] = values
            else:
                del element["Value"]  # PS3.18 Section F.2.5: an empty attribute has no Value
        elif "InlineBinary" in element and swap:  # JSON names no byte order: ours is little endian
            element["InlineBinary"] = swapped(element["InlineBinary"], WORD_SIZES.get(element["vr"], ""))
        out[tag] = element
    return out


def value_as_we_say_it(vr: str, values: list[Any], swap: bool) -> list[Any]:
    if vr == "SQ":
        return [as_we_say_it(item, swap) for item in values]
    if vr == "PN":  # PS3.18 Section F.2.2: component groups that are not empty
        values = [{group: text for group, text in (value or {}).items() if text} or None for value in values]
    elif vr in ("AE", "AS", "CS", "DA", "DT", "TM", "UI"):  # PS3.5 Section 6.2: spaces around each value are padding
        values = [value.strip(" \0") for value in values]
    elif vr in ("UV", "SV"):  # JavaScript would round them
        values = [str(value) if abs(value) > 2**53 else value for value in values]
    values = [None if value == "" else value for value in values]  # PS3.18 Section F.2.5
    return [] if values == [None] else values


def swapped(inline: str, code: str) -> str:
    if not code:
        return inline
    value = base64.b64decode(inline)
    whole = len(value) // array.array(code).itemsize * array.array(code).itemsize
    words = array.array({"H": "H", "I": "I", "Q": "Q"}[code], value[:whole])
    words.byteswap()
    return base64.b64encode(words.tobytes() + value[whole:]).decode()


class Difference(NamedTuple):
    path: str
    one: Json | None
    other: Json | None

    def __str__(self) -> str:
        return f"{self.path}: {str(self.one)[:100]} != {str(self.other)[:100]}"


def differences(one: Json, other: Json, path: str = "") -> Iterator[Difference]:
    for tag in sorted(one.keys() | other.keys()):
        left, right = one.get(tag), other.get(tag)
        if left == right:
            continue
        left_items, right_items = items_of(left), items_of(right)
        if left_items and len(left_items) == len(right_items):
            for index, (left_item, right_item) in enumerate(zip(left_items, right_items, strict=True)):
                yield from differences(left_item, right_item, f"{path}{tag}[{index}].")
        else:
            yield Difference(path + tag, left, right)


def items_of(element: Json | None) -> list[Json]:
    return element.get("Value", []) if element and element["vr"] == "SQ" else []


def is_lost_on_the_way(difference: Difference, target: str) -> bool:
    """Whether encoding cannot keep what differs."""
    left, right = difference.one, difference.other
    if left is None or right is None:
        return False
    if left["vr"] != right["vr"]:  # Implicit VR has the dictionary's
        return target == IMPLICIT_VR_LITTLE_ENDIAN
    if "InlineBinary" in left:  # a value of odd length is padded
        value = base64.b64decode(left["InlineBinary"])
        return bool(len(value) % 2) and base64.b64decode(right["InlineBinary"]) == value + b"\0"
    if left["vr"] == "DS":  # more than 16 characters came (PS3.5 Section 6.2)
        return bool(right["Value"] == pytest.approx(left["Value"], rel=1e-9))
    return False


def data_sets(folder: Path) -> Iterator[tuple[str, bytes, str, pydicom.Dataset]]:
    """Name, encoded data set, Transfer Syntax UID and pydicom's view of every file that pydicom can read."""
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.suffix in (
            ".py",
            ".pyc",
            ".json",
            ".txt",
            ".md",
            ".csv",
            ".gz",
            ".zip",
            ".dicom",
        ):
            continue
        content = path.read_bytes()
        try:
            dataset = pydicom.dcmread(io.BytesIO(content), force=path.suffix == ".dcm")
        except (pydicom.errors.InvalidDicomError, AttributeError, NotImplementedError, EOFError):
            continue
        stream = DicomBytesIO(content)
        read_preamble(stream, force=True)
        meta = _read_file_meta_info(stream)
        is_implicit, is_little = dataset.original_encoding
        guessed = (
            IMPLICIT_VR_LITTLE_ENDIAN
            if is_implicit
            else EXPLICIT_VR_LITTLE_ENDIAN
            if is_little
            else EXPLICIT_VR_BIG_ENDIAN
        )
        syntax = str(meta.get("TransferSyntaxUID", guessed))
        yield (
            path.name.partition("_")[2] if folder == SHARED / "dicom" else path.name,
            content[stream.tell() :],
            syntax,
            dataset,
        )


@pytest.fixture(autouse=True)
def _quiet_pydicom() -> Iterator[None]:
    # pydicom warns of what is odd in these files, in so many words.
    logging.disable(logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
    logging.disable(logging.NOTSET)


FOLDERS = [
    pytest.param(PYDICOM, 100, id="pydicom"),
    pytest.param(PYDICOM_DATA, 60, id="pydicom-data"),
    pytest.param(SHARED / "dicom", 300, id="shared", marks=shared),
]


@pytest.mark.parametrize(("folder", "at_least"), FOLDERS)
def test_json_equals_pydicoms_on_every_file_it_reads(folder: Path, at_least: int) -> None:
    failures, count = [], 0
    for name, data, syntax, dataset in data_sets(folder):
        if not dataset:
            continue  # a missing last delimiter makes pydicom give nothing at all
        if name in NOT_COMPARED:
            with pytest.raises(Invalid):
                json_model.encode(data, syntax)
            continue
        ours = json.loads(json_model.encode(data, syntax), parse_constant=pytest.fail)
        try:
            theirs = dataset.to_json_dict()
        except (ValueError, TypeError, pydicom.errors.BytesLengthException):
            continue  # pydicom has no JSON for a value that is not of its VR; ours is a string or UN
        swap = syntax == EXPLICIT_VR_BIG_ENDIAN
        failures += [f"{name} {difference}" for difference in differences(as_we_say_it(theirs, swap), ours)]
        count += 1
    assert not failures, "\n".join(failures[:20])
    assert count >= at_least


@pytest.mark.parametrize(("folder", "at_least"), FOLDERS)
def test_json_goes_back_to_a_data_set_with_the_same_json(folder: Path, at_least: int) -> None:
    failures, count = [], 0
    for name, data, syntax, _ in data_sets(folder):
        if name in NOT_COMPARED or len(data) > 1 << 20:
            continue
        first = json.loads(json_model.encode(data, syntax))
        for target in (EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_BIG_ENDIAN):
            back = json_model.decode(first, target, None)
            second = json.loads(json_model.encode(back, target))
            failures += [
                f"{name} {target} {difference}"
                for difference in differences(first, second)
                if not is_lost_on_the_way(difference, target)
            ]
        count += 1
    assert not failures, "\n".join(failures[:20])
    assert count >= at_least * 0.8
