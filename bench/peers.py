"""The servers that are measured side by side, each started on its own folder and free ports."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import psutil

MOVE_AET = "BENCH"
"""Who is asked to be sent to by C-MOVE, at the loopback."""

ORTHANC_PLUGIN = "/usr/share/orthanc/plugins/libOrthancDicomWeb.so"


class Peer(NamedTuple):
    """A running server under measurement."""

    name: str
    pid: int
    dicom_port: int
    aet: str
    stow_url: str | None

    def cpu_s(self) -> float:
        """CPU time of the process, its living children and those it has waited for, s."""
        process = psutil.Process(self.pid)
        times = process.cpu_times()
        living = sum(_clock_s(child.pid) for child in process.children(recursive=True))
        return float(_clock_s(self.pid) + times.children_user + times.children_system + living)

    def rss_bytes(self) -> int:
        """Resident memory of the process and its living children, each counted in full: pages they share, twice."""
        process = psutil.Process(self.pid)
        return sum(int(one.memory_info().rss) for one in (process, *process.children(recursive=True)))

    @property
    def http_port(self) -> int:
        """Where DICOMweb is."""
        return int(str(urlsplit(str(self.stow_url)).port))


def _clock_s(pid: int) -> float:
    """CPU time of a process by its clock, s: in nanoseconds, where /proc counts hundredths of a second."""
    return time.clock_gettime((~pid << 3) | 2)  # as clock_getcpuclockid(3) gives it on Linux


def free_port() -> int:
    """A TCP port of the loopback that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def sagittal(folder: Path, move_port: int = 0) -> Iterator[Peer]:
    """Sagittal as `sagittal serve` starts it; `move_port` is where MOVE_AET listens."""
    dicom, http = free_port(), free_port()
    command = [sys.executable, "-m", "sagittal", "serve", "--open", "--data", str(folder / "data")]
    command += ["--dicom", f"127.0.0.1:{dicom}", "--http", f"127.0.0.1:{http}"]
    destinations = {MOVE_AET: {"host": "127.0.0.1", "port": move_port}} if move_port else {}
    environment = {"SAGITTAL_DESTINATIONS": json.dumps(destinations)}
    with _process(command, dicom, folder / "log", environment) as pid:
        _wait(http)
        yield Peer("sagittal", pid, dicom, "SAGITTAL", f"http://127.0.0.1:{http}/dicom-web/studies")


@contextmanager
def started(name: str, command: list[str], dicom_port: int, http_port: int, log: Path) -> Iterator[Peer]:
    """A Sagittal that `command` starts on these ports."""
    with _process(command, dicom_port, log) as pid:
        _wait(http_port)
        yield Peer(name, pid, dicom_port, "SAGITTAL", f"http://127.0.0.1:{http_port}/dicom-web/studies")


@contextmanager
def orthanc_as_it_comes(folder: Path) -> Iterator[Peer]:
    """As `orthanc`, with Nagle's algorithm on, as DCMTK leaves it in an Orthanc that nobody has set up otherwise."""
    with orthanc(folder, has_nagle=True) as peer:
        yield peer._replace(name="Orthanc as is")


@contextmanager
def orthanc(folder: Path, move_port: int = 0, *, has_nagle: bool = False) -> Iterator[Peer]:
    """Debian's Orthanc with SQLite and its defaults, and the DICOMweb plugin; `move_port` is where MOVE_AET listens."""
    dicom, http = free_port(), free_port()
    folder.mkdir(parents=True, exist_ok=True)
    configuration = {
        "StorageDirectory": str(folder / "data"),
        "IndexDirectory": str(folder / "data"),
        "DicomPort": dicom,
        "HttpPort": http,
        "DicomCheckCalledAet": False,
        "Plugins": [ORTHANC_PLUGIN] if Path(ORTHANC_PLUGIN).exists() else [],
        "DicomWeb": {"Enable": True},
        "DicomModalities": {"bench": [MOVE_AET, "127.0.0.1", move_port]} if move_port else {},
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
    }
    (folder / "orthanc.json").write_text(json.dumps(configuration))
    program = shutil.which("Orthanc") or "/usr/sbin/Orthanc"
    environment = {"TCP_NODELAY": ""} if has_nagle else {}
    with _process([program, str(folder / "orthanc.json")], dicom, folder / "log", environment) as pid:
        _wait(http)
        yield Peer("Orthanc", pid, dicom, "ORTHANC", f"http://127.0.0.1:{http}/dicom-web/studies")


@contextmanager
def storescp(folder: Path) -> Iterator[Peer]:
    """DCMTK's storescp, forking for each association; it neither syncs nor indexes."""
    dicom = free_port()
    (folder / "data").mkdir(parents=True)
    command = ["storescp", "--fork", "-od", str(folder / "data"), str(dicom)]
    with _process(command, dicom, folder / "log") as pid:
        yield Peer("storescp", pid, dicom, "STORESCP", None)


@contextmanager
def pynetdicom(folder: Path) -> Iterator[Peer]:
    """A storage server of a few lines on pynetdicom, writing files without sync."""
    dicom = free_port()
    (folder / "data").mkdir(parents=True)
    server = Path(__file__).with_name("pynetdicom_server.py")
    with _process([sys.executable, str(server), str(dicom), str(folder / "data")], dicom, folder / "log") as pid:
        yield Peer("pynetdicom", pid, dicom, "PYNETDICOM", None)


@contextmanager
def _process(command: list[str], port: int, log: Path, environment: Mapping[str, str] | None = None) -> Iterator[int]:
    log.parent.mkdir(parents=True, exist_ok=True)
    variables = {**os.environ, "TCP_NODELAY": "1", **(environment or {})}
    variables = {name: value for name, value in variables.items() if value}  # to DCMTK an empty one is one
    with log.open("w") as sink:
        process = subprocess.Popen(command, stdout=sink, stderr=sink, env=variables)
    try:
        _wait(port)
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(port: int) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise TimeoutError(f"nothing listens on port {port}")
