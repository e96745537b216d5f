"""The routes under `/api`, with their errors and their description."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from litestar import HttpMethod, Response, Router, get, route
from litestar.datastructures import ResponseHeader
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler

from sagittal.access.administering import Administering
from sagittal.access.governing import Governing
from sagittal.access.own import Own
from sagittal.access.preferences import PreferencesInRecords
from sagittal.access.signin import SignIn
from sagittal.api.account import me_routes, own_routes
from sagittal.api.accounts import account_routes
from sagittal.api.description import Description
from sagittal.api.governing import governing_routes
from sagittal.api.handed_out import handed_out_routes
from sagittal.api.network import network_routes
from sagittal.api.own_handed_out import own_handed_out_routes
from sagittal.api.preferences import preference_routes
from sagittal.api.problems import problem_of_kind, problem_of_request, problem_unforeseen
from sagittal.api.quarantine import quarantine_routes
from sagittal.api.rejections import rejection_routes
from sagittal.api.site import site_routes
from sagittal.api.strictness import StrictRequest
from sagittal.api.studies import Shelf, study_routes
from sagittal.api.study_files import study_file_routes
from sagittal.archive.archive import Archive
from sagittal.audit.chronicle import Chronicle
from sagittal.errors import SagittalError
from sagittal.retrieve.sending import Sending
from sagittal.runtime.pools import WorkerPool
from sagittal.runtime.settings import Settings

PATH: Final = "/api"
_MOST_BODY_BYTES: Final = 128 * 1024


class Behind(NamedTuple):
    """What the API stands on.

    Attributes:
        archive: what it is about.
        pool: makes pictures.
        sending: sends to other systems.
        scribe: writes lines of the ledger within changes.
        settings: what is in force.
        own: what people do with their own accounts; None where everybody may come in.
        sign_in: changes passwords; None as above.
        beside: routes of others that are its own, too, each with its path below `/api`.
    """

    archive: Archive
    pool: WorkerPool
    sending: Sending
    scribe: Chronicle
    settings: Settings
    own: Own | None = None
    sign_in: SignIn | None = None
    beside: Sequence[HTTPRouteHandler] = ()


class Api(NamedTuple):
    """The routes, and what describes them."""

    router: Router
    description: Description


def api_door(behind: Behind) -> Api:
    """The door for one archive."""
    description = Description()

    @get("/openapi.json", sync_to_thread=True)
    def document() -> Response[bytes]:
        """Describes this API (OpenAPI 3.1); for people at `/api/docs`."""
        headers = {"cache-control": "private, max-age=300"}
        return Response(description.text(), media_type="application/json", headers=headers)

    routes = [document, *_routes(behind)]
    router = Router(
        path=PATH,
        route_handlers=[*_options(routes), *routes],
        request_class=StrictRequest,
        request_max_body_size=_MOST_BODY_BYTES,
        response_headers=[ResponseHeader(name="cache-control", value="no-store")],
        exception_handlers={
            SagittalError: problem_of_kind,
            HTTPException: problem_of_request,
            Exception: problem_unforeseen,
        },
    )
    description.of(router)
    return Api(router, description)


def _routes(behind: Behind) -> list[HTTPRouteHandler]:
    archive, timeout_s = behind.archive, behind.settings.operation_timeout_s
    administering = Administering(archive, archive.records, behind.scribe)
    governing = Governing(archive, archive.records, behind.scribe)
    shelf = Shelf(archive, behind.sending, timeout_s)
    routes: list[HTTPRouteHandler] = [
        *study_routes(shelf),
        *study_file_routes(shelf, behind.pool),
        *rejection_routes(archive, timeout_s),
        *quarantine_routes(archive, behind.pool, timeout_s),
        *governing_routes(governing),
        *preference_routes(PreferencesInRecords(archive.records)),
        *account_routes(administering),
        *network_routes(administering, behind.settings.destinations, behind.sending),
        *handed_out_routes(administering),
        *site_routes(archive, administering, behind.settings),
        *me_routes(),
        *behind.beside,
    ]
    if behind.own is not None and behind.sign_in is not None:
        routes += [*own_routes(behind.own, behind.sign_in), *own_handed_out_routes(behind.own)]
    return routes


def _options(routes: Sequence[HTTPRouteHandler]) -> Iterator[HTTPRouteHandler]:
    """What OPTIONS answers of each path: the framework's own answer knows the methods of one of its handlers only."""
    methods: dict[str, set[str]] = {}
    for one in routes:
        for path in one.paths:
            methods.setdefault(path, {"OPTIONS"}).update(str(method) for method in one.http_methods)
    for path, allowed in methods.items():
        yield _allowing(path, ", ".join(sorted(allowed)))


def _allowing(path: str, allow: str) -> HTTPRouteHandler:
    @route(path, http_method=HttpMethod.OPTIONS, status_code=204, sync_to_thread=False)
    def told() -> Response[None]:
        """Says what can be asked of a path."""
        return Response(None, status_code=204, headers={"allow": allow})

    return told
