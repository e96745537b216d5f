"""A whole server killed in the middle of stores over DIMSE: what DCMTK was told is stored is there, whole."""

import re
import signal
import subprocess
import sys
import tarfile
import time
from io import BytesIO
from pathlib import Path

import httpx
import pydicom
from pydicom.dataset import Dataset

from support.archives import file_bytes, instance
from support.peers import require
from support.server import Server, start, stop

ROUNDS = 5
SENDERS = 4
FILES = 150


def make_files(folder: Path) -> dict[str, Path]:
    """One series for each sender; gives the files by SOP Instance UID."""
    files = {}
    for sender in range(SENDERS):
        (folder / str(sender)).mkdir(parents=True)
        series = instance()
        for number in range(FILES):
            one = instance(
                StudyInstanceUID=series.StudyInstanceUID,
                SeriesInstanceUID=series.SeriesInstanceUID,
                InstanceNumber=number,
            )
            file = folder / str(sender) / f"{number:03}.dcm"
            file.write_bytes(file_bytes(one))
            files[str(one.SOPInstanceUID)] = file
    return files


def send_and_kill(server: Server, folder: Path, after_s: float) -> set[Path]:
    """Starts the senders, kills the server after a while; gives the files that were acknowledged."""
    command = ["storescu", "-v", "-R", "-aec", "SAGITTAL", "127.0.0.1", str(server.dicom_port)]
    senders = [
        subprocess.Popen(
            [*command, *map(str, sorted((folder / str(sender)).iterdir()))],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for sender in range(SENDERS)
    ]
    time.sleep(after_s)
    stop(server, signal.SIGKILL)
    told = [sender.communicate(timeout=30)[0] for sender in senders]
    pattern = re.compile(r"Sending file: (\S+)\n(?:(?!Sending file).*\n)*?I: Received Store Response \(Success\)")
    return {Path(name) for output in told for name in pattern.findall(output)}


def test_what_was_acknowledged_survives_and_nothing_is_half_there(tmp_path: Path) -> None:
    require("storescu")
    acknowledged: dict[str, Path] = {}
    for number in range(ROUNDS):
        folder = tmp_path / f"round{number}"
        files = make_files(folder)
        sent = send_and_kill(start(tmp_path / "data"), folder, 0.08 + 0.04 * number)
        acknowledged |= {uid: file for uid, file in files.items() if file in sent}
    server = start(tmp_path / "data")
    try:
        kept = {one["00080018"]["Value"][0] for one in httpx.get(f"{server.web}/instances").json()}
    finally:
        assert stop(server) == 0
    members = members_of(tmp_path / "data" / "packs")
    assert 0 < len(acknowledged) < ROUNDS * SENDERS * FILES
    assert set(acknowledged) - kept == set()
    assert set(members) == kept
    whole = {uid: pydicom.dcmread(file).PixelData for uid, file in acknowledged.items()}
    assert [uid for uid, pixels in whole.items() if members[uid].PixelData != pixels] == []
    command = [sys.executable, "-m", "sagittal", "verify", "--data", str(tmp_path / "data")]
    assert f"{len(kept)} instances" in subprocess.run(command, check=True, capture_output=True, text=True).stdout


def members_of(packs: Path) -> dict[str, Dataset]:
    """Every data set in every pack, as `tar` sees it, by SOP Instance UID."""
    members = {}
    for pack in packs.rglob("*.tar"):
        with tarfile.open(pack) as archive:
            for member in archive:
                file = archive.extractfile(member)
                assert file is not None
                dataset = pydicom.dcmread(BytesIO(file.read()))
                members[str(dataset.SOPInstanceUID)] = dataset
    return members
