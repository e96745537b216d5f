"""Every readable file of the shared folder goes in by storescu and comes back by every way, byte for byte as it was sent.

What DCMTK's storescu really sends is told by DCMTK's own storescp in bit-preserving mode: the sender re-encodes what it
reads. Files that it cannot send in their own Transfer Syntax (it does not know HTJ2K, for one) go in by STOW-RS.
"""

import csv
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import httpx
import pydicom
import pytest

from sagittal.dicom.dataset import make_file_header
from support.dcmtk import StoreSCP, data_set_of, presentation_profile, store_scp
from support.peers import require
from support.server import Server, running
from support.shared import SHARED, shared

pytestmark = [shared, pytest.mark.xdist_group("every file"), pytest.mark.timeout(300)]

IMPLICIT, EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"

# How getscu is told to take a Transfer Syntax; those that are not here it cannot take.
GETSCU = {
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
REASONS = re.compile(r"missing or empty|is a table of contents|neither DICM at byte 128|ends within|were announced")

# Those that DCMTK 3.6.7 does not know, neither to send nor to take.
UNKNOWN_TO_DCMTK = re.compile(r"1\.2\.840\.10008\.1\.2\.(4\.20[1-5]|8\.1)")


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
        if file.sop_class and file.sop_instance:
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


@pytest.fixture(scope="module")
def urls(server: Server, sent: Sent) -> dict[str, str]:
    """Where each instance is retrieved, as a search says, by SOP Instance UID."""
    found: list[dict[str, dict[str, list[str]]]] = httpx.get(f"{server.web}/instances", timeout=60).json()
    urls = {one["00080018"]["Value"][0]: one["00081190"]["Value"][0] for one in found}
    assert set(urls) == set(sent.data_sets)
    return urls


def test_nearly_all_files_go_in_and_the_rest_is_refused_for_a_named_reason(sent: Sent, tmp_path: Path) -> None:
    assert len(sent.data_sets) >= 200
    for name in sent.refused:
        (tmp_path / name.replace("/", "_")).symlink_to(SHARED / name)
    command = [sys.executable, "-m", "sagittal", "import", str(tmp_path), "--data", str(tmp_path.parent / "other")]
    told = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stderr
    reasons = [line.partition(": ")[2] for line in told.splitlines() if line.startswith("  refused ")]
    assert len(reasons) == len(sent.refused)
    assert [reason for reason in reasons if not REASONS.search(reason)] == []


def test_every_instance_comes_back_by_wado_as_it_was_sent(urls: dict[str, str], sent: Sent) -> None:
    accept = {"accept": 'multipart/related; type="application/dicom"; transfer-syntax=*'}
    different = []
    with httpx.Client(timeout=60, headers=accept) as client:
        for uid, data_set in sent.data_sets.items():
            answer = client.get(urls[uid])
            assert answer.status_code == 200, (uid, answer.text)
            if data_set_of(only_part(answer)) != data_set:
                different.append(sent.files[uid].path.name)
    assert different == []


def only_part(answer: httpx.Response) -> bytes:
    boundary = re.search(r'boundary="?([^";]+)', answer.headers["content-type"])
    assert boundary is not None
    part = answer.content.split(b"--" + boundary[1].encode())[1]
    return part[part.index(b"\r\n\r\n") + 4 : -2]


def test_every_instance_comes_back_by_movescu_as_it_was_sent(
    server: Server, sent: Sent, urls: dict[str, str], destination: StoreSCP
) -> None:
    require("movescu")
    for studies in batches(sorted(studies_of(urls))):
        command = ["movescu", "-S", "-aec", "SAGITTAL", "-aem", "MOVED", "-k", "QueryRetrieveLevel=STUDY"]
        command += ["-k", "StudyInstanceUID=" + "\\".join(studies), "127.0.0.1", str(server.dicom_port)]
        subprocess.run(command, capture_output=True, timeout=120, check=False)
    moved = destination.data_sets()
    wanted = {uid for uid in sent.data_sets if not UNKNOWN_TO_DCMTK.fullmatch(sent.files[uid].transfer_syntax)}
    assert wanted - set(moved) == set()
    assert [sent.files[uid].path.name for uid in wanted if moved[uid] != sent.data_sets[uid]] == []


@pytest.mark.parametrize("syntax", sorted(GETSCU))
def test_every_instance_comes_back_by_getscu_as_it_was_sent(
    server: Server, sent: Sent, urls: dict[str, str], tmp_path: Path, syntax: str
) -> None:
    require("getscu")
    wanted = {uid for uid in sent.data_sets if sent.files[uid].transfer_syntax == syntax}
    if not wanted:
        pytest.skip("the shared folder has no instance in this Transfer Syntax")
    got = got_by_getscu(server, urls, wanted, GETSCU[syntax], tmp_path)
    known = {uid for uid in wanted if is_known_to_getscu(sent.files[uid].sop_class)}
    assert known - set(got) == set()
    assert [sent.files[uid].path.name for uid in known if got[uid] != sent.data_sets[uid]] == []


def got_by_getscu(
    server: Server, urls: dict[str, str], wanted: set[str], option: str, folder: Path
) -> dict[str, bytes]:
    """The data sets of what getscu writes, by SOP Instance UID."""
    for studies in batches(sorted(studies_of(urls, wanted))):
        command = ["getscu", option, "+B", "-od", str(folder), "-S", "-aec", "SAGITTAL"]
        command += ["-k", "QueryRetrieveLevel=STUDY", "-k", "StudyInstanceUID=" + "\\".join(studies)]
        command += ["127.0.0.1", str(server.dicom_port)]
        done = subprocess.run(command, capture_output=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
    files = [file.read_bytes() for file in folder.iterdir()]
    return {str(pydicom.dcmread(BytesIO(f), stop_before_pixels=True).SOPInstanceUID): data_set_of(f) for f in files}


def test_implicit_instances_come_to_getscu_with_the_same_values_in_explicit(
    server: Server, sent: Sent, urls: dict[str, str], tmp_path: Path
) -> None:
    """It cannot ask for Implicit VR alone: of what it offers in one context the acceptor has to choose beforehand."""
    require("getscu")
    wanted = {uid for uid in sent.data_sets if sent.files[uid].transfer_syntax == IMPLICIT}
    got = {
        uid: read(content, EXPLICIT) for uid, content in got_by_getscu(server, urls, wanted, "+xe", tmp_path).items()
    }
    known = {uid for uid in wanted if is_known_to_getscu(sent.files[uid].sop_class)}
    assert known - set(got) == set()
    assert [sent.files[uid].path.name for uid in known if got[uid] != read(sent.data_sets[uid], IMPLICIT)] == []


def read(data_set: bytes, syntax: str) -> dict[int, object]:
    """Values by tag; group lengths, which change with the encoding, left out."""
    header = make_file_header(sop_class_uid="1.2", sop_instance_uid="1.2.3", transfer_syntax_uid=syntax)
    parsed = pydicom.dcmread(BytesIO(header + data_set))
    return {int(element.tag): element.value for element in parsed if element.tag.element != 0}


def is_known_to_getscu(sop_class: str) -> bool:
    """It proposes a fixed list of storage classes; private ones and parametric maps are not on it."""
    return sop_class.startswith("1.2.840.10008.5.1.4.1.1.") and sop_class != "1.2.840.10008.5.1.4.1.1.30"


def studies_of(urls: dict[str, str], only: set[str] | None = None) -> set[str]:
    return {urls[uid].split("/studies/")[1].split("/")[0] for uid in (urls if only is None else only)}


def batches(studies: list[str], size: int = 20) -> Iterator[list[str]]:
    for at in range(0, len(studies), size):
        yield studies[at : at + size]
