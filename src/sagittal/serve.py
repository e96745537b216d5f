"""Roles to tasks: the only place where the store is chosen and listeners are put together."""

import asyncio
import contextlib
import gc
import resource
import signal
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import msgspec
from litestar.types import ControllerRouterHandler

from sagittal.access.passkeys import relying_party
from sagittal.api.door import Behind, api_door
from sagittal.api.uploads import upload_route
from sagittal.archive.archive import Archive
from sagittal.archive.filling import fill_attributes
from sagittal.archive.lock import FolderInUse, ReadOnlyFolder
from sagittal.archive.reader import INDEX_NAME, ArchiveReader, open_reader
from sagittal.audit.keeping import kept_ledger
from sagittal.audit.ledger import Ledger
from sagittal.dicomweb.app import WebApp, create_app
from sagittal.dicomweb.context import BASE_PATH, WebLimits
from sagittal.dicomweb.server import TLS, HTTPServer, start_http
from sagittal.dimse.dispatching import Dispatcher
from sagittal.dimse.listener import Listener
from sagittal.dimse.requestor import Requestor
from sagittal.dimse.services import services
from sagittal.dimse.tls import server_context
from sagittal.entrance import Entrance, entrance
from sagittal.errors import Invalid, NotFound
from sagittal.ingest.uploads.model import Limits
from sagittal.ingest.uploads.uploads import Uploads, open_uploads
from sagittal.lifecycle.heeding import keep_heeding
from sagittal.lifecycle.purging import keep_purging
from sagittal.runtime.deadline import Deadline
from sagittal.runtime.log import get_logger
from sagittal.runtime.memory import share_arenas
from sagittal.runtime.pools import WorkerPool, worker_pool
from sagittal.runtime.replaced import keep_looking
from sagittal.runtime.settings import Settings, named_attributes, parse_address
from sagittal.web.api_page import api_page
from sagittal.web.archive_pages import archive_pages
from sagittal.web.assets import assets
from sagittal.web.front_page import front_page
from sagittal.web.light_viewer import light_viewer
from sagittal.web.ohif import ohif_viewer
from sagittal.web.site import PROBLEMS, account_routes
from sagittal.web.study_changes import Changes, study_changes
from sagittal.web.upload_page import upload_pages
from sagittal.web.viewer_findings import findings_routes

log = get_logger(__name__)


class Listening(msgspec.Struct, frozen=True, kw_only=True):
    """Where a running Sagittal can be reached.

    Attributes:
        dicom: address and port of DIMSE; None where it is off.
        aet: our AE title.
        web: URL of the DICOMweb root; `""` where HTTP is off.
        first_start: URL that makes the first administrator, once; `""` where there are accounts or nobody needs one.
    """

    dicom: tuple[str, int] | None
    aet: str
    web: str
    first_start: str = ""

    def __str__(self) -> str:
        """As it is told to people and to tests."""
        dicom = f"DICOM {self.dicom[0]}:{self.dicom[1]} ({self.aet})" if self.dicom else "no DICOM"
        return f"{dicom}, DICOMweb {self.web}" if self.web else f"{dicom}, no DICOMweb"


@contextlib.asynccontextmanager
async def opened_archive(settings: Settings) -> AsyncIterator[Archive]:
    """The archive in the data folder, repaired if need be, closed at the end.

    Raises:
        Conflict: another process has it open.
    """
    archive = await asyncio.to_thread(Archive.open, Path(settings.data))
    try:
        if not archive.repairs.is_clean:
            log.warning("archive repaired", **msgspec.structs.asdict(archive.repairs))
        yield archive
    finally:
        await archive.close()


@contextlib.asynccontextmanager
async def readable_archive(settings: Settings) -> AsyncIterator[ArchiveReader]:
    """The archive in the data folder, for reading only; beside the process that has it open, if there is one.

    The folder may be on a medium, or of a person, where this process cannot write.

    Raises:
        NotFound: nothing is kept there.
    """
    if not Path(settings.data, INDEX_NAME).exists():  # noqa: ASYNC240  # one look, before anything runs
        raise NotFound(f"nothing is kept in {settings.data}")
    try:
        archive: ArchiveReader = await asyncio.to_thread(Archive.open, Path(settings.data))
    except (FolderInUse, ReadOnlyFolder):
        archive = await asyncio.to_thread(open_reader, Path(settings.data))
    try:
        yield archive
    finally:
        await archive.close()


def _allow_many_files() -> None:
    """Raises the soft limit on open files to the hard one: each association is one, and so is each pack it fills."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


async def run(settings: Settings, tell: Callable[[Listening], None], *, is_open: bool = False) -> None:
    """Serves until SIGTERM or SIGINT; then takes nothing new, finishes what is in flight, and returns.

    It reads its certificates anew when their files are replaced, and at SIGHUP.

    Args:
        settings: what is in force.
        tell: called once when everything listens.
        is_open: everybody on this machine may do everything, and nobody else is listened to.

    Raises:
        Refused: an address cannot be listened on, or must not yet be.
    """
    _allow_many_files()
    share_arenas()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    async with served(settings, is_open=is_open) as site:
        gc.collect()
        gc.freeze()  # what start-up made stays: the collector need not look at it again
        loop.add_signal_handler(signal.SIGHUP, site.renew_certificates)
        tell(site.listening())
        await stop.wait()
        log.info("stopping", associations=site.listener.associations)
        async with asyncio.TaskGroup() as closing:
            closing.create_task(site.listener.close(Deadline.after(settings.shutdown_timeout_s)))
            if site.web is not None:
                site.web.changes.close()
                closing.create_task(site.web.server.stop(settings.shutdown_timeout_s, site.web.app.door.cancel_all))
    log.info("stopped")


class Served(NamedTuple):
    """What is served, while it is.

    Attributes:
        web: None where HTTP is off.
    """

    settings: Settings
    archive: Archive
    ledger: Ledger
    way_in: Entrance
    listener: Listener
    requestor: Requestor
    web: "_Web | None"

    def listening(self) -> Listening:
        """Where it can be reached."""
        settings, web = self.settings, self.web
        host = parse_address(settings.dicom, "dicom")[0] if settings.dicom else ""
        return Listening(
            dicom=(host, self.listener.port) if host else None,
            aet=settings.aet,
            web=_url(settings, web.server) if web else "",
            first_start=_first_start(settings, web.server, self.way_in) if web else "",
        )

    def renew_certificates(self) -> None:
        """Reads the certificates anew for connections to come. One that cannot be used is told, and stays as it was."""
        self.renew("http", self._renew_http)
        self.renew("dicom", self._renew_dicom)

    async def keep_renewing(self) -> None:
        """Reads the certificates anew whenever their files are replaced."""
        http, dicom = _files(self.settings, "http"), _files(self.settings, "dicom")
        async with asyncio.TaskGroup() as looking:
            if http and self.web is not None:
                looking.create_task(keep_looking(http, lambda: self.renew("http", self._renew_http)))
            if dicom:
                looking.create_task(keep_looking(dicom, lambda: self.renew("dicom", self._renew_dicom)))

    def renew(self, listener: str, renew: Callable[[], bool]) -> None:
        """Reads the certificate of a listener anew, and tells whether it can be used."""
        try:
            if renew():
                log.info("certificate renewed", listener=listener)
        except (Invalid, OSError) as error:
            log.error("certificate not renewed", listener=listener, error=str(error))

    def _renew_http(self) -> bool:
        tls = _http_tls(self.settings)
        if self.web is None or tls is None:
            return False
        self.web.server.renew(tls)
        return True

    def _renew_dicom(self) -> bool:
        context = _dicom_tls(self.settings)
        if context is None:
            return False
        self.listener.renew(context)
        self.requestor.renew()
        return True


@contextlib.asynccontextmanager
async def served(settings: Settings, *, is_open: bool = False) -> AsyncIterator[Served]:
    """Everything that serves, listening; closed at the end. `run` without signals."""
    async with (
        opened_archive(settings) as archive,
        kept_ledger(settings, archive) as ledger,
        entrance(settings, archive, ledger.chronicle(), is_open=is_open) as way_in,
        _searchable(settings, archive),
        _meanwhile(keep_purging(archive, settings.purge_rejected_after_days)),
        _meanwhile(keep_heeding(archive, way_in.senders)),
        worker_pool() as pool,
    ):
        answers, tls = services(archive, settings, pool, requestor := Requestor.of(settings)), _dicom_tls(settings)
        listener = Listener(settings, answers, tls, admit=way_in.admit, witness=archive.witness)
        async with (
            listener,
            _uploads(settings, archive) as uploads,
            _web(settings, archive, pool, way_in, uploads) as web,
        ):
            if settings.dicom:
                await listener.start(*parse_address(settings.dicom, "dicom"))
            site = Served(settings, archive, ledger, way_in, listener, requestor, web)
            async with _meanwhile(site.keep_renewing()):
                yield site


@contextlib.asynccontextmanager
async def _searchable(settings: Settings, archive: Archive) -> AsyncIterator[None]:
    """Makes `query_attributes` what can be searched by; what is there already is read in the background."""
    await archive.name_attributes(named_attributes(settings))
    for attribute in archive.named.unready:
        log.info("attribute to be indexed", attribute=attribute.path.name, done=attribute.done, of=attribute.of)
    async with _meanwhile(_fill(archive)):
        yield


async def _fill(archive: Archive) -> None:
    try:
        await fill_attributes(archive)
    except Exception:  # the border of a task
        log.exception("attributes are not indexed any further; the next start goes on")


@contextlib.asynccontextmanager
async def _meanwhile(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Does something in the background, and ends it with what is done in the foreground."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait((task,))


@contextlib.asynccontextmanager
async def _uploads(settings: Settings, archive: Archive) -> AsyncIterator[Uploads]:
    """Takes uploads, and brings in what is whole, in the background."""
    limits = Limits(
        max_bytes=settings.upload_max_bytes,
        max_object_bytes=settings.max_object_bytes,
        space_bytes=settings.upload_space_bytes,
        expiry_s=settings.upload_expiry_h * 3600,
    )
    uploads = await open_uploads(archive, limits, settings.operation_timeout_s)
    async with _meanwhile(uploads.run()):
        yield uploads


class _Web(NamedTuple):
    server: HTTPServer
    app: WebApp
    changes: Changes


@contextlib.asynccontextmanager
async def _web(
    settings: Settings, archive: Archive, pool: WorkerPool, way_in: Entrance, uploads: Uploads
) -> AsyncIterator[_Web | None]:
    if not settings.http:
        yield None
        return
    ways: dict[str, str] = {}
    viewer = ohif_viewer(BASE_PATH)
    pages: list[ControllerRouterHandler] = [*front_page(archive, lambda: ways, has_viewer=viewer is not None), assets()]
    pages += [viewer] if viewer is not None else []
    pages += _account_routes(settings, archive, way_in)
    pages.append(light_viewer(archive, pool))
    dispatcher = Dispatcher(archive, settings, pool)
    of_archive = archive_pages(
        archive, pool, dispatcher, way_in.chronicle, settings, BASE_PATH, has_ohif=viewer is not None
    )
    pages += of_archive.routes
    pages += _api(settings, archive, pool, way_in, dispatcher, of_archive.changes)
    pages += [upload_route(uploads), upload_pages()]
    app: WebApp = create_app(
        archive, WebLimits.of(settings), route_handlers=pages, pool=pool, exception_handlers=PROBLEMS
    )
    server = await start_http(way_in.gate(app.asgi), *parse_address(settings.http, "http"), _http_tls(settings))
    app.settler.base_url = _url(settings, server)
    settling = asyncio.create_task(app.settler.run())
    try:
        ways |= _ways(settings, _url(settings, server))
        yield _Web(server, app, of_archive.changes)
    finally:
        settling.cancel()
        await asyncio.wait((settling,))
        of_archive.changes.close()
        await server.stop(settings.shutdown_timeout_s, app.door.cancel_all)


def _account_routes(settings: Settings, archive: Archive, way_in: Entrance) -> list[ControllerRouterHandler]:
    """The pages of signing in, of accounts and of share links; none where everybody may come in."""
    desk = way_in.desk
    if desk is None:
        return []
    return account_routes(
        desk.sign_in,
        desk.own,
        desk.porter,
        desk.party,
        archive,
        BASE_PATH,
        oidc=desk.oidc,
        provider=urlsplit(settings.oidc_issuer).hostname or "",
    )


def _api(
    settings: Settings, archive: Archive, pool: WorkerPool, way_in: Entrance, sending: Dispatcher, changes: Changes
) -> list[ControllerRouterHandler]:
    """The API with the page that describes it; findings and changes are routes of pages, too."""
    beside = (*findings_routes(archive, "/studies/{study:str}/findings"), study_changes(changes))
    behind = Behind(archive, pool, sending, way_in.chronicle, settings, beside=beside)
    if way_in.desk is not None:
        behind = behind._replace(own=way_in.desk.own, sign_in=way_in.desk.sign_in)
    api = api_door(behind)
    return [api.router, api_page(api.description.document)]


def _ways(settings: Settings, url: str) -> dict[str, str]:
    """What the front page tells: how a viewer, a script and a modality reach us."""
    ways = {"DICOMweb root for viewers": url, "Ask it": f"curl '{url}/studies?limit=5'"}
    if settings.dicom:
        host, port = parse_address(settings.dicom, "dicom")
        ways["Send from a modality or with DCMTK"] = f"storescu -aec {settings.aet} {host} {port} +sd +r FOLDER"
    return ways


def _url(settings: Settings, server: HTTPServer) -> str:
    host = f"[{server.host}]" if ":" in server.host else server.host
    return f"{'https' if settings.http_tls_certificate else 'http'}://{host}:{server.port}{BASE_PATH}"


def _first_start(settings: Settings, server: HTTPServer, way_in: Entrance) -> str:
    """The link that makes the first administrator, as passkeys need it: by our public name, or this machine's."""
    if not way_in.first_start:
        return ""
    (origin,) = relying_party(settings, server.port).origins
    return f"{origin}/first-start/{way_in.first_start}"


def _http_tls(settings: Settings) -> TLS | None:
    if not settings.http_tls_certificate:
        return None
    certificate = Path(settings.http_tls_certificate)
    return TLS(certificate=certificate, key=Path(settings.http_tls_key or certificate))


def _files(settings: Settings, door: str) -> list[Path]:
    """The files of a door's certificate, key and authorities."""
    names = (f"{door}_tls_{what}" for what in ("certificate", "key", "ca"))
    return [Path(path) for name in names if (path := getattr(settings, name, ""))]


def _dicom_tls(settings: Settings) -> ssl.SSLContext | None:
    if not settings.dicom_tls_certificate:
        return None
    key = Path(settings.dicom_tls_key) if settings.dicom_tls_key else None
    authorities = Path(settings.dicom_tls_ca) if settings.dicom_tls_ca else None
    try:
        return server_context(Path(settings.dicom_tls_certificate), key, authorities)
    except OSError as error:
        raise Invalid(f"dicom_tls_certificate, _key or _ca cannot be used: {error}") from error
