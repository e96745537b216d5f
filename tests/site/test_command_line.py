"""The same verbs for a person at a terminal, each as a process of its own."""

import json
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import httpx
import pytest
from pydicom.data import get_testdata_file

from support.archives import file_bytes, instance
from support.server import running, start, stop

MEDIUM = Path(str(get_testdata_file("DICOMDIR"))).parent / "TINY_ALPHA"


def sagittal(*words: str | Path, status: int = 0) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sagittal", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == status, done.stdout + done.stderr
    return done


def study_of(data: Path) -> str:
    (line,) = sagittal("find", "--json", "--data", data).stdout.splitlines()
    uid: str = json.loads(line)["0020000D"]["Value"][0]
    return uid


def test_a_medium_goes_in_and_comes_out_as_a_zip_that_goes_in_again(tmp_path: Path) -> None:
    told = sagittal("import", MEDIUM, "--data", tmp_path / "a", status=1)
    assert "50 stored" in told.stderr
    assert "refused README" in told.stderr
    sagittal("export", tmp_path / "out.zip", "--study", study_of(tmp_path / "a"), "--data", tmp_path / "a")
    with zipfile.ZipFile(tmp_path / "out.zip") as out:
        contents = {out.read(name) for name in out.namelist() if name != "DICOMDIR"}
    assert contents == {file.read_bytes() for file in MEDIUM.rglob("IM*")}
    assert "50 stored" in sagittal("import", tmp_path / "out.zip", "--data", tmp_path / "b").stderr


def test_a_flipped_byte_is_found_and_survives_a_reindex(tmp_path: Path) -> None:
    (tmp_path / "one.dcm").write_bytes(file_bytes(instance()))
    sagittal("import", tmp_path / "one.dcm", "--data", tmp_path / "d")
    assert "1 instances" in sagittal("verify", "--data", tmp_path / "d").stdout
    (pack,) = (tmp_path / "d" / "packs").rglob("*.tar")
    content = bytearray(pack.read_bytes())
    content[5000] ^= 1
    pack.chmod(0o640)
    pack.write_bytes(content)
    assert "damaged" in sagittal("verify", "--data", tmp_path / "d", status=1).stdout
    assert "1 are damaged" in sagittal("reindex", "--data", tmp_path / "d", status=1).stdout


def test_a_running_server_is_read_beside_and_sent_to(tmp_path: Path) -> None:
    (tmp_path / "one.dcm").write_bytes(file_bytes(instance(PatientName="Beside^Server")))
    with running(tmp_path / "d") as server:
        peer = f"SAGITTAL@127.0.0.1:{server.dicom_port}"
        sagittal("echo", peer)
        assert "1 sent" in sagittal("send", peer, tmp_path / "one.dcm").stderr
        assert "Beside^Server" in sagittal("find", "--data", tmp_path / "d").stdout
        assert "Beside^Server" in sagittal("find", "PatientName=beside*", "--at", peer).stdout
        assert "sagittal send" in sagittal("import", tmp_path / "one.dcm", "--data", tmp_path / "d", status=1).stderr


def test_a_mistake_is_one_line_and_status_one(tmp_path: Path) -> None:
    done = sagittal("find", "Nonsense=1", "--data", tmp_path, status=1)
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    with running(tmp_path / "a") as server:
        port = f"127.0.0.1:{server.dicom_port}"
        told = sagittal("serve", "--data", tmp_path / "b", "--dicom", port, "--http", "127.0.0.1:0", status=1)
        assert port in told.stderr


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_server_told_to_stop_exits_cleanly_within_seconds(tmp_path: Path, how: signal.Signals) -> None:
    server = start(tmp_path / "d")
    begun = time.monotonic()
    assert stop(server, how) == 0
    assert time.monotonic() - begun < 5


def test_the_page_about_counts_what_is_kept_and_names_no_patient(tmp_path: Path) -> None:
    (tmp_path / "one.dcm").write_bytes(file_bytes(instance(PatientName="Secret^Person")))
    sagittal("import", tmp_path / "one.dcm", "--data", tmp_path / "d")
    with running(tmp_path / "d") as server:
        page = httpx.get(server.web.removesuffix("/dicom-web") + "/about")
    assert page.status_code == 200
    assert "<dt>instances</dt><dd>1</dd>" in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "Secret" not in page.text


def test_the_demo_has_studies_and_says_what_to_try(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sagittal", "demo", "--data", str(tmp_path), "--http", "127.0.0.1:0"]
    with subprocess.Popen([*command, "--dicom", "127.0.0.1:0"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = ""
        while "sagittal send" not in told:
            line = process.stdout.readline()
            assert line, told
            told += line
        root = told.split("DICOMweb ")[1].split()[0]
        assert len(httpx.get(f"{root}/studies").json()) > 20
        process.terminate()
        assert process.wait(20) == 0
