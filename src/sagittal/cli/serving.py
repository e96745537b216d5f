"""`sagittal serve` and `sagittal demo`: the archive, listening."""

import sys
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer
import uvloop
from rich.console import Console

from sagittal.cli.options import DataOption, SettingsOption, settled
from sagittal.ingest.importing import import_items
from sagittal.ingest.resume import ImportJournal
from sagittal.ingest.sources import Item, Missing, items_of
from sagittal.runtime.actor import LOCAL
from sagittal.runtime.settings import Settings
from sagittal.serve import Listening, opened_archive, run

DicomOption = Annotated[
    str | None, typer.Option("--dicom", help="Address and port of DIMSE.", show_default="127.0.0.1:11112")
]
HttpOption = Annotated[
    str | None, typer.Option("--http", help="Address and port of DICOMweb.", show_default="127.0.0.1:8080")
]
AetOption = Annotated[str | None, typer.Option("--aet", help="Our own AE title.", show_default="SAGITTAL")]


def serve(
    data: DataOption = None,
    http: HttpOption = None,
    dicom: DicomOption = None,
    aet: AetOption = None,
    file: SettingsOption = None,
    is_open: Annotated[
        bool,
        typer.Option("--open", help="No accounts: everybody on this machine may do everything; loopback only."),
    ] = False,
) -> None:
    """Listens for DIMSE and DICOMweb until it is told to stop (Ctrl-C, SIGTERM)."""
    uvloop.run(run(settled(file, data=data, http=http, dicom=dicom, aet=aet), _tell, is_open=is_open))


def demo(
    data: DataOption = None,
    http: HttpOption = None,
    dicom: DicomOption = None,
    aet: AetOption = None,
    file: SettingsOption = None,
) -> None:
    """The same as `serve --open`, with studies to look at: real images that come with pydicom."""
    settings = settled(file, data=data or Path("demo-data"), http=http, dicom=dicom, aet=aet)
    stored = uvloop.run(_fill(settings))
    Console(stderr=True).print(f"{stored} demo instances are in {settings.data}", markup=False)
    uvloop.run(run(settings, _tell_what_to_try, is_open=True))


def _tell(listening: Listening) -> None:
    sys.stdout.write(f"ready: {listening}\n")
    if listening.first_start:
        sys.stdout.write("There is no account yet. Open this once, within a day, to make the administrator:\n")
        sys.stdout.write(f"  {listening.first_start}\n")
    sys.stdout.flush()


def _tell_what_to_try(listening: Listening) -> None:
    _tell(listening)
    lines = ["", "Try, in another terminal (Ctrl-C stops it):", ""]
    if listening.web:
        lines += [f"  open {listening.web.removesuffix('/dicom-web')}/", f"  curl '{listening.web}/studies?limit=3'"]
    if listening.dicom:
        host, port = listening.dicom
        at = f"-aec {listening.aet} {host} {port}"
        keys = "-k QueryRetrieveLevel=STUDY -k PatientName -k StudyDescription -k ModalitiesInStudy"
        lines += [f"  echoscu {at}", f"  findscu {at} -S {keys}", f"  storescu {at} +sd +r FOLDER"]
        lines += [f"  sagittal send {listening.aet}@{host}:{port} FOLDER"]
    sys.stdout.write("\n".join([*lines, "", ""]))
    sys.stdout.flush()


async def _fill(settings: Settings) -> int:
    """Puts the demo studies in; nothing happens to those that are there."""
    async with opened_archive(settings) as archive:
        with tempfile.TemporaryDirectory() as folder:
            journal = ImportJournal(Path(folder), Path(folder))
            with journal:
                report = await import_items(archive, LOCAL, demo_items(), journal, lambda _: None)
    return report.stored + report.duplicates


def demo_items() -> Iterator[Item | Missing]:
    """Images of many modalities that pydicom ships, and more where pydicom-data is installed."""
    for folder in _image_folders():
        for item in items_of(folder):
            if isinstance(item, Item) and Path(item.name).suffix in {".dcm", ""} and not _is_odd(item.name):
                yield item


def _image_folders() -> Iterator[Path]:
    for package, below in (("pydicom", "data/test_files"), ("data_store", "data")):
        spec = find_spec(package)
        if spec is not None and spec.origin is not None:
            yield Path(spec.origin).parent / below


def _is_odd(name: str) -> bool:
    """Files made to try readers out rather than to be looked at."""
    odd = ("bad", "trunc", "no_meta", "meta_missing", "priv_", "un_seq", "empty_", "too_short", "dicomdirtests")
    return any(part in name.lower() for part in odd)
