"""DCMTK's programs as peers."""

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import pydicom
from pydicom.filereader import _read_file_meta_info

from support.server import free_port

CONTEXTS_IN_PROFILE = 120


class StoreSCP(NamedTuple):
    """A running storescp that keeps what it gets bit for bit."""

    port: int
    folder: Path

    def data_sets(self) -> dict[str, bytes]:
        """The data sets it was sent, by SOP Instance UID."""
        contents = [file.read_bytes() for file in self.folder.iterdir()]
        return {
            str(pydicom.dcmread(BytesIO(c), stop_before_pixels=True).SOPInstanceUID): data_set_of(c) for c in contents
        }


def data_set_of(file: bytes) -> bytes:
    """What follows the file meta information of a Part 10 file; its group length must be right."""
    assert file[128:132] == b"DICM"
    buffer = BytesIO(file[132:])
    _read_file_meta_info(buffer)
    return file[132 + buffer.tell() :]


def presentation_profile(path: Path, pairs: set[tuple[str, str]], name: str = "All") -> Path:
    """A configuration file for `-xf`: one profile of `name` with a presentation context for each (class, syntax)."""
    syntaxes: dict[str, set[str]] = {}
    for sop_class, syntax in pairs:
        syntaxes.setdefault(sop_class, set()).add(syntax)
    lines = ["[[TransferSyntaxes]]"]
    lists = {sop_class: tuple(sorted(several)) for sop_class, several in syntaxes.items()}
    names = {several: f"Syntaxes{number}" for number, several in enumerate(sorted(set(lists.values())))}
    for several, title in names.items():
        lines += [f"[{title}]", *(f"TransferSyntax{n} = {uid}" for n, uid in enumerate(several, 1))]
    lines += ["[[PresentationContexts]]", "[Contexts]"]
    for number, (sop_class, several) in enumerate(sorted(lists.items()), 1):
        lines.append(f"PresentationContext{number} = {sop_class}\\{names[several]}")
    lines += ["[[Profiles]]", f"[{name}]", "PresentationContexts = Contexts"]
    path.write_text("\n".join(lines) + "\n")
    return path


@contextmanager
def store_scp(folder: Path, aet: str, profile: Path, profile_name: str = "All") -> Iterator[StoreSCP]:
    """storescp on a free port, taking what `profile` says, bit for bit."""
    folder.mkdir(parents=True)
    port = free_port()
    command = ["storescp", "-aet", aet, "+B", "-uf", "-od", str(folder), "-xf", str(profile), profile_name, str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(port)
        yield StoreSCP(port, folder)
    finally:
        process.terminate()
        process.wait(10)


def wait_for(port: int, timeout_s: float = 15) -> None:
    """Until somebody listens on the port."""
    end = time.monotonic() + timeout_s
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.02)
