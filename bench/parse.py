"""The header of an instance: ours against pydicom's, microseconds, in the same run.

One file over and over: both begin with the bytes of a file and read file meta information and data set up to the
pixels. `head`: pydicom's dcmread leaves values raw, as we do. `values`: the same, and then the index attributes as
text, for which pydicom converts them. `walk alone`: the least a Python program can do: file meta information as we read
it, then from head to head, without a check or a cap, keeping nothing; no plan for the loop can be faster than that.

Whole series, each instance once, in the order of the names, as an association brings them. `files`: as `head` above.
`received`: what a C-STORE has to read: the data set alone, in pieces of a PDU, all tags that the archive keeps.

    python -m bench.parse
"""

import io
import tempfile
import time
import timeit
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

import pydicom
from pydicom.filereader import read_dataset
from pydicom.tag import BaseTag, Tag

from bench import corpus
from sagittal.archive.index.attributes import COLUMN_TAGS, INDEX_TAGS
from sagittal.dicom import character_sets
from sagittal.dicom.dataset import Header, HeaderMemory, HeaderReader, read_file_meta, read_header
from sagittal.dicom.dataset.elements import PIXEL_DATA
from sagittal.dicom.dataset.layout import layout_of
from sagittal.dicom.json_model import text_value
from sagittal.dicom.transfer_syntax import encoding_of
from sagittal.errors import Invalid

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data" / "series"
SHIPPED = Path(pydicom.__file__).parent / "data" / "test_files"
CHARACTER_SET = 0x00080005
CHUNK_BYTES = 16384
SERIES = ("ct-head-philips", "ct-head-ge-tilt", "mr-t1")
SYNTHETIC = 100
ROUNDS = 5

Row = tuple[str, float, float, str]
T = TypeVar("T")

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


def walk_alone(data: bytes) -> int:
    """From head to head up to the pixels; only for files without anything of undefined length at the top level."""
    meta = read_file_meta(data, is_end=True)
    layout = layout_of(encoding_of(meta.transfer_syntax_uid))
    at, pixels = meta.data_set_offset, layout.key_of(PIXEL_DATA)
    if layout.is_implicit_vr:
        head = layout.implicit
        key, length = head(data, at)
        while key != pixels:
            at += 8 + length
            key, length = head(data, at)
        return at
    explicit, long_length, long = layout.explicit, layout.long_length, layout.long
    key, vr, length = explicit(data, at)
    while key != pixels:
        at += 12 + long_length(data, at + 8)[0] if vr in long else 8 + length
        key, vr, length = explicit(data, at)
    return at


class Received(NamedTuple):
    """A data set as a peer sends it, without file meta information."""

    transfer_syntax_uid: str
    data: bytes


def received(data: bytes) -> Received:
    """The data set of the file `data`."""
    meta = read_file_meta(data, is_end=True)
    return Received(meta.transfer_syntax_uid, data[meta.data_set_offset :])


def ours_received(instance: Received, memory: HeaderMemory | None = None) -> Header:
    """Its header, read as the archive does: with what an association remembers of the instance before."""
    reader = HeaderReader(instance.transfer_syntax_uid, INDEX_TAGS, memory=memory)
    for start in range(0, len(instance.data), CHUNK_BYTES):
        if reader.feed(instance.data[start : start + CHUNK_BYTES]):
            return reader.header
    return reader.close()


def theirs_received(instance: Received) -> pydicom.Dataset:
    """Its header by pydicom, values raw."""
    encoding = encoding_of(instance.transfer_syntax_uid)
    stream = io.BytesIO(instance.data)
    return read_dataset(stream, encoding.is_implicit_vr, encoding.is_little_endian, stop_when=_is_pixels)


def _is_pixels(tag: BaseTag, vr: str | None, length: int) -> bool:  # noqa: ARG001 pydicom passes them
    return tag in (0x7FE00008, 0x7FE00009, 0x7FE00010)


def series() -> Iterator[tuple[str, list[bytes]]]:
    """(name, files in order) of each series: those of the shared folder where it is there, and two made up."""
    for name in SERIES:
        paths = sorted(path for path in (SHARED / name).rglob("*") if path.is_file())
        found = [data for data in (path.read_bytes() for path in paths) if _is_dicom(data)]
        if found:
            yield name, found
    with tempfile.TemporaryDirectory(prefix="sagittal-bench-") as folder:
        yield "synthetic MR", [path.read_bytes() for path in corpus.make_small_mr(Path(folder, "mr"), SYNTHETIC)]
        yield "synthetic CT", [path.read_bytes() for path in corpus.make_ct(Path(folder, "ct"), SYNTHETIC)]


def _is_dicom(data: bytes) -> bool:
    try:
        read_file_meta(data, is_end=True)
    except Invalid:
        return False
    return True


def rows() -> list[Row]:
    """(what, ours, pydicom's, unit) for each file and way, and for each series."""
    return [*_file_rows(), *_series_rows()]


def _file_rows() -> Iterator[Row]:
    ways: list[tuple[str, Callable[[bytes], object], Callable[[bytes], object]]] = [
        ("walk alone", walk_alone, theirs),
        ("head", ours, theirs),
        ("head, streamed", ours_streamed, theirs),
        ("values", ours_values, theirs_values),
    ]
    for name, path in files():
        data = path.read_bytes()
        name = f"{name}, {len(theirs(data))} elements"
        for way, mine, other in ways:
            yield f"{name}: {way}", _us(mine, data, 2000), _us(other, data, 200), "us"


def _series_rows() -> Iterator[Row]:
    for name, found in series():
        name = f"{name}, {len(found)} instances"
        yield f"{name}: files", _each_us(ours, found), _each_us(theirs, found), "us"
        sets = [received(data) for data in found]
        remembering = partial(ours_received, memory=HeaderMemory())
        yield f"{name}: received", _each_us(remembering, sets), _each_us(theirs_received, sets), "us"


def _each_us(call: Callable[[T], object], instances: list[T]) -> float:
    """Of the fastest round over all instances."""
    best = float("inf")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(ROUNDS):
            start = time.perf_counter()
            for instance in instances:
                call(instance)
            best = min(best, time.perf_counter() - start)
    return best / len(instances) * 1e6


def _us(call: Callable[[bytes], object], data: bytes, times: int) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return min(timeit.repeat(lambda: call(data), number=times // 5, repeat=5)) / (times // 5) * 1e6


def main() -> None:
    """Prints the table."""
    print(f"{'microseconds':52} {'sagittal':>9} {'pydicom':>9} {'ratio':>7}")
    for what, mine, other, unit in rows():
        print(f"{what:52} {mine:9.1f} {other:9.1f} {other / mine:6.1f}x {unit}")


if __name__ == "__main__":
    main()
