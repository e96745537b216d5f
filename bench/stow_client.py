"""Posts folders of instances, one thread a folder: `stow_client.py URL INSTANCES_PER_REQUEST FOLDER...`."""

import http.client
import sys
import threading
from pathlib import Path
from urllib.parse import urlsplit

BOUNDARY = "sagittal-bench"


def bodies(folder: Path, per_request: int) -> list[bytes]:
    files = sorted(folder.iterdir())
    return [_body(files[at : at + per_request]) for at in range(0, len(files), per_request)]


def _body(files: list[Path]) -> bytes:
    head = f"--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode()
    return b"".join(head + file.read_bytes() + b"\r\n" for file in files) + f"--{BOUNDARY}--\r\n".encode()


def post(url: str, requests: list[bytes], go: threading.Event, failures: list[str]) -> None:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=300)
    headers = {
        "Content-Type": f'multipart/related; type="application/dicom"; boundary={BOUNDARY}',
        "Accept": "application/dicom+json",
    }
    go.wait()
    for body in requests:
        connection.request("POST", parts.path, body, headers)
        answer = connection.getresponse()
        said = answer.read()
        if answer.status != 200:
            failures.append(f"{answer.status} {said[:200]!r}")
            return


def main() -> None:
    url, per_request, *folders = sys.argv[1:]
    go, failures = threading.Event(), list[str]()
    work = [bodies(Path(folder), int(per_request)) for folder in folders]
    threads = [threading.Thread(target=post, args=(url, requests, go, failures)) for requests in work]
    for thread in threads:
        thread.start()
    print("ready", flush=True)
    sys.stdin.readline()
    go.set()
    for thread in threads:
        thread.join()
    print("\n".join(failures))
    sys.exit(1 if failures else 0)


main()
