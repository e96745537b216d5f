"""Every readable file of the shared folder goes in by storescu and comes back by every way, byte for byte as it was sent.

What DCMTK's storescu really sends is told by DCMTK's own storescp in bit-preserving mode: the sender re-encodes what it
reads. Files that it cannot send in their own Transfer Syntax (it does not know HTJ2K, for one) go in by STOW-RS.
"""

import csv
import re
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import httpx
import pydicom
import pytest

from support.dcmtk import StoreSCP, data_set_of, presentation_profile, store_scp
from support.peers import require
from support.server import Server, running
from support.shared import SHARED, shared

pytestmark = [shared, pytest.mark.xdist_group("every file"), pytest.mark.timeout(300)]

# How getscu is told to take a Transfer Syntax; those that are not here it cannot take.
GETSCU = {
    "1.2.840.10008.1.2": "+xi",
    "1.2.840.10008.1.2.1": "+xe",
    "1.2.840.10008.1.2.2": "+xb",
    "1.2.840.10008.1.2.1.99": "+xd",
    "1.2.840.10008.1.2.4.50": "+xy",
    "1.2.840.10008.1.2.4.51": "+xx",
    "1.2.840.10008.1.2.4.70": "+xs",
    "1.2.840.10008.1.2.4.80": "+xt",
    "1.2.840.10008.1.2.4.81": "+xu",
    "1.2.840.10008.1.2.4.90": "+xv",
    "1.2.840.10008.1.2.4.91": "+xw",
    "1.2.840.10008.1.2.4.100": "+xm",
    "1.2.840.10008.1.2.5": "+xr",
}
REASONS = (
    r"missing or empty",
    r"DICOMDIR is a table of contents",
    r"Directory \(DICOMDIR\)",
    r"neither DICM at byte 128 nor a data set",
    r"ends within",
    r"not the one that was announced",
    r"other bytes under",
)


class File(NamedTuple):
    path: Path
    sop_class: str
    sop_instance: str
    transfer_syntax: str


class Sent(NamedTuple):
    """What was sent and acknowledged, by SOP Instance UID, and what was refused, with the reason."""

    data_sets: dict[str, bytes]
    files: dict[str, File]
    refused: dict[str, str]


def candidates() -> list[File]:
    """One file for each SOP Instance UID that has what it takes to be sent."""
    found: dict[str, File] = {}
    with (SHARED / "manifest.csv").open(newline="") as table:
        names = [row["file"] for row in csv.DictReader(table)]
    for name in names:
        try:
            dataset = pydicom.dcmread(SHARED / name, stop_before_pixels=True)
            file = File(
                SHARED / name,
                str(dataset.SOPClassUID),
                str(dataset.SOPInstanceUID),
                str(dataset.file_meta.TransferSyntaxUID),
            )
        except Exception:  # what pydicom cannot read is looked at by the tests of `import`
            continue
        found.setdefault(file.sop_instance, file)
    return list(found.values())


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("every")


@pytest.fixture(scope="module")
def reference(scratch: Path) -> Iterator[StoreSCP]:
    """Keeps what storescu sends, bit for bit."""
    require("storescp", "storescu")
    files = candidates()
    profile = presentation_profile(scratch / "reference.cfg", {(f.sop_class, f.transfer_syntax) for f in files})
    with store_scp(scratch / "reference", "REFERENCE", profile) as peer:
        yield peer


@pytest.fixture(scope="module")
def destination(scratch: Path) -> Iterator[StoreSCP]:
    """Where C-MOVE sends to."""
    require("storescp")
    files = candidates()
    profile = presentation_profile(scratch / "moved.cfg", {(f.sop_class, f.transfer_syntax) for f in files})
    with store_scp(scratch / "moved", "MOVED", profile) as peer:
        yield peer


@pytest.fixture(scope="module")
def server(scratch: Path, destination: StoreSCP) -> Iterator[Server]:
    told = f'{{"MOVED": {{"host": "127.0.0.1", "port": {destination.port}}}}}'
    with running(scratch / "data", environment={"SAGITTAL_DESTINATIONS": told}) as started:
        yield started


@pytest.fixture(scope="module")
def sent(server: Server, reference: StoreSCP, scratch: Path) -> Sent:
    files = candidates()
    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(lambda file: send(file, server, reference, scratch), files))
    by_dcmtk = {f.sop_instance: f for f, reason in zip(files, outcomes, strict=True) if reason == ""}
    data_sets = {uid: content for uid, content in reference.data_sets().items() if uid in by_dcmtk}
    refused = {}
    for file, reason in zip(files, outcomes, strict=True):
        if reason == "":
            continue
        why = stow(server, file.path)
        if why:
            refused[str(file.path.relative_to(SHARED))] = why
        else:
            data_sets[file.sop_instance] = data_set_of(file.path.read_bytes())
    return Sent(data_sets, {f.sop_instance: f for f in files}, refused)


def send(file: File, server: Server, reference: StoreSCP, scratch: Path) -> str:
    """Sends a file to the reference, then to us; why DCMTK cannot, or ``""``."""
    profile = presentation_profile(
        scratch / f"{file.path.name}.cfg", {(file.sop_class, file.transfer_syntax)}, name="Sent"
    )
    for aet, port in (("REFERENCE", reference.port), ("SAGITTAL", server.dicom_port)):
        command = ["storescu", "-aec", aet, "-xf", str(profile), "Sent", "127.0.0.1", str(port), str(file.path)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        if done.returncode:
            return f"{aet}: {done.stdout}{done.stderr}"
    return ""


def stow(server: Server, path: Path) -> str:
    """Posts a file; the reason if it is refused, else ``""``."""
    with httpx.Client(timeout=60) as client:
        answer = client.post(
            f"{server.web}/studies", content=path.read_bytes(), headers={"content-type": "application/dicom"}
        )
    if answer.status_code == 200:
        return ""
    return f"{answer.status_code} {answer.text}"


def instance_url(server: Server, file: File) -> str:
    dataset = pydicom.dcmread(file.path, stop_before_pixels=True)
    series = f"{server.web}/studies/{dataset.StudyInstanceUID}/series/{dataset.SeriesInstanceUID}"
    return f"{series}/instances/{file.sop_instance}"


def test_nearly_all_files_go_in_and_the_rest_is_refused_for_a_named_reason(sent: Sent) -> None:
    assert len(sent.data_sets) >= 200
    unexplained = {name: why for name, why in sent.refused.items() if not any(re.search(r, why) for r in REASONS)}
    assert unexplained == {}


def test_every_instance_comes_back_by_wado_as_it_was_sent(server: Server, sent: Sent) -> None:
    accept = {"accept": 'multipart/related; type="application/dicom"; transfer-syntax=*'}
    different = []
    with httpx.Client(timeout=60, headers=accept) as client:
        for uid, data_set in sent.data_sets.items():
            answer = client.get(instance_url(server, sent.files[uid]))
            assert answer.status_code == 200, (uid, answer.text)
            if data_set_of(only_part(answer)) != data_set:
                different.append(sent.files[uid].path.name)
    assert different == []


def only_part(answer: httpx.Response) -> bytes:
    boundary = re.search(r'boundary="?([^";]+)', answer.headers["content-type"])
    assert boundary is not None
    part = answer.content.split(b"--" + boundary[1].encode())[1]
    return part[part.index(b"\r\n\r\n") + 4 : -2]


def test_every_instance_comes_back_by_movescu_as_it_was_sent(server: Server, sent: Sent, destination: StoreSCP) -> None:
    require("movescu")
    for studies in batches(sorted(studies_of(sent))):
        command = ["movescu", "-S", "-aec", "SAGITTAL", "-aem", "MOVED", "-k", "QueryRetrieveLevel=STUDY"]
        command += ["-k", "StudyInstanceUID=" + "\\".join(studies), "127.0.0.1", str(server.dicom_port)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    moved = destination.data_sets()
    assert set(moved) >= set(sent.data_sets)
    assert [sent.files[uid].path.name for uid in sent.data_sets if moved[uid] != sent.data_sets[uid]] == []


@pytest.mark.parametrize("syntax", sorted(GETSCU))
def test_every_instance_comes_back_by_getscu_as_it_was_sent(
    server: Server, sent: Sent, tmp_path: Path, syntax: str
) -> None:
    require("getscu")
    wanted = {uid for uid in sent.data_sets if sent.files[uid].transfer_syntax == syntax}
    if not wanted:
        pytest.skip("the shared folder has no instance in this Transfer Syntax")
    got: dict[str, bytes] = {}
    for studies in batches(sorted(studies_of(sent, wanted))):
        command = ["getscu", GETSCU[syntax], "+B", "-od", str(tmp_path), "-S", "-aec", "SAGITTAL"]
        command += ["-k", "QueryRetrieveLevel=STUDY", "-k", "StudyInstanceUID=" + "\\".join(studies)]
        done = subprocess.run(
            [*command, "127.0.0.1", str(server.dicom_port)], capture_output=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr
    for file in tmp_path.iterdir():
        content = file.read_bytes()
        got[str(pydicom.dcmread(file, stop_before_pixels=True).SOPInstanceUID)] = data_set_of(content)
    known = {uid for uid in wanted if is_known_to_getscu(sent.files[uid].sop_class)}
    assert known - set(got) == set()
    assert [sent.files[uid].path.name for uid in known if got[uid] != sent.data_sets[uid]] == []


def is_known_to_getscu(sop_class: str) -> bool:
    """It proposes a fixed list of storage classes; private ones are not on it."""
    return sop_class.startswith("1.2.840.10008.5.1.4.1.1.")


def studies_of(sent: Sent, only: set[str] | None = None) -> set[str]:
    files = (sent.files[uid] for uid in (sent.data_sets if only is None else only))
    return {str(pydicom.dcmread(file.path, stop_before_pixels=True).StudyInstanceUID) for file in files}


def batches(studies: list[str], size: int = 20) -> Iterator[list[str]]:
    for at in range(0, len(studies), size):
        yield studies[at : at + size]
