"""Put rates of the archive alone: no network, whole put path, durable. `python bench/archive_put.py`."""

import asyncio
import gc
import resource
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage

from sagittal.archive.archive import Archive
from sagittal.archive.model import Arrival
from sagittal.dicom.identifiers import TransferSyntaxUID
from sagittal.runtime.actor import Actor
from sagittal.runtime.deadline import Deadline

CHUNK_BYTES = 128 * 1024


class Row(NamedTuple):
    """One line of the table.

    Attributes:
        what: the objects and how they came.
        rate: instances per second.
        cpu_us: of this process for each instance, user and system, microseconds.
    """

    what: str
    rate: float
    cpu_us: float


def data_sets(count: int, side: int, series: int) -> list[bytes]:
    """`count` MR or CT data sets of `side` x `side` pixels with the attributes modalities write, in `series` series."""
    template = _template(side)
    study, result = pydicom.uid.generate_uid(), []
    series_uids = [pydicom.uid.generate_uid() for _ in range(series)]
    for number in range(count):
        template.StudyInstanceUID = study
        template.SeriesInstanceUID = series_uids[number % series]
        template.SeriesNumber = number % series + 1
        template.SOPInstanceUID = f"{study[:58]}.{number}"
        template.InstanceNumber = number + 1
        template.ContentTime = f"10{number // 60 % 60:02d}{number % 60:02d}.{number:06d}"
        template.AcquisitionTime = template.ContentTime
        template.ImagePositionPatient = [-100.5, -120.25, number * 1.25]
        template.SliceLocation = number * 1.25
        template.PixelData = np.full(side * side, number % 4096, "<u2").tobytes()
        buffer = pydicom.filebase.DicomBytesIO()
        buffer.is_little_endian, buffer.is_implicit_VR = True, False
        pydicom.filewriter.write_dataset(buffer, template)
        result.append(buffer.getvalue())
    return result


def _template(side: int) -> Dataset:
    path = pydicom.data.get_testdata_file("MR_small.dcm")
    data_set = pydicom.dcmread(path)
    data_set.file_meta = FileMetaDataset()
    data_set.SOPClassUID = MRImageStorage
    data_set.Rows = data_set.Columns = side
    data_set.PatientName = "Bench^Put"
    data_set.PatientID = "BENCH"
    for tag in (0xFFFCFFFC,):
        if tag in data_set:
            del data_set[tag]
    return data_set


async def put_all(archive: Archive, sets: list[list[bytes]]) -> None:
    """Each list by a session of its own that waits for every answer, as an association does."""

    async def one(mine: list[bytes]) -> None:
        session = archive.session(Actor(door="dimse", name="BENCH", called="SAGITTAL"))
        arrival = Arrival(transfer_syntax_uid=TransferSyntaxUID(str(ExplicitVRLittleEndian)))
        for data in mine:
            incoming = session.begin(arrival)
            view = memoryview(data)
            for at in range(0, len(data), CHUNK_BYTES):
                if incoming.write(view[at : at + CHUNK_BYTES]):
                    await incoming.drain()
            stored = await incoming.commit(Deadline.after(60))
            if stored.outcome != "stored":
                raise RuntimeError(stored.outcome)
        await session.close()

    await asyncio.gather(*map(one, sets))


def measure(what: str, count: int, side: int, sessions: int, folder: Path) -> Row:
    """Puts `count` instances by `sessions` sessions into a new archive under `folder`."""
    archive = Archive.open(folder)
    sets = [data_sets(count // sessions, side, 1) for _ in range(sessions)]

    async def run() -> tuple[float, float]:
        await put_all(archive, [data_sets(20, side, 1)])
        gc.collect()
        gc.freeze()  # the instances to send are no part of what is measured
        cpu, start = _cpu_s(), time.perf_counter()
        await put_all(archive, sets)
        wall, cpu = time.perf_counter() - start, _cpu_s() - cpu
        await archive.close()
        return wall, cpu

    import uvloop

    wall, cpu = uvloop.run(run())
    done = sum(map(len, sets))
    return Row(f"{what}, {sessions} session(s)", done / wall, cpu / done * 1e6)


def _cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def rows(small: int = 4000, large: int = 400) -> list[Row]:
    """The whole table."""
    result = []
    for what, count, side in (("small 10 KB", small, 64), ("CT 525 KB", large, 512)):
        for sessions in (1, 4):
            with tempfile.TemporaryDirectory(dir=".") as folder:
                result.append(measure(what, count, side, sessions, Path(folder)))
    return result


if __name__ == "__main__":
    for row in rows():
        print(f"{row.what:28} {row.rate:8.0f}/s {row.cpu_us:8.0f} us CPU")
