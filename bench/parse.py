"""The header of an instance: ours against pydicom's, microseconds, in the same run.

Both begin with the bytes of a file and read file meta information and data set up to the pixels. `head`: pydicom's
dcmread leaves values raw, as we do. `values`: the same, and then the index attributes as text, for which pydicom
converts them.

    python bench/parse.py
"""

import io
import timeit
import warnings
from collections.abc import Callable
from pathlib import Path

import pydicom
from pydicom.tag import Tag

from sagittal.archive.index.attributes import COLUMN_TAGS
from sagittal.dicom import character_sets
from sagittal.dicom.dataset import Header, HeaderReader, read_file_meta, read_header
from sagittal.dicom.json_model import text_value

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data" / "series"
SHIPPED = Path(pydicom.__file__).parent / "data" / "test_files"
CHARACTER_SET = 0x00080005
CHUNK_BYTES = 16384

WANTED = frozenset({*COLUMN_TAGS, CHARACTER_SET})
_TAGS = [Tag(tag) for tag in WANTED]


def files() -> list[tuple[str, Path]]:
    """What is measured: instances that a package ships, and a CT of the shared folder where it is there."""
    found = [("GE CT", SHIPPED / "CT_small.dcm"), ("MR implicit", SHIPPED / "MR_small_implicit.dcm")]
    philips = SHARED / "ct-head-philips"
    if philips.is_dir():
        found.insert(0, ("Philips CT", sorted(path for path in philips.rglob("*") if path.is_file())[20]))
    return found


def ours(data: bytes) -> Header:
    """Header of the file `data`, values as encoded."""
    meta = read_file_meta(data, is_end=True)
    return read_header(memoryview(data)[meta.data_set_offset :], meta.transfer_syntax_uid, WANTED)


def ours_streamed(data: bytes) -> Header:
    """Likewise, as it comes from a peer."""
    meta = read_file_meta(data, is_end=True)
    reader = HeaderReader(meta.transfer_syntax_uid, WANTED)
    for start in range(meta.data_set_offset, len(data), CHUNK_BYTES):
        if reader.feed(data[start : start + CHUNK_BYTES]):
            return reader.header
    return reader.close()


def ours_values(data: bytes) -> list[str]:
    """Index attributes as text."""
    header = ours(data)
    charset = header.elements.get(CHARACTER_SET)
    sets = character_sets.parse(charset.value if charset else b"")
    return [text_value(element, sets) for element in header.elements.values()]


def theirs(data: bytes) -> pydicom.FileDataset:
    """Header by pydicom, values raw."""
    return pydicom.dcmread(io.BytesIO(data), stop_before_pixels=True)


def theirs_values(data: bytes) -> list[str]:
    """Index attributes as text by pydicom."""
    found = theirs(data)
    return [str(found[tag].value) for tag in _TAGS if tag in found]


def rows() -> list[tuple[str, float, float, str]]:
    """(what, ours, pydicom's, unit) for each file and way."""
    ways: list[tuple[str, Callable[[bytes], object], Callable[[bytes], object]]] = [
        ("head", ours, theirs),
        ("head, streamed", ours_streamed, theirs),
        ("values", ours_values, theirs_values),
    ]
    measured = []
    for name, path in files():
        data = path.read_bytes()
        name = f"{name}, {len(theirs(data))} elements"
        for way, mine, other in ways:
            measured.append((f"{name}: {way}", _us(mine, data, 2000), _us(other, data, 200), "us"))
    return measured


def _us(call: Callable[[bytes], object], data: bytes, times: int) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return min(timeit.repeat(lambda: call(data), number=times // 5, repeat=5)) / (times // 5) * 1e6


def main() -> None:
    """Prints the table."""
    print(f"{'microseconds':44} {'sagittal':>9} {'pydicom':>9} {'ratio':>7}")
    for what, mine, other, unit in rows():
        print(f"{what:44} {mine:9.1f} {other:9.1f} {other / mine:6.1f}x {unit}")


if __name__ == "__main__":
    main()
